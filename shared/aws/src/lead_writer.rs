//! Writes leads into their table, for imports and generators.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures_util::stream::{self, TryStreamExt as _};
use lead_export_core::lead::{Lead, OrgId, SourceId};
use lead_export_core::ports::{StoreError, StoreErrorKind};

use crate::backoff::Backoff;
use crate::error::store_error;
pub use crate::item::Item;
pub use crate::item::lead::lead_item;

const STORE: &str = "leads";
/// Items that BatchWriteItem writes at most.
const BATCH: usize = 25;
/// Batches under way at once: the shards of a source take them side by side.
const AT_ONCE: usize = 8;

/// The leads' table, for writing.
#[derive(Debug, Clone)]
pub struct DynamoLeadWriter {
    client: Client,
    table: String,
}

impl DynamoLeadWriter {
    /// Leads into `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes leads of a source with `shards` key-shards, each over the one of its place; of two at one place the later stays.
    ///
    /// # Errors
    /// [`StoreError`]: some of the leads may have been written. Writing them again is harmless.
    pub async fn write<'a>(
        &self,
        org: &OrgId,
        source: &SourceId,
        shards: u16,
        leads: impl IntoIterator<Item = &'a Lead>,
    ) -> Result<(), StoreError> {
        // Batches overtake each other, and one batch must not name a key twice.
        let last: BTreeMap<_, &Lead> = leads.into_iter().map(|lead| (lead.key(), lead)).collect();
        let leads: Vec<&Lead> = last.into_values().collect();
        stream::iter(leads.chunks(BATCH).map(Ok))
            .try_for_each_concurrent(AT_ONCE, async |batch: &[&Lead]| {
                let puts: Result<Vec<WriteRequest>, StoreError> = batch
                    .iter()
                    .map(|lead| put(lead_item(org, source, shards, lead)))
                    .collect();
                self.write_batch(puts?).await
            })
            .await
    }

    async fn write_batch(&self, mut left: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, left)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            let unwritten = answer.unprocessed_items.into_iter().flatten();
            left = unwritten.flat_map(|of| of.1).collect();
            if left.is_empty() {
                return Ok(());
            }
            if !backoff.next().await {
                return Err(StoreError::new(StoreErrorKind::Throttled, STORE));
            }
        }
    }
}

fn put(item: Item) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder()
        .set_item(Some(item))
        .build()
        .map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
    Ok(WriteRequest::builder().put_request(put).build())
}
