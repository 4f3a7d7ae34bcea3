use super::*;
use crate::fields::{Attribute, CustomField, CustomKind, Source};
use crate::input::{InvalidRequest, Json, Node, Problems};
use crate::lead::{Lead, LeadId, OrgId, Value};
use crate::page::PageBuilder;
use serde_json::{Value as Asked, json};

pub(crate) fn source() -> Source {
    let field = |key: &str, kind, options: &[&str]| CustomField {
        key: key.into(),
        label: key.to_uppercase(),
        kind,
        options: options.iter().map(|option| (*option).into()).collect(),
    };
    let attribute = |key: &str, label: &str| Attribute {
        key: key.into(),
        label: label.into(),
    };
    Source {
        org: OrgId::parse("acme").unwrap(),
        id: SourceId::parse("home-insurance").unwrap(),
        name: "Home insurance".into(),
        time_zone: "America/New_York".into(),
        people: false,
        shards: 8,
        lead_count: None,
        custom: vec![
            field("annual_income", CustomKind::Number, &[]),
            field("roof_type", CustomKind::Dropdown, &["tile", "slate"]),
            field("opted_in", CustomKind::Boolean, &[]),
            field("note", CustomKind::Text, &[]),
            field("moved_in", CustomKind::Date, &[]),
        ],
        attributes: vec![
            attribute("homeowner", "Home Owner"),
            attribute("campaign", "Twice"),
            attribute("channel", "twice"),
        ],
    }
}

/// When the export "first" was requested.
pub(super) const FIRST: &str = "2026-03-01T00:00:00.000Z";

pub(super) fn parse(filters: &Asked) -> Result<Filter, InvalidRequest> {
    let json = Json::object(filters.to_string().as_bytes())?;
    let mut problems = Problems::default();
    let since = |id: &str| (id == "first").then(|| Instant::parse(FIRST).unwrap());
    let against = Against {
        source: &source(),
        since: &since,
    };
    let filter = Filter::parse(&Node::root(&json), against, &mut problems);
    problems.or(Some(filter))
}

pub(super) fn holds(filter: &Filter, lead: &Lead) -> bool {
    let slots = Slots::new(filter.attributes());
    let mut builder = PageBuilder::new(bytes::Bytes::new(), &slots);
    crate::value::push_lead(&mut builder, &slots, lead);
    let page = builder.finish();
    filter.compile(&slots, &source().id).matches(&page.row(0))
}

fn created(at: &str, values: &[(&str, Value)]) -> Lead {
    Lead {
        id: LeadId::parse("l-1").unwrap(),
        created_at: Instant::parse(at).unwrap(),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    }
}

#[track_caller]
pub(super) fn check(filters: &Asked, values: &[(&str, Value)], expected: bool) {
    let filter = parse(filters).unwrap();
    let lead = created("2026-03-31T12:00:00Z", values);
    assert_eq!(holds(&filter, &lead), expected, "{filters} on {values:?}");
}

pub(super) fn number(text: &str) -> Value {
    Value::Number(text.into())
}

pub(super) fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

#[test]
fn no_filter_takes_every_lead() {
    check(&json!({}), &[], true);
    check(&json!({"attributes": {}, "custom": {}}), &[], true);
    check(&json!({"contact": {}, "account": {}}), &[], true);
    check(&json!({"created": {}}), &[], true);
}

#[test]
fn filters_are_anded_and_values_in_a_list_ored() {
    let both = json!({"status": ["active", "sold"], "custom": {"opted_in": true}});
    let status = |status: &str| ("status", Value::from(status));
    let opted = |value| ("opted_in", Value::Bool(value));
    check(&both, &[status("sold"), opted(true)], true);
    check(&both, &[status("active"), opted(true)], true);
    check(&both, &[status("sold"), opted(false)], false);
    check(&both, &[status("rejected"), opted(true)], false);
    check(&both, &[opted(true)], false);
}

#[test]
fn texts_are_equal_ignoring_case_on_any_of_a_list() {
    for (asked, stored, expected) in [
        ("active", "ACTIVE", true),
        ("active", "active ", false),
        ("straße", "STRASSE", true),
        ("STRASSE", "straße", true),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
        ("k", "\u{212A}", true),
        ("ﬃ", "FFI", true),
        ("é", "e", false),
        // Turkish: without a locale, I folds to i alone.
        ("ı", "I", false),
        ("İ", "i̇", true),
    ] {
        let values = [("note", Value::from(stored))];
        check(&json!({"custom": {"note": [asked]}}), &values, expected);
        let values = [("note", list(&["other", stored]))];
        check(&json!({"custom": {"note": [asked]}}), &values, expected);
        let set = Value::Set(vec![stored.into()]);
        check(
            &json!({"attributes": {"homeowner": [asked]}}),
            &[("homeowner", set)],
            expected,
        );
    }
    // What the file shows is what is compared.
    check(
        &json!({"custom": {"note": ["5.0"]}}),
        &[("note", number("5.0"))],
        true,
    );
    check(
        &json!({"custom": {"note": ["true"]}}),
        &[("note", Value::Bool(true))],
        true,
    );
}

