//! A source's history: an index in the order of the requests, filtered here.

use lead_export_core::ports::{HistoryPage, HistoryQuery, StoreError};
use lead_export_core::record::{ExportId, Head};
use lead_export_core::time::Instant;

use super::{DynamoExports, STORE, corrupt};
use crate::error::store_error;
use crate::item::export::{head_of, history_partition, history_place};
use crate::item::{names, text};

/// Queries for one page of a history at most: of a filter that meets next to nothing the page is short, and says where to go on.
const QUERIES: usize = 5;
/// Entries that one query of a filtered history looks at: some 100 KiB, 13 read units.
const FILTERED: usize = 100;

impl DynamoExports {
    pub(super) async fn history_page(
        &self,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, StoreError> {
        let mut page = HistoryPage::default();
        let Some((least, most)) = bounds(query) else {
            return Ok(page);
        };
        let is_filtered = !query.status.is_empty() || query.requested_by.is_some();
        // One more than asked tells whether there are more; the place gone on from may come along.
        let at_once = if is_filtered {
            FILTERED
        } else {
            query.limit.saturating_add(2)
        };
        let mut seen: Option<(Instant, ExportId)> = query.after;
        let mut start = None;
        for _ in 0..QUERIES {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(names::HISTORY)
                .key_condition_expression("#partition = :partition AND #place BETWEEN :a AND :b")
                .expression_attribute_names("#partition", names::HISTORY_PK)
                .expression_attribute_names("#place", names::HISTORY_SK)
                .expression_attribute_values(
                    ":partition",
                    history_partition(&query.org, &query.source),
                )
                .expression_attribute_values(":a", text(least.clone()))
                .expression_attribute_values(":b", text(most.clone()))
                .scan_index_forward(false)
                .limit(i32::try_from(at_once).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for item in answer.items.unwrap_or_default() {
                let head = head_of(item).map_err(corrupt)?;
                let place = (head.requested_at, head.id);
                if Some(place) == query.after {
                    continue;
                }
                if is_wanted(query, &head) {
                    if page.exports.len() >= query.limit {
                        page.next = seen;
                        return Ok(page);
                    }
                    page.exports.push(head);
                }
                seen = Some(place);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(page);
            }
        }
        page.next = seen;
        Ok(page)
    }
}

/// The least and the greatest place wanted, both included; none if nothing lies between: DynamoDB refuses such bounds.
fn bounds(query: &HistoryQuery) -> Option<(String, String)> {
    let least = format!("{}#", query.from.unwrap_or(Instant::MIN));
    // Ids are of 0–9, a–f and '-', all of which stand before '~'.
    let to = format!("{}#~", query.to.unwrap_or(Instant::MAX));
    let most = match query.after {
        Some((requested_at, id)) => to.min(history_place(requested_at, id)),
        None => to,
    };
    (least <= most).then_some((least, most))
}

fn is_wanted(query: &HistoryQuery, head: &Head) -> bool {
    (query.status.is_empty() || query.status.contains(&head.status))
        && (query.requested_by.as_ref()).is_none_or(|user| head.requested_by.id == *user)
}
