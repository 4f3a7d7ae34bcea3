//! The rows of a CSV file become leads.

use std::collections::BTreeMap;

use csv::ByteRecord;
use jiff::tz::TimeZone;
use lead_export_core::csv::read_back;
use lead_export_core::fields::{Kind, Source};
use lead_export_core::lead::{Lead, LeadId};
use lead_export_core::time::Instant;

use super::Report;
use super::cells::Customs;
use super::file::{CsvFile, FileRows, Place};
use super::maker::{LEAD_BYTES, Maker, NotTaken, READ_BYTES};
use super::mapping::{Mapping, Target};
use super::skip::Skip;

/// Turns rows into leads, in their order.
pub(super) struct Rows<'a> {
    file: FileRows,
    mapping: &'a Mapping,
    maker: Maker<Place>,
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
        let customs = Customs {
            zone,
            decimal_comma: file.has_decimal_commas(),
        };
        Ok(Self {
            file: file.rows()?,
            mapping,
            maker: Maker::new(source.id.clone(), customs, start, total),
        })
    }

    /// Reads rows until there are `wanted` leads, or [`READ_BYTES`] of them; false at the file's end.
    pub(super) fn read(
        &mut self,
        wanted: usize,
        leads: &mut Vec<Lead>,
        report: &mut dyn Report,
    ) -> anyhow::Result<bool> {
        let mut row = ByteRecord::new();
        let mut bytes = 0;
        while leads.len() < wanted && bytes < READ_BYTES {
            let Some(place) = self.file.read(&mut row)? else {
                return Ok(false);
            };
            self.maker.at += 1;
            bytes += row.as_slice().len();
            match self.lead(&row, place) {
                Ok(lead) => leads.push(lead),
                Err(reason) => report.skipped(self.file.line(place), &reason),
            }
        }
        Ok(true)
    }

    /// Rows looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        self.maker.at
    }

    /// Whether a row that was taken fills a people field.
    pub(super) fn fills_people(&self) -> bool {
        self.maker.people
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
                    let value = self.maker.customs.value(cell, how, &column.header)?;
                    if let Some(value) = value {
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
        self.maker.people |= people;
        Ok(Lead {
            id,
            created_at: created_at.unwrap_or_else(|| self.maker.place()),
            values,
        })
    }

    /// The mapped id, or one made of source, row and occurrence.
    fn id(&mut self, mapped: Option<&str>, row: &ByteRecord, place: Place) -> Result<LeadId, Skip> {
        let Some(text) = mapped else {
            return self.maker.make(row.iter());
        };
        self.maker.take(text, place).map_err(|reason| match reason {
            NotTaken::Bad(reason) => reason,
            NotTaken::Taken(first) => Skip::RepeatedId {
                id: text.to_owned(),
                line: self.file.line(first),
            },
        })
    }

    fn created_at(&self, cell: &str, header: &str) -> Result<Instant, Skip> {
        match self.maker.customs.instant(cell) {
            Some(instant) => self.maker.past(instant, header, cell),
            None => Err(Skip::BadInstant {
                header: header.to_owned(),
                cell: cell.to_owned(),
            }),
        }
    }
}
