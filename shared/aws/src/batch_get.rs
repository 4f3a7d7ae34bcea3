//! BatchGetItem until nothing is left unread.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use lead_export_core::ports::{StoreError, StoreErrorKind};

use crate::backoff::Backoff;
use crate::error::store_error;
use crate::item::Item;

/// Keys that BatchGetItem takes at most (AWS: API Reference, BatchGetItem).
pub(crate) const KEYS: usize = 100;

/// The items at these keys that are there, in any order, consistently. `reading` says, each time, which attributes are read.
pub(crate) async fn batch_get(
    client: &Client,
    (store, table): (&'static str, &str),
    keys: Vec<Item>,
    reading: impl Fn(KeysAndAttributesBuilder) -> KeysAndAttributesBuilder,
) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut backoff = Backoff::default();
    let mut left = keys;
    while !left.is_empty() {
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(left))
            .consistent_read(true);
        let asked = reading(asked)
            .build()
            .map_err(|error| StoreError::caused(StoreErrorKind::Denied, store, error))?;
        let answer = client
            .batch_get_item()
            .request_items(table, asked)
            .send()
            .await
            .map_err(|error| store_error(store, error))?;
        items.extend(answer.responses.into_iter().flatten().flat_map(|of| of.1));
        let unread = answer.unprocessed_keys.into_iter().flatten();
        left = unread.flat_map(|of| of.1.keys).collect();
        if !left.is_empty() && !backoff.next().await {
            return Err(StoreError::new(StoreErrorKind::Throttled, store));
        }
    }
    Ok(items)
}
