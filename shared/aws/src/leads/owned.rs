//! Items of the SDK's own types into pages: for the few leads that are read by their keys, and for the tests' oracle.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::lead::Value;
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::ports::{StoreError, StoreErrorKind};
use lead_export_core::value::push_row;

use super::STORE;

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
