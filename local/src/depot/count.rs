//! Counting leads in a table.

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use lead_export_core::fields::Source;
use lead_export_core::limits;

/// Leads looked at for one answer: the running stack's tables would read a whole shard for each.
const PAGE: i32 = limits::PAGE_LEADS.cast_signed();

/// Counts the leads of one shard, up to `limit`.
pub(super) async fn shard(
    dynamodb: &Client,
    table: &str,
    source: &Source,
    shard: u16,
    limit: Option<i32>,
) -> anyhow::Result<u64> {
    let place = format!("{}#{}#{shard}", source.org, source.id);
    let mut start = None;
    let mut count = 0;
    loop {
        let answer = dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("PK = :place")
            .expression_attribute_values(":place", AttributeValue::S(place.clone()))
            .select(Select::Count)
            .limit(limit.unwrap_or(PAGE))
            .set_exclusive_start_key(start)
            .send()
            .await
            .context("the leads cannot be counted")?;
        count += u64::try_from(answer.count).unwrap_or(0);
        start = answer.last_evaluated_key;
        if start.is_none() || limit.is_some() {
            return Ok(count);
        }
    }
}
