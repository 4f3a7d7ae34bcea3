//! The file: rows of leads become bytes of CSV (contract §4).
//!
//! An [`Encoder`] is frozen when an export is asked for; from then on the bytes depend on the rows alone: it keeps nothing from one
//! row to the next but buffers, so a file can be cut and resumed at any row end. Each value is copied once, from the page into the
//! output; nothing is allocated per cell or row.
//!
//! What the contract leaves open, decided here:
//! - A list's cell is its filled items, joined: null and empty items are left out, so that a cell is empty exactly when a filter's
//!   `lacks` says so.
//! - What a cell is, is decided by its field's kind. A value that does not fit its kind is written by its own shape and treated as
//!   text. A stored number is a number in any field; a text in a number field is one too if it is well formed.
//! - A text in a custom date that is an instant gives the day as it was written: a day has no zone, and midnight must not
//!   become the day before.
//! - Instants have three decimals, as everywhere in the API; stored in another form or offset, they are brought into this one.
//! - A cell for Excel is `="…"` rather than guarded where both rules reach it: the quoted text can call nothing. Headers are only guarded.
//!
//! The csv crate's writer is not used: it does not quote a cell for a space at its start or end, and would need each guarded cell
//! put together before it looks at it. The tests read everything back with its reader.

mod cells;
mod dialect;
mod excel;
mod guard;
mod instants;
mod quote;
#[cfg(test)]
mod tests;

pub use guard::unguard;

use self::cells::Cells;
use self::dialect::Dialect;
use self::instants::Instants;
use crate::fields::{self, Column, FieldReader, Kind};
use crate::format::{Format, Header};
use crate::lead::SourceId;
use crate::page::{Row, Slots};

/// A zone that the IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no time zone of the IANA database, such as Europe/Berlin or UTC")]
pub struct UnknownZone(pub String);

/// What an encoded row brought to light, for the export's warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowFacts {
    /// A cell has more characters than Excel's cells hold ([`crate::limits::EXCEL_CELL_CHARS`]).
    pub excel_cell: bool,
}

/// Writes rows of leads as CSV, in one format and with the same columns.
#[derive(Debug, Clone)]
pub struct Encoder {
    columns: Vec<(FieldReader, Kind)>,
    /// The first row's cells, if there is a first row.
    headers: Option<Vec<Box<str>>>,
    dialect: Dialect,
    instants: Instants,
    /// Room for values that a reader has to make.
    made: Vec<u8>,
    /// Room for the text of a list.
    joined: Vec<u8>,
}

impl Encoder {
    /// An encoder of `columns` in `format`, for rows of `source` whose pages were filled by `slots`.
    ///
    /// `slots` must hold all of [`attributes`]; one that is not there reads as the lead's key (see [`FieldReader::new`]).
    ///
    /// # Errors
    /// [`UnknownZone`] if `format` names a zone that there is not.
    pub fn new(
        columns: &[Column],
        format: &Format,
        slots: &Slots,
        source: &SourceId,
    ) -> Result<Self, UnknownZone> {
        let dialect = Dialect::of(format.profile);
        let headers = columns.iter().map(|column| column.header.as_str().into());
        Ok(Self {
            columns: columns
                .iter()
                .map(|column| (FieldReader::new(&column.key, slots, source), column.kind))
                .collect(),
            headers: (format.header != Header::None).then(|| headers.collect()),
            dialect,
            instants: Instants::new(&format.time_zone, dialect.excel)?,
            made: Vec::new(),
            joined: Vec::new(),
        })
    }

    /// Appends what stands before the first lead: the byte order mark of the `excel` profiles, and the header row if one was asked for.
    ///
    /// Header cells are guarded and quoted like any other: labels are the callers' text too (TM08).
    pub fn header(&self, out: &mut Vec<u8>) {
        if self.dialect.excel {
            out.extend_from_slice("\u{FEFF}".as_bytes());
        }
        let Some(headers) = &self.headers else {
            return;
        };
        for (index, header) in headers.iter().enumerate() {
            if index > 0 {
                out.push(self.dialect.delimiter);
            }
            let text = header.as_bytes();
            let guarded = self.dialect.guard && guard::is_needed(text, false);
            quote::append(out, text, guarded, self.dialect, headers.len() == 1, false);
        }
        out.extend_from_slice(ROW_END);
    }

    /// What stands between two cells.
    pub fn delimiter(&self) -> u8 {
        self.dialect.delimiter
    }

    /// Appends the row of one lead, its CRLF included.
    #[inline]
    pub fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> RowFacts {
        let only = self.columns.len() == 1;
        let delimiter = self.dialect.delimiter;
        let mut cells = Cells {
            dialect: self.dialect,
            only,
            instants: &mut self.instants,
            joined: &mut self.joined,
            facts: RowFacts::default(),
        };
        for (index, (reader, kind)) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(delimiter);
            }
            let (cell, plain) = reader.marked(row, &mut self.made);
            cells.append(cell, *kind, plain, out);
        }
        out.extend_from_slice(ROW_END);
        cells.facts
    }
}

/// RFC 4180 §2.1.
const ROW_END: &[u8] = b"\r\n";

/// The attributes that a page must hold for these columns; one may come more than once.
pub fn attributes(columns: &[Column]) -> impl Iterator<Item = &str> {
    columns
        .iter()
        .flat_map(|column| fields::attributes_of(&column.key))
}

/// Reads back a cell's text as an encoder of any profile but `raw` wrote it, in a column of `kind` ([`Kind::Text`] if not known).
///
/// Takes `="…"` off where an `excel` profile puts it, else one `'` as [`unguard`] does. `cell` is what a CSV parser gives, its quotes
/// resolved. Decimal commas and Excel's instants are left: only the reader of the number or instant knows the profile.
pub fn read_back(cell: &str, kind: Kind) -> &str {
    excel::unwrapped(cell).unwrap_or_else(|| unguard(cell, kind))
}
