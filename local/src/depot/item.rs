//! Leads as DynamoDB JSON, and back.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lead_export_aws::lead_writer::lead_item;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, Value};
use lead_export_core::time::Instant;
use serde_json::{Map, Value as Json, json};

/// Attributes of a lead's item that are no values of the lead: its keys are in capitals, as no field is.
const OWN: [&str; 2] = ["lead_id", "created_at"];

/// A lead of `source` as its item in DynamoDB JSON
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>).
pub(super) fn to_json(source: &Source, lead: &Lead) -> anyhow::Result<Json> {
    let item = lead_item(&source.org, &source.id, source.shards, lead);
    let members = item
        .iter()
        .map(|(name, value)| Ok((name.clone(), attribute(value)?)));
    Ok(Json::Object(
        members.collect::<anyhow::Result<Map<_, _>>>()?,
    ))
}

fn attribute(value: &AttributeValue) -> anyhow::Result<Json> {
    Ok(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(bool) => json!({ "BOOL": bool }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => {
            let all: Vec<String> = all.iter().map(|bytes| STANDARD.encode(bytes)).collect();
            json!({ "BS": all })
        }
        AttributeValue::L(items) => {
            let items: anyhow::Result<Vec<Json>> = items.iter().map(attribute).collect();
            json!({ "L": items? })
        }
        AttributeValue::M(members) => {
            let members = members
                .iter()
                .map(|(name, value)| Ok((name.clone(), attribute(value)?)));
            json!({ "M": members.collect::<anyhow::Result<Map<_, _>>>()? })
        }
        other => bail!("a value of the unknown type {other:?}"),
    })
}

/// Reads a lead's item in DynamoDB JSON.
pub(super) fn from_json(item: &Json) -> anyhow::Result<Lead> {
    let members = item.as_object().context("an item is no object")?;
    let text = |name: &str| {
        let text = members.get(name).and_then(|value| value["S"].as_str());
        text.with_context(|| format!("a stored lead has no {name}"))
    };
    let mut values = BTreeMap::new();
    for (name, stored) in members {
        let is_key = name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_key && !OWN.contains(&name.as_str()) {
            values.insert(name.clone(), value(stored)?);
        }
    }
    Ok(Lead {
        id: LeadId::parse(text("lead_id")?)?,
        created_at: Instant::parse(text("created_at")?)?,
        values,
    })
}

fn value(stored: &Json) -> anyhow::Result<Value> {
    let member = stored.as_object().and_then(|members| members.iter().next());
    let (kind, content) = member.context("a stored value is no object")?;
    let text = || {
        let text = content.as_str().context("a stored value is no text")?;
        anyhow::Ok(text.to_owned())
    };
    let all = |of: &dyn Fn(&Json) -> anyhow::Result<Value>| -> anyhow::Result<Vec<Value>> {
        let items = content.as_array().context("a stored value is no list")?;
        items.iter().map(of).collect()
    };
    let string = |item: &Json| anyhow::Ok(item.as_str().context("no text in a set")?.to_owned());
    Ok(match kind.as_str() {
        "S" => Value::Text(text()?),
        "N" => Value::Number(text()?),
        "BOOL" => Value::Bool(content == &Json::Bool(true)),
        "NULL" => Value::Null,
        "B" => Value::Binary(STANDARD.decode(text()?)?),
        "SS" => Value::Set(all(&|item| Ok(Value::Text(string(item)?)))?),
        "NS" => Value::Set(all(&|item| Ok(Value::Number(string(item)?)))?),
        "BS" => Value::Set(all(&|item| {
            Ok(Value::Binary(STANDARD.decode(string(item)?)?))
        })?),
        "L" => Value::List(all(&value)?),
        "M" => {
            let members = content.as_object().context("a stored map is no object")?;
            let members = members
                .iter()
                .map(|(name, of)| Ok((name.clone(), value(of)?)));
            Value::Map(members.collect::<anyhow::Result<_>>()?)
        }
        other => bail!("a stored value of the unknown type {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Generator, Temper, UNTIL, source};
    use lead_export_core::lead::{OrgId, SourceId};

    #[test]
    fn leads_come_back_as_they_were() {
        let org = OrgId::parse("acme").unwrap();
        let source = source(&org, &SourceId::parse("crm").unwrap(), "CRM", "UTC").unwrap();
        let generator = Generator::new(&source, 7, Instant::from_millis(UNTIL), Temper::Hostile);
        let mut sets = 0;
        for mut lead in generator.leads(2000) {
            // What DynamoDB has no room for is stored otherwise: see `lead_item`.
            lead.values.retain(|_, value| {
                let numbers =
                    |item: &Value| matches!(item, Value::Number(number) if number.contains('.'));
                !matches!(value, Value::Set(items) if items.iter().any(numbers))
            });
            sets += lead
                .values
                .values()
                .filter(|value| matches!(value, Value::Set(_)))
                .count();
            let json = to_json(&source, &lead).unwrap();
            let read = from_json(&serde_json::from_str(&json.to_string()).unwrap()).unwrap();
            assert_eq!(read, lead);
        }
        assert!(sets > 0);
    }

    #[test]
    fn what_is_no_lead_is_an_error() {
        for item in [
            json!([]),
            json!({ "lead_id": { "S": "1" } }),
            json!({ "lead_id": { "S": "1" }, "created_at": { "S": "now" } }),
            json!({ "lead_id": { "S": "1" }, "created_at": { "S": "2026-01-01T00:00:00Z" }, "a": { "X": "1" } }),
            json!({ "lead_id": { "S": "1" }, "created_at": { "S": "2026-01-01T00:00:00Z" }, "a": {} }),
        ] {
            assert!(from_json(&item).is_err(), "{item}");
        }
    }
}
