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
    /// A value with its type, as it is; of a text, the text.
    AsIs,
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
            How::Text | How::AsIs => Value::Text(text()),
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

    /// The value of an attribute that has a type already; none if nothing is left of it.
    ///
    /// Texts are read as cells. A list stands where several values may, and where a text does: it is written joined.
    pub(super) fn typed(
        &self,
        value: Value,
        how: &How,
        header: &str,
    ) -> Result<Option<Value>, Skip> {
        let many = |value: Value| match how {
            How::Text | How::AsIs | How::List | How::Addresses => Ok(Some(value)),
            _ => Err(Skip::Several(header.to_owned())),
        };
        match value {
            Value::Null => Ok(None),
            value if *how == How::AsIs => Ok(Some(value)),
            Value::Text(text) if text.is_empty() => Ok(None),
            Value::Text(text) => self.value(&text, how, header),
            Value::Number(number) => match how {
                How::Text | How::List | How::Addresses => Ok(Some(Value::Number(number))),
                How::Instant => match epoch(&number) {
                    Some(at) => Ok(Some(Value::Text(at.to_string()))),
                    None => Err(Skip::BadInstant {
                        header: header.to_owned(),
                        cell: number,
                    }),
                },
                _ => self.value(&number, how, header),
            },
            Value::Bool(bool) => match how {
                How::Text | How::List | How::Addresses | How::Boolean => {
                    Ok(Some(Value::Bool(bool)))
                }
                _ => self.value(if bool { "true" } else { "false" }, how, header),
            },
            Value::List(items) | Value::Set(items) if items.is_empty() => Ok(None),
            value => many(value),
        }
    }

    /// The moment that a value is: a text as [`Customs::instant`] reads it, or a number of seconds or milliseconds since 1970.
    pub(super) fn moment(&self, value: &Value) -> Option<Instant> {
        match value {
            Value::Text(text) => self.instant(text),
            Value::Number(number) => epoch(number),
            _ => None,
        }
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

/// Seconds or milliseconds since 1970: as seconds, 100 000 000 000 would lie in the year 5138.
fn epoch(number: &str) -> Option<Instant> {
    let number: f64 = number.parse().ok()?;
    let millis = if number.abs() < 1e11 {
        number * 1000.0
    } else {
        number
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "the bounds are far from what an f64 holds exactly"
    )]
    let bounds = (Instant::MIN.millis() as f64)..=(Instant::MAX.millis() as f64);
    #[expect(clippy::cast_possible_truncation, reason = "within the bounds")]
    let millis = bounds.contains(&millis).then(|| millis.round() as i64)?;
    Some(Instant::from_millis(millis))
}

/// A value for a sentence.
pub(super) fn shown_value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) | Value::Number(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Binary(_) => "bytes".to_owned(),
        Value::List(_) | Value::Set(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seconds_or_milliseconds_since_1970() {
        for (number, expected) in [
            ("1767225600", Some("2026-01-01T00:00:00.000Z")),
            ("1767225600.5", Some("2026-01-01T00:00:00.500Z")),
            ("1767225600123", Some("2026-01-01T00:00:00.123Z")),
            ("0", Some("1970-01-01T00:00:00.000Z")),
            ("-1", Some("1969-12-31T23:59:59.000Z")),
            ("1e300", None),
            ("NaN", None),
            ("", None),
        ] {
            let shown = epoch(number).map(|at| at.to_string());
            assert_eq!(shown.as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn typed_values_fit_their_fields_or_say_so() {
        let customs = Customs {
            zone: TimeZone::UTC,
            decimal_comma: false,
        };
        let number = |text: &str| Value::Number(text.to_owned());
        let list = || Value::List(vec!["a".into(), "b".into()]);
        let map = || Value::Map([("a".to_owned(), number("1"))].into());
        for (value, how, expected) in [
            (Value::Null, How::Text, Ok(None)),
            ("".into(), How::AsIs, Ok(Some("".into()))),
            ("".into(), How::Text, Ok(None)),
            (number("1.50"), How::Text, Ok(Some(number("1.50")))),
            (number("1.50"), How::Number, Ok(Some(number("1.50")))),
            ("1.50".into(), How::Number, Ok(Some(number("1.50")))),
            (
                number("0"),
                How::Instant,
                Ok(Some("1970-01-01T00:00:00.000Z".into())),
            ),
            (number("1"), How::Boolean, Ok(Some(Value::Bool(true)))),
            (
                Value::Bool(false),
                How::Boolean,
                Ok(Some(Value::Bool(false))),
            ),
            (Value::Bool(true), How::Text, Ok(Some(Value::Bool(true)))),
            (Value::Bool(true), How::Number, Err("bad number")),
            ("a;b".into(), How::Addresses, Ok(Some(list()))),
            (list(), How::Addresses, Ok(Some(list()))),
            (list(), How::Text, Ok(Some(list()))),
            (list(), How::Number, Err("several values")),
            (Value::Set(vec![]), How::List, Ok(None)),
            (map(), How::Text, Ok(Some(map()))),
            (map(), How::Day, Err("several values")),
            (
                "x".into(),
                How::Option(vec!["y".to_owned()]),
                Err("none of its options"),
            ),
        ] {
            let shown = format!("{value:?} {how:?}");
            match (customs.typed(value, &how, "h"), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{shown}"),
                (Err(reason), Err(expected)) => {
                    assert!(reason.to_string().contains(expected), "{shown}: {reason}");
                }
                (got, expected) => panic!("{shown}: {got:?} {expected:?}"),
            }
        }
    }
}
