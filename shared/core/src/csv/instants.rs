//! Instants and days as they stand in a file.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::UnknownZone;
use crate::time::Instant;

/// Writes instants in one zone.
#[derive(Debug, Clone)]
pub(super) struct Instants {
    /// None for UTC, whose instants end in `Z`.
    zone: Option<TimeZone>,
    /// As Excel reads them: `2026-11-22 03:43:00`.
    excel: bool,
    known: Known,
}

/// Between two transitions the offset stays: leads come in the order of time, so the zone is asked once or twice in a file.
#[derive(Debug, Clone, Copy)]
struct Known {
    from: i64,
    to: i64,
    offset: Offset,
}

impl Instants {
    /// A writer for the zone of this IANA name.
    pub(super) fn new(name: &str, excel: bool) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(name.to_owned());
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        // jiff has a zone that says of itself it is none.
        if zone.is_unknown() {
            return Err(unknown());
        }
        let utc = zone == TimeZone::UTC
            || zone
                .iana_name()
                .is_some_and(|name| ["UTC", "Etc/UTC"].contains(&name));
        Ok(Self {
            zone: (!utc).then_some(zone),
            excel,
            known: Known {
                from: 0,
                to: 0,
                offset: Offset::UTC,
            },
        })
    }

    /// Appends the instant that `text` is; says whether it is one.
    #[inline]
    pub(super) fn append(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        match Stamp::of(text) {
            Some(stamp) if self.zone.is_none() => {
                if self.excel {
                    append_spaced(&stamp.text, out);
                } else {
                    out.extend_from_slice(&stamp.text);
                }
                true
            }
            Some(stamp) => stamp
                .instant()
                .is_some_and(|instant| self.append_local(instant, out)),
            None => self.append_other(text, out),
        }
    }

    /// The same for a text in another form than the one in which our own instants are stored.
    #[cold]
    fn append_other(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        let parsed = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Instant::parse(text).ok());
        parsed.is_some_and(|instant| self.append_local(instant, out))
    }

    fn append_local(&mut self, instant: Instant, out: &mut Vec<u8>) -> bool {
        let exact = self.offset(instant);
        // RFC 3339 has no seconds in offsets; local mean times had. Cutting them, in the time too, keeps the instant right.
        let seconds = if self.excel {
            exact.seconds()
        } else {
            exact.seconds() / 60 * 60
        };
        let Ok(offset) = Offset::from_seconds(seconds) else {
            return false;
        };
        let local = offset.to_datetime(instant.timestamp());
        if !(0..=9999).contains(&local.year()) {
            return false;
        }
        let text = local_text(&local);
        if self.excel {
            append_spaced(&text, out);
            return true;
        }
        out.extend_from_slice(&text[..23]);
        if self.zone.is_none() {
            out.push(b'Z');
            return true;
        }
        let minutes = seconds.unsigned_abs() / 60;
        let [h1, h2] = two(minutes / 60);
        let [m1, m2] = two(minutes % 60);
        let sign = if seconds < 0 { b'-' } else { b'+' };
        out.extend_from_slice(&[sign, h1, h2, b':', m1, m2]);
        true
    }

    fn offset(&mut self, instant: Instant) -> Offset {
        let Some(zone) = &self.zone else {
            return Offset::UTC;
        };
        let at = instant.millis();
        if !(self.known.from..self.known.to).contains(&at) {
            let timestamp = instant.timestamp();
            // A transition at this very instant has happened: transitions lie on whole seconds.
            let just_behind = Instant::from_millis(at + 1).timestamp();
            let previous = zone.preceding(just_behind).next();
            let next = zone.following(timestamp).next();
            self.known = Known {
                from: previous.map_or(i64::MIN, |it| it.timestamp().as_millisecond()),
                to: next.map_or(i64::MAX, |it| it.timestamp().as_millisecond()),
                offset: zone.to_offset(timestamp),
            };
        }
        self.known.offset
    }
}

