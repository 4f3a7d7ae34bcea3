//! The depot of a deployed stack: its tables, as any AWS client reaches them.

use std::collections::HashMap;

use anyhow::Context as _;
use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use lead_export_aws::lead_writer::DynamoLeadWriter;
use lead_export_aws::sources::DynamoSources;
use lead_export_aws::tables::{LEADS, TableNames};
use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId};

use super::{Depot, count, item};
use crate::bulk::wire::Writer;

/// Keys that BatchGetItem takes at most.
const KEYS: usize = 100;
/// Questions under way at once.
const AT_ONCE: usize = 16;
/// Rounds in which what a store was too busy for is asked for again.
const ROUNDS: u32 = 8;

type Item = HashMap<String, AttributeValue>;

/// The stores of a deployed stack.
#[derive(Debug, Clone)]
pub struct TablesDepot {
    sources: DynamoSources,
    writer: DynamoLeadWriter,
    dynamodb: aws_sdk_dynamodb::Client,
    leads: String,
}

impl TablesDepot {
    /// The stores in these tables.
    pub fn new(dynamodb: aws_sdk_dynamodb::Client, tables: &TableNames) -> Self {
        Self {
            sources: DynamoSources::new(dynamodb.clone(), tables.sources.clone()),
            writer: DynamoLeadWriter::new(dynamodb.clone(), tables.leads.clone()),
            dynamodb,
            leads: tables.leads.clone(),
        }
    }

    /// The keys of the items of this id in the source: one, unless a writer erred.
    async fn keys_of(&self, source: &Source, id: &LeadId) -> anyhow::Result<Vec<Item>> {
        let by_id = LEADS
            .indexes
            .first()
            .context("the leads have no index by id")?;
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.leads)
            .index_name(by_id.name)
            .key_condition_expression("#key = :value")
            .expression_attribute_names("#key", by_id.partition.name())
            .expression_attribute_values(
                ":value",
                AttributeValue::S(format!("{}#{id}", source.org)),
            )
            .send()
            .await
            .context("the leads cannot be asked for by their ids")?;
        let within = format!("{}#{}#", source.org, source.id);
        let keys = answer.items.unwrap_or_default().into_iter().map(|item| {
            let parts = item.into_iter();
            parts
                .filter(|(name, _)| name == "PK" || name == "SK")
                .collect()
        });
        Ok(keys
            .filter(|key: &Item| {
                let pk = key.get("PK").and_then(|pk| pk.as_s().ok());
                pk.is_some_and(|pk| pk.starts_with(&within))
            })
            .collect())
    }

    /// The leads at these keys.
    async fn leads_at(&self, keys: Vec<Item>) -> anyhow::Result<Vec<Lead>> {
        let mut items = Writer::default();
        let mut left = keys;
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()?;
            let answer = self
                .dynamodb
                .batch_get_item()
                .request_items(&self.leads, asked)
                .send()
                .await
                .context("the leads cannot be read")?;
            for item in answer
                .responses
                .into_iter()
                .flatten()
                .flat_map(|(_, items)| items)
            {
                items.sent(&item)?;
            }
            let unread = answer.unprocessed_keys.into_iter().flatten();
            left = unread.flat_map(|(_, of)| of.keys).collect();
        }
        anyhow::ensure!(left.is_empty(), "the leads' table is too busy");
        item::leads(&items.bytes)
    }
}

#[async_trait]
impl Depot for TablesDepot {
    async fn source(&self, org: &OrgId, id: &SourceId) -> anyhow::Result<Option<Source>> {
        let found = self.sources.get_source(org, id).await?;
        Ok(found.map(|(source, _)| source))
    }

    async fn put_source(&self, source: &Source) -> anyhow::Result<()> {
        self.sources.put_source(source).await?;
        Ok(())
    }

    async fn put_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
        grant: &Grant,
    ) -> anyhow::Result<()> {
        Ok(self.sources.put_grant(org, user, source, grant).await?)
    }

    async fn holds_any(&self, source: &Source) -> anyhow::Result<bool> {
        for shard in 0..source.shards {
            if count::shard(&self.dynamodb, &self.leads, source, shard, Some(1)).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn count(&self, source: &Source) -> anyhow::Result<u64> {
        let mut count = 0;
        for shard in 0..source.shards {
            count += count::shard(&self.dynamodb, &self.leads, source, shard, None).await?;
        }
        Ok(count)
    }

    async fn find(&self, source: &Source, ids: &[LeadId]) -> anyhow::Result<HashMap<LeadId, Lead>> {
        // Made first: a closure within the stream would have to hold for every lifetime.
        let questions: Vec<_> = ids.iter().map(|id| self.keys_of(source, id)).collect();
        let keys: Vec<Vec<Item>> = stream::iter(questions)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let keys = keys.concat();
        let reads: Vec<_> = keys
            .chunks(KEYS)
            .map(|keys| self.leads_at(keys.to_vec()))
            .collect();
        let leads: Vec<Vec<Lead>> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let leads = leads.into_iter().flatten();
        Ok(leads.map(|lead| (lead.id.clone(), lead)).collect())
    }

    async fn write(&self, source: &Source, leads: &[Lead]) -> anyhow::Result<()> {
        Ok(self
            .writer
            .write(&source.org, &source.id, source.shards, leads)
            .await?)
    }
}
