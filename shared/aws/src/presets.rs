//! Presets over DynamoDB.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::ports::{PresetStore, StoreError};
use lead_export_core::presets::{Preset, PresetHead, PresetName};

use crate::error::store_error;
use crate::item::preset::{head_of, partition, preset_item, preset_key, preset_of, presets_of};
use crate::item::{BadItem, names, text};

const STORE: &str = "presets";

/// The presets in the sources' table.
#[derive(Debug, Clone)]
pub struct DynamoPresets {
    client: Client,
    table: String,
}

fn corrupt(bad: BadItem) -> StoreError {
    bad.of(STORE)
}

impl DynamoPresets {
    /// The presets in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl PresetStore for DynamoPresets {
    async fn get(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<Option<Preset>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(preset_key(org, source, name)));
        let answer = get.consistent_read(true).send().await;
        let answer = answer.map_err(|error| store_error(STORE, error))?;
        let preset = answer.item.map(|item| preset_of(org, source, item));
        preset.transpose().map_err(corrupt)
    }

    async fn list(&self, org: &OrgId, source: &SourceId) -> Result<Vec<PresetHead>, StoreError> {
        let mut heads = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .projection_expression("#sk, #by, #at")
                .expression_attribute_names("#pk", names::PK)
                .expression_attribute_names("#sk", names::SK)
                .expression_attribute_names("#by", names::SAVED_BY)
                .expression_attribute_names("#at", names::SAVED_AT)
                .expression_attribute_values(":pk", text(partition(org)))
                .expression_attribute_values(":prefix", text(presets_of(source)))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                heads.push(head_of(item).map_err(corrupt)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(heads);
            }
        }
    }

    async fn put(&self, preset: &Preset, most: usize) -> Result<bool, StoreError> {
        let known = self.list(&preset.org, &preset.source).await?;
        let others = known.iter().filter(|head| head.name != preset.head.name);
        if others.count() >= most {
            return Ok(false);
        }
        let item = preset_item(preset).map_err(corrupt)?;
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map_err(|error| store_error(STORE, error))?;
        Ok(true)
    }

    async fn remove(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<bool, StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(preset_key(org, source, name)));
        let delete = delete.return_values(ReturnValue::AllOld).send().await;
        let delete = delete.map_err(|error| store_error(STORE, error))?;
        Ok(delete.attributes.is_some_and(|old| !old.is_empty()))
    }
}
