//! The frozen plan of an export: what the caller asked for, resolved against the source as it was at that moment.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fields::{Column, Source};
use crate::filter::Filter;
use crate::format::Format;
use crate::input::{Decimal, Json};
use crate::lead::SourceId;
use crate::pick::Pick;
use crate::time::Instant;

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Order {
    /// By creation, the oldest first; ties by id.
    #[default]
    #[serde(rename = "created_at")]
    Ascending,
    /// By creation, the newest first; ties by id, descending.
    #[serde(rename = "-created_at")]
    Descending,
}

/// What an export holds, frozen when it was asked for. Two runs of one plan over the same leads write the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The source.
    pub source: SourceId,
    /// Key-shards to read.
    pub shards: u16,
    /// No lead created later is in the file.
    pub requested_at: Instant,
    /// The filters as the caller wrote them, for the history.
    pub asked: serde_json::Value,
    /// The filters as they are applied.
    pub filter: Filter,
    /// The source's time zone at the request: that of the filters' days, unless they name one.
    #[serde(default)]
    pub zone: Option<String>,
    /// Which of the leads that match, or are named, are picked; all that match without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pick: Option<Pick>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The order of rows.
    pub order: Order,
    /// Rows at most.
    pub limit: Option<u64>,
    /// How the file is written.
    pub format: Format,
}

impl Plan {
    /// The body that asks for the same again, of `source` as it is now: filters as they were written, the columns by name, headers
    /// where the caller gave them.
    ///
    /// Days keep their meaning: if the source's zone is another by now, the one of the request is named.
    pub fn body(&self, source: &Source) -> Json {
        let mut filters = self.asked.clone();
        if let (Some(members), Some(zone)) = (filters.as_object_mut(), &self.zone)
            && !members.is_empty()
            && *zone != source.time_zone
        {
            let then = || Value::from(zone.as_str());
            members.entry("time_zone".to_owned()).or_insert_with(then);
        }
        let field = |column: &Column| {
            if column.given {
                json!({"key": column.key, "header": column.header})
            } else {
                json!(column.key)
            }
        };
        let fields: Value = self.columns.iter().map(field).collect();
        let mut members = vec![
            ("filters".to_owned(), written(&filters)),
            ("fields".to_owned(), written(&fields)),
            ("order".to_owned(), written(&json!(self.order))),
            ("format".to_owned(), written(&json!(self.format))),
        ];
        if let Some(limit) = self.limit {
            members.push(("limit".to_owned(), Json::Number(limit.to_string())));
        }
        Json::Object(members)
    }
}

/// A recorded value as it was written. Numbers that `f64` cannot hold are recorded as texts ([`Json::to_value`]); they stand only
/// where no text can: as the bounds of a range.
fn written(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(number.to_string()),
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(items) => Json::List(items.iter().map(written).collect()),
        Value::Object(members) => Json::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let is_bound = matches!(key.as_str(), "min" | "max" | "start" | "end");
                    let value = match value {
                        Value::String(text) if is_bound && Decimal::parse(text).is_ok() => {
                            Json::Number(text.clone())
                        }
                        other => written(other),
                    };
                    (key.clone(), value)
                })
                .collect(),
        ),
    }
}
