//! Ranges of instants and of days, as a caller writes them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::input::{Members, Node, Problems, shown};
use crate::time::Instant;

/// A range of instants; both ends belong to it, a missing end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Within {
    /// The first millisecond.
    pub from: Option<Instant>,
    /// The last millisecond.
    pub to: Option<Instant>,
}

/// A range of days; both ends belong to it, a missing end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Days {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// The same days as instants, in the zone of the filters.
    pub within: Within,
}

/// What a bound of a range of instants covers: its whole last written unit.
#[derive(Debug, Clone, Copy)]
struct Bound {
    first: Instant,
    last: Instant,
}

/// The zone of this IANA name, ignoring case, and the name as IANA writes it. Fixed offsets are no names.
pub fn zone(name: &str) -> Option<(TimeZone, String)> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
    let name = zone.iana_name()?.to_owned();
    Some((zone, name))
}

impl Within {
    /// Whether the range holds `instant`.
    pub fn contains(&self, instant: Instant) -> bool {
        self.from.is_none_or(|from| from <= instant) && self.to.is_none_or(|to| instant <= to)
    }

    /// Takes `from` and `to` of `members`: days of `zone`, or instants; without a zone, days are refused. What is wrong is
    /// recorded: use the result only if nothing is.
    pub fn take(members: &mut Members, zone: Option<&TimeZone>, problems: &mut Problems) -> Self {
        let (from, to) = (members.take("from"), members.take("to"));
        let mut read = |node: &Option<Node>| bound(node.as_ref()?, zone, problems);
        let (first, last) = (read(&from), read(&to));
        if let (Some(first), Some(last), Some(node)) = (first, last, from) {
            // Both: a day that a zone skipped is an empty range, not a reversed one.
            if first.first > last.last && first.first > last.first {
                node.refuse(problems, "is later than 'to'");
            }
        }
        Self {
            from: first.map(|bound| bound.first),
            to: last.map(|bound| bound.last),
        }
    }
}

impl Days {
    /// Takes `from` and `to` of `members`, which must be days. What is wrong is recorded: use the result only if nothing is.
    pub fn take(members: &mut Members, zone: Option<&TimeZone>, problems: &mut Problems) -> Self {
        let (from, to) = (members.take("from"), members.take("to"));
        let mut read = |node: &Option<Node>| {
            let node = node.as_ref()?;
            let text = node.text(problems)?;
            let resolved = day(text).and_then(|day| Some((day, whole_day(day, zone?))));
            if resolved.is_none() {
                refuse(node, text, "a day such as 2026-03-31", zone, problems);
            }
            resolved
        };
        let (first, last) = (read(&from), read(&to));
        if let (Some((first, _)), Some((last, _)), Some(node)) = (first, last, from)
            && first > last
        {
            node.refuse(problems, "is later than 'to'");
        }
        Self {
            from: first.map(|(day, _)| day),
            to: last.map(|(day, _)| day),
            within: Within {
                from: first.map(|(_, bound)| bound.first),
                to: last.map(|(_, bound)| bound.last),
            },
        }
    }

    /// Whether `text` is a day of the range, or an instant in it.
    pub fn contains(&self, text: &str) -> bool {
        match day(text) {
            Some(day) => {
                self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
            }
            None => Instant::parse(text).is_ok_and(|instant| self.within.contains(instant)),
        }
    }
}

fn bound(node: &Node, zone: Option<&TimeZone>, problems: &mut Problems) -> Option<Bound> {
    let text = node.text(problems)?;
    let bound = match day(text) {
        Some(day) => zone.map(|zone| whole_day(day, zone)),
        None => moment(text),
    };
    if bound.is_none() {
        let wanted =
            "a day such as 2026-03-31 or an instant with its offset such as 2026-03-31T12:00:00Z";
        refuse(node, text, wanted, zone, problems);
    }
    bound
}

fn refuse(node: &Node, text: &str, wanted: &str, zone: Option<&TimeZone>, problems: &mut Problems) {
    let message = if zone.is_none() && day(text).is_some() {
        "is a day of no zone: name an IANA time zone in filters.time_zone".to_owned()
    } else {
        format!("{} must be {wanted}", shown(text))
    };
    node.refuse(problems, message);
}

/// A day as RFC 3339 §5.6 writes a full-date, and as the calendar has it.
fn day(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0i16, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| i16::from(byte - b'0'))?;
            Some(number * 10 + digit)
        })
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    (bytes[4] == b'-' && bytes[7] == b'-')
        .then(|| Date::new(year, month, day).ok())
        .flatten()
}

/// A day's first and last millisecond in a zone: 23 or 25 hours where clocks change.
fn whole_day(day: Date, zone: &TimeZone) -> Bound {
    let first = start_of_day(day, zone);
    let next = day.tomorrow().ok().map(|next| start_of_day(next, zone));
    Bound {
        first: first.unwrap_or(Instant::MAX),
        // The last days of the year 9999 end behind the last instant there is.
        last: next
            .flatten()
            .map_or(Instant::MAX, |next| Instant::from_millis(next.millis() - 1)),
    }
}

/// The day's first instant; `None` behind the last there is.
fn start_of_day(day: Date, zone: &TimeZone) -> Option<Instant> {
    let ambiguous = zone.to_ambiguous_zoned(day.at(0, 0, 0, 0));
    let gap = matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
    let midnight = ambiguous.compatible().ok()?.timestamp();
    if gap {
        // Clocks jumped over midnight, and not always from it (Toronto 1919: 23:30 to 00:30): the day begins with the jump.
        let behind = Timestamp::from_nanosecond(midnight.as_nanosecond() + 1).ok()?;
        let jump = zone.preceding(behind).next()?;
        return Some(Instant::from_timestamp(jump.timestamp()));
    }
    Some(Instant::from_timestamp(midnight))
}

/// An RFC 3339 instant, or the same without seconds, and what its last written unit covers. Units below a millisecond, which no
/// instant of ours has, are cut off.
fn moment(text: &str) -> Option<Bound> {
    let written = text.get(16..)?;
    let (instant, unit) = match written.as_bytes() {
        [b':', _, _, b'.', decimals @ ..] => {
            let count = decimals
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let unit = match count {
                1 => 100,
                2 => 10,
                _ => 1,
            };
            (Instant::parse(text), unit)
        }
        [b':', ..] => (Instant::parse(text), 1_000),
        // The reader of instants wants seconds, and then all of the shape.
        _ => (
            Instant::parse(&format!("{}:00{written}", text.get(..16)?)),
            60_000,
        ),
    };
    let first = instant.ok()?;
    Some(Bound {
        first,
        last: Instant::from_millis(first.millis() + unit - 1),
    })
}

#[cfg(test)]
mod tests;