/// `2026-11-22 03:43:00` of `2026-11-22T03:43:00…`.
fn append_spaced(text: &[u8; 24], out: &mut Vec<u8>) {
    let mut spaced = [0; 19];
    spaced.copy_from_slice(&text[..19]);
    spaced[10] = b' ';
    out.extend_from_slice(&spaced);
}

/// An instant in the form in which [`Instant`] writes itself, checked: no zone is needed to write it in UTC.
struct Stamp {
    text: [u8; 24],
}

impl Stamp {
    #[inline]
    fn of(text: &[u8]) -> Option<Self> {
        let text: &[u8; 24] = text.try_into().ok()?;
        let &[
            y1,
            y2,
            y3,
            y4,
            b'-',
            _,
            _,
            b'-',
            _,
            _,
            b'T',
            h1,
            h2,
            b':',
            m1,
            m2,
            b':',
            s1,
            s2,
            b'.',
            f1,
            f2,
            f3,
            b'Z',
        ] = text
        else {
            return None;
        };
        let decimals = [f1, f2, f3].iter().all(u8::is_ascii_digit);
        // The last hours of the year 9999 are beyond Instant: the other way decides on that year.
        let year = [y1, y2, y3, y4] != *b"9999";
        let time = number(h1, h2)? < 24 && number(m1, m2)? < 60 && number(s1, s2)? < 60;
        (decimals && year && time && is_day(text.first_chunk()?)).then_some(Self { text: *text })
    }

    fn instant(&self) -> Option<Instant> {
        let text = &self.text;
        let pair = |at: usize| number(text[at], text[at + 1]).unwrap_or_default();
        let local = DateTime::new(
            i16::from(pair(0)) * 100 + i16::from(pair(2)),
            pair(5).cast_signed(),
            pair(8).cast_signed(),
            pair(11).cast_signed(),
            pair(14).cast_signed(),
            pair(17).cast_signed(),
            (i32::from(pair(20)) * 10 + i32::from(text[22] - b'0')) * 1_000_000,
        );
        let timestamp = Offset::UTC.to_timestamp(local.ok()?).ok()?;
        Some(Instant::from_timestamp(timestamp))
    }
}

/// The day that `text` is: a date, or the date part of an instant, as it is written.
pub(super) fn day(text: &[u8]) -> Option<&[u8]> {
    let (day, rest) = text.split_first_chunk::<10>()?;
    let well_formed = is_day(day)
        && (rest.is_empty()
            || Stamp::of(text).is_some()
            || std::str::from_utf8(text).is_ok_and(|text| Instant::parse(text).is_ok()));
    well_formed.then_some(day)
}

/// Whether `text` is a day of the calendar, `YYYY-MM-DD`.
#[inline]
fn is_day(text: &[u8; 10]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else {
        return false;
    };
    let (Some(century), Some(year), Some(month), Some(day)) = (
        number(y1, y2),
        number(y3, y4),
        number(m1, m2),
        number(d1, d2),
    ) else {
        return false;
    };
    // Gregorian: of the years that end a century only every fourth is a leap year.
    let leap = if year == 0 { century } else { year } % 4 == 0;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The number of two digits.
#[inline]
fn number(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

/// The last two digits of a number.
fn two(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// `2026-11-22T03:43:00.123Z`; the `Z` is only there to fill the array.
fn local_text(local: &DateTime) -> [u8; 24] {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, number: u32| text[at..at + 2].copy_from_slice(&two(number));
    let year = u32::from(local.year().unsigned_abs());
    put(0, year / 100);
    put(2, year % 100);
    put(5, u32::from(local.month().unsigned_abs()));
    put(8, u32::from(local.day().unsigned_abs()));
    put(11, u32::from(local.hour().unsigned_abs()));
    put(14, u32::from(local.minute().unsigned_abs()));
    put(17, u32::from(local.second().unsigned_abs()));
    let millis = u32::from(local.millisecond().unsigned_abs());
    put(20, millis / 10);
    text[22] = two(millis)[1];
    text
}