#[test]
fn status_is_an_open_set() {
    for stored in ["duplicate", "Call back!", "в работе"] {
        let status = [("status", Value::from(stored))];
        check(&json!({"status": [stored.to_uppercase()]}), &status, true);
        check(&json!({"status": ["active"]}), &status, false);
    }
}

#[test]
fn attributes_are_found_by_key_or_label_and_may_be_any_or_none() {
    let yes = [("homeowner", Value::from("Yes"))];
    for name in ["homeowner", "Home Owner", "HOME OWNER"] {
        check(&json!({"attributes": {name: ["yes"]}}), &yes, true);
        check(&json!({"attributes": {name: ["no"]}}), &yes, false);
        check(&json!({"attributes": {name: true}}), &yes, true);
        check(&json!({"attributes": {name: false}}), &yes, false);
    }
    for none in [
        Value::Null,
        Value::from(""),
        list(&[]),
        list(&["", ""]),
        Value::List(vec![Value::Null]),
    ] {
        let values = [("homeowner", none)];
        check(&json!({"attributes": {"homeowner": true}}), &values, false);
        check(&json!({"attributes": {"homeowner": false}}), &values, true);
    }
    check(&json!({"attributes": {"homeowner": false}}), &[], true);
}

#[test]
fn numbers_are_compared_as_decimals_bounds_included() {
    let range = |min: &str, max: &str| -> Asked {
        serde_json::from_str(&format!(
            r#"{{"custom":{{"annual_income":{{"min":{min},"max":{max}}}}}}}"#
        ))
        .unwrap()
    };
    for (stored, expected) in [
        (number("50000"), true),
        (number("50000.00"), true),
        (number("49999.99999999999999999999999999999999"), false),
        (number("60000"), true),
        (number("60000.00000000000000000000000000000001"), false),
        (number("5.5E4"), true),
        (Value::from("55000"), true),
        (Value::from("55,000"), false),
        (Value::from("many"), false),
        (Value::from(""), false),
        (Value::Bool(true), false),
        (Value::Null, false),
        (Value::List(vec![number("1"), number("50001")]), true),
    ] {
        check(
            &range("50000", "60000"),
            &[("annual_income", stored)],
            expected,
        );
    }
    check(&range("50000", "60000"), &[], false);
    // 0.1 + 0.2, and 2^53 + 1.
    let sum = [("annual_income", number("0.3"))];
    check(&range("0.3", "0.3"), &sum, true);
    check(
        &json!({"custom": {"annual_income": {"min": 1}}}),
        &sum,
        false,
    );
    check(&json!({"custom": {"annual_income": {}}}), &sum, true);
    check(&json!({"custom": {"annual_income": {}}}), &[], false);
    let filter = Json::object(
        br#"{"custom":{"annual_income":{"min":9007199254740993,"max":9007199254740993}}}"#,
    );
    let mut problems = Problems::default();
    let against = Against {
        source: &source(),
        since: &|_| None,
    };
    let filter = Filter::parse(&Node::root(&filter.unwrap()), against, &mut problems);
    for (text, expected) in [("9007199254740992", false), ("9007199254740993", true)] {
        let lead = created(FIRST, &[("annual_income", number(text))]);
        assert_eq!(holds(&filter, &lead), expected, "{text}");
    }
}

#[test]
fn booleans_and_days_of_custom_fields() {
    for (stored, yes, no) in [
        (Value::Bool(true), true, false),
        (Value::Bool(false), false, true),
        (Value::from("TRUE"), true, false),
        (Value::from("yes"), false, false),
        (Value::Null, false, false),
    ] {
        let values = [("opted_in", stored)];
        check(&json!({"custom": {"opted_in": true}}), &values, yes);
        check(&json!({"custom": {"opted_in": false}}), &values, no);
    }
    let march = json!({"custom": {"moved_in": {"from": "2026-03-01", "to": "2026-03-31"}}});
    for (stored, expected) in [
        ("2026-03-01", true),
        ("2026-03-31", true),
        ("2026-02-28", false),
        ("2026-04-01", false),
        // Days of the source's zone, New York.
        ("2026-03-01T04:59:59.999Z", false),
        ("2026-03-01T05:00:00Z", true),
        ("2026-04-01T03:59:59Z", true),
        ("2026-04-01T04:00:00Z", false),
        ("2026-03-32", false),
        ("2026-3-15", false),
        ("", false),
    ] {
        check(&march, &[("moved_in", stored.into())], expected);
    }
    check(&march, &[], false);
    check(&march, &[("moved_in", number("20260315"))], false);
}

