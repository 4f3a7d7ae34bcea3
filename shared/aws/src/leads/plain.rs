//! The same port through the SDK's own types: slow, short and plain. The tests hold the fast path to it.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use lead_export_core::lead::LeadKey;
use lead_export_core::page::PageBuilder;
use lead_export_core::ports::{LeadPage, LeadSource, PageQuery, StoreError};

use super::owned::{push_item, sort_key};
use super::{Start, bytes_of, call, failed};

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
