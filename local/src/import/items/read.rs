//! One line of DynamoDB JSON becomes an item.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lead_export_core::lead::Value;
use serde_json::{Map, Value as Json};

use super::Item;
use crate::import::skip::Skip;

/// The item of a line.
pub(super) fn item(line: &[u8]) -> Result<Item, Skip> {
    let not_one = |reason: &str| Skip::NotAnItem(reason.to_owned());
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let json: Json = serde_json::from_slice(line).map_err(|_| not_one("it is not JSON"))?;
    let Json::Object(members) = json else {
        return Err(not_one("it is no JSON object"));
    };
    let Some(attributes) = whole(members) else {
        return Err(Skip::Deleted);
    };
    attributes
        .into_iter()
        .map(|(name, json)| match value(json) {
            Some(value) => Ok((name, value)),
            None => Err(not_one(&format!(
                "the attribute {name} has no value with its type"
            ))),
        })
        .collect()
}

/// The attributes of the item that a line is about; none if it was deleted.
fn whole(mut members: Map<String, Json>) -> Option<Map<String, Json>> {
    let is_only = members.len() == 1;
    match members.get_mut("Item") {
        Some(Json::Object(item)) if is_only => return Some(std::mem::take(item)),
        _ => {}
    }
    // An incremental export: keys, and the images before and after.
    if members.contains_key("Keys") && members.contains_key("Metadata") {
        return match members.remove("NewImage") {
            Some(Json::Object(item)) => Some(item),
            _ => None,
        };
    }
    Some(members)
}

/// A value with its type: `{"S": "text"}`.
fn value(json: Json) -> Option<Value> {
    let Json::Object(members) = json else {
        return None;
    };
    let mut members = members.into_iter();
    let (kind, content) = members.next()?;
    if members.next().is_some() {
        return None;
    }
    Some(match (kind.as_str(), content) {
        ("S", Json::String(text)) => Value::Text(text),
        ("N", Json::String(number)) => Value::Number(number),
        ("B", Json::String(text)) => Value::Binary(STANDARD.decode(text).ok()?),
        ("BOOL", Json::Bool(bool)) => Value::Bool(bool),
        ("NULL", Json::Bool(_)) => Value::Null,
        ("L", Json::Array(items)) => {
            Value::List(items.into_iter().map(value).collect::<Option<_>>()?)
        }
        ("M", Json::Object(members)) => {
            let members = members.into_iter();
            let members = members.map(|(name, json)| Some((name, value(json)?)));
            Value::Map(members.collect::<Option<_>>()?)
        }
        (kind @ ("SS" | "NS" | "BS"), Json::Array(items)) => {
            let one = |json| {
                let members = Map::from_iter([(kind[..1].to_owned(), json)]);
                value(Json::Object(members))
            };
            Value::Set(items.into_iter().map(one).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_in_every_form() {
        let expected = Item::from([
            ("id".to_owned(), Value::from("7")),
            ("age".to_owned(), Value::Number("1.50".to_owned())),
        ]);
        for line in [
            r#"{"Item":{"id":{"S":"7"},"age":{"N":"1.50"}}}"#,
            r#"{"id":{"S":"7"},"age":{"N":"1.50"}}"#,
            "\u{feff}{\"id\":{\"S\":\"7\"},\"age\":{\"N\":\"1.50\"}}\r\n",
            r#"{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"id":{"S":"7"}},"NewImage":{"id":{"S":"7"},"age":{"N":"1.50"}}}"#,
        ] {
            assert_eq!(item(line.as_bytes()), Ok(expected.clone()), "{line}");
        }
    }

    #[test]
    fn values_of_all_types_are_read() {
        let line = r#"{"s":{"S":""},"n":{"N":"-1e5"},"b":{"B":"AP8="},"t":{"BOOL":true},"o":{"NULL":true},
            "l":{"L":[{"S":"a"},{"L":[]}]},"m":{"M":{"x":{"N":"1"}}},"ss":{"SS":["b","a"]},"ns":{"NS":["1"]},"bs":{"BS":["AA=="]}}"#;
        let text = |text: &str| Value::from(text);
        let number = |text: &str| Value::Number(text.to_owned());
        let expected: Item = [
            ("s", text("")),
            ("n", number("-1e5")),
            ("b", Value::Binary(vec![0, 255])),
            ("t", Value::Bool(true)),
            ("o", Value::Null),
            ("l", Value::List(vec![text("a"), Value::List(vec![])])),
            ("m", Value::Map([("x".to_owned(), number("1"))].into())),
            ("ss", Value::Set(vec![text("b"), text("a")])),
            ("ns", Value::Set(vec![number("1")])),
            ("bs", Value::Set(vec![Value::Binary(vec![0])])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(item(line.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_no_item_says_why() {
        for (line, expected) in [
            ("{", "it is not JSON"),
            ("[1]", "it is no JSON object"),
            (
                r#"{"id":"7"}"#,
                "the attribute id has no value with its type",
            ),
            (r#"{"id":{"S":7}}"#, "the attribute id"),
            (r#"{"id":{"S":"7","N":"7"}}"#, "the attribute id"),
            (r#"{"id":{"SS":[7]}}"#, "the attribute id"),
            (
                r#"{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"id":{"S":"7"}},"OldImage":{"id":{"S":"7"}}}"#,
                "deleted",
            ),
        ] {
            let reason = item(line.as_bytes()).unwrap_err().to_string();
            assert!(reason.contains(expected), "{line}: {reason}");
        }
    }
}
