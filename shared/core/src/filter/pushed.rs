//! What of a filter a store can decide by itself, so that leads that cannot match need not be sent.
//!
//! Each test is *conservative*: a lead that meets the filter passes all of them, whatever the types of its values. Of those that do
//! not, some pass as well, and the [`super::Matcher`] drops them. So the rows are the same with and without.
//!
//! A store knows bytes, not characters: of a text whose case is ignored it is asked the first two letters at most, and what begins
//! beyond ASCII passes ('ſ' folds to "s"). What looks at several fields at once, such as a search, is not asked for; nor is
//! `since_export`, half of which is about the key, which stores do not filter by.

use std::cmp::Ordering;

use unicase::UniCase;

use super::people::Wanted;
use super::{Condition, Filter, Within};
use crate::fields::attributes_of;
use crate::input::Decimal;
use crate::lead::{Lead, Value};
use crate::time::Instant;

/// A test of the attributes that leads are read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// One of these attributes is there, if only as a null. Never empty.
    There(Vec<String>),
    /// The attribute does not compare like this with the value: one that is missing or of another type does not compare at all.
    Not(String, Ordering, Literal),
    /// The attribute is no text, or lies in one of these ranges by its bytes in UTF-8: their ends belong to them, and one without
    /// its second is open. Never empty.
    Among(String, Vec<(String, Option<String>)>),
}

/// What an attribute is compared with. Booleans are equal or not; they have no order in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A text, by its bytes in UTF-8.
    Text(String),
    /// A number.
    Number(Decimal),
    /// Yes or no.
    Bool(bool),
}

/// The least text that begins beyond ASCII.
const BEYOND_ASCII: char = '\u{80}';

impl Filter {
    /// Tests that every lead passes that meets the filter.
    pub fn pushed(&self) -> Vec<Pushed> {
        self.conditions.iter().flat_map(pushed).collect()
    }
}

fn pushed(condition: &Condition) -> Vec<Pushed> {
    let not = |key: &str, order, literal| Pushed::Not(key.to_owned(), order, literal);
    match condition {
        // Of these, the bounds of the keys have seen to the first.
        Condition::Created(_) | Condition::Since(_) | Condition::Search(_) => Vec::new(),
        Condition::Updated(within) => {
            let bounds = days("updated_at", within);
            there(["updated_at"]).into_iter().chain(bounds).collect()
        }
        Condition::Days { key, days: wanted } => {
            let bounds = days(key, &wanted.within);
            there([key]).into_iter().chain(bounds).collect()
        }
        Condition::AnyOf { key, values } => {
            let among = beginnings(values).map(|ranges| Pushed::Among(key.clone(), ranges));
            there([key]).into_iter().chain(among).collect()
        }
        Condition::Number { key, min, max } => {
            let min = min.map(|min| not(key, Ordering::Less, Literal::Number(min)));
            let max = max.map(|max| not(key, Ordering::Greater, Literal::Number(max)));
            there([key]).into_iter().chain(min).chain(max).collect()
        }
        Condition::Is { key, value } => {
            let other = not(key, Ordering::Equal, Literal::Bool(!value));
            there([key]).into_iter().chain([other]).collect()
        }
        Condition::Has(key) => there(attributes_of(key)).into_iter().collect(),
        Condition::Lacks(key) => {
            // No text behind a blank is empty.
            let filled = |name| not(name, Ordering::Greater, Literal::Text(" ".to_owned()));
            attributes_of(key).into_iter().map(filled).collect()
        }
        Condition::People { facet, wanted } => {
            // What is missing meets no term and overlaps no range.
            let needs_a_value = match wanted {
                Wanted::Terms(sides) => sides.any.include.is_some() || sides.all.include.is_some(),
                Wanted::Ranges(_) => true,
                Wanted::Filled(filled) => *filled,
            };
            let test = needs_a_value.then(|| there(facet.attributes()));
            test.flatten().into_iter().collect()
        }
    }
}

/// That one of these is there; none if there are none, as of a source's id, which is no attribute.
fn there<'a, S: AsRef<str> + ?Sized + 'a>(
    names: impl IntoIterator<Item = &'a S>,
) -> Option<Pushed> {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    (!names.is_empty()).then_some(Pushed::There(names))
}

/// That a text is no day or instant outside the range.
///
/// Both begin with their day, an instant with that of its own offset, which is two days away from the one in UTC at most.
fn days<'a>(key: &'a str, within: &Within) -> impl Iterator<Item = Pushed> + 'a {
    let from = within.from.and_then(|from| day(from, -2));
    let to = within.to.and_then(|to| day(to, 3));
    let bounds = [(Ordering::Less, from), (Ordering::Greater, to)];
    bounds.into_iter().filter_map(move |(order, day)| {
        let day = Literal::Text(day?);
        Some(Pushed::Not(key.to_owned(), order, day))
    })
}

/// The day that lies so many days from the one of `at`; none if it is beyond those whose texts are in their order.
fn day(at: Instant, days: i64) -> Option<String> {
    let away = jiff::SignedDuration::from_hours(24 * days);
    let moved = at.timestamp().checked_add(away).ok()?;
    let text = moved.strftime("%Y-%m-%d").to_string();
    (text.len() == 10 && !text.starts_with('-')).then_some(text)
}

