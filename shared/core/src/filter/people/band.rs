//! Bands such as "201-500", "10,001+", "$10M - $50M" and "< $1M", as numbers.

use super::Range;
use crate::input::Decimal;

/// An end of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    at: Decimal,
    /// Whether the band reaches it.
    included: bool,
}

/// A band; without an end it is open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    low: Option<End>,
    high: Option<End>,
}

impl Band {
    /// Reads a band as people write it, or a single number, which is a band of its own; none for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Numbers as stores write them, exponents and signs among them.
        if let Ok(number) = Decimal::parse(text) {
            return Some(Self::of(number, number));
        }
        let text = plain(text);
        for (sign, included) in [("<=", true), ("<", false)] {
            if let Some(rest) = text.strip_prefix(sign) {
                let high = open_end(rest, included)?;
                return Some(Self {
                    low: None,
                    high: Some(high),
                });
            }
        }
        let above = [(">=", true), (">", false)]
            .into_iter()
            .find_map(|(sign, included)| Some((text.strip_prefix(sign)?, included)))
            .or_else(|| Some((text.strip_suffix('+')?, true)));
        if let Some((rest, included)) = above {
            let low = open_end(rest, included)?;
            return Some(Self {
                low: Some(low),
                high: None,
            });
        }
        let Some((low, high)) = text.split_once('-') else {
            let number = amount(&text, None)?.value;
            return Some(Self::of(number, number));
        };
        let high = amount(high, None)?;
        let low = amount(low, Some(&high))?;
        (low.value <= high.value).then(|| Self::of(low.value, high.value))
    }

    fn of(low: Decimal, high: Decimal) -> Self {
        let end = |at| Some(End { at, included: true });
        Self {
            low: end(low),
            high: end(high),
        }
    }

    /// Whether the two have a number in common.
    pub(super) fn overlaps(&self, range: &Range) -> bool {
        let reaches =
            |end: End, least: Decimal| end.at > least || (end.at == least && end.included);
        let begins = |end: End, most: Decimal| end.at < most || (end.at == most && end.included);
        let from = match (self.high, range.start) {
            (Some(high), Some(start)) => reaches(high, start),
            _ => true,
        };
        let to = match (self.low, range.end) {
            (Some(low), Some(end)) => begins(low, end),
            _ => true,
        };
        from && to
    }
}

/// The one end of a band that is open at the other.
fn open_end(text: &str, included: bool) -> Option<End> {
    let at = amount(text, None)?.value;
    Some(End { at, included })
}

/// The band without blanks and commas, in lower case, its signs of one kind.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ',' => {}
            c if c.is_whitespace() => {}
            // Dashes of all lengths, and the minus sign.
            '\u{2010}'..='\u{2015}' | '\u{2212}' => plain.push('-'),
            '≤' => plain.push_str("<="),
            '≥' => plain.push_str(">="),
            c => plain.extend(c.to_lowercase()),
        }
    }
    for word in ["employees", "people"] {
        if let Some(rest) = plain.strip_suffix(word) {
            plain.truncate(rest.len());
        }
    }
    let sign = SIGNS
        .into_iter()
        .find_map(|(word, sign)| Some(format!("{sign}{}", plain.strip_prefix(word)?)));
    sign.unwrap_or(plain)
}

/// Words for signs.
const SIGNS: [(&str, &str); 7] = [
    ("lessthan", "<"),
    ("under", "<"),
    ("below", "<"),
    ("upto", "<="),
    ("morethan", ">"),
    ("over", ">"),
    ("above", ">"),
];

/// A number with what stood around it.
struct Amount {
    value: Decimal,
    /// The power of ten of its letter, if it has one.
    power: Option<u32>,
    /// Whether a currency stood before it.
    in_currency: bool,
}

/// What letters and words behind a number make of it, as powers of ten.
const POWERS: [(&str, u32); 11] = [
    ("thousand", 3),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("bn", 9),
    ("mm", 6),
    ("tn", 12),
    ("k", 3),
    ("m", 6),
    ("b", 9),
    ("t", 12),
];

/// Reads a number such as `$10m`. The low end of "$1-10M" is a million as well: it takes its letter from the high one, unless that
/// has a currency of its own.
fn amount(text: &str, high: Option<&Amount>) -> Option<Amount> {
    let number = text.trim_start_matches(['$', '€', '£']);
    let in_currency = number.len() < text.len();
    let (number, power) = POWERS
        .into_iter()
        .find_map(|(word, power)| Some((number.strip_suffix(word)?, Some(power))))
        .unwrap_or((number, None));
    let taken = high
        .filter(|high| !high.in_currency)
        .and_then(|high| high.power);
    let ten_to = power.or(taken).unwrap_or(0);
    let is_number = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = is_number.then(|| Decimal::parse(&format!("{number}e{ten_to}")));
    Some(Amount {
        value: value?.ok()?,
        power,
        in_currency,
    })
}
