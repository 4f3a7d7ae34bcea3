//! Records of exports over DynamoDB: every write names the version it has seen.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures_util::future::try_join_all;
use lead_export_core::lead::OrgId;
use lead_export_core::limits::DUE_SHARDS;
use lead_export_core::ports::{
    Charge, Charged, Created, Due, ExportStore, HistoryPage, HistoryQuery, Remembered, RequestKey,
    StoreError, StoreErrorKind, VolumeKey, Written,
};
use lead_export_core::record::{Export, ExportId};
use lead_export_core::time::Instant;
use uuid::Uuid;

use crate::error::store_error;
use crate::item::export::{due_of, export_item, export_key, export_of, remembered_of, request_key};
use crate::item::volume::{delivery_key, volume_key};
use crate::item::{BadItem, Item, instant, names, number};

mod history;
mod transact;
mod volume;

const STORE: &str = "exports";

/// The exports' table.
#[derive(Debug, Clone)]
pub struct DynamoExports {
    client: Client,
    table: String,
}

impl DynamoExports {
    /// The exports in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads an item consistently.
    async fn item(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        Ok(answer.item)
    }

    /// What a write met that lost: the item as the store saw it, else as it is now.
    async fn lost(&self, export: &Export, seen: Option<Item>) -> Result<Written, StoreError> {
        let now = match seen {
            Some(item) => Some(export_of(item).map_err(corrupt)?),
            None => self.get(&export.org, export.id()).await?,
        };
        Ok(Written::Lost(now.map(Box::new)))
    }

    async fn due_in(&self, shard: u8, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let left = limit.saturating_sub(due.len());
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(names::DUE)
                .key_condition_expression("#shard = :shard AND #due_at <= :now")
                .expression_attribute_names("#shard", names::DUE_SHARD)
                .expression_attribute_names("#due_at", names::DUE_AT)
                .expression_attribute_values(":shard", number(shard))
                .expression_attribute_values(":now", instant(now))
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                // One item that makes no sense must not hide all the others from the sweeper.
                match due_of(item) {
                    Ok(seen) => due.push(seen),
                    Err(error) => {
                        tracing::error!(cause = %error, "a due export makes no sense and is passed over");
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() || due.len() >= limit {
                return Ok(due);
            }
        }
    }
}

fn corrupt(bad: BadItem) -> StoreError {
    bad.of(STORE)
}

/// `IF version = :seen`: the version before the export's. None for a first state, which no write of a next one has.
fn seen_version(export: &Export) -> AttributeValue {
    number(export.version.saturating_sub(1))
}

const IF_SEEN: &str = "#version = :seen";

#[async_trait]
impl ExportStore for DynamoExports {
    async fn remembered(
        &self,
        key: &RequestKey,
        now: Instant,
    ) -> Result<Option<Remembered>, StoreError> {
        let item = self.item(request_key(key)).await?;
        let row = item.map(remembered_of).transpose().map_err(corrupt)?;
        // D-7: DynamoDB deletes it some day.
        Ok(row.filter(|row| row.until > now))
    }

    async fn create(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError> {
        self.create_once(export, request, max_active).await
    }

    async fn get(&self, org: &OrgId, id: ExportId) -> Result<Option<Export>, StoreError> {
        let item = self.item(export_key(org, id)).await?;
        item.map(export_of).transpose().map_err(corrupt)
    }

    async fn replace(&self, export: &Export) -> Result<Written, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(export_item(export).map_err(corrupt)?))
            .condition_expression(IF_SEEN)
            .expression_attribute_names("#version", names::VERSION)
            .expression_attribute_values(":seen", seen_version(export))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else {
            return Ok(Written::Done);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let seen = failed.item().cloned();
                self.lost(export, seen).await
            }
            _ => Err(store_error(STORE, error)),
        }
    }

    async fn end(&self, export: &Export) -> Result<Written, StoreError> {
        self.end_once(export).await
    }

    async fn add(&self, export: &Export) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(export_item(export).map_err(corrupt)?))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", names::PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else {
            return Ok(());
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let seen = failed.item().cloned();
                // it may be this very call, sent twice because its answer was lost.
                if self.lost(export, seen).await?.is_mine(export) {
                    Ok(())
                } else {
                    Err(StoreError::new(StoreErrorKind::Conflict, STORE))
                }
            }
            _ => Err(store_error(STORE, error)),
        }
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.history_page(query).await
    }

    async fn due(&self, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let shards = (0..DUE_SHARDS).map(|shard| self.due_in(shard, now, limit));
        let mut due: Vec<Due> = try_join_all(shards).await?.into_iter().flatten().collect();
        due.sort_by_key(|due| (due.due_at, due.id));
        due.truncate(limit);
        Ok(due)
    }

    async fn postpone(&self, due: &Due, until: Instant) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(export_key(&due.org, due.id)))
            .update_expression("SET #due_at = :until")
            .condition_expression("#due_at = :seen")
            .expression_attribute_names("#due_at", names::DUE_AT)
            .expression_attribute_values(":until", instant(until))
            .expression_attribute_values(":seen", instant(due.due_at));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(store_error(STORE, error)),
        }
    }

    async fn volume(&self, key: &VolumeKey, but: Option<Uuid>) -> Result<u64, StoreError> {
        // In this order: a delivery that is charged in between is left out of a sum that it is not in.
        let all = self.leads_at(volume_key(key)).await?;
        let left_out = match but {
            Some(id) => self.leads_at(delivery_key(key, id)).await?,
            None => 0,
        };
        Ok(all.saturating_sub(left_out))
    }

    async fn charge(&self, charge: &Charge, most: u64) -> Result<Charged, StoreError> {
        self.charge_once(charge, most).await
    }
}