#[test]
fn created_and_updated_days_are_those_of_the_filters_zone_else_of_the_source() {
    let last = |zone: Option<&str>| {
        let mut filters = json!({"created": {"to": "2026-03-31"}});
        if let Some(zone) = zone {
            filters["time_zone"] = zone.into();
        }
        parse(&filters)
            .unwrap()
            .created_bounds()
            .1
            .unwrap()
            .to_string()
    };
    assert_eq!(last(None), "2026-04-01T03:59:59.999Z");
    assert_eq!(last(Some("UTC")), "2026-03-31T23:59:59.999Z");
    assert_eq!(last(Some("Asia/Tokyo")), "2026-03-31T14:59:59.999Z");

    let filter =
        parse(&json!({"created": {"from": "2026-03-31T12:00:00Z", "to": "2026-03-31T12:00:00Z"}}))
            .unwrap();
    for (at, expected) in [
        ("2026-03-31T11:59:59.999Z", false),
        ("2026-03-31T12:00:00Z", true),
        ("2026-03-31T12:00:00.999Z", true),
        ("2026-03-31T12:00:01Z", false),
    ] {
        assert_eq!(holds(&filter, &created(at, &[])), expected, "{at}");
        let updated =
            json!({"updated": {"from": "2026-03-31T12:00:00Z", "to": "2026-03-31T12:00:00Z"}});
        check(&updated, &[("updated_at", at.into())], expected);
    }
    check(&json!({"updated": {"from": "2000-01-01"}}), &[], false);
    check(
        &json!({"updated": {}}),
        &[("updated_at", "soon".into())],
        false,
    );
    // Stored with an offset by another writer.
    check(
        &json!({"updated": {"from": "2026-03-31T12:00:00Z"}}),
        &[("updated_at", "2026-03-31T14:00:00+02:00".into())],
        true,
    );
}

#[test]
fn since_an_export_are_leads_created_or_updated_later() {
    let filter = parse(&json!({"since_export": "first"})).unwrap();
    for (at, updated, expected) in [
        ("2026-02-01T00:00:00Z", None, false),
        ("2026-03-01T00:00:00Z", None, false),
        ("2026-03-01T00:00:00.001Z", None, true),
        ("2026-02-01T00:00:00Z", Some("2026-03-01T00:00:00Z"), false),
        (
            "2026-02-01T00:00:00Z",
            Some("2026-03-01T00:00:00.001Z"),
            true,
        ),
    ] {
        let values: Vec<_> = updated
            .map(|at| ("updated_at", Value::from(at)))
            .into_iter()
            .collect();
        assert_eq!(holds(&filter, &created(at, &values)), expected, "{at}");
    }
    let body = Json::object(br#"{"filters":{"since_export":"6f1c"}}"#).unwrap();
    assert_eq!(since_export(&body), Some("6f1c"));
    for none in [
        "{}",
        r#"{"filters":1}"#,
        r#"{"filters":{"since_export":1}}"#,
    ] {
        assert_eq!(since_export(&Json::object(none.as_bytes()).unwrap()), None);
    }
}

#[test]
fn bounds_of_creation_are_the_narrowest() {
    let at = |text: &str| Some(Instant::parse(text).unwrap());
    let within = |from: Option<&str>, to: Option<&str>| {
        Condition::Created(Within {
            from: from.and_then(at),
            to: to.and_then(at),
        })
    };
    let (one, two) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let bounds = |conditions| Filter::new(conditions).created_bounds();
    assert_eq!(bounds(vec![]), (None, None));
    assert_eq!(
        bounds(vec![within(Some(one), None), within(Some(two), Some(two))]),
        (at(two), at(two))
    );
    assert_eq!(
        bounds(vec![within(None, Some(two)), within(None, Some(one))]),
        (None, at(one))
    );
}

#[test]
fn a_filter_outlives_the_source_as_it_was_and_reads_back() {
    let filter = parse(&json!({
        "status": ["sold"], "created": {"from": "2026-01-01"}, "updated": {"to": "2026-03-01T00:00:00Z"},
        "attributes": {"Home Owner": ["Yes"], "campaign": true, "channel": false}, "search": "jané",
        "custom": {"annual_income": {"min": 50000.10}, "opted_in": true, "moved_in": {"from": "2026-01-01"}, "note": ["x"]},
        "has": ["email"], "lacks": ["phone"], "since_export": "first",
    }))
    .unwrap();
    let text = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter);
    // Frozen plans are stored: their form may only grow.
    assert_eq!(
        text,
        concat!(
            r#"[{"any_of":{"key":"status","values":["sold"]}},{"created":{"from":"2026-01-01T05:00:00.000Z","to":null}},"#,
            r#"{"updated":{"from":null,"to":"2026-03-01T00:00:00.999Z"}},{"any_of":{"key":"homeowner","values":["Yes"]}},"#,
            r#"{"has":"campaign"},{"lacks":"channel"},{"search":"jané"},"#,
            r#"{"number":{"key":"annual_income","min":"500001E-1","max":null}},"#,
            r#"{"is":{"key":"opted_in","value":true}},"#,
            r#"{"days":{"key":"moved_in","days":{"from":"2026-01-01","to":null,"within":{"from":"2026-01-01T05:00:00.000Z","to":null}}}},"#,
            r#"{"any_of":{"key":"note","values":["x"]}},"#,
            r#"{"has":"email"},{"lacks":"phone"},{"since":"2026-03-01T00:00:00.000Z"}]"#
        )
    );
}
