use super::tests::parse;
use crate::input::Fault;
use serde_json::{Value, json};

#[track_caller]
fn refused(filters: &Value, field: &str, word: &str) {
    let error = parse(filters).unwrap_err();
    assert_eq!(error.fault, Fault::Refused, "{filters}");
    assert_eq!(error.errors.len(), 1, "{error}");
    assert_eq!(error.errors[0].field, field, "{error}");
    assert!(error.errors[0].message.contains(word), "{error}");
}

#[test]
fn bad_filters_are_refused_with_their_path_and_the_limit() {
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let long = "x".repeat(201);
    for (filters, field, word) in [
        (json!({"status": []}), "status", "empty"),
        (json!({"status": [""]}), "status[0]", "empty"),
        (json!({"status": many}), "status", "at most 100"),
        (json!({"search": ""}), "search", "empty"),
        (json!({"search": long}), "search", "1 to 200"),
        (
            json!({"created": {"from": "2026-02-01", "to": "2026-01-01"}}),
            "created.from",
            "later",
        ),
        (
            json!({"updated": {"since": "2026-02-01"}}),
            "updated.since",
            "from, to",
        ),
        (
            json!({"created": {"to": "2026-02-01T00:00:00"}}),
            "created.to",
            "offset",
        ),
        (
            json!({"attributes": {"roof_type": true}}),
            "attributes.roof_type",
            "homeowner, campaign",
        ),
        (
            json!({"attributes": {"Twice": true}}),
            "attributes.Twice",
            "several",
        ),
        (
            json!({"attributes": {"homeowner": "Yes"}}),
            "attributes.homeowner",
            "list",
        ),
        (
            json!({"attributes": {"homeowner": []}}),
            "attributes.homeowner",
            "empty",
        ),
    ] {
        refused(&filters, field, word);
    }
}

#[test]
fn what_does_not_fit_the_source_is_refused_with_its_path_and_the_choices() {
    for (filters, field, word) in [
        (
            json!({"custom": {"homeowner": ["Yes"]}}),
            "custom.homeowner",
            "annual_income",
        ),
        (
            json!({"custom": {"annual_income": ["1"]}}),
            "custom.annual_income",
            "min",
        ),
        (
            json!({"custom": {"annual_income": {"min": 2, "max": 1}}}),
            "custom.annual_income.min",
            "greater",
        ),
        (
            json!({"custom": {"annual_income": {"from": 2}}}),
            "custom.annual_income.from",
            "min, max",
        ),
        (
            json!({"custom": {"annual_income": {"min": 1e200}}}),
            "custom.annual_income.min",
            "38",
        ),
        (
            json!({"custom": {"roof_type": ["tile", "straw"]}}),
            "custom.roof_type[1]",
            "tile, slate",
        ),
        (
            json!({"custom": {"roof_type": true}}),
            "custom.roof_type",
            "options",
        ),
        (
            json!({"custom": {"opted_in": ["true"]}}),
            "custom.opted_in",
            "boolean",
        ),
        (
            json!({"custom": {"note": {"min": 1}}}),
            "custom.note",
            "list",
        ),
        (
            json!({"custom": {"moved_in": ["2026-01-01"]}}),
            "custom.moved_in",
            "from",
        ),
        (
            json!({"custom": {"moved_in": {"to": "2026-01-01T00:00:00Z"}}}),
            "custom.moved_in.to",
            "a day",
        ),
        (
            json!({"custom": {"moved_in": {"from": "2026-01-02", "to": "2026-01-01"}}}),
            "custom.moved_in.from",
            "later",
        ),
        (json!({"has": ["email", "nope"]}), "has[1]", "'nope'"),
        (json!({"has": ["linkedin_url"]}), "has[0]", "no field"),
        (json!({"lacks": []}), "lacks", "empty"),
        (json!({"time_zone": "Mars"}), "time_zone", "IANA"),
        (json!({"since_export": "other"}), "since_export", "'other'"),
        (
            json!({"contact": {"senority": {}}}),
            "contact.senority",
            "seniority",
        ),
        (
            json!({"account": {"fullName": {}}}),
            "account.fullName",
            "nameOrDomain",
        ),
        (json!({"statuses": ["sold"]}), "statuses", "unknown"),
    ] {
        refused(&filters, field, word);
    }
}

#[test]
fn what_is_just_within_the_limits_is_taken() {
    let hundred: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert!(parse(&json!({"status": hundred})).is_ok());
    assert!(parse(&json!({"search": "ü".repeat(200)})).is_ok());
    assert!(parse(&json!({"custom": {"roof_type": ["TILE"]}})).is_ok());
}

#[test]
fn wrong_types_are_malformed() {
    for (filters, field) in [
        (json!({"status": "sold"}), "status"),
        (json!({"status": [1]}), "status[0]"),
        (json!({"status": null}), "status"),
        (json!({"created": "2026"}), "created"),
        (json!({"created": {"from": 2026}}), "created.from"),
        (json!({"attributes": []}), "attributes"),
        (
            json!({"attributes": {"homeowner": [true]}}),
            "attributes.homeowner[0]",
        ),
        (
            json!({"custom": {"annual_income": {"min": "1"}}}),
            "custom.annual_income.min",
        ),
        (json!({"search": 5}), "search"),
        (json!({"has": "email"}), "has"),
        (json!({"time_zone": 1}), "time_zone"),
        (json!({"since_export": null}), "since_export"),
        (json!({"contact": []}), "contact"),
    ] {
        let error = parse(&filters).unwrap_err();
        assert_eq!(error.fault, Fault::Malformed, "{filters}");
        assert_eq!(error.errors.len(), 1, "{error}");
        assert_eq!(error.errors[0].field, field);
    }
}
