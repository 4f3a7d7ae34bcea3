//! Why a row of an imported file is not taken.

use lead_export_core::input::shown;

/// Why a row is not taken; its text is the sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// Too many cells or too few.
    #[error("ragged: it has {cells} cells, the first row has {columns}")]
    Ragged {
        /// Cells of the row.
        cells: usize,
        /// Cells of the first row.
        columns: usize,
    },
    /// A cell is not UTF-8.
    #[error("bad UTF-8 in {}", shown(.0))]
    NotUtf8(String),
    /// No cell is filled.
    #[error("empty: no cell is filled")]
    Empty,
    /// The mapped id is empty.
    #[error("the lead id is empty")]
    EmptyId,
    /// The mapped id is too long.
    #[error("the lead id is longer than 128 characters")]
    LongId,
    /// An earlier row has the same id.
    #[error("the lead id {} is repeated: line {line} has it already", shown(.id))]
    RepeatedId {
        /// The id.
        id: String,
        /// Where the first row of this id begins.
        line: u64,
    },
    /// The same, where the earlier one is in another file.
    #[error("the lead id {} is repeated: {file} line {line} has it already", shown(.id))]
    RepeatedElsewhere {
        /// The id.
        id: String,
        /// The file.
        file: String,
        /// Where the first item of this id is.
        line: u64,
    },
    /// The mapped id is neither a text nor a number.
    #[error("{} is no lead id: neither a text nor a number", shown(.0))]
    NotAnId(String),
    /// A line of a DynamoDB export that cannot be read.
    #[error("no DynamoDB item: {0}")]
    NotAnItem(String),
    /// A line of an incremental export about an item that is gone.
    #[error("the item was deleted")]
    Deleted,
    /// A list or a map where one value belongs.
    #[error("several values in {}, which holds one", shown(.0))]
    Several(String),
    /// A moment that cannot be read.
    #[error("bad date in {}: {} is none of 2026-11-22T02:43:00Z, 2026-11-22 and 2026-11-22 02:43:00", shown(.header), shown(.cell))]
    BadInstant {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
    },
    /// The lead came to be after the import began.
    #[error("future date in {}: {}", shown(.header), shown(.cell))]
    Future {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
    },
    /// A day that cannot be read.
    #[error("bad date in {}: {} is no day such as 2026-11-22", shown(.header), shown(.cell))]
    BadDay {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
    },
    /// A number that cannot be read or kept.
    #[error("bad number in {}: {} {reason}", shown(.header), shown(.cell))]
    BadNumber {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither yes nor no.
    #[error("bad boolean in {}: {} is neither true nor false", shown(.header), shown(.cell))]
    BadBoolean {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
    },
    /// Not among a dropdown's options.
    #[error("{}: {} is none of its options", shown(.header), shown(.cell))]
    NotAnOption {
        /// The column.
        header: String,
        /// The cell.
        cell: String,
    },
    /// DynamoDB does not hold items of this size.
    #[error("too large: a lead has at most 400 KB")]
    TooLarge,
}
