//! Reads leads from their table: a Query whose answer is taken as the bytes that came.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::result::SdkError;
use lead_export_core::lead::LeadKey;
use lead_export_core::page::Slots;
use lead_export_core::ports::{LeadPage, LeadSource, PageQuery, StoreError, StoreErrorKind};

use crate::error::store_error;
use crate::page::BadPage;

mod hook;
mod index;
mod owned;
mod pace;
#[cfg(any(test, feature = "oracle"))]
mod plain;
mod pushed;
mod sample;
#[cfg(test)]
mod tests;

pub use index::DynamoLeadIndex;
#[cfg(feature = "oracle")]
pub(crate) use owned::{push_item, sort_key};
#[cfg(any(test, feature = "oracle"))]
pub use plain::PlainLeads;

pub use pace::PacedLeads;

pub(crate) const STORE: &str = "leads";

/// Attributes asked for at most for the Query to name them.
///
/// A projection does not change what a read costs ("Read capacity units are consumed based on item size, not on the amount of
/// data returned": Query API), but bytes that are not sent need not be received and passed over. With more attributes than this
/// most of an item would come anyway, and the store would be given the work of picking.
const PROJECTED_AT_MOST: usize = 16;

/// The leads' table.
#[derive(Debug, Clone)]
pub struct DynamoLeads {
    client: Client,
    table: String,
    consistent: bool,
}

impl DynamoLeads {
    /// The leads in `table`; with `consistent`, reads are strongly consistent, at twice the price.
    pub fn new(client: Client, table: String, consistent: bool) -> Self {
        Self {
            client,
            table,
            consistent,
        }
    }
}

impl DynamoLeads {
    /// Reads one page, and tells the read units that it used, if the table said so.
    async fn read(&self, query: &PageQuery) -> Result<(LeadPage, Option<f64>), StoreError> {
        let Some(start) = Start::of(query) else {
            return Ok((LeadPage::default(), None));
        };
        let call = call(&self.client, &self.table, self.consistent, query, start);
        let hook = hook::Hook::new(query.slots.clone());
        let answer = hook.answer();
        call.customize()
            .interceptor(hook)
            .send()
            .await
            .map_err(failed)?;
        let decoded = answer
            .take()
            .ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, STORE))?;
        let read_bytes = match decoded.consumed {
            Some(units) => bytes_of(units, self.consistent),
            None => decoded.page.weight() as u64,
        };
        let page = LeadPage {
            page: decoded.page,
            next: decoded.next,
            scanned: decoded.scanned,
            read_bytes,
        };
        Ok((page, decoded.consumed))
    }
}

#[async_trait]
impl LeadSource for DynamoLeads {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        self.read(query).await.map(|(page, _)| page)
    }
}

/// What was read for these read units: one reads 4 KiB strongly consistently, or twice as much if not ("Read/write capacity mode").
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a page is 1 MiB at most; what a store says beyond, or below nothing, saturates"
)]
fn bytes_of(units: f64, consistent: bool) -> u64 {
    let unit = if consistent { 4096.0 } else { 8192.0 };
    (units * unit) as u64
}

/// An answer that came as it was sent and is no page holds no leads; one that was damaged on its way may come whole next time.
fn failed<E>(error: SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>) -> StoreError
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata
        + std::error::Error
        + Send
        + Sync
        + 'static,
{
    let mut failure = store_error(STORE, error);
    let mut cause = std::error::Error::source(&failure);
    while let Some(error) = cause {
        if error.is::<BadPage>() {
            failure.kind = StoreErrorKind::Corrupt;
            break;
        }
        cause = error.source();
    }
    failure
}

/// Where in its bounds a query begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start<'a> {
    /// At the first bound.
    Bound,
    /// Behind a key within the bounds.
    After(&'a LeadKey),
}

impl<'a> Start<'a> {
    /// None if no key is left to read.
    ///
    /// An exclusive start key outside the condition's bounds would be refused (D-5), so a key before them is left out.
    fn of(query: &'a PageQuery) -> Option<Self> {
        if query.from > query.to {
            return None;
        }
        let Some(after) = &query.after else {
            return Some(Self::Bound);
        };
        let (before, done) = if query.descending {
            (after > &query.to, after <= &query.from)
        } else {
            (after < &query.from, after >= &query.to)
        };
        match (before, done) {
            (_, true) => None,
            (true, _) => Some(Self::Bound),
            _ => Some(Self::After(after)),
        }
    }
}

fn call(
    client: &Client,
    table: &str,
    consistent: bool,
    query: &PageQuery,
    start: Start<'_>,
) -> QueryFluentBuilder {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let partition = text(&partition(query));
    let call = client
        .query()
        .table_name(table)
        .key_condition_expression("#p = :p AND #s BETWEEN :a AND :b")
        .expression_attribute_names("#p", "PK")
        .expression_attribute_names("#s", "SK")
        .expression_attribute_values(":p", partition.clone())
        .expression_attribute_values(":a", text(query.from.as_str()))
        .expression_attribute_values(":b", text(query.to.as_str()))
        .consistent_read(consistent)
        .scan_index_forward(!query.descending)
        .set_limit(query.most.and_then(|most| i32::try_from(most).ok()))
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let call = match start {
        Start::Bound => call,
        Start::After(after) => call.set_exclusive_start_key(Some(HashMap::from([
            ("PK".to_owned(), partition),
            ("SK".to_owned(), text(after.as_str())),
        ]))),
    };
    pushed::filtered(projected(call, &query.slots), &query.pushed)
}

/// The text of the partition key: `{org}#{source}#{shard}`.
fn partition(query: &PageQuery) -> String {
    format!("{}#{}#{}", query.org, query.source, query.shard)
}

/// Names the attributes wanted, if they are few. All are placeholders: names may be reserved words.
fn projected(mut call: QueryFluentBuilder, slots: &Slots) -> QueryFluentBuilder {
    let Some((expression, names)) = projection("#s", slots) else {
        return call;
    };
    for (placeholder, name) in names {
        call = call.expression_attribute_names(placeholder, name);
    }
    call.projection_expression(expression)
}

/// A projection of `keys` and the attributes wanted, and the names of its placeholders; none if there are too many.
fn projection<'a>(keys: &str, slots: &'a Slots) -> Option<(String, Vec<(String, &'a str)>)> {
    let names = &slots.names()[1..];
    if names.len() > PROJECTED_AT_MOST {
        return None;
    }
    let mut expression = keys.to_owned();
    let mut placeholders = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let placeholder = format!("#a{index}");
        expression.push(',');
        expression.push_str(&placeholder);
        placeholders.push((placeholder, name.as_str()));
    }
    Some((expression, placeholders))
}
