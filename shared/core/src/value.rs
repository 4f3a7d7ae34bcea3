//! Owned values into cells: how an in-memory store, and the plain path over the SDK's types, fill a page.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::lead::{Lead, Value};
use crate::page::{KEY, PageBuilder, Slots, Span, Tag};

/// Appends `lead` to the page that `builder` fills.
///
/// `lead_id` and `created_at` are cells like any other, where a slot asks for them.
pub fn push_lead(builder: &mut PageBuilder, slots: &Slots, lead: &Lead) {
    builder.begin();
    let key = builder.copy(Tag::Text, lead.key().as_str().as_bytes());
    builder.set(KEY, key);
    for (slot, name) in slots.names().iter().enumerate().skip(1) {
        let span = match name.as_str() {
            "lead_id" => builder.copy(Tag::Text, lead.id.as_str().as_bytes()),
            "created_at" => builder.copy(Tag::Text, lead.created_at.to_string().as_bytes()),
            other => lead
                .values
                .get(other)
                .map_or(Span::MISSING, |value| span(builder, value)),
        };
        builder.set(slot, span);
    }
}

/// Appends a lead, given by its key and all its attributes as they are stored, to the page that `builder` fills.
pub fn push_row(
    builder: &mut PageBuilder,
    slots: &Slots,
    key: &str,
    values: &BTreeMap<String, Value>,
) {
    builder.begin();
    let key = builder.copy(Tag::Text, key.as_bytes());
    builder.set(KEY, key);
    for (slot, name) in slots.names().iter().enumerate().skip(1) {
        let span = values
            .get(name)
            .map_or(Span::MISSING, |value| span(builder, value));
        builder.set(slot, span);
    }
}

/// Makes the cell of a value: lists and sets become lists, what is nested in them and maps become JSON.
pub fn span(builder: &mut PageBuilder, value: &Value) -> Span {
    match value {
        Value::List(items) => {
            let spans: Vec<Span> = items.iter().map(|item| item_span(builder, item)).collect();
            builder.list(&spans)
        }
        Value::Set(items) => {
            let mut spans: Vec<Span> = items.iter().map(|item| item_span(builder, item)).collect();
            spans.sort_by(|a, b| builder.bytes(*a).cmp(builder.bytes(*b)));
            builder.list(&spans)
        }
        other => item_span(builder, other),
    }
}

fn item_span(builder: &mut PageBuilder, value: &Value) -> Span {
    match value {
        Value::Null => Span::MISSING,
        Value::Text(text) => builder.copy(Tag::Text, text.as_bytes()),
        Value::Number(number) => builder.copy(Tag::Number, number.as_bytes()),
        Value::Bool(value) => Span::bool(*value),
        Value::Binary(bytes) => builder.copy(Tag::Binary, STANDARD.encode(bytes).as_bytes()),
        Value::List(_) | Value::Set(_) | Value::Map(_) => {
            let mut json = String::new();
            write_json(&mut json, value);
            builder.copy(Tag::Json, json.as_bytes())
        }
    }
}

/// Writes a value as compact JSON: keys sorted, numbers as stored, sets sorted by their text, bytes as base64.
fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => write_json_text(out, text),
        Value::Number(number) => out.push_str(number),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Binary(bytes) => write_json_text(out, &STANDARD.encode(bytes)),
        Value::List(items) => write_json_items(out, items.iter()),
        Value::Set(items) => {
            let mut sorted: Vec<(Vec<u8>, &Value)> =
                items.iter().map(|item| (sort_text(item), item)).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            write_json_items(out, sorted.into_iter().map(|(_, item)| item));
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, entry)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_text(out, key);
                out.push(':');
                write_json(out, entry);
            }
            out.push('}');
        }
    }
}

fn sort_text(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) | Value::Number(text) => text.as_bytes().to_vec(),
        Value::Binary(bytes) => STANDARD.encode(bytes).into_bytes(),
        other => {
            let mut json = String::new();
            write_json(&mut json, other);
            json.into_bytes()
        }
    }
}

fn write_json_items<'a>(out: &mut String, items: impl Iterator<Item = &'a Value>) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_json(out, item);
    }
    out.push(']');
}

/// Writes a JSON string as serde_json does: `"`, `\` and control characters escaped, all else as it is.
fn write_json_text(out: &mut String, text: &str) {
    // A string can always be written; an empty value would show if that ever changed.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::LeadId;
    use crate::page::{Cell, Page};
    use crate::time::Instant;
    use bytes::Bytes;

    fn page(values: Vec<(&str, Value)>, names: &[&str]) -> (Page, Slots) {
        let slots = Slots::new(names.iter().copied());
        let mut builder = PageBuilder::new(Bytes::new(), &slots);
        let lead = Lead {
            id: LeadId::parse("l-1").unwrap(),
            created_at: Instant::from_millis(0),
            values: values
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        };
        push_lead(&mut builder, &slots, &lead);
        (builder.finish(), slots)
    }

    #[test]
    fn values_of_any_shape_have_a_cell() {
        let map = Value::Map(BTreeMap::from([
            ("b".into(), Value::Number("1.50".into())),
            ("a".into(), "q\"".into()),
        ]));
        let (page, slots) = page(
            vec![
                ("set", Value::Set(vec!["b".into(), "a".into()])),
                (
                    "mixed",
                    Value::List(vec![
                        Value::Null,
                        map.clone(),
                        Value::List(vec![Value::Bool(true), Value::Null]),
                    ]),
                ),
                ("map", map),
                ("bin", Value::Binary(vec![0, 255])),
            ],
            &[
                "lead_id",
                "created_at",
                "set",
                "mixed",
                "map",
                "bin",
                "none",
            ],
        );
        let row = page.row(0);
        let text = |name: &str| {
            String::from_utf8(row.cell(slots.of(name).unwrap()).text().unwrap().to_vec()).unwrap()
        };
        let items = |name: &str| -> Vec<String> {
            let cell = row.cell(slots.of(name).unwrap());
            cell.each()
                .map(|item| String::from_utf8(item.text().unwrap_or(b"-").to_vec()).unwrap())
                .collect()
        };
        assert_eq!(row.key(), b"1970-01-01T00:00:00.000Z#l-1");
        assert_eq!(
            (text("lead_id"), text("created_at")),
            ("l-1".into(), "1970-01-01T00:00:00.000Z".into())
        );
        assert_eq!(items("set"), ["a", "b"]);
        assert_eq!(
            items("mixed"),
            ["-", r#"{"a":"q\"","b":1.50}"#, "[true,null]"]
        );
        assert_eq!(text("map"), r#"{"a":"q\"","b":1.50}"#);
        assert_eq!(text("bin"), "AP8=");
        assert!(matches!(row.cell(slots.of("none").unwrap()), Cell::Missing));
    }
}
