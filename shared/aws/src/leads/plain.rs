//! The same port through the SDK's own types: slow, short and plain. The tests hold the fast path to it.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use lead_export_core::lead::{LeadKey, Value};
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::ports::{LeadPage, LeadSource, PageQuery, StoreError, StoreErrorKind};
use lead_export_core::value::push_row;

use super::{STORE, Start, bytes_of, call, failed};

/// Reads leads as [`super::DynamoLeads`] does, each as a map of values first.
#[derive(Debug, Clone)]
pub struct PlainLeads {
    client: Client,
    table: String,
    consistent: bool,
}

impl PlainLeads {
    /// The leads in `table`.
    pub fn new(client: Client, table: String, consistent: bool) -> Self {
        Self {
            client,
            table,
            consistent,
        }
    }
}

#[async_trait]
impl LeadSource for PlainLeads {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        let Some(start) = Start::of(query) else {
            return Ok(LeadPage::default());
        };
        let answer = call(&self.client, &self.table, self.consistent, query, start)
            .send()
            .await
            .map_err(failed)?;
        let scanned = u64::try_from(answer.scanned_count).unwrap_or_default();
        let next = answer
            .last_evaluated_key
            .as_ref()
            .map(|key| sort_key(key).map(LeadKey::from_stored))
            .transpose()?;
        let read_bytes = answer
            .consumed_capacity
            .and_then(|consumed| consumed.capacity_units)
            .map_or(0, |units| bytes_of(units, self.consistent));
        let mut builder = PageBuilder::new(Bytes::new(), &query.slots);
        for item in answer.items.unwrap_or_default() {
            push_item(&mut builder, &query.slots, item)?;
        }
        Ok(LeadPage {
            page: builder.finish(),
            next,
            scanned,
            read_bytes,
        })
    }
}

pub(crate) fn sort_key(item: &HashMap<String, AttributeValue>) -> Result<&str, StoreError> {
    item.get("SK")
        .and_then(|key| key.as_s().ok())
        .map(String::as_str)
        .ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, STORE))
}

/// Appends an item of the SDK's to a page.
///
/// # Errors
/// [`StoreErrorKind::Corrupt`] without a sort key, or with a value that the SDK does not know.
pub(crate) fn push_item(
    builder: &mut PageBuilder,
    slots: &Slots,
    item: HashMap<String, AttributeValue>,
) -> Result<(), StoreError> {
    let key = sort_key(&item)?.to_owned();
    let values = item
        .into_iter()
        .map(|(name, value)| Ok((name, owned(value)?)))
        .collect::<Result<BTreeMap<_, _>, StoreError>>()?;
    push_row(builder, slots, &key, &values);
    Ok(())
}

fn owned(value: AttributeValue) -> Result<Value, StoreError> {
    let all = |items: Vec<AttributeValue>| -> Result<Vec<Value>, StoreError> {
        items.into_iter().map(owned).collect()
    };
    Ok(match value {
        AttributeValue::S(text) => Value::Text(text),
        AttributeValue::N(number) => Value::Number(number),
        AttributeValue::B(blob) => Value::Binary(blob.into_inner()),
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(items) => Value::List(all(items)?),
        AttributeValue::Ss(items) => Value::Set(items.into_iter().map(Value::Text).collect()),
        AttributeValue::Ns(items) => Value::Set(items.into_iter().map(Value::Number).collect()),
        AttributeValue::Bs(items) => Value::Set(
            items
                .into_iter()
                .map(|blob| Value::Binary(blob.into_inner()))
                .collect(),
        ),
        AttributeValue::M(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, entry)| Ok((key, owned(entry)?)))
                .collect::<Result<_, StoreError>>()?,
        ),
        _ => return Err(StoreError::new(StoreErrorKind::Corrupt, STORE)),
    })
}
