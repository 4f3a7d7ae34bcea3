//! What is imported, whichever form it has.

use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use lead_export_core::fields::Source;
use lead_export_core::lead::Lead;
use lead_export_core::time::Instant;

use super::Report;
use super::file::CsvFile;
use super::items::{GZIP, ItemRows, Items};
use super::mapping::{Guess, Mapping};
use super::rows::Rows;

/// Bytes at a file's start in which its form shows.
const LOOK_BYTES: u64 = 4096;

/// A file, or a folder of files.
pub(super) enum Input {
    /// A CSV file.
    Csv(CsvFile),
    /// Items of a DynamoDB table.
    Items(Items),
}

impl Input {
    /// Opens what is at `path`: items if it is a folder or begins with `{`, else a CSV file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() || begins_with_brace(path) {
            return Ok(Self::Items(Items::open(path)?));
        }
        Ok(Self::Csv(CsvFile::open(path)?))
    }

    /// The headers: cells of the first row, or names of attributes.
    pub(super) fn headers(&self) -> &[String] {
        match self {
            Self::Csv(file) => file.headers(),
            Self::Items(items) => items.names(),
        }
    }

    /// What values with types look like, by header; nothing of cells, which have none.
    pub(super) fn guesses(&self) -> &[Guess] {
        match self {
            Self::Csv(_) => &[],
            Self::Items(items) => items.guesses(),
        }
    }

    /// Counts the rows, and shows each to the mapping.
    pub(super) fn count(&self, mapping: &mut Mapping) -> anyhow::Result<u64> {
        match self {
            Self::Csv(file) => file.count(|row| mapping.look(row)),
            Self::Items(items) => items.count(&mut |item| mapping.look_at(items.names(), item)),
        }
    }

    /// The rows as leads, from the start; none is to be younger than `start`.
    pub(super) fn leads<'a>(
        &'a self,
        mapping: &'a Mapping,
        source: &Source,
        zone: TimeZone,
        start: Instant,
        total: u64,
    ) -> anyhow::Result<Leads<'a>> {
        Ok(match self {
            Self::Csv(file) => Leads::Csv(Rows::new(file, mapping, source, zone, start, total)?),
            Self::Items(items) => Leads::Items(ItemRows::new(items, mapping, source, zone, start)),
        })
    }
}

/// Whether the file, unzipped if need be, begins with `{`. A pipe is not looked into: what is read of it is gone.
fn begins_with_brace(path: &Path) -> bool {
    let read = || -> std::io::Result<bool> {
        let file = std::fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Ok(false);
        }
        let mut start = Vec::new();
        file.take(LOOK_BYTES).read_to_end(&mut start)?;
        if start.starts_with(&GZIP) {
            let mut unzipped = vec![0; 64];
            let count = MultiGzDecoder::new(start.as_slice()).read(&mut unzipped)?;
            unzipped.truncate(count);
            start = unzipped;
        }
        let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start);
        Ok(start.trim_ascii_start().starts_with(b"{"))
    };
    // Whoever opens it next says what is wrong with it.
    read().unwrap_or(false)
}

/// The rows as leads, in their order.
pub(super) enum Leads<'a> {
    /// Of a CSV file.
    Csv(Rows<'a>),
    /// Of items.
    Items(ItemRows<'a>),
}

impl Leads<'_> {
    /// Reads rows until there are `wanted` leads, or much of them; false at the end.
    pub(super) fn read(
        &mut self,
        wanted: usize,
        leads: &mut Vec<Lead>,
        report: &mut dyn Report,
    ) -> anyhow::Result<bool> {
        match self {
            Self::Csv(rows) => rows.read(wanted, leads, report),
            Self::Items(rows) => rows.read(wanted, leads, report),
        }
    }

    /// Rows looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.looked_at(),
            Self::Items(rows) => rows.looked_at(),
        }
    }

    /// Whether a row that was taken fills a people field.
    pub(super) fn fills_people(&self) -> bool {
        match self {
            Self::Csv(rows) => rows.fills_people(),
            Self::Items(rows) => rows.fills_people(),
        }
    }
}
