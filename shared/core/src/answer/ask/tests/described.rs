//! The description of the body (`OperationRequest` in the API's document) against its reader, and against the published types.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{bulk, manual};
use crate::answer::ask::{FIELDS, source, wanted};
use crate::input::Json;
use crate::limits;
use crate::schema::{named, schemas};

/// Whether the body is as described. A range is described as it may be for a file: an answer has a bound besides.
fn is_described(body: &Value) -> bool {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let mut schema = named("OperationRequest");
        schema["components"] = json!({ "schemas": schemas() });
        jsonschema::draft202012::new(&schema).unwrap()
    });
    VALIDATOR.is_valid(body)
}

fn is_taken(body: &Value) -> bool {
    let Ok(body) = Json::object(body.to_string().as_bytes()) else {
        return false;
    };
    source(&body).is_ok() && wanted(&body, false).is_ok()
}

#[test]
fn what_is_at_its_limit_is_taken_by_both_and_beyond_it_by_neither() {
    let ids = |count: usize| -> Vec<String> { (0..count).map(|id| id.to_string()).collect() };
    let id = |length: usize| "x".repeat(length);
    let by_ids = |ids: Value| json!({ "selection": { "mode": "manual", "includedIds": ids } });
    let with = |name: &str, value: Value| {
        let mut body = json!({ "selection": manual() });
        body[name] = value;
        body
    };
    let beside = |name: &str, value: Value| {
        let mut body = json!({ "selection": manual() });
        body["selection"][name] = value;
        body
    };
    let all: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let seniority =
        |value: &str| json!({ "contact": { "seniority": { "any": { "include": [value] } } } });
    for (body, good) in [
        (json!({}), false),
        (json!([]), false),
        (json!({ "selection": null }), false),
        (json!({ "selection": {} }), false),
        (json!({ "selection": { "mode": "all" } }), false),
        (json!({ "selection": { "mode": "manual" } }), false),
        (by_ids(json!([])), false),
        (by_ids(json!(ids(1))), true),
        (by_ids(json!(ids(limits::ANSWER_LEADS))), true),
        (by_ids(json!(ids(limits::ANSWER_LEADS + 1))), false),
        (by_ids(json!([id(limits::LEAD_ID_CHARS)])), true),
        (by_ids(json!([id(limits::LEAD_ID_CHARS + 1)])), false),
        (by_ids(json!([""])), false),
        (by_ids(json!([1])), false),
        (by_ids(json!("a")), false),
        // The members of the other mode are looked at for their types alone.
        (beside("startIndex", json!(-1.5)), true),
        (beside("startIndex", json!("0")), false),
        (beside("targetCount", json!(0)), true),
        (beside("filters", json!({ "anything": 1 })), true),
        (beside("filters", json!([])), false),
        (beside("excludedIds", json!(["", id(1000)])), true),
        (beside("excludedIds", json!([1])), false),
        (beside("ids", json!(["a"])), false),
        (json!({ "selection": { "mode": "bulk" } }), false),
        (bulk(&json!({})), true),
        (bulk(&json!({ "startIndex": 0 })), true),
        (bulk(&json!({ "startIndex": 1.0 })), true),
        (bulk(&json!({ "startIndex": u64::MAX })), true),
        (bulk(&json!({ "startIndex": -1 })), false),
        (bulk(&json!({ "startIndex": 1.5 })), false),
        (bulk(&json!({ "startIndex": null })), false),
        (bulk(&json!({ "targetCount": 1 })), true),
        (bulk(&json!({ "targetCount": 5_000_000 })), true),
        (bulk(&json!({ "targetCount": 0 })), false),
        (bulk(&json!({ "targetCount": "1" })), false),
        (
            bulk(&json!({ "excludedIds": ids(limits::ANSWER_LEADS + 1) })),
            true,
        ),
        (bulk(&json!({ "excludedIds": [""] })), false),
        (bulk(&json!({ "includedIds": [] })), true),
        (
            bulk(&json!({ "includedIds": ids(limits::ANSWER_LEADS + 1) })),
            false,
        ),
        (bulk(&json!({ "filters": null })), false),
        (bulk(&json!({ "filters": { "status": ["sold"] } })), false),
        (bulk(&json!({ "filters": seniority("vp") })), true),
        (
            bulk(&json!({ "filters": { "contact": { "senority": {} } } })),
            false,
        ),
        (
            bulk(
                &json!({ "filters": { "account": { "industry": { "any": { "include": "x" } } } } }),
            ),
            false,
        ),
        (with("exportFields", json!(all)), true),
        (with("exportFields", json!([])), false),
        (with("exportFields", json!(["name", "foo"])), false),
        (with("exportFields", json!(["name", "name"])), false),
        (with("exportFields", json!("name")), false),
        (with("exportFields", Value::Null), false),
        (with("source", json!("crm")), true),
        (with("source", Value::Null), false),
        (with("source", json!(1)), false),
        (with("profile", json!("excel-semicolon")), true),
        (with("profile", json!("word")), false),
        (with("fields", json!(["email"])), false),
    ] {
        assert_eq!(is_taken(&body), good, "read: {body}");
        assert_eq!(is_described(&body), good, "described: {body}");
    }
}

