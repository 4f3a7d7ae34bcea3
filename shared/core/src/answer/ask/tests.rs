//! Every published word, and every other refusal by its path.

mod described;

use super::*;
use serde_json::{Value, json};

fn read(body: &Value) -> Result<Wanted, String> {
    let body = Json::object(body.to_string().as_bytes()).unwrap();
    wanted(&body, true).map_err(|error| match error {
        AnswerError::Invalid(message) => message,
        AnswerError::NoData => "No data to export".to_owned(),
        other => panic!("{other}"),
    })
}

fn manual() -> Value {
    json!({"mode": "manual", "includedIds": ["a"]})
}

fn bulk(more: &Value) -> Value {
    let mut selection = json!({"mode": "bulk", "filters": {}});
    for (key, value) in more.as_object().unwrap() {
        selection[key] = value.clone();
    }
    json!({ "selection": selection })
}

#[test]
fn published_messages_are_word_for_word() {
    for (body, message) in [
        (json!({}), "selection is required"),
        (
            json!({"selection": null, "exportFields": []}),
            "selection is required",
        ),
        (json!({"selection": {}}), "Invalid selection mode"),
        (
            json!({"selection": {"mode": "all"}}),
            "Invalid selection mode",
        ),
        (
            json!({"selection": {"mode": "Manual"}}),
            "Invalid selection mode",
        ),
        (json!({"selection": {"mode": 1}}), "Invalid selection mode"),
        (
            json!({"selection": {"mode": "manual"}}),
            "No data to export",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": []}}),
            "No data to export",
        ),
        (
            json!({"selection": manual(), "exportFields": []}),
            "No valid export fields specified",
        ),
        (
            json!({"selection": manual(), "exportFields": ["foo", "lead_id"]}),
            "No valid export fields specified",
        ),
        (
            json!({"selection": manual(), "exportFields": [""]}),
            "No valid export fields specified",
        ),
        (
            json!({"selection": manual(), "exportFields": ["name", "foo", "bar"]}),
            "Unknown export field: foo",
        ),
        (
            json!({"selection": manual(), "exportFields": ["name", "linkedin_url"]}),
            "Unknown export field: linkedin_url",
        ),
        (
            json!({"selection": manual(), "exportFields": ["name", "Name"]}),
            "Unknown export field: Name",
        ),
        (
            json!({"selection": manual(), "exportFields": ["city", "name", "city"]}),
            "Export field given twice: city",
        ),
    ] {
        assert_eq!(read(&body).unwrap_err(), message, "{body}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn whatever_else_is_wrong_is_named_by_its_path() {
    let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let long = "x".repeat(129);
    for (body, path, word) in [
        (json!({"selection": []}), "selection", "an object"),
        (
            json!({"selection": manual(), "exportFields": "name"}),
            "exportFields",
            "a list",
        ),
        (
            json!({"selection": manual(), "exportFields": ["name", 5]}),
            "exportFields[1]",
            "a text",
        ),
        (
            json!({"selection": manual(), "profile": "xls"}),
            "profile",
            "excel-semicolon",
        ),
        (
            json!({"selection": manual(), "fields": []}),
            "fields",
            "exportFields",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": ["a"], "ids": []}}),
            "selection.ids",
            "includedIds",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": many}}),
            "selection.includedIds",
            "at most 1000",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": [long]}}),
            "selection.includedIds[0]",
            "1 to 128",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": [""]}}),
            "selection.includedIds[0]",
            "empty",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": "a"}}),
            "selection.includedIds",
            "a list",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": ["a"], "startIndex": "0"}}),
            "selection.startIndex",
            "a number",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": ["a"], "filters": []}}),
            "selection.filters",
            "an object",
        ),
        (
            json!({"selection": {"mode": "manual", "includedIds": ["a"], "excludedIds": [1]}}),
            "selection.excludedIds[0]",
            "a text",
        ),
        (
            json!({"selection": {"mode": "bulk"}}),
            "filters",
            "required",
        ),
        (
            bulk(&json!({"startIndex": -1})),
            "selection.startIndex",
            "at least 0",
        ),
        (
            bulk(&json!({"startIndex": 1.5})),
            "selection.startIndex",
            "whole",
        ),
        (
            bulk(&json!({"startIndex": "1"})),
            "selection.startIndex",
            "a number",
        ),
        (
            bulk(&json!({"targetCount": 0})),
            "selection.targetCount",
            "1 to 1000",
        ),
        (
            bulk(&json!({"targetCount": 1001})),
            "selection.targetCount",
            "1 to 1000",
        ),
        (
            bulk(&json!({"targetCount": 999, "includedIds": ["a", "b"]})),
            "selection.includedIds",
            "1000",
        ),
        (
            bulk(&json!({"excludedIds": [long]})),
            "selection.excludedIds[0]",
            "1 to 128",
        ),
        (
            bulk(&json!({"filters": {"contact": {"senority": {}}}})),
            "filters.contact.senority",
            "seniority",
        ),
        (
            bulk(&json!({"filters": {"status": ["sold"]}})),
            "filters.status",
            "contact, account",
        ),
        (
            bulk(&json!({"filters": {"contact": {"seniority": {"any": {"include": ["boss"]}}}}})),
            "filters.contact.seniority.any.include[0]",
            "founder",
        ),
    ] {
        let message = read(&body).unwrap_err();
        assert!(message.starts_with(&format!("{path}: ")), "{message}");
        assert!(message.contains(word), "{message}");
    }
    let large = json!({"contact": {"skill": {"any": {"include": vec!["x".repeat(200); 100]}}}});
    let all = json!({"contact": large["contact"], "account": {"industry": {"any": {"include": vec!["x".repeat(200); 100], "exclude": vec!["y".repeat(200); 100]}}, "nameOrDomain": {"any": {"include": vec!["x".repeat(200); 100]}}}});
    assert!(read(&bulk(&json!({"filters": large}))).is_ok());
    assert!(
        read(&bulk(&json!({"filters": all})))
            .unwrap_err()
            .contains("64 KiB")
    );
}

#[test]
fn defaults_and_edges_are_those_of_the_contract() {
    let asked = read(&json!({"selection": manual()})).unwrap();
    let headers: Vec<&str> = asked
        .columns
        .iter()
        .map(|column| column.header.as_str())
        .collect();
    assert_eq!(
        headers,
        [
            "Name",
            "Email(s)",
            "Phone(s)",
            "LinkedIn URL",
            "City",
            "Country",
            "Job Title",
            "Company Name"
        ]
    );
    let all: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let asked = read(&json!({"selection": manual(), "exportFields": all})).unwrap();
    let headers: Vec<&str> = asked
        .columns
        .iter()
        .map(|column| column.header.as_str())
        .collect();
    assert_eq!(
        headers,
        [
            "Name",
            "Email(s)",
            "Phone(s)",
            "LinkedIn URL",
            "City",
            "Postal Code",
            "Country",
            "Job Title",
            "Seniority",
            "Departments",
            "Functions",
            "Industry (Person)",
            "Skills",
            "Languages",
            "Company Name",
            "Company Legal Name",
            "Company Website",
            "Company LinkedIn",
            "Company Phone(s)",
            "Company City (HQ)",
            "Company Postal Code (HQ)",
            "Company Country (HQ)",
            "Company Industry",
            "Company Headcount",
            "Company Revenue",
            "Company Founded Year",
            "Company Summary",
        ]
    );
    let range = |more: &Value| match read(&bulk(more)).unwrap().pick {
        Pick::Range(range) => range,
        Pick::Ids(_) => panic!("{more}"),
    };
    let plain = range(&json!({}));
    assert_eq!((plain.start, plain.count), (0, 1000));
    // The range that nobody bounded makes room for those who join it.
    assert_eq!(range(&json!({"includedIds": ["a", "b", "a"]})).count, 998);
    assert_eq!(
        range(&json!({"includedIds": ["a", "b"], "excludedIds": ["b"]})).count,
        999
    );
    assert_eq!(
        range(&json!({"targetCount": 998, "includedIds": ["a", "b"]})).count,
        998
    );
    let crowd: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    assert_eq!(range(&json!({"excludedIds": crowd})).excluded.len(), 5000);
    let thousand: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let asked = read(&json!({"selection": {"mode": "manual", "includedIds": thousand}})).unwrap();
    assert_eq!(asked.pick.joining().len(), 1000);
    // Without the bound of an answer.
    let body = bulk(&json!({"targetCount": 2_000_000, "includedIds": ["a"]}));
    let body = Json::object(body.to_string().as_bytes()).unwrap();
    assert!(wanted(&body, false).is_ok());
}
