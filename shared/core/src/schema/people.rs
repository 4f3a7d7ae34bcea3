//! The filters for people and companies.

use serde_json::{Value, json};

use super::{named, one_of_table, options};
use crate::filter::people::{MODES, RANGE_TYPES};
use crate::limits;

fn texts() -> Value {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": limits::SEARCH_CHARS });
    json!({ "type": "array", "minItems": 1, "maxItems": limits::FILTER_VALUES, "items": text })
}

/// Lists that are wanted and lists that are not.
fn sides(list: &Value) -> Value {
    let side = options(json!({ "include": list, "exclude": list }));
    options(json!({ "any": side, "all": side }))
}

/// The schemas, by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut matched = options(json!({ "mode": one_of_table(&MODES), "content": texts() }));
    matched["required"] = json!(["content"]);
    let bound = json!({ "type": "number" });
    let mut range = options(json!({
        "type": one_of_table(&RANGE_TYPES),
        "range": {
            "type": "array",
            "maxItems": limits::FILTER_VALUES,
            "items": options(json!({ "start": bound, "end": bound })),
        },
    }));
    range["required"] = json!(["type"]);
    let title = options(json!({ "title": named("MatchedFilter") }));
    vec![
        ("PlainFilter", sides(&texts())),
        (
            "MatchedFilter",
            sides(&json!({ "anyOf": [texts(), matched] })),
        ),
        ("RangeFilter", range),
        (
            "ContactFilters",
            options(json!({
                "fullName": named("MatchedFilter"),
                "location": named("PlainFilter"),
                "seniority": named("PlainFilter"),
                "departmentAndFunction": named("PlainFilter"),
                "skill": named("MatchedFilter"),
                "language": named("MatchedFilter"),
                "education": options(json!({
                    "school": named("PlainFilter"),
                    "degree": named("MatchedFilter"),
                    "fieldOfStudy": named("MatchedFilter"),
                })),
                "experience": options(json!({ "current": title, "previous": title })),
            })),
        ),
        (
            "AccountFilters",
            options(json!({
                "nameOrDomain": named("MatchedFilter"),
                "industry": named("PlainFilter"),
                "location": named("PlainFilter"),
                "employeeSize": named("RangeFilter"),
                "revenue": named("RangeFilter"),
                "type": named("PlainFilter"),
            })),
        ),
    ]
}