/// The bodies of the published examples, and what this project's own show.
#[test]
fn published_bodies_are_as_described_and_are_taken() {
    for body in [
        json!({ "selection": { "mode": "bulk", "startIndex": 0, "targetCount": 100, "excludedIds": ["lead_123"],
            "filters": { "contact": { "seniority": { "any": { "include": ["vp", "director"] } } } } },
            "exportFields": ["name", "emails", "phones", "jobTitle", "companyName"] }),
        json!({ "selection": { "mode": "manual", "includedIds": ["lead_123", "lead_456"] },
            "exportFields": ["name", "emails", "linkedinUrl"] }),
        json!({ "selection": { "mode": "bulk", "startIndex": 0, "targetCount": 100, "filters": {} },
            "exportFields": ["name", "emails", "companyName"] }),
    ] {
        assert!(is_described(&body) && is_taken(&body), "{body}");
    }
}

/// The members of an interface in the file of the published types, and the texts of a union.
fn published(kind: &str, name: &str) -> BTreeSet<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/openapi/types/published.ts"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("export {kind} {name} ")).unwrap();
    let lines = rest
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "));
    lines
        .map(|line| {
            let word = line.trim_start_matches(['|', ' ', '"']);
            let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
            word[..end].to_owned()
        })
        .collect()
}

/// A compiler holds the types as a whole to the document (`make types`); that no member is missing is seen without one.
#[test]
fn published_types_name_the_members_that_are_described() {
    let all = schemas();
    let request = &all["OperationRequest"];
    for (interface, schema) in [
        ("BulkSelectionPayload", &request["properties"]["selection"]),
        ("ContactFilters", &all["ContactFilters"]),
        ("AccountFilters", &all["AccountFilters"]),
        ("RangeFilter", &all["RangeFilter"]),
    ] {
        let described = schema["properties"].as_object().unwrap().keys().cloned();
        assert_eq!(
            published("interface", interface),
            described.collect(),
            "{interface}"
        );
    }
    let fields = FIELDS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(published("type", "ExportField"), fields.collect());
    let described = request["properties"].as_object().unwrap();
    let members = published("interface", "ExportRequest");
    assert!(members.len() == 2 && members.iter().all(|member| described.contains_key(member)));
}

/// Bodies that are mostly well said, with one or the other member that is not.
fn bodies() -> impl Strategy<Value = Value> {
    let odd = proptest::sample::select(vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!([1]),
        json!({ "no_such_member": 1 }),
    ]);
    let member = move |name: &'static str, good: Vec<Value>| {
        let value = prop_oneof![9 => proptest::sample::select(good), 1 => odd.clone()];
        proptest::option::weighted(0.7, value)
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
            .boxed()
    };
    let gathered = |members: Vec<Option<(String, Value)>>| -> Value {
        members.into_iter().flatten().collect()
    };
    let ids = || vec![json!(["a"]), json!(["a", "b", "a"]), json!([]), json!([""])];
    let selection = Vec::from([
        member("mode", vec![json!("manual"), json!("bulk")]),
        member("includedIds", ids()),
        member("excludedIds", ids()),
        member("startIndex", vec![json!(0), json!(7), json!(2.0)]),
        member("targetCount", vec![json!(0), json!(1), json!(2000)]),
        member(
            "filters",
            vec![
                json!({}),
                json!({ "contact": {}, "account": {} }),
                json!({ "contact": { "skill": { "all": { "include": { "mode": "WORD", "content": ["a b"] } } } } }),
                json!({ "account": { "revenue": { "type": "RANGE", "range": [{ "start": 1 }] } } }),
                json!({ "contact": { "skill": { "any": { "include": [] } } } }),
                json!({ "account": { "revenue": { "type": "SOME" } } }),
            ],
        ),
        member("ids", vec![json!([])])
            .prop_map(|member| member.filter(|(_, value)| value.is_boolean()))
            .boxed(),
    ])
    .prop_map(gathered);
    let rest = Vec::from([
        member(
            "exportFields",
            vec![
                json!(["name"]),
                json!(["city", "name"]),
                json!(["name", "name"]),
                json!(["foo"]),
                json!([]),
            ],
        ),
        member("source", vec![json!("crm"), json!("")]),
        member("profile", vec![json!("raw"), json!("xls")]),
    ]);
    (selection, rest).prop_map(move |(selection, mut members)| {
        members.push(Some(("selection".to_owned(), selection)));
        gathered(members)
    })
}

proptest! {
    /// Here both say the same: what a schema cannot say of a body (64 KiB of filters, the names of seniorities) is not made above.
    #[test]
    fn reader_and_schema_agree(body in bodies()) {
        prop_assert_eq!(is_taken(&body), is_described(&body), "{}", body);
    }
}
