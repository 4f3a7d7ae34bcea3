//! Leads by their ids: the keys-only index says where they lie, and they are read there.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use lead_export_core::lead::{LeadId, LeadKey, OrgId, SourceId};
use lead_export_core::page::{Page, PageBuilder, Slots};
use lead_export_core::ports::{LeadIndex, Place, StoreError, StoreErrorKind};

use super::owned::{push_item, sort_key};
use super::{STORE, projection};
use crate::batch_get::{KEYS, batch_get};
use crate::error::store_error;
use crate::item::{Item, key, names, text};

/// Queries under way at once: an index takes no BatchGetItem, so each id is a query of its own.
const QUERIES_AT_ONCE: usize = 32;
/// Reads under way at once; an answer is 16 MB at most.
const READS_AT_ONCE: usize = 4;

/// The leads' table, by ids.
#[derive(Debug, Clone)]
pub struct DynamoLeadIndex {
    client: Client,
    table: String,
}

impl DynamoLeadIndex {
    /// The leads in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The places of one id: as many as there are sources with a lead of it.
    async fn places(&self, org: &OrgId, id: &LeadId) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(names::BY_ID)
                .key_condition_expression("#id = :id")
                .expression_attribute_names("#id", names::ID_PK)
                .expression_attribute_values(":id", text(format!("{org}#{id}")))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                places.push(place(org, &item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(places);
            }
        }
    }

    /// The items at these keys that are there, in any order.
    async fn items(&self, keys: Vec<Item>, slots: &Slots) -> Result<Vec<Item>, StoreError> {
        let read = projection("#p,#s", slots);
        batch_get(&self.client, (STORE, &self.table), keys, |asked| {
            let Some((expression, names)) = &read else {
                return asked;
            };
            let asked = asked
                .projection_expression(expression)
                .expression_attribute_names("#p", names::PK)
                .expression_attribute_names("#s", names::SK);
            names.iter().fold(asked, |asked, (placeholder, name)| {
                asked.expression_attribute_names(placeholder, *name)
            })
        })
        .await
    }
}

/// Where an item of the index or the table lies.
fn place(org: &OrgId, item: &HashMap<String, AttributeValue>) -> Result<Place, StoreError> {
    let corrupt = || StoreError::new(StoreErrorKind::Corrupt, STORE);
    let partition = item.get(names::PK).and_then(|value| value.as_s().ok());
    let (source, shard) = partition
        .and_then(|partition| partition.strip_prefix(org.as_str())?.strip_prefix('#'))
        .and_then(|rest| rest.split_once('#'))
        .ok_or_else(corrupt)?;
    Ok(Place {
        source: SourceId::parse(source).map_err(|_| corrupt())?,
        shard: shard.parse().map_err(|_| corrupt())?,
        key: LeadKey::from_stored(sort_key(item)?),
    })
}

#[async_trait]
impl LeadIndex for DynamoLeadIndex {
    async fn find(&self, org: &OrgId, ids: &[LeadId]) -> Result<Vec<Place>, StoreError> {
        let queries: Vec<_> = ids.iter().map(|id| self.places(org, id)).collect();
        stream::iter(queries)
            .buffer_unordered(QUERIES_AT_ONCE)
            .try_concat()
            .await
    }

    async fn read(
        &self,
        org: &OrgId,
        places: &[Place],
        slots: &Slots,
    ) -> Result<BTreeMap<SourceId, Page>, StoreError> {
        // A call must not name a key twice.
        let mut distinct: Vec<&Place> = places.iter().collect();
        distinct.sort();
        distinct.dedup();
        let keys = |places: &[&Place]| -> Vec<Item> {
            let key = |place: &&Place| {
                let partition = format!("{org}#{}#{}", place.source, place.shard);
                key(partition, place.key.as_str())
            };
            places.iter().map(key).collect()
        };
        let reads: Vec<_> = distinct
            .chunks(KEYS)
            .map(|places| self.items(keys(places), slots))
            .collect();
        let mut reads = stream::iter(reads).buffer_unordered(READS_AT_ONCE);
        let mut found: BTreeMap<SourceId, BTreeMap<LeadKey, Item>> = BTreeMap::new();
        while let Some(items) = reads.try_next().await? {
            for item in items {
                let Place { source, key, .. } = place(org, &item)?;
                found.entry(source).or_default().insert(key, item);
            }
        }
        let mut pages = BTreeMap::new();
        for (source, items) in found {
            let mut builder = PageBuilder::new(Bytes::new(), slots);
            for item in items.into_values() {
                push_item(&mut builder, slots, item)?;
            }
            pages.insert(source, builder.finish());
        }
        Ok(pages)
    }
}
