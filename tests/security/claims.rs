//! Whom an event names: contract §1, written apart from the code.

use lead_export_aws::http::ClaimRules;
use serde_json::Value;

/// Rules that ask for everything there is to ask for.
pub(crate) fn strict() -> ClaimRules {
    ClaimRules {
        org_claim: "org_id".into(),
        single_org: None,
        token_use: Some("access".into()),
        required_scope: Some("exports:run".into()),
    }
}

/// Whether an event's authorizer names somebody under [`strict`]: contract §1, word by word, over the JSON.
pub(crate) fn names_somebody(authorizer: &Value) -> bool {
    let claims = &authorizer["jwt"]["claims"];
    let one = |name: &str| {
        let text = claims[name].as_str()?;
        let odd = text.trim().is_empty()
            || text.starts_with('[')
            || text.chars().count() > 256
            || text.chars().any(char::is_control);
        (!odd).then_some(text)
    };
    let org = one("org_id").is_some_and(|org| {
        org.chars().count() <= 128 && !org.chars().any(|each| each == '#' || each.is_whitespace())
    });
    let listed = |name: &str| {
        let Some(text) = claims[name].as_str() else {
            return false;
        };
        let array = text.starts_with('[') && text.ends_with(']') && text.len() > 1;
        let inside = if array {
            &text[1..text.len() - 1]
        } else {
            text
        };
        // Half a bracket is no list of anything.
        let whole = array || !(text.starts_with('[') || text.ends_with(']'));
        whole && inside.split(' ').any(|word| word == "exports:run")
    };
    org && one("sub").is_some()
        && one("token_use") == Some("access")
        && (listed("scope") || listed("scp"))
}