/// The ranges of all texts that equal one of `values`, ignoring case, by their first two characters; none if that says nothing.
fn beginnings(values: &[String]) -> Option<Vec<(String, Option<String>)>> {
    let behind = |letter: u8| char::from(letter + 1);
    let mut ranges = vec![(BEYOND_ASCII.to_string(), None)];
    for value in values {
        let folded = UniCase::unicode(value).to_folded_case();
        let mut letters = folded.chars();
        let (first, second) = (letters.next()?, letters.next());
        for first in cases(first) {
            let (head, next) = (char::from(first), behind(first).to_string());
            let Some(second) = second else {
                ranges.push((head.into(), Some(next)));
                continue;
            };
            ranges.push((format!("{head}{BEYOND_ASCII}"), Some(next)));
            ranges.extend(cases(second).map(|second| {
                let beyond = format!("{head}{}", behind(second));
                (format!("{head}{}", char::from(second)), Some(beyond))
            }));
        }
    }
    ranges.sort();
    ranges.dedup();
    Some(ranges)
}

/// A letter in upper and lower case, if it is one of ASCII: nothing else in ASCII folds to it.
fn cases(letter: char) -> impl Iterator<Item = u8> {
    let ascii = u8::try_from(letter).ok().filter(u8::is_ascii);
    let upper = ascii.map(|letter| letter.to_ascii_uppercase());
    let lower = ascii.map(|letter| letter.to_ascii_lowercase());
    lower
        .into_iter()
        .chain(upper.filter(|upper| Some(*upper) != lower))
}

impl Pushed {
    /// The attributes that it looks at.
    pub fn attributes(&self) -> &[String] {
        match self {
            Self::There(names) => names,
            Self::Not(name, ..) | Self::Among(name, _) => std::slice::from_ref(name),
        }
    }

    /// Whether a lead passes: what stores are held to.
    pub fn admits(&self, lead: &Lead) -> bool {
        match self {
            Self::There(names) => names.iter().any(|name| stored(lead, name).is_some()),
            Self::Not(name, order, literal) => {
                let found = match (stored(lead, name), literal) {
                    (Some(Value::Text(text)), Literal::Text(other)) => Some(text.cmp(other)),
                    (Some(Value::Bool(value)), Literal::Bool(other)) => Some(value.cmp(other)),
                    (Some(Value::Number(number)), Literal::Number(other)) => {
                        let number = Decimal::parse(&number).ok();
                        number.map(|number| number.cmp(other))
                    }
                    _ => None,
                };
                found != Some(*order)
            }
            Self::Among(name, ranges) => match stored(lead, name) {
                Some(Value::Text(text)) => ranges
                    .iter()
                    .any(|(from, to)| *from <= text && to.as_ref().is_none_or(|to| text <= *to)),
                _ => true,
            },
        }
    }
}

/// What is stored of a lead under this name.
fn stored(lead: &Lead, name: &str) -> Option<Value> {
    match name {
        "lead_id" => Some(lead.id.as_str().into()),
        "created_at" => Some(Value::Text(lead.created_at.to_string())),
        name => lead.values.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(values: &[&str]) -> Vec<(String, Option<String>)> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        beginnings(&values).unwrap()
    }

    #[test]
    fn texts_are_asked_for_by_two_letters_in_any_case() {
        let expected = [
            ("7", Some("8")),
            ("NO", Some("NP")),
            ("No", Some("Np")),
            ("N\u{80}", Some("O")),
            ("nO", Some("nP")),
            ("no", Some("np")),
            ("n\u{80}", Some("o")),
            ("\u{80}", None),
        ];
        let expected = expected.map(|(from, to)| (from.to_owned(), to.map(str::to_owned)));
        assert_eq!(among(&["No", "nod", "7", "é"]), expected);
        // The Kelvin sign folds to "k", "ß" to "ss": both begin beyond ASCII, and what they equal may not.
        assert_eq!(among(&["\u{212A}"]), among(&["K"]));
        assert_eq!(among(&["ß"]), among(&["SS"]));
        assert_eq!(beginnings(&[String::new()]), None);
    }

    #[test]
    fn days_are_asked_for_as_long_as_their_texts_are_in_order() {
        let within = |from, to| Within {
            from: Some(from),
            to: Some(to),
        };
        let at = |text| Instant::parse(text).unwrap();
        let texts = |within: &Within| -> Vec<_> { days("a", within).collect() };
        let not = |order, text: &str| Pushed::Not("a".into(), order, Literal::Text(text.into()));
        assert_eq!(
            texts(&within(
                at("2026-03-01T23:00:00Z"),
                at("2026-12-30T01:00:00Z")
            )),
            [
                not(Ordering::Less, "2026-02-27"),
                not(Ordering::Greater, "2027-01-02")
            ]
        );
        assert_eq!(texts(&within(Instant::MIN, Instant::MAX)), []);
    }
}
