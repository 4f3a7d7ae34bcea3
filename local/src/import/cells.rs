//! One cell of an imported file becomes a value.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use lead_export_core::input::Decimal;
use lead_export_core::lead::Value;
use lead_export_core::time::Instant;

use super::skip::Skip;

/// How the cells of a column become values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// As it stands.
    Text,
    /// Several, between `, `.
    List,
    /// Several, between `,` or `;`.
    Addresses,
    /// A decimal number.
    Number,
    /// A moment.
    Instant,
    /// A day.
    Day,
    /// One of these.
    Option(Vec<String>),
    /// Yes or no.
    Boolean,
}

/// What the reading of cells depends on beside the cell.
#[derive(Debug, Clone)]
pub(super) struct Customs {
    /// The zone of times without an offset.
    pub(super) zone: TimeZone,
    /// Whether a number may have a decimal comma.
    pub(super) decimal_comma: bool,
}

impl Customs {
    /// The value of a filled cell under `header`; none if nothing is left of it.
    pub(super) fn value(&self, cell: &str, how: &How, header: &str) -> Result<Option<Value>, Skip> {
        let (header, text) = (|| header.to_owned(), || cell.to_owned());
        let value = match how {
            How::Text => Value::Text(text()),
            How::List => return Ok(several(cell.split(", "))),
            How::Addresses => return Ok(several(cell.split([',', ';']))),
            How::Number => self.number(cell, header)?,
            How::Instant => {
                let instant = self.instant(cell).ok_or_else(|| Skip::BadInstant {
                    header: header(),
                    cell: text(),
                })?;
                Value::Text(instant.to_string())
            }
            How::Day => match cell.trim().parse::<Date>() {
                // Only this form: the library reads more.
                Ok(day) if day.to_string() == cell.trim() => Value::Text(day.to_string()),
                _ => {
                    return Err(Skip::BadDay {
                        header: header(),
                        cell: text(),
                    });
                }
            },
            How::Option(options) => {
                let cell = cell.trim();
                let lower = cell.to_lowercase();
                let equal = |option: &&String| option.to_lowercase() == lower;
                match options.iter().find(equal) {
                    Some(option) => Value::Text(option.clone()),
                    None => {
                        return Err(Skip::NotAnOption {
                            header: header(),
                            cell: text(),
                        });
                    }
                }
            }
            How::Boolean => Value::Bool(boolean(cell).ok_or_else(|| Skip::BadBoolean {
                header: header(),
                cell: text(),
            })?),
        };
        Ok(Some(value))
    }

    /// Reads RFC 3339, a day, or a day and a time of day; the latter two are in the zone, a day begins at midnight.
    pub(super) fn instant(&self, cell: &str) -> Option<Instant> {
        let cell = cell.trim();
        if let Ok(instant) = Instant::parse(cell) {
            return Some(instant);
        }
        let shape = |pattern: &str| {
            cell.len() == pattern.len()
                && cell
                    .bytes()
                    .zip(pattern.bytes())
                    .all(|(byte, like)| match like {
                        b'0' => byte.is_ascii_digit(),
                        like => byte == like,
                    })
        };
        let moment: DateTime = if shape("0000-00-00") {
            cell.parse::<Date>().ok()?.into()
        } else if shape("0000-00-00 00:00:00") {
            cell.parse().ok()?
        } else {
            return None;
        };
        let moment = moment.to_zoned(self.zone.clone()).ok()?;
        Some(Instant::from_timestamp(moment.timestamp()))
    }

    fn number(&self, cell: &str, header: impl Fn() -> String) -> Result<Value, Skip> {
        let mut number = cell.trim().to_owned();
        if self.decimal_comma && !number.contains('.') {
            number = number.replacen(',', ".", 1);
        }
        match Decimal::parse(&number) {
            Ok(_) => Ok(Value::Number(number)),
            Err(reason) => Err(Skip::BadNumber {
                header: header(),
                cell: cell.to_owned(),
                reason: reason.to_string(),
            }),
        }
    }
}

fn several<'a>(items: impl Iterator<Item = &'a str>) -> Option<Value> {
    let items: Vec<Value> = items
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(Value::from)
        .collect();
    (!items.is_empty()).then_some(Value::List(items))
}

fn boolean(cell: &str) -> Option<bool> {
    let cell = cell.trim();
    let is = |words: [&str; 3]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    if is(["true", "yes", "1"]) {
        Some(true)
    } else if is(["false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}
