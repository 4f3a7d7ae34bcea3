//! Decimal numbers by their text: exact, bounded, never floats.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Significant digits at most, as DynamoDB holds them (Developer Guide, "Constraints: Number").
const DIGITS: u32 = 38;
/// Powers of ten of the first digit: DynamoDB holds 1E-130 to 9.99…E+125 (the same page).
const POWERS: std::ops::RangeInclusive<i64> = -130..=125;

/// A decimal number that DynamoDB can hold. Equal numbers are equal, however they are written: `1.50` is `1.5`.
///
/// Fits a register pair and is compared without allocation: it is read once per row. Hostile exponents cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    // Invariants: no trailing zero in the coefficient; zero has exponent 0 and is not negative.
    negative: bool,
    coefficient: u128,
    exponent: i32,
}

/// Why a text is no [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADecimal {
    /// Not of JSON's grammar of numbers (RFC 8259 §6).
    #[error("must be a number such as -12.50")]
    Form,
    /// Too long, too large or too small.
    #[error("must have at most 38 significant digits and lie between 1E-130 and 9.9E125, or be 0")]
    Range,
}

impl Decimal {
    /// Reads a number of JSON's grammar (RFC 8259 §6): no blanks, no `+`, no leading zeros.
    ///
    /// # Errors
    /// [`NotADecimal`], by what is wrong.
    pub fn parse(text: &str) -> Result<Self, NotADecimal> {
        Self::read(text.as_bytes())
    }

