//! The sink that counts: rows are encoded, measured and forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::select;

use super::allowance::Allowance;
use super::cells::cells;
use crate::csv::RowFacts;
use crate::export::{Decided, Flow, Selection, Sink, SinkError, breathe};
use crate::gzip::Members;
use crate::limits;
use crate::ports::Clock;
use crate::record::Warning;
use crate::time::Instant;

/// Bytes of the file at which they are counted and let go.
const LET_GO: usize = 64 << 10;

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// Leads looked at.
    pub(super) read: u64,
    /// Those that matched.
    pub(super) rows: u64,
    /// The size of a file of these rows.
    pub(super) size_bytes: u64,
    /// The part of it that stands before the first row.
    header_bytes: u64,
    /// The cells of the first rows.
    pub(super) first: Vec<Vec<String>>,
    pub(super) warnings: Vec<Warning>,
}

impl Counted {
    /// Rows and size if the leads that were not read are as those that were, and there are `there` in all. Before any was read,
    /// each is taken to match: too many is the safer promise.
    pub(super) fn extended_to(&self, there: u64, limit: Option<u64>) -> (u64, u64) {
        let most = limit.unwrap_or(u64::MAX);
        let unread = there.saturating_sub(self.read);
        let more = match self.read {
            0 => unread,
            read => scaled(unread, self.rows, read),
        };
        let rows = self.rows.saturating_add(more).min(most);
        let body = self.size_bytes.saturating_sub(self.header_bytes);
        let body = match self.rows {
            0 => 0,
            counted => scaled(body, rows, counted),
        };
        (rows, self.header_bytes.saturating_add(body))
    }
}

/// `value × by ÷ of`, rounded.
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    let (value, by, of) = (u128::from(value), u128::from(by), u128::from(of.max(1)));
    u64::try_from((value * by + of / 2) / of).unwrap_or(u64::MAX)
}

/// Counts until the allowance is spent or it is time to answer.
pub(super) struct Counting {
    clock: Arc<dyn Clock>,
    stop_at: Instant,
    allowance: Arc<Allowance>,
    file: Members,
    let_go: u64,
    delimiter: u8,
    counted: Counted,
}

impl Counting {
    pub(super) fn new(
        selection: &Selection,
        member_bytes: Option<usize>,
        clock: Arc<dyn Clock>,
        stop_at: Instant,
        allowance: Arc<Allowance>,
    ) -> Self {
        let header = selection.header();
        Self {
            clock,
            stop_at,
            allowance,
            counted: Counted {
                read: 0,
                rows: 0,
                size_bytes: 0,
                header_bytes: header.len() as u64,
                first: Vec::new(),
                warnings: Vec::new(),
            },
            file: Members::beginning(member_bytes, header),
            let_go: 0,
            delimiter: selection.encoder.delimiter(),
        }
    }

    pub(super) fn counted(self) -> Counted {
        let rest = self.file.into_end(self.let_go == 0);
        Counted {
            size_bytes: self.let_go + rest.len() as u64,
            ..self.counted
        }
    }
}

#[async_trait]
impl Sink for Counting {
    fn row(&mut self, row: &[u8], facts: RowFacts) {
        if self.counted.first.len() < limits::PREVIEW_ROWS {
            self.counted.first.push(cells(row, self.delimiter));
        }
        self.file.row(|file| file.extend_from_slice(row));
        self.counted.rows += 1;
        if facts.excel_cell && !self.counted.warnings.contains(&Warning::ExcelCell) {
            self.counted.warnings.push(Warning::ExcelCell);
        }
        if self.file.holds(LET_GO) {
            self.let_go += self.file.cut(Vec::with_capacity(LET_GO)).len() as u64;
        }
    }

    fn has_room(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: Decided) -> Flow {
        self.counted.read += decided.read;
        if self.clock.now() >= self.stop_at {
            Flow::Stop
        } else {
            Flow::Go
        }
    }

    async fn work(&mut self) -> Result<Flow, SinkError> {
        let wait = self.stop_at.since(self.clock.now());
        let spent = std::pin::pin!(self.allowance.spent());
        select(spent, self.clock.sleep(wait)).await;
        // What has been read is released first: it may hold the last row that a limit takes.
        breathe().await;
        Ok(Flow::Stop)
    }
}
