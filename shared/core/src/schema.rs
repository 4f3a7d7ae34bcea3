//! JSON Schemas (2020-12) of what callers write and what they are shown, for the description of the API and of its events.
//!
//! The choices, numbers and names in them are those by which requests are read ([`crate::ask`], [`limits`], the enums of the
//! record): there is no second list. That the members are those which are read is tested by asking the readers themselves.

mod answer;
mod event;
mod operation;
mod people;
mod request;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::limits;

pub use event::event;

/// Where schemas stand in a description of an API (OpenAPI 3.1, "Components Object").
const IN_OPENAPI: &str = "#/components/schemas/";

/// Every schema by its name. They refer to each other as `#/components/schemas/…`.
pub fn schemas() -> Map<String, Value> {
    let all = request::schemas()
        .into_iter()
        .chain(people::schemas())
        .chain(operation::schemas())
        .chain(answer::schemas());
    all.map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// A reference to the schema of this name.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("{IN_OPENAPI}{name}") })
}

/// That schema, or null.
fn or_null(schema: Value) -> Value {
    let mut either = json!({});
    either["anyOf"] = Value::Array(vec![schema, json!({ "type": "null" })]);
    either
}

/// One of these, as they are written.
fn one_of<T: Serialize>(choices: &[T]) -> Value {
    json!({ "type": "string", "enum": choices })
}

/// One of the first of each pair: the tables that requests are read by.
fn one_of_table<T>(table: &[(&'static str, T)]) -> Value {
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    one_of(&names)
}

/// A whole number that is not negative.
fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// An object with exactly these members, all of them there.
fn object(members: Value) -> Value {
    let required: Vec<&String> = members
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    let mut schema = json!({ "type": "object", "required": required });
    schema["properties"] = members;
    schema
}

/// An object of a request: any of these members, and no other.
fn options(members: Value) -> Value {
    let mut schema = json!({ "type": "object", "additionalProperties": false });
    schema["properties"] = members;
    schema
}

/// A list of 1 to 100 texts, one of which must be met.
fn values() -> Value {
    json!({ "type": "array", "items": text(), "minItems": 1, "maxItems": limits::FILTER_VALUES })
}

#[cfg(test)]
pub(crate) mod tests;