    /// Reads the bytes of a number, as [`Decimal::parse`].
    ///
    /// # Errors
    /// [`NotADecimal`], by what is wrong.
    pub fn read(text: &[u8]) -> Result<Self, NotADecimal> {
        if let Some(number) = Self::everyday(text) {
            return Ok(number);
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (whole, rest) = digits(text);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let (fraction, rest) = digits(rest);
                if fraction.is_empty() {
                    return Err(NotADecimal::Form);
                }
                (fraction, rest)
            }
            _ => (&[][..], rest),
        };
        let power = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => power(rest)?,
            _ => return Err(NotADecimal::Form),
        };
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
            return Err(NotADecimal::Form);
        }

        let mut coefficient: u128 = 0;
        // Zeros behind the last other digit: they count only if one more comes.
        let mut zeros: u32 = 0;
        let mut length: u32 = 0;
        for digit in whole.iter().chain(fraction).map(|byte| byte - b'0') {
            if digit == 0 {
                zeros = zeros.saturating_add(u32::from(coefficient > 0));
                continue;
            }
            length = length.saturating_add(zeros).saturating_add(1);
            if length > DIGITS {
                return Err(NotADecimal::Range);
            }
            let shift = match zeros {
                0 => 10,
                zeros => 10u128.pow(zeros + 1),
            };
            coefficient = coefficient * shift + u128::from(digit);
            zeros = 0;
        }
        if coefficient == 0 {
            return Ok(Self {
                negative: false,
                coefficient: 0,
                exponent: 0,
            });
        }
        let exponent = power
            .saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX))
            .saturating_add(i64::from(zeros));
        if !POWERS.contains(&exponent.saturating_add(i64::from(length) - 1)) {
            return Err(NotADecimal::Range);
        }
        Ok(Self {
            negative,
            coefficient,
            exponent: i32::try_from(exponent).map_err(|_| NotADecimal::Range)?,
        })
    }

    /// The number, if `text` is a whole one of at most 18 digits, as most are: 64 bits hold it. None says nothing.
    #[inline]
    fn everyday(text: &[u8]) -> Option<Self> {
        if text.len() > 18 || matches!(text, [] | [b'0', ..]) {
            return None;
        }
        let mut number = 0;
        for byte in text {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        let mut exponent = 0;
        while number.is_multiple_of(10) {
            number /= 10;
            exponent += 1;
        }
        Some(Self {
            negative: false,
            coefficient: number.into(),
            exponent,
        })
    }

    /// The number, if it is whole and fits.
    pub fn whole(self) -> Option<u64> {
        let factor = 10u64.checked_pow(u32::try_from(self.exponent).ok()?);
        let whole = || u64::try_from(self.coefficient).ok()?.checked_mul(factor?);
        (!self.negative).then(whole).flatten()
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        // Numbers of everyday size are brought to one exponent: 64 bits times 10^18 fit 128.
        let shifted = |number: &Self, by: i32| {
            let factor = 10u64.checked_pow(u32::try_from(by).ok()?)?;
            let coefficient = u64::try_from(number.coefficient).ok()?;
            Some(u128::from(coefficient) * u128::from(factor))
        };
        let by = self.exponent - other.exponent;
        let everyday = match by {
            0 => Some(self.coefficient.cmp(&other.coefficient)),
            1..=18 => shifted(self, by).map(|own| own.cmp(&other.coefficient)),
            -18..=-1 => shifted(other, -by).map(|other| self.coefficient.cmp(&other)),
            _ => None,
        };
        // Zero has no magnitude, which is less than any.
        everyday.unwrap_or_else(|| self.magnitude().cmp(&other.magnitude()))
    }

    /// The magnitude: the power of the first digit, then all digits behind it as if there were 38.
    fn magnitude(self) -> Option<(i32, u128)> {
        let length = self.coefficient.checked_ilog10()? + 1;
        let power = self.exponent + i32::try_from(length).unwrap_or(i32::MAX);
        Some((power, self.coefficient * 10u128.pow(DIGITS - length)))
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The power of ten behind an `e`; what passes 64 bits stays at their end.
fn power(text: &[u8]) -> Result<i64, NotADecimal> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let (number, rest) = digits(text);
    if number.is_empty() || !rest.is_empty() {
        return Err(NotADecimal::Form);
    }
    Ok(sign
        * number.iter().fold(0i64, |power, byte| {
            power
                .saturating_mul(10)
                .saturating_add(i64::from(byte - b'0'))
        }))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        match self.exponent {
            0 => write!(f, "{sign}{}", self.coefficient),
            power => write!(f, "{sign}{}E{power}", self.coefficient),
        }
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_those_of_json_and_of_dynamodb() {
        for good in [
            "0",
            "-0",
            "0.000",
            "1.50",
            "-12e+3",
            "1E-130",
            "9.9e125",
            "0e99999999999999999999",
            &"9".repeat(38),
            &format!("1{}", "0".repeat(125)),
        ] {
            assert!(Decimal::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "-", "+1", "01", "1.", ".5", "1e", "1e+", " 1", "1 ", "1,5", "0x1", "NaN", "--1",
            "１",
        ] {
            assert_eq!(Decimal::parse(bad), Err(NotADecimal::Form), "{bad}");
        }
        for far in [
            "1e126",
            "9e-131",
            &"9".repeat(39),
            "1e99999999999999999999999",
            "1e-99999999999999999999999",
            &format!("1.{}1", "0".repeat(100_000)),
        ] {
            assert_eq!(Decimal::parse(far), Err(NotADecimal::Range), "{far}");
        }
    }

    #[test]
    fn what_floats_confuse_is_told_apart() {
        let parse = |text| Decimal::parse(text).unwrap();
        assert!(parse("9007199254740993") > parse("9007199254740992"));
        assert!(parse("0.1") < parse("0.10000000000000000000000000000000000001"));
        assert_eq!(parse("1.50"), parse("15e-1"));
        assert_eq!(parse("-0"), parse("0.0"));
        assert_eq!(parse("5e4").whole(), Some(50_000));
        for none in ["1.5", "-1", "1e20", "0.1"] {
            assert_eq!(parse(none).whole(), None, "{none}");
        }
    }

    fn number() -> impl Strategy<Value = String> {
        let near = "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?";
        let wide = "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,13})?([eE][+-]?[0-9]{1,2})?";
        prop_oneof![near, wide]
    }

    proptest! {
        #[test]
        fn order_is_that_of_big_decimals(a in number(), b in number()) {
            let big = |text: &str| text.parse::<BigDecimal>().unwrap();
            let (x, y) = (Decimal::parse(&a).unwrap(), Decimal::parse(&b).unwrap());
            prop_assert_eq!(x.cmp(&y), big(&a).cmp(&big(&b)));
            prop_assert_eq!(x == y, big(&a) == big(&b));
            prop_assert_eq!(Decimal::parse(&x.to_string()), Ok(x));
        }

        #[test]
        fn whole_numbers_are_read_alike_in_both_ways(number: u64, zeros in 0usize..4, tail in "[0-9/:a]{0,3}") {
            let text = format!("{number}{}{tail}", "0".repeat(zeros));
            // With an exponent, nothing is everyday any more.
            prop_assert_eq!(Decimal::parse(&text), Decimal::parse(&format!("{text}e0")));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "[-+0-9.eE]{0,60}") {
            let _ = Decimal::read(&bytes);
            let _ = Decimal::parse(&text).map(|decimal| decimal.to_string());
        }
    }
}
