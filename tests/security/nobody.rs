//! T-JWT, TM01: events that name nobody, in ten thousand ways: 401, and no store is asked.
//!
//! Signatures, ends and audiences are the gateway's to check (`local/tests/gateway/tokens.rs`, `tests/it/tokens.rs`); this is what
//! is left if the gateway were misconfigured, or its claims odd.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::apps::{Apps, event};
use crate::cases;
use crate::claims::{names_somebody, strict};
use crate::dice::Dice;
use crate::http_api::raw;
use crate::model::{OPERATION, ROUTES};

fn good() -> Value {
    json!({ "jwt": { "claims": {
        "sub": "alice", "org_id": "acme", "token_use": "access", "scope": "openid exports:run", "email": "alice@acme.example",
        "iss": "https://issuer.example.com", "aud": "lead-export", "exp": "1763782980",
    }, "scopes": null } })
}

const NEEDED: [&str; 4] = ["sub", "org_id", "token_use", "scope"];

/// Spoils an authorizer.
fn spoiled(dice: &mut Dice) -> Value {
    let mut authorizer = good();
    if dice.below(8) == 0 {
        return match dice.below(14) {
            0 => Value::Null,
            1 => json!({}),
            2 => json!({ "jwt": null }),
            3 => json!({ "jwt": { "claims": {} } }),
            4 => json!({ "claims": good()["jwt"]["claims"] }),
            5 => json!({ "lambda": good()["jwt"]["claims"] }),
            6 => json!({ "lambda": good() }),
            7 => json!({ "iam": { "userId": "alice", "accountId": "acme" } }),
            8 => json!({ "JWT": good()["jwt"] }),
            9 => json!({ "jwt": { "Claims": good()["jwt"]["claims"] } }),
            10 => json!({ "jwt": { "scopes": ["exports:run"] } }),
            11 => json!({ "jwt": good()["jwt"]["claims"] }),
            12 => json!({ "jwt": { "jwt": good()["jwt"] } }),
            _ => json!({ "jwt": { "claims": { "jwt": "x" }, "scopes": ["exports:run"] } }),
        };
    }
    let claims = authorizer["jwt"]["claims"].as_object_mut().unwrap();
    for _ in 0..=dice.below(2) {
        let name = *dice.pick(&NEEDED);
        let old = claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("x")
            .to_owned();
        let text = match dice.below(22) {
            0 => {
                claims.remove(name);
                continue;
            }
            1 => {
                claims.remove(name);
                claims.insert(name.to_uppercase(), old.into());
                continue;
            }
            2 => String::new(),
            3 => " ".repeat(1 + dice.below(4)),
            4 => format!("[{old}]"),
            5 => format!("[{old} {old}]"),
            6 => format!("[{old}"),
            7 => format!("{old}\n"),
            8 => format!("{old}\u{0}"),
            9 => format!("\u{85}{old}"),
            10 => old.repeat(300),
            11 => format!("{old}#home-insurance"),
            12 => "map[a:b]".into(),
            13 => "<nil>".into(),
            14 => "id".into(),
            15 => format!("{old}s"),
            16 => old.to_uppercase(),
            17 => old.replace(' ', ","),
            18 => format!("{old} x]"),
            19 => format!("[[{old}]]"),
            _ => dice.text(6),
        };
        claims.insert(name.to_owned(), text.into());
    }
    authorizer
}

#[tokio::test]
async fn ten_thousand_spoiled_events_get_nowhere() {
    let apps = Apps::new(strict()).await;
    let mut dice = Dice(1);
    let (mut nobody, mut somebody) = (0, 0);
    // By the form of the route: contract §3, or §6.
    let mut answers = BTreeMap::<bool, BTreeSet<String>>::new();
    let all = cases(10_000);
    while nobody < all {
        let route = dice.pick(ROUTES);
        let mut event = event(route, "home-insurance", crate::world::ID);
        let authorizer = spoiled(&mut dice);
        let named = names_somebody(&authorizer);
        event.0["requestContext"]["authorizer"] = authorizer.clone();
        // What the caller sends besides opens nothing.
        let event = event
            .header("authorization", "Bearer canary")
            .header("x-user", "founder");
        let before = apps.world.plan.calls().len();
        let answer = apps.answer(route.function, &event).await;
        let calls = apps.world.plan.calls().len() - before;
        if named {
            somebody += 1;
            assert_ne!(answer.status(), 401, "{authorizer}");
            continue;
        }
        nobody += 1;
        assert_eq!(
            (answer.status().as_u16(), calls),
            (401, 0),
            "{} {authorizer}",
            route.key
        );
        let form = answers.entry(route.key == OPERATION).or_default();
        form.insert(raw(&answer));
    }
    println!("{nobody} events named nobody, {somebody} somebody");
    let forms: Vec<usize> = answers.values().map(BTreeSet::len).collect();
    assert_eq!(forms, [1, 1], "{answers:?}");
    assert!(
        somebody > 100,
        "{somebody}: the model says no to everything"
    );
}

/// Values that a gateway never writes, as the function is called by one who may invoke it.
#[tokio::test]
async fn claims_that_are_no_texts_are_no_event() {
    for odd in [
        json!(5),
        json!(true),
        json!(["alice"]),
        json!({"a": "b"}),
        json!(null),
        json!(1.5),
    ] {
        for name in NEEDED {
            let mut event = crate::http_api::Http::of("get-sources").0;
            event["requestContext"]["authorizer"] = good();
            event["requestContext"]["authorizer"]["jwt"]["claims"][name] = odd.clone();
            match lead_export_aws::entry::request(event) {
                Err(answer) => assert_eq!(answer.status(), 400),
                Ok(request) => {
                    let call = lead_export_aws::http::Call::new(request);
                    assert_eq!(
                        call.principal(&strict()).unwrap_err().status(),
                        401,
                        "{name} {odd}"
                    );
                }
            }
        }
    }
}
