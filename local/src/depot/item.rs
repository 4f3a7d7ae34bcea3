//! Leads as items, and back.

use std::collections::BTreeMap;

use anyhow::Context as _;
use lead_export_aws::lead_writer::lead_item;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, Value};
use lead_export_core::time::Instant;

use crate::bulk::wire::{Reader, Writer};

/// Appends a lead of `source` as its item.
pub(super) fn append(items: &mut Writer, source: &Source, lead: &Lead) -> anyhow::Result<()> {
    items.sent(&lead_item(&source.org, &source.id, source.shards, lead))
}

/// Reads the leads of these items.
pub(super) fn leads(items: &[u8]) -> anyhow::Result<Vec<Lead>> {
    let mut items = Reader::new(items);
    let mut leads = Vec::new();
    while let Some(values) = items.values()? {
        leads.push(lead(values)?);
    }
    Ok(leads)
}

fn lead(mut values: BTreeMap<String, Value>) -> anyhow::Result<Lead> {
    let mut take = |name: &str| match values.remove(name) {
        Some(Value::Text(text)) => Ok(text),
        _ => anyhow::bail!("a stored lead has no {name}"),
    };
    let id = LeadId::parse(take("lead_id")?)?;
    let created_at = Instant::parse(&take("created_at")?).context("a stored lead's created_at")?;
    // Attributes of keys are in capitals, as no field is.
    values.retain(|name, _| !name.bytes().any(|byte| byte.is_ascii_uppercase()));
    Ok(Lead {
        id,
        created_at,
        values,
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
        let mut made: Vec<Lead> = generator.leads(2000).collect();
        for lead in &mut made {
            // What DynamoDB has no room for is stored otherwise: see `lead_item`.
            lead.values.retain(|_, value| {
                let number = |item: &Value| matches!(item, Value::Number(_));
                !matches!(value, Value::Set(items) if items.iter().any(number))
            });
            for value in lead.values.values_mut() {
                if let Value::Set(items) = value {
                    // And a set has no order.
                    items.sort_by_key(|item| format!("{item:?}"));
                    sets += 1;
                }
            }
        }
        assert!(sets > 0);
        let mut items = Writer::default();
        for lead in &made {
            append(&mut items, &source, lead).unwrap();
        }
        // By way of the database's own form.
        let mut stored = Writer::default();
        let mut reader = Reader::new(&items.bytes);
        while let Some(item) = reader.stored().unwrap() {
            stored.stored(&item);
        }
        assert_eq!(leads(&stored.bytes).unwrap(), made);
    }

    #[test]
    fn what_is_no_lead_is_an_error() {
        let mut items = Writer::default();
        let org = OrgId::parse("acme").unwrap();
        let source = source(&org, &SourceId::parse("crm").unwrap(), "CRM", "UTC").unwrap();
        let lead = Generator::new(&source, 7, Instant::from_millis(UNTIL), Temper::Tame).lead(0);
        append(&mut items, &source, &lead).unwrap();
        for end in 1..items.bytes.len() {
            assert!(leads(&items.bytes[..end]).is_err(), "{end}");
        }
        for (name, value) in [("lead_id", "1"), ("created_at", "2026-01-01T00:00:00Z")] {
            let mut items = Writer::default();
            let value = aws_sdk_dynamodb::types::AttributeValue::S(value.into());
            items.sent(&[(name.to_owned(), value)].into()).unwrap();
            assert!(leads(&items.bytes).is_err());
        }
        // One attribute, a list in a list in a list …
        let nested = [
            &[1, 0, 0, 0, 1, 0, 0, 0, b'a'][..],
            &[b'L', 1, 0, 0, 0].repeat(1000),
        ]
        .concat();
        let error = leads(&nested).unwrap_err();
        assert!(error.to_string().contains("nested too deeply"), "{error}");
    }
}
