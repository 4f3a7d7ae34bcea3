//! The rows of a file become leads.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use csv::ByteRecord;
use jiff::tz::TimeZone;
use lead_export_core::csv::read_back;
use lead_export_core::fields::{Kind, Source};
use lead_export_core::lead::{Lead, LeadId, SourceId};
use lead_export_core::time::Instant;
use sha2::{Digest as _, Sha256};

use super::cells::Customs;
use super::file::{CsvFile, FileRows, Place};
use super::mapping::{Mapping, Target};
use super::skip::Skip;

/// What DynamoDB holds in one item: 400 KB, attribute names included ("Item size", Developer Guide). Room is kept for the keys.
const LEAD_BYTES: usize = 400 * 1024 - 4 * 1024;

/// Bytes of leads that one read gives, nearly: what is held of the file.
const READ_BYTES: usize = 16 << 20;

/// Half of a SHA-256: two of the same of different rows will not be seen.
type Hash = [u8; 16];

/// Turns rows into leads, in their order.
pub(super) struct Rows<'a> {
    file: FileRows,
    mapping: &'a Mapping,
    source: SourceId,
    customs: Customs,
    start: Instant,
    /// Rows of the file.
    total: u64,
    /// Rows looked at.
    at: u64,
    /// The mapped ids that were taken, and where.
    seen: HashMap<Hash, Place>,
    /// How often each row came, where no column is the id.
    times: HashMap<Hash, u32>,
    people: bool,
}

impl<'a> Rows<'a> {
    /// The rows of `file`, which has `total` of them; none is to be younger than `start`.
    pub(super) fn new(
        file: &CsvFile,
        mapping: &'a Mapping,
        source: &Source,
        zone: TimeZone,
        start: Instant,
        total: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            file: file.rows()?,
            mapping,
            source: source.id.clone(),
            customs: Customs {
                zone,
                decimal_comma: file.has_decimal_commas(),
            },
            start,
            total,
            at: 0,
            seen: HashMap::new(),
            times: HashMap::new(),
            people: false,
        })
    }

    /// Reads rows until there are `wanted` leads, or [`READ_BYTES`] of them; false at the file's end.
    pub(super) fn read(
        &mut self,
        wanted: usize,
        leads: &mut Vec<Lead>,
        skipped: &mut dyn FnMut(u64, &Skip),
    ) -> anyhow::Result<bool> {
        let mut row = ByteRecord::new();
        let mut bytes = 0;
        while leads.len() < wanted && bytes < READ_BYTES {
            let Some(place) = self.file.read(&mut row)? else {
                return Ok(false);
            };
            self.at += 1;
            bytes += row.as_slice().len();
            match self.lead(&row, place) {
                Ok(lead) => leads.push(lead),
                Err(reason) => skipped(self.file.line(place), &reason),
            }
        }
        Ok(true)
    }

    /// Rows looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        self.at
    }

    /// Whether a row that was taken fills a people field.
    pub(super) fn fills_people(&self) -> bool {
        self.people
    }

    fn lead(&mut self, row: &ByteRecord, place: Place) -> Result<Lead, Skip> {
        let columns = &self.mapping.columns;
        if row.len() != columns.len() {
            return Err(Skip::Ragged {
                cells: row.len(),
                columns: columns.len(),
            });
        }
        let mut id = None;
        let mut created_at = None;
        let mut values = BTreeMap::new();
        let mut people = false;
        let mut bytes = 0;
        for (column, cell) in columns.iter().zip(row) {
            let Ok(cell) = std::str::from_utf8(cell) else {
                return Err(Skip::NotUtf8(column.header.clone()));
            };
            let cell = match (&column.target, self.mapping.ours) {
                (Target::Field { kind, .. }, true) => read_back(cell, *kind),
                (_, true) => read_back(cell, Kind::Id),
                (_, false) => cell,
            };
            match &column.target {
                Target::Nowhere => {}
                Target::Id => id = Some(cell),
                Target::CreatedAt => {
                    created_at = Some(self.created_at(cell, &column.header)?);
                }
                Target::Field { .. } if cell.is_empty() => {}
                Target::Field { key, how, .. } => {
                    if let Some(value) = self.customs.value(cell, how, &column.header)? {
                        bytes += key.len() + cell.len() + 3;
                        people |= column.people;
                        values.insert(key.clone(), value);
                    }
                }
            }
        }
        if values.is_empty() && id.is_none_or(str::is_empty) {
            return Err(Skip::Empty);
        }
        if bytes > LEAD_BYTES {
            return Err(Skip::TooLarge);
        }
        let id = self.id(id, row, place)?;
        self.people |= people;
        Ok(Lead {
            id,
            created_at: created_at.unwrap_or_else(|| self.place()),
            values,
        })
    }

    /// The mapped id, or one made of source, row and occurrence: last of all, since it counts what is taken.
    fn id(&mut self, mapped: Option<&str>, row: &ByteRecord, place: Place) -> Result<LeadId, Skip> {
        let text: Cow<'_, str> = match mapped {
            Some(text) => {
                if text.trim().is_empty() {
                    return Err(Skip::EmptyId);
                }
                let hash = half(Sha256::digest(text));
                if let Some(first) = self.seen.get(&hash) {
                    return Err(Skip::RepeatedId {
                        id: text.to_owned(),
                        line: self.file.line(*first),
                    });
                }
                self.seen.insert(hash, place);
                text.into()
            }
            None => self.made_id(row).into(),
        };
        LeadId::parse(text).map_err(|_| Skip::LongId)
    }

    fn made_id(&mut self, row: &ByteRecord) -> String {
        let mut hash = Sha256::new();
        hash.update(self.source.as_str());
        for cell in row {
            // With its length, so that no two rows run into the same text.
            hash.update([0]);
            hash.update((cell.len() as u64).to_be_bytes());
            hash.update(cell);
        }
        let row = half(hash.finalize());
        let times = self.times.entry(row).or_insert(0);
        let made = Sha256::new()
            .chain_update(row)
            .chain_update(times.to_be_bytes());
        *times += 1;
        hex::encode(half(made.finalize()))
    }

    fn created_at(&self, cell: &str, header: &str) -> Result<Instant, Skip> {
        let (header, text) = (|| header.to_owned(), || cell.to_owned());
        match self.customs.instant(cell) {
            Some(instant) if instant <= self.start => Ok(instant),
            Some(_) => Err(Skip::Future {
                header: header(),
                cell: text(),
            }),
            None => Err(Skip::BadInstant {
                header: header(),
                cell: text(),
            }),
        }
    }

    /// When the row that is looked at came to be, if no column says it: the last one at the start, each earlier one a
    /// millisecond before the next.
    fn place(&self) -> Instant {
        let behind = self.total.saturating_sub(self.at);
        self.start.minus(Duration::from_millis(behind))
    }
}

fn half(digest: impl AsRef<[u8]>) -> Hash {
    let mut half = Hash::default();
    let bytes = digest.as_ref();
    half.copy_from_slice(&bytes[..16]);
    half
}
