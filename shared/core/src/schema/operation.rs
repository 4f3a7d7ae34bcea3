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
    let people = options(json!({
        "contact": named("ContactFilters"),
        "account": named("AccountFilters"),
    }));
    // One object, as callers' types have it. What a mode asks for stands beside it, where makers of types pass it over.
    let mut selection = options(json!({
        "mode": { "type": "string", "enum": ["manual", "bulk"] },
        "includedIds": ids(Some(limits::ANSWER_LEADS)),
        "excludedIds": { "type": "array", "items": { "type": "string" } },
        "startIndex": { "type": "number" },
        "targetCount": {
            "description": format!("At most {} in the answer; any number with Prefer: respond-async.", limits::ANSWER_LEADS),
            "type": "number",
        },
        "filters": {
            "description": "In the mode bulk the first.",
            "anyOf": [people, { "type": "object" }],
        },
    }));
    selection["required"] = json!(["mode"]);
    selection["description"] =
        "manual: the included leads; the members of the other mode are not used. \
        bulk: a range of those that match, without the excluded, with the included."
            .into();
    selection["if"] = json!({ "properties": { "mode": { "const": "manual" } } });
    selection["then"] = json!({
        "required": ["includedIds"],
        "properties": { "includedIds": { "minItems": 1 } },
    });
    selection["else"] = json!({
        "required": ["filters"],
        "properties": {
            "startIndex": { "type": "integer", "minimum": 0, "maximum": u64::MAX, "default": 0 },
            "targetCount": { "type": "integer", "minimum": 1, "maximum": u64::MAX },
            "filters": people,
            "excludedIds": ids(None),
        },
    });
    let mut request = options(json!({
        "selection": selection,
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
