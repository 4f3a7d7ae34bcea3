//! Counts the sample: its index holds keys alone, so a megabyte of it stands for some ten million leads.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use lead_export_core::lead::{LeadKey, OrgId, SourceId};
use lead_export_core::ports::{LeadSample, StoreError};

use super::{DynamoLeads, failed};
use crate::item::names;

#[async_trait]
impl LeadSample for DynamoLeads {
    async fn sampled(
        &self,
        org: &OrgId,
        source: &SourceId,
        from: &LeadKey,
        to: &LeadKey,
    ) -> Result<u64, StoreError> {
        // BETWEEN refuses bounds that cross.
        if from > to {
            return Ok(0);
        }
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut count = 0;
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(names::SAMPLE)
                .select(Select::Count)
                .key_condition_expression("#p = :p AND #s BETWEEN :a AND :b")
                .expression_attribute_names("#p", names::SAMPLE_PK)
                .expression_attribute_names("#s", names::SK)
                .expression_attribute_values(":p", text(&format!("{org}#{source}")))
                .expression_attribute_values(":a", text(from.as_str()))
                .expression_attribute_values(":b", text(to.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(failed)?;
            count += u64::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }
}
