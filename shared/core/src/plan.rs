//! The frozen plan of an export: what the caller asked for, resolved against the source as it was at that moment.

use serde::{Deserialize, Serialize};

use crate::fields::Column;
use crate::filter::Filter;
use crate::format::Format;
use crate::lead::SourceId;
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
    /// The columns.
    pub columns: Vec<Column>,
    /// The order of rows.
    pub order: Order,
    /// Rows at most.
    pub limit: Option<u64>,
    /// How the file is written.
    pub format: Format,
}
