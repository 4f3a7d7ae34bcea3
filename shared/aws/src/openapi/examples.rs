//! The examples, over the local stack's demo: each is executed by a test.

use serde_json::{Map, Value};

/// The source of the examples.
pub const SOURCE: &str = "home-insurance";
/// The preset of the examples.
pub const PRESET_NAME: &str = "weekly";

/// Bodies of requests: name, what it asks for, the body.
pub const EXPORT_EXAMPLES: [(&str, &str, &str); 6] = [
    ("everything", "The source as it stands.", "{}"),
    (
        "filtered",
        "Some leads, some columns, the newest first.",
        r#"{"filters": {"status": ["active", "sold"], "attributes": {"homeowner": ["Yes"], "campaign": true},
            "custom": {"annual_income": {"min": 50000}, "roof_type": ["tile", "slate"], "opted_in": true}},
            "fields": ["lead_id", "email", {"key": "phone", "header": "Mobile"}], "order": "-created_at", "limit": 50000}"#,
    ),
    (
        "quarter",
        "Leads of three months, in New York's days, that can be reached by mail and not by phone.",
        r#"{"filters": {"created": {"from": "2026-01-01", "to": "2026-03-31"}, "time_zone": "America/New_York",
            "has": ["email"], "lacks": ["phone"]}}"#,
    ),
    (
        "search",
        "Leads whose name or e-mail holds a text, changed since an instant.",
        r#"{"filters": {"search": "jane", "updated": {"from": "2026-03-01T00:00:00Z"}}}"#,
    ),
    (
        "excel",
        "For Excel in continental regions: labels, Berlin's time.",
        r#"{"format": {"profile": "excel-semicolon", "header": "labels", "time_zone": "Europe/Berlin"}}"#,
    ),
    (
        "told",
        "Compressed, and a mail when it is ready.",
        r#"{"fields": ["lead_id", "*"], "format": {"compression": "gzip"}, "notify": {"email": true}}"#,
    ),
];

/// Bodies of the export in the answer: name, what it asks for, the body.
pub const OPERATION_EXAMPLES: [(&str, &str, &str); 2] = [
    (
        "bulk",
        "The first hundred leads but one, some columns.",
        r#"{"selection": {"mode": "bulk", "startIndex": 0, "targetCount": 100, "excludedIds": ["lead-7-0000003"], "filters": {}},
            "exportFields": ["name", "emails", "phones", "jobTitle", "companyName"]}"#,
    ),
    (
        "manual",
        "Two leads of one source.",
        r#"{"selection": {"mode": "manual", "includedIds": ["lead-7-0000001", "lead-7-0000002"]},
            "exportFields": ["name", "emails", "linkedinUrl"], "source": "home-insurance"}"#,
    ),
];

/// Examples as the document holds them.
pub(super) fn shown(examples: &[(&str, &str, &str)]) -> Map<String, Value> {
    examples
        .iter()
        .filter_map(|(name, summary, body)| {
            let value: Value = serde_json::from_str(body).ok()?;
            Some((
                (*name).to_owned(),
                serde_json::json!({ "summary": summary, "value": value }),
            ))
        })
        .collect()
}
