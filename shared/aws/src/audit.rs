//! Audit rows over DynamoDB.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use lead_export_core::lead::OrgId;
use lead_export_core::ports::{AuditStore, Download, StoreError};
use lead_export_core::record::ExportId;

use crate::error::store_error;
use crate::item::audit::{download_item, download_of, partition};
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
    async fn record(&self, download: &Download) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(download_item(download).map_err(|bad| bad.of(STORE))?))
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
}
