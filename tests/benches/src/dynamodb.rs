//! A DynamoDB whose leads are canned: Queries of them are answered from templates, everything else goes to a real emulator behind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::leads::{self, SHARDS, Template};
use crate::serve::{Answer, Asked, answer, pass_on};
use crate::world::Options;

/// The name of the leads' table.
pub const TABLE: &str = "canned-leads";

/// What a shard does badly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The shard.
    pub shard: u64,
    /// How long each of its answers takes.
    pub delay: Duration,
    /// Of so many of its Queries one is answered; the others are throttled. 0 and 1: all are answered.
    pub one_in: u64,
}

/// The canned table.
pub struct Canned {
    leads: u64,
    page: u64,
    trouble: Option<Trouble>,
    behind: SocketAddr,
    templates: Mutex<HashMap<String, Arc<Vec<Template>>>>,
    asked: AtomicU64,
    throttled: AtomicU64,
    /// Queries of the shard that is in trouble.
    troubled: AtomicU64,
    bytes: AtomicU64,
    units: Mutex<f64>,
}

/// What was asked of the table so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// Queries answered.
    pub pages: u64,
    /// Queries refused for their number.
    pub throttled: u64,
    /// Read units that the answered ones used.
    pub units: f64,
}

impl Canned {
    /// A table in front of the emulator at `behind`.
    pub fn new(options: Options, behind: SocketAddr) -> Self {
        Self {
            leads: options.leads.min(leads::MOST),
            page: options.page,
            trouble: options.trouble,
            behind,
            templates: Mutex::default(),
            asked: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            troubled: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            units: Mutex::default(),
        }
    }

    /// What was asked so far.
    pub fn count(&self) -> Count {
        Count {
            pages: self.asked.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            units: *self.units.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Bytes of all pages so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Answers a call.
    pub async fn handle(self: Arc<Self>, asked: Asked) -> Answer {
        let query = asked
            .header("x-amz-target")
            .ends_with(".Query")
            .then(|| serde_json::from_slice::<Value>(&asked.body).ok())
            .flatten()
            .filter(|query| query["TableName"] == TABLE && query["IndexName"].is_null());
        let Some(query) = query else {
            return match pass_on(self.behind, asked).await {
                Ok(answer) => answer,
                Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            };
        };
        let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
        let partition = text(&query["ExpressionAttributeValues"][":p"]);
        let shard = partition
            .rsplit('#')
            .next()
            .and_then(|shard| shard.parse().ok());
        let Some(shard) = shard.filter(|shard| *shard < SHARDS) else {
            return answer(StatusCode::BAD_REQUEST, "no such shard");
        };
        if let Some(trouble) = self.trouble.filter(|trouble| trouble.shard == shard) {
            tokio::time::sleep(trouble.delay).await;
            let number = self.troubled.fetch_add(1, Ordering::Relaxed) + 1;
            if trouble.one_in > 1 && !number.is_multiple_of(trouble.one_in) {
                self.throttled.fetch_add(1, Ordering::Relaxed);
                let refusal = json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                    "message": "The level of configured provisioned throughput for the table was exceeded.",
                });
                return typed(answer(StatusCode::BAD_REQUEST, refusal.to_string()));
            }
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.page(&query, shard)
    }

    fn page(&self, query: &Value, shard: u64) -> Answer {
        let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
        let values = &query["ExpressionAttributeValues"];
        let descending = query["ScanIndexForward"] == Value::Bool(false);
        let start = query["ExclusiveStartKey"].get("SK").map(text);
        // The places of this shard within the bounds: from the first to behind the last.
        let mut from = leads::first_from(&text(&values[":a"]), self.leads);
        let mut to = leads::first_from(&format!("{}\0", text(&values[":b"])), self.leads);
        if let Some(start) = start {
            if descending {
                to = to.min(leads::first_from(&start, self.leads));
            } else {
                from = from.max(leads::first_from(&format!("{start}\0"), self.leads));
            }
        }
        let first = from + (shard + SHARDS - from % SHARDS) % SHARDS;
        let within = to.saturating_sub(first).div_ceil(SHARDS);
        let count = within.min(query["Limit"].as_u64().unwrap_or(self.page).min(self.page));
        let place = |index: u64| {
            let index = if descending {
                within - 1 - index
            } else {
                index
            };
            first + index * SHARDS
        };
        let templates = self.templates(query);
        let consistent = query["ConsistentRead"] == Value::Bool(true);
        // Items of 0.9 KB: 4 KB a unit, half of it if eventually consistent.
        let units = u32::try_from((count * 9).div_ceil(40).max(1)).unwrap_or(u32::MAX);
        let units = f64::from(units) * if consistent { 1.0 } else { 0.5 };
        *self.units.lock().unwrap_or_else(PoisonError::into_inner) += units;
        let mut body = Vec::with_capacity(1 << 20);
        body.extend_from_slice(
            format!("{{\"ConsumedCapacity\":{{\"CapacityUnits\":{units:.1},\"TableName\":\"{TABLE}\"}},\"Count\":{count},\"Items\":[").as_bytes(),
        );
        for index in 0..count {
            if index > 0 {
                body.push(b',');
            }
            let place = place(index);
            let template =
                &templates[usize::try_from(place / SHARDS % leads::TEMPLATES).unwrap_or(0)];
            template.append(place, &leads::key(place), &mut body);
        }
        body.push(b']');
        // As DynamoDB does: a full page has a key even if nothing is behind it.
        if count > 0 && (count < within || count == self.page) {
            let last = json!({"PK": values[":p"], "SK": {"S": leads::key(place(count - 1))}});
            body.extend_from_slice(format!(",\"LastEvaluatedKey\":{last}").as_bytes());
        }
        body.extend_from_slice(format!(",\"ScannedCount\":{count}}}").as_bytes());
        self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        let crc = crc32fast::hash(&body);
        let mut answer = typed(answer(StatusCode::OK, body));
        answer
            .headers_mut()
            .insert("x-amz-crc32", HeaderValue::from(crc));
        answer
    }

    /// The templates of the attributes that a Query's projection names.
    fn templates(&self, query: &Value) -> Arc<Vec<Template>> {
        let projection = query["ProjectionExpression"].as_str();
        let wanted: Option<Vec<String>> = projection.map(|projection| {
            let name = |placeholder: &str| {
                let name = query["ExpressionAttributeNames"][placeholder].as_str();
                name.unwrap_or(placeholder).to_owned()
            };
            projection
                .split(',')
                .map(|part| name(part.trim()))
                .collect()
        });
        let key = wanted
            .as_ref()
            .map_or(String::new(), |names| names.join(","));
        let mut known = self
            .templates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let made = known
            .entry(key)
            .or_insert_with(|| Arc::new(leads::templates(wanted.as_deref())));
        Arc::clone(made)
    }
}

fn typed(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    answer
}
