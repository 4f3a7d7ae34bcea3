//! Bodies and query strings of requests (BI4, BI5).

use bytes::Bytes;
use lead_export_core::ask::Asked;
use lead_export_core::export::Selection;
use lead_export_core::input::InvalidRequest;
use lead_export_core::lead::{OrgId, Value};
use lead_export_core::limits;
use lead_export_core::listing;
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::plan::Plan;
use lead_export_core::time::Instant;
use lead_export_core::value::push_row;

use crate::world::source;

/// 2026-11-22T02:43:00Z.
fn now() -> Instant {
    Instant::from_millis(1_795_315_380_000)
}

/// A body: accepted or refused with reasons; what is accepted can be run, recorded, and asked for again.
pub(crate) fn body(bytes: &[u8]) {
    // The functions refuse a larger one before they look at it.
    if bytes.len() > limits::BODY_BYTES {
        return;
    }
    let source = source("acme", "home-insurance");
    let since = |_: &str| Some(now());
    let asked = match Asked::parse(bytes, &source, now(), &since) {
        Ok(asked) => asked,
        Err(invalid) => return refused(&invalid),
    };
    let org = OrgId::parse("acme").unwrap();
    assert!(
        Selection::new(&org, &asked.plan).is_ok(),
        "what is accepted can be run"
    );
    matched(&asked.plan);

    let text = serde_json::to_string(&asked.plan).unwrap();
    let kept: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(kept, asked.plan, "what is recorded is what was asked");

    let again = Asked::read(&asked.plan.body(&source), &source, now(), &since);
    let again = again
        .unwrap_or_else(|invalid| panic!("what was accepted is refused the next time: {invalid}"));
    assert_eq!(again.plan.filter, asked.plan.filter);
    assert_eq!(again.plan.columns, asked.plan.columns);
    assert_eq!(
        (again.plan.order, again.plan.limit, &again.plan.format),
        (asked.plan.order, asked.plan.limit, &asked.plan.format)
    );
    assert!(asked.file_name.is_ascii() && !asked.file_name.contains(['/', '\\', '"', '\r', '\n']));
}

/// Leads of every shape pass through the filter: it says yes or no.
fn matched(plan: &Plan) {
    let slots = Slots::new(plan.filter.attributes());
    let mut builder = PageBuilder::new(Bytes::new(), &slots);
    for value in [
        Value::Null,
        Value::from(""),
        Value::from("Yes"),
        Value::from("50000"),
        Value::Number("1E+5".into()),
        Value::Bool(true),
        Value::Binary(vec![0xff]),
        Value::List(vec!["a".into(), Value::Null, Value::List(vec![])]),
        Value::Map([("a".to_owned(), Value::from("b"))].into()),
        Value::from("2026-01-01T00:00:00Z"),
    ] {
        let values = plan
            .filter
            .attributes()
            .iter()
            .map(|name| ((*name).to_owned(), value.clone()))
            .collect();
        push_row(
            &mut builder,
            &slots,
            "2026-01-01T00:00:00.000Z#l-1",
            &values,
        );
    }
    let page = builder.finish();
    let mut matcher = plan.filter.compile(&slots, &plan.source);
    for row in page.rows() {
        let _ = matcher.matches(&row);
    }
}

fn refused(invalid: &InvalidRequest) {
    assert!(!invalid.errors.is_empty());
    let text = serde_json::to_string(&invalid.errors).unwrap();
    // An answer's escaping included, well below Lambda's 6 MB.
    assert!(text.len() < 4 << 20, "{} bytes of errors", text.len());
}

/// A query string of the history, decoded as the gateway hands it over.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let pairs: Vec<(String, String)> = text
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let source = source("acme", "home-insurance");
    match listing::parse(&pairs, &source) {
        Ok(query) => {
            assert_eq!((query.org, query.source), (source.org, source.id), "TM22");
            assert!((1..=limits::HISTORY_LIMIT).contains(&query.limit));
            if let Some(after) = query.after {
                let cursor = pairs.iter().find(|(name, _)| name == "cursor").unwrap();
                assert_eq!(listing::cursor(after), cursor.1);
            }
        }
        Err(invalid) => refused(&invalid),
    }
}
