//! What callers of the export in the answer write, in its published names.

use serde_json::{Value, json};

use super::{named, one_of_table, options};
use crate::answer::FIELDS;
use crate::ask::PROFILES;
use crate::limits;

/// Ids of leads; at most so many, if there is a bound.
fn ids(most: Option<usize>) -> Value {
    let id = json!({ "type": "string", "minLength": 1, "maxLength": limits::LEAD_ID_CHARS });
    let mut list = json!({ "type": "array", "items": id });
    if let Some(most) = most {
        list["maxItems"] = most.into();
    }
    list
}

/// The schemas, by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut manual = options(json!({
        "mode": { "const": "manual" },
        "includedIds": ids(Some(limits::ANSWER_LEADS)),
        "excludedIds": { "type": "array", "items": { "type": "string" } },
        "startIndex": { "type": "number" },
        "targetCount": { "type": "number" },
        "filters": { "type": "object" },
    }));
    manual["required"] = json!(["mode", "includedIds"]);
    manual["description"] = "These leads. The members of the other mode are not used.".into();
    let mut bulk = options(json!({
        "mode": { "const": "bulk" },
        "startIndex": { "type": "integer", "minimum": 0, "maximum": u64::MAX, "default": 0 },
        "targetCount": {
            "description": format!("At most {} in the answer; any number with Prefer: respond-async.", limits::ANSWER_LEADS),
            "type": "integer",
            "minimum": 1,
            "maximum": u64::MAX,
        },
        "filters": options(json!({
            "contact": named("ContactFilters"),
            "account": named("AccountFilters"),
        })),
        "excludedIds": ids(None),
        "includedIds": ids(Some(limits::ANSWER_LEADS)),
    }));
    bulk["required"] = json!(["mode", "filters"]);
    bulk["description"] =
        "A range of those that match, without the excluded, with the included.".into();
    let mut request = options(json!({
        "selection": { "oneOf": [manual, bulk] },
        "exportFields": {
            "description": "The columns, in this order.",
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": one_of_table(&FIELDS),
        },
        "source": {
            "description": "The source to export from; without it all on which you are exporter.",
            "type": "string",
        },
        "profile": one_of_table(&PROFILES),
    }));
    request["required"] = json!(["selection"]);
    request["description"] = "Which leads, and what of them.".into();
    vec![("OperationRequest", request)]
}
