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
    let long = "x".repeat(201);
    for (filters, field, word) in [
        (json!({"status": []}), "status", "empty"),
        (json!({"status": [""]}), "status[0]", "empty"),
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

/// The filters that hold this list.
type Made = Box<dyn Fn(Value) -> Value>;

#[test]
fn lists_hold_a_hundred_values_and_no_more() {
    let terms = |list: Value, how: &str, which: &str| json!({ how: { which: list } });
    // Every filter that takes a list: the value that fills it, where its list stands, and the filters with it.
    let mut lists: Vec<(&str, String, Made)> = vec![
        (
            "new",
            "status".into(),
            Box::new(|list| json!({"status": list})),
        ),
        (
            "Yes",
            "attributes.homeowner".into(),
            Box::new(|list| json!({"attributes": {"homeowner": list}})),
        ),
        (
            "x",
            "custom.note".into(),
            Box::new(|list| json!({"custom": {"note": list}})),
        ),
        (
            "tile",
            "custom.roof_type".into(),
            Box::new(|list| json!({"custom": {"roof_type": list}})),
        ),
        ("email", "has".into(), Box::new(|list| json!({"has": list}))),
        (
            "email",
            "lacks".into(),
            Box::new(|list| json!({"lacks": list})),
        ),
    ];
    for (side, path, value, matched) in [
        ("contact", "fullName", "Ann", true),
        ("contact", "location", "Boston, MA", false),
        ("contact", "seniority", "vp", false),
        ("contact", "departmentAndFunction", "Sales", false),
        ("contact", "skill", "Rust", true),
        ("contact", "language", "Latin", true),
        ("contact", "education.school", "MIT", false),
        ("contact", "education.degree", "BSc", true),
        ("contact", "education.fieldOfStudy", "Law", true),
        ("contact", "experience.current.title", "Roofer", true),
        ("contact", "experience.previous.title", "Roofer", true),
        ("account", "nameOrDomain", "acme.example", true),
        ("account", "industry", "Solar", false),
        ("account", "location", "Boston", false),
        ("account", "type", "private", false),
    ] {
        for (how, which) in [
            ("any", "include"),
            ("any", "exclude"),
            ("all", "include"),
            ("all", "exclude"),
        ] {
            let at = format!("{side}.{path}.{how}.{which}");
            let filters = move |leaf: Value| {
                let inner = path
                    .rsplit('.')
                    .fold(leaf, |leaf, name| json!({ name: leaf }));
                json!({ side: inner })
            };
            let bare = move |list| filters(terms(list, how, which));
            lists.push((value, at.clone(), Box::new(bare)));
            if matched {
                let worded = move |list| {
                    let content = json!({"mode": "WORD", "content": list});
                    filters(terms(content, how, which))
                };
                lists.push((value, format!("{at}.content"), Box::new(worded)));
            }
        }
    }
    for (value, at, filters) in lists {
        let of = |count: usize| filters(json!(vec![value; count]));
        assert!(parse(&of(100)).is_ok(), "{at}");
        refused(&of(101), &at, "at most 100");
    }
    for name in ["employeeSize", "revenue"] {
        let of = |count: usize| {
            let bands = vec![json!({"start": 1}); count];
            json!({"account": {name: {"type": "RANGE", "range": bands}}})
        };
        assert!(parse(&of(100)).is_ok(), "{name}");
        refused(&of(101), &format!("account.{name}.range"), "1 to 100");
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
