//! Instants: whole milliseconds in UTC, and the zones that dates are read in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, to the millisecond.
///
/// Its text form is RFC 3339 with exactly three decimals and `Z`, 24 bytes in the years 0000 to 9999, so that the order of
/// texts is the order of instants: the sort key of a lead begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// Why a text is no [`Instant`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 instant with an offset, such as 2026-11-22T02:43:00Z")]
pub struct NotAnInstant;

/// From the first millisecond of the year 0000 to the last that jiff can hold, 9999-12-30T22:00:00Z: all have 24 bytes.
const RANGE_MS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_207_200_000;

impl Instant {
    /// The earliest instant there is: the year 0000.
    pub const MIN: Self = Self(*RANGE_MS.start());
    /// The last instant there is, some hours before the end of the year 9999.
    pub const MAX: Self = Self(*RANGE_MS.end());

    /// The instant so many milliseconds after 1970, moved to the nearest end of the years 0000 to 9999 if outside.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(*RANGE_MS.start(), *RANGE_MS.end()))
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The instant of `timestamp`, its smaller units cut off.
    pub fn from_timestamp(timestamp: Timestamp) -> Self {
        Self::from_millis(
            timestamp
                .as_nanosecond()
                .div_euclid(1_000_000)
                .try_into()
                .unwrap_or(i64::MAX),
        )
    }

    /// The same instant as the time library's type.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Reads RFC 3339 with any offset and any number of decimals; what is below a millisecond is cut off.
    ///
    /// # Errors
    /// [`NotAnInstant`] for anything else, a date without an offset among it.
    pub fn parse(text: &str) -> Result<Self, NotAnInstant> {
        // jiff also reads forms that RFC 3339 §5.6 does not have (a blank offset, a bracketed zone); the shape is checked first.
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            bytes
                .get(range)
                .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
        };
        let shaped = bytes.len() >= 20
            && digits(0..4)
            && bytes[4] == b'-'
            && digits(5..7)
            && bytes[7] == b'-'
            && digits(8..10)
            && matches!(bytes[10], b'T' | b't')
            && digits(11..13)
            && bytes[13] == b':'
            && digits(14..16)
            && bytes[16] == b':'
            && digits(17..19);
        let rest = bytes.get(19..).unwrap_or_default();
        let decimals = match rest {
            [b'.', more @ ..] => match more.iter().take_while(|byte| byte.is_ascii_digit()).count()
            {
                0 => return Err(NotAnInstant),
                count => count + 1,
            },
            _ => 0,
        };
        let offset = match &rest[decimals.min(rest.len())..] {
            [b'Z' | b'z'] => true,
            [b'+' | b'-', h1, h2, b':', m1, m2] => {
                [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        if !shaped || !offset {
            return Err(NotAnInstant);
        }
        let timestamp: Timestamp = text.parse().map_err(|_| NotAnInstant)?;
        let millis = i64::try_from(timestamp.as_nanosecond().div_euclid(1_000_000))
            .map_err(|_| NotAnInstant)?;
        if RANGE_MS.contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(NotAnInstant)
        }
    }

    /// This instant and `duration` more.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant less `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl FromStr for Instant {
    type Err = NotAnInstant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_24_bytes_and_reads_back() {
        for millis in [
            *RANGE_MS.start(),
            -1,
            0,
            1,
            1_763_779_380_123,
            *RANGE_MS.end(),
        ] {
            let instant = Instant::from_millis(millis);
            assert_eq!(instant.to_string().len(), 24, "{instant}");
            assert_eq!(Instant::parse(&instant.to_string()), Ok(instant));
        }
        assert_eq!(
            Instant::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn offsets_and_decimals_are_read_and_what_is_below_a_millisecond_cut() {
        let parsed = Instant::parse("2026-11-22T03:43:00.9999999+01:00").unwrap();
        assert_eq!(parsed.to_string(), "2026-11-22T02:43:00.999Z");
    }

    #[test]
    fn what_rfc_3339_does_not_have_is_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T02:43:00",
            "2026-11-22 02:43:00Z",
            "2026-11-22T02:43Z",
            "2026-11-22T02:43:00.Z",
            "2026-13-22T02:43:00Z",
            "2026-02-30T02:43:00Z",
            "2026-11-22T02:43:00+0100",
            "2026-11-22T02:43:00Z[UTC]",
            "+002026-11-22T02:43:00Z",
            "２026-11-22T02:43:00Z",
        ] {
            assert_eq!(Instant::parse(text), Err(NotAnInstant), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn order_of_texts_is_order_of_instants(a in RANGE_MS, b in RANGE_MS) {
            let (a, b) = (Instant::from_millis(a), Instant::from_millis(b));
            proptest::prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
