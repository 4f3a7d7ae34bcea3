use super::tests::ask;
use crate::input::Fault;
use serde_json::{Value, json};

#[track_caller]
fn refused(body: &Value, field: &str, word: &str) {
    let error = ask(&body.to_string()).unwrap_err();
    assert_eq!(error.fault, Fault::Refused, "{body}");
    assert_eq!(error.errors.len(), 1, "{error}");
    assert_eq!(error.errors[0].field, field, "{error}");
    assert!(error.errors[0].message.contains(word), "{error}");
}

#[test]
fn bad_fields_are_refused_with_their_path_and_the_limit() {
    let long = "x".repeat(256);
    for (body, field, word) in [
        (json!({"fields": []}), "fields", "empty"),
        (json!({"fields": ["nope"]}), "fields[0]", "no field"),
        (json!({"fields": ["linkedin_url"]}), "fields[0]", "no field"),
        (json!({"fields": ["educations"]}), "fields[0]", "no field"),
        (json!({"fields": ["experiences"]}), "fields[0]", "no field"),
        (json!({"fields": ["zip", "zip"]}), "fields[1]", "twice"),
        (
            json!({"fields": ["zip", {"key": "zip", "header": "Z"}]}),
            "fields[1].key",
            "twice",
        ),
        (json!({"fields": ["*", "*"]}), "fields[1]", "twice"),
        (
            json!({"fields": [{"key": "*", "header": "All"}]}),
            "fields[0].key",
            "no field",
        ),
        (
            json!({"fields": [{"key": "zip", "header": ""}]}),
            "fields[0].header",
            "empty",
        ),
        (
            json!({"fields": [{"key": "zip", "header": long}]}),
            "fields[0].header",
            "1 to 255",
        ),
        (
            json!({"fields": [{"key": "zip"}]}),
            "fields[0].header",
            "missing",
        ),
        (
            json!({"fields": [{"header": "Zip"}]}),
            "fields[0].key",
            "missing",
        ),
        (
            json!({"fields": [{"key": "zip", "header": "Z", "width": 5}]}),
            "fields[0].width",
            "unknown",
        ),
        (
            json!({"fields": [{"key": "zip", "header": "A"}, {"key": "city", "header": "A"}]}),
            "fields[1].header",
            "another column",
        ),
        (
            json!({"fields": [{"key": "zip", "header": "city"}, "city"]}),
            "fields[0].header",
            "another column",
        ),
        (
            json!({"fields": ["city", {"key": "zip", "header": "City"}], "format": {"header": "labels"}}),
            "fields[1].header",
            "another column",
        ),
    ] {
        refused(&body, field, word);
    }
}

#[test]
fn other_bad_values_are_refused_with_their_path_and_the_choices() {
    for (body, field, word) in [
        (json!({"order": "name"}), "order", "created_at, -created_at"),
        (json!({"limit": 0}), "limit", "at least 1"),
        (json!({"limit": -1}), "limit", "at least 1"),
        (json!({"limit": 1.5}), "limit", "whole"),
        (json!({"limit": 1e300}), "limit", "whole"),
        (
            json!({"format": {"profile": "csv"}}),
            "format.profile",
            "excel-semicolon",
        ),
        (
            json!({"format": {"header": "label"}}),
            "format.header",
            "labels",
        ),
        (
            json!({"format": {"time_zone": "+01:00"}}),
            "format.time_zone",
            "IANA",
        ),
        (
            json!({"format": {"compression": "zip"}}),
            "format.compression",
            "gzip",
        ),
        (json!({"format": {"bom": true}}), "format.bom", "unknown"),
        (
            json!({"filters": {"created": {"from": "soon"}}}),
            "filters.created.from",
            "'soon'",
        ),
        (json!({"notify": {"sms": true}}), "notify.sms", "unknown"),
        (json!({"Filters": {}}), "Filters", "unknown"),
        (json!({"preset": "weekly"}), "preset", "no preset"),
        (json!({"again": "6f1c"}), "again", "no export"),
        (
            json!({"filters": {"contact": {"skil": {}}}}),
            "filters.contact.skil",
            "skill",
        ),
    ] {
        refused(&body, field, word);
    }
}

#[test]
fn what_is_just_within_the_limits_is_taken() {
    for fine in [
        // No first row: only what was given must differ.
        json!({"fields": [{"key": "zip", "header": "city"}, "city"], "format": {"header": "none"}}),
        json!({"fields": [{"key": "zip", "header": "ü".repeat(255)}]}),
        json!({"fields": [{"key": "zip", "header": "zip"}]}),
        json!({"limit": 1}),
        json!({"notify": {}, "format": {}, "filters": {}}),
    ] {
        assert!(ask(&fine.to_string()).is_ok(), "{fine}");
    }
}

#[test]
fn wrong_types_are_malformed() {
    for (body, field) in [
        (json!({"filters": null}), "filters"),
        (json!({"fields": "email"}), "fields"),
        (json!({"fields": [1]}), "fields[0]"),
        (
            json!({"fields": [{"key": 1, "header": "A"}]}),
            "fields[0].key",
        ),
        (json!({"order": 1}), "order"),
        (json!({"limit": "5"}), "limit"),
        (json!({"limit": true}), "limit"),
        (json!({"format": []}), "format"),
        (json!({"format": {"profile": null}}), "format.profile"),
        (json!({"notify": {"email": "true"}}), "notify.email"),
        (json!({"preset": 1}), "preset"),
    ] {
        let error = ask(&body.to_string()).unwrap_err();
        assert_eq!(error.fault, Fault::Malformed, "{body}");
        assert_eq!(error.errors.len(), 1, "{error}");
        assert_eq!(error.errors[0].field, field);
    }
}

#[test]
fn all_bad_fields_are_named_at_once() {
    let body = json!({
        "filters": {"status": [""], "created": {"from": "x", "to": "y"}, "custom": {"nope": 1}, "search": ""},
        "fields": ["email", "nope", {"key": "nix", "header": ""}],
        "order": "up", "limit": 0, "format": {"profile": "x", "header": "y", "time_zone": "z"}, "wat": 1,
    });
    let mut fields: Vec<String> = ask(&body.to_string())
        .unwrap_err()
        .errors
        .into_iter()
        .map(|error| error.field)
        .collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "fields[1]",
            "fields[2].header",
            "fields[2].key",
            "filters.created.from",
            "filters.created.to",
            "filters.custom.nope",
            "filters.search",
            "filters.status[0]",
            "format.header",
            "format.profile",
            "format.time_zone",
            "limit",
            "order",
            "wat",
        ]
    );
}
