//! Audit rows over DynamoDB.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::ports::{AuditStore, Download, GivenPage, GivenQuery, StoreError};
use lead_export_core::record::ExportId;

use crate::error::store_error;
use crate::item::audit::{
    download_item, download_of, given_of, partition, place, source_partition,
};
use crate::item::{names, text};

const STORE: &str = "audit";
/// Rows as the port shows them at most.
const ROWS: usize = 100;

/// The audit's table.
#[derive(Debug, Clone)]
pub struct DynamoAudit {
    client: Client,
    table: String,
}

impl DynamoAudit {
    /// The audit rows in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl AuditStore for DynamoAudit {
    async fn record(&self, source: &SourceId, download: &Download) -> Result<(), StoreError> {
        let item = download_item(source, download).map_err(|bad| bad.of(STORE))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", names::PK);
        match put.send().await {
            Ok(_) => Ok(()),
            // Its name is random: the row there is this one, written by an earlier copy of the call.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(store_error(STORE, error)),
        }
    }

    async fn downloads(&self, org: &OrgId, export: ExportId) -> Result<Vec<Download>, StoreError> {
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let left = ROWS.saturating_sub(rows.len());
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", names::PK)
                .expression_attribute_values(":pk", text(partition(org, export)))
                .consistent_read(true)
                .scan_index_forward(false)
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                rows.push(download_of(org, export, item).map_err(|bad| bad.of(STORE))?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() || rows.len() >= ROWS {
                rows.reverse();
                return Ok(rows);
            }
        }
    }
    async fn given(&self, query: &GivenQuery) -> Result<GivenPage, StoreError> {
        let mut page = GivenPage::default();
        let least = match query.after {
            Some((at, id)) => place(at, id).max(format!("{}#", query.from)),
            None => format!("{}#", query.from),
        };
        // Ids are of 0–9, a–f and '-', all of which stand before '~'.
        let most = format!("{}#~", query.to);
        if least > most {
            return Ok(page);
        }
        let mut start = None;
        loop {
            // One more than asked tells whether there are more; the row gone on from comes along.
            let left = query.limit.saturating_sub(page.downloads.len());
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(names::BY_SOURCE)
                .key_condition_expression("#partition = :partition AND #sk BETWEEN :a AND :b")
                .expression_attribute_names("#partition", names::SOURCE_PK)
                .expression_attribute_names("#sk", names::SK)
                .expression_attribute_values(
                    ":partition",
                    text(source_partition(&query.org, &query.source)),
                )
                .expression_attribute_values(":a", text(least.clone()))
                .expression_attribute_values(":b", text(most.clone()))
                .limit(i32::try_from(left.saturating_add(2)).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                let row = given_of(&query.org, item).map_err(|bad| bad.of(STORE))?;
                if query.after.is_some_and(|after| (row.at, row.id) <= after) {
                    continue;
                }
                if page.downloads.len() >= query.limit {
                    page.next = page.downloads.last().map(|row| (row.at, row.id));
                    return Ok(page);
                }
                page.downloads.push(row);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(page);
            }
        }
    }
}
