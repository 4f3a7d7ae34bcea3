use super::*;
use serde_json::json;

fn fields() -> Vec<Field> {
    let field = |key: &str, kind| Field {
        key: key.to_owned(),
        label: key.to_owned(),
        kind,
        group: "custom".to_owned(),
        options: Vec::new(),
    };
    vec![
        field("income", Kind::Number),
        field("birthday", Kind::Date),
        field("opted_in", Kind::Boolean),
        field("roof", Kind::Dropdown),
        field("remark", Kind::Text),
    ]
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn no_flags_ask_for_the_source_as_it_stands() {
    assert_eq!(body(&Choice::default(), &[]).unwrap(), "{}");
}

#[test]
fn every_flag_has_its_place() {
    let some = |text: &str| Some(text.to_owned());
    let choice = Choice {
        status: texts(&["active", "sold"]),
        created_from: some("2026-01-01"),
        created_to: some("2026-03-31"),
        updated_from: some("2026-03-01T00:00:00Z"),
        updated_to: None,
        attributes: texts(&["homeowner=Yes", "homeowner=No", "campaign", "x=a=b"]),
        search: some("jane"),
        conditions: texts(&["roof=tile", "roof=slate", "income=50000..", "opted_in=yes"]),
        fields: texts(&["email", "phone=Mobile = 1", "*"]),
        order: some("-created_at"),
        limit: Some(50_000),
        profile: some("excel"),
        header: some("labels"),
        time_zone: some("Europe/Berlin"),
        has: texts(&["email"]),
        lacks: texts(&["phone"]),
        since_export: Some(Uuid::nil()),
        gzip: true,
        preset: some("weekly"),
        again: None,
    };
    let body: Value = serde_json::from_str(&body(&choice, &fields()).unwrap()).unwrap();
    assert_eq!(
        body,
        json!({
            "preset": "weekly",
            "filters": {
                "status": ["active", "sold"],
                "created": {"from": "2026-01-01", "to": "2026-03-31"},
                "updated": {"from": "2026-03-01T00:00:00Z"},
                "attributes": {"homeowner": ["Yes", "No"], "campaign": true, "x": ["a=b"]},
                "search": "jane",
                "custom": {"roof": ["tile", "slate"], "income": {"min": 50000}, "opted_in": true},
                "has": ["email"],
                "lacks": ["phone"],
                "since_export": "00000000-0000-0000-0000-000000000000",
            },
            "fields": ["email", {"key": "phone", "header": "Mobile = 1"}, "*"],
            "order": "-created_at",
            "limit": 50000,
            "format": {"profile": "excel", "header": "labels", "time_zone": "Europe/Berlin", "compression": "gzip"},
        })
    );
}

#[test]
fn conditions_are_written_by_what_the_field_holds() {
    for (given, expected) in [
        ("income=5", r#"{"income":{"max":5,"min":5}}"#),
        ("income=..-9.50", r#"{"income":{"max":-9.50}}"#),
        (
            "income=12345678901234567890123456789012345678..",
            r#"{"income":{"min":12345678901234567890123456789012345678}}"#,
        ),
        (
            "birthday=2000-01-01..2000-12-31",
            r#"{"birthday":{"from":"2000-01-01","to":"2000-12-31"}}"#,
        ),
        (
            "birthday=2000-01-01",
            r#"{"birthday":{"from":"2000-01-01","to":"2000-01-01"}}"#,
        ),
        ("opted_in=No", r#"{"opted_in":false}"#),
        ("remark=a..b", r#"{"remark":["a..b"]}"#),
        ("unknown=1..2", r#"{"unknown":["1..2"]}"#),
    ] {
        let given = [given.to_owned()];
        let custom = custom(&given, &fields()).unwrap();
        assert_eq!(serde_json::to_string(&custom).unwrap(), expected);
    }
}

#[test]
fn flags_that_make_no_sense_are_refused_here() {
    let refusal = |choice: Choice| body(&choice, &fields()).unwrap_err().to_string();
    for condition in [
        "income",
        "income=..",
        "income=many",
        "income=1..x",
        "opted_in=maybe",
    ] {
        let choice = Choice {
            conditions: texts(&[condition]),
            ..Choice::default()
        };
        assert!(refusal(choice).starts_with("--where "), "{condition}");
    }
    let twice = Choice {
        conditions: texts(&["income=1", "income=2"]),
        ..Choice::default()
    };
    assert!(refusal(twice).contains("more than once"));
    for attributes in [["a", "a=1"], ["a=1", "a"]] {
        let choice = Choice {
            attributes: texts(&attributes),
            ..Choice::default()
        };
        assert!(refusal(choice).contains("exclude each other"));
    }
    for field in ["=x", "x="] {
        let choice = Choice {
            fields: texts(&[field]),
            ..Choice::default()
        };
        assert!(refusal(choice).contains("KEY=HEADER"));
    }
}

#[test]
fn the_same_again_is_asked_for_with_what_is_to_differ() {
    let choice = Choice {
        again: Some(Uuid::nil()),
        limit: Some(1),
        ..Choice::default()
    };
    assert_eq!(
        body(&choice, &[]).unwrap(),
        r#"{"again":"00000000-0000-0000-0000-000000000000","limit":1}"#
    );
}
