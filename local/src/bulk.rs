//! Two local-only routes by which much comes into the tables at once, and is found again.
//!
//! `BatchWriteItem` takes 25 items a call; these take thousands, in one transaction of the database below. Nothing else about them
//! differs from DynamoDB: items replace those of the same key, and indexes follow.
//!
//! - `POST /local/leads?table=…`: items, in the form of `wire.rs`. All of a call are written or none. Answers `{"written": n}`.
//! - `POST /local/leads/find?table=…`: `{"index", "key", "values", "within"}`; answers the items, in that form, whose attribute `key`
//!   in `index` is one of `values` and whose `PK` begins with `within`.
//!
//! Both want the header `x-local-key` with the stack's secret key: a page in a browser may reach loopback, but does not know it.

pub(crate) mod wire;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::{AttributeValue, Database, DynoxideError, ImportOptions, Item};
use http::{HeaderMap, StatusCode};
use lead_export_aws::lead_writer::lead_item;
use lead_export_core::fields::Source;
use lead_export_core::lead::Lead;
use serde::{Deserialize, Serialize};

use self::wire::{Reader, Writer};

/// The header with the stack's secret key.
pub const KEY_HEADER: &str = "x-local-key";

/// A body at most: what a depot sends at once, and one more lead.
const BODY_BYTES: usize = 32 << 20;

/// The question of `/local/leads/find`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Find {
    /// The index.
    pub index: String,
    /// Its partition key.
    pub key: String,
    /// The values of that key that are sought.
    pub values: Vec<String>,
    /// What the items' own partition key, `PK`, begins with.
    pub within: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    table: String,
}

#[derive(Clone)]
struct Bulk {
    database: Database,
    key: Arc<str>,
}

/// The routes, over the database of the stack whose secret key this is.
pub fn router(database: Database, secret_key: &str) -> Router {
    Router::new()
        .route("/local/leads", post(write))
        .route("/local/leads/find", post(find))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(Bulk {
            database,
            key: secret_key.into(),
        })
}

/// Why a call is refused.
enum Refused {
    Key,
    Items(String),
    Store(String),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Key => (
                StatusCode::FORBIDDEN,
                format!("the header {KEY_HEADER} is not the stack's secret key"),
            ),
            Self::Items(message) => (StatusCode::BAD_REQUEST, message),
            Self::Store(message) => (StatusCode::INTERNAL_SERVER_ERROR, message),
        };
        (status, Json(serde_json::json!({ "message": message }))).into_response()
    }
}

impl From<DynoxideError> for Refused {
    fn from(error: DynoxideError) -> Self {
        match error {
            DynoxideError::ValidationException(_) | DynoxideError::ResourceNotFoundException(_) => {
                Self::Items(error.to_string())
            }
            _ => Self::Store(error.to_string()),
        }
    }
}

impl Bulk {
    fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let given = headers.get(KEY_HEADER).map(http::HeaderValue::as_bytes);
        let is_right = given.is_some_and(|given| {
            // Without an early end, so that its time tells nothing.
            let differing = given
                .iter()
                .zip(self.key.as_bytes())
                .fold(0, |all, (a, b)| all | (a ^ b));
            given.len() == self.key.len() && differing == 0
        });
        if is_right { Ok(()) } else { Err(Refused::Key) }
    }

    /// Runs what waits for the disk, on a thread that may.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || work(&database))
            .await
            .unwrap_or_else(|_| Err(Refused::Store("the database broke off".to_owned())))
    }
}

async fn write(
    State(bulk): State<Bulk>,
    Query(Table { table }): Query<Table>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    bulk.check(&headers)?;
    let written = bulk
        .run(move |database| {
            let items = items(&body)?;
            let result = database.import_items(&table, items, ImportOptions::default())?;
            Ok(result.items_imported)
        })
        .await?;
    Ok(Json(serde_json::json!({ "written": written })).into_response())
}

/// Puts leads into a table of this process's own database: all of them or none.
///
/// # Errors
/// The database fails.
pub(crate) fn put(
    database: &Database,
    table: &str,
    source: &Source,
    leads: &[Lead],
) -> anyhow::Result<()> {
    let mut sent = Writer::default();
    for lead in leads {
        sent.sent(&lead_item(&source.org, &source.id, source.shards, lead))?;
    }
    let mut reader = Reader::new(&sent.bytes);
    let mut items = Vec::with_capacity(leads.len());
    while let Some(item) = reader.stored()? {
        items.push(item);
    }
    database.import_items(table, items, ImportOptions::default())?;
    Ok(())
}

fn items(body: &[u8]) -> Result<Vec<Item>, Refused> {
    let mut reader = Reader::new(body);
    let mut items = Vec::new();
    loop {
        match reader.stored() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return Ok(items),
            Err(error) => {
                let index = items.len() + 1;
                return Err(Refused::Items(format!("item {index}: {error:#}")));
            }
        }
    }
}

async fn find(
    State(bulk): State<Bulk>,
    Query(Table { table }): Query<Table>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    bulk.check(&headers)?;
    let found = bulk
        .run(move |database| {
            let asked: Find =
                serde_json::from_slice(&body).map_err(|error| Refused::Items(error.to_string()))?;
            let mut found = Writer::default();
            for value in &asked.values {
                for item in items_of(database, &table, &asked, value)? {
                    found.stored(&item);
                }
            }
            Ok(found.bytes)
        })
        .await?;
    Ok(Body::from(found).into_response())
}

/// The whole items behind one value of the index's key.
fn items_of(
    database: &Database,
    table: &str,
    asked: &Find,
    value: &str,
) -> Result<Vec<Item>, Refused> {
    let mut start = None;
    let mut items = Vec::new();
    loop {
        let answer = database.query(QueryRequest {
            table_name: table.to_owned(),
            index_name: Some(asked.index.clone()),
            key_condition_expression: Some("#key = :value".to_owned()),
            expression_attribute_names: Some([("#key".to_owned(), asked.key.clone())].into()),
            expression_attribute_values: Some(
                [(":value".to_owned(), AttributeValue::S(value.to_owned()))].into(),
            ),
            scan_index_forward: true,
            exclusive_start_key: start,
            ..QueryRequest::default()
        })?;
        for keys in answer.items.unwrap_or_default() {
            let key: Item = keys
                .into_iter()
                .filter(|(name, _)| name == "PK" || name == "SK")
                .collect();
            let is_within = matches!(key.get("PK"), Some(AttributeValue::S(pk)) if pk.starts_with(&asked.within));
            if is_within {
                let item = database.get_item(GetItemRequest {
                    table_name: table.to_owned(),
                    key,
                    consistent_read: Some(true),
                    ..GetItemRequest::default()
                })?;
                items.extend(item.item);
            }
        }
        start = answer.last_evaluated_key;
        if start.is_none() {
            return Ok(items);
        }
    }
}

#[cfg(test)]
mod tests;
