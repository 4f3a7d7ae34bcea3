//! The event, as EventBridge hands it on.

use serde_json::{Value, json};

use super::answer::{columns, ended_members};
use super::{IN_OPENAPI, one_of, or_null, schemas};
use crate::event::{DETAIL_TYPES, SOURCE};
use crate::record::Status;

/// The JSON Schema of the event that tells of an export's end: the file `events/export-ended.schema.json`.
///
/// Of the envelope it says what is ours; the rest (`version`, `id`, `account`, `region`, `resources`) is EventBridge's.
pub fn event() -> Value {
    let told = [Status::Completed, Status::Failed, Status::Cancelled];
    let mut members = json!({
        "event_id": {
            "description": "The same at every telling of this end: events may come more than once.",
            "type": "string",
            "pattern": format!("^[0-9a-f-]{{36}}:({})$", told.map(Status::as_str).join("|")),
        },
        "org_id": { "type": "string" },
    });
    if let (Some(all), Value::Object(ended)) = (members.as_object_mut(), ended_members()) {
        all.extend(ended);
    }
    members["status"] = one_of(&told);
    members["completed_at"] = members["requested_at"].clone();
    members["fields"] = or_null(columns());
    members["fields"]["description"] =
        "The columns, with their headers. Null in an event that would be larger than EventBridge takes.".into();
    let required: Vec<&String> = members
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .collect();
    let detail = json!({
        "description": "The export, without filters and links.",
        "type": "object",
        "required": required,
        "properties": members,
    });
    let person = &schemas()["Person"];
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An export has ended",
        "type": "object",
        "required": ["source", "detail-type", "time", "detail"],
        "properties": {
            "source": { "const": SOURCE },
            "detail-type": one_of(&DETAIL_TYPES),
            "time": { "description": "When it ended.", "type": "string", "format": "date-time" },
            "detail": detail,
        },
        "$defs": { "Person": person },
    });
    moved(schema)
}

/// The schema with its references to where they lead in a file of its own.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "$ref" => {
                    (name, text.replace(IN_OPENAPI, "#/$defs/").into())
                }
                other => (name, moved(other)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(moved).collect(),
        other => other,
    }
}
