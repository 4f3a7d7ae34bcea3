//! The law of filters: what rows meet is what a plain reading of contract §3 over the lead's own values says.

pub(crate) mod made;
mod pushed;

use super::tests::{FIRST, holds, parse, source};
use crate::lead::{Lead, Value};
use crate::time::Instant;
use bigdecimal::BigDecimal;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use made::{filters, lead};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value as Asked, json};

/// A lead's values, plainly.
struct Plain<'a>(&'a Lead);

impl Plain<'_> {
    fn items(&self, key: &str) -> Vec<Value> {
        match self.0.values.get(key) {
            None => vec![],
            Some(Value::List(items) | Value::Set(items)) => items.clone(),
            Some(other) => vec![other.clone()],
        }
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let text = |value| match value {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        self.items(key).into_iter().filter_map(text).collect()
    }

    fn filled(&self, key: &str) -> Vec<String> {
        let mut texts = self.texts(key);
        texts.retain(|text| !text.is_empty());
        texts
    }

    /// The field's values as the file shows them, by contract §2.
    fn shown(&self, key: &str) -> Vec<String> {
        match key {
            "lead_id" => vec![self.0.id.as_str().to_owned()],
            "created_at" => vec![self.0.created_at.to_string()],
            "source_id" => vec![source().id.as_str().to_owned()],
            "name" => {
                let parts = [self.filled("first_name"), self.filled("last_name")].concat();
                if parts.is_empty() {
                    self.filled("name")
                } else {
                    vec![parts.join(" ")]
                }
            }
            "email" | "emails" => [self.filled("email"), self.filled("emails")].concat(),
            "phone" | "phones" => [self.filled("phone"), self.filled("phones")].concat(),
            other => self.filled(other),
        }
    }

    fn any_of(&self, key: &str, values: &Asked) -> bool {
        let values: Vec<String> = values
            .as_array()
            .unwrap()
            .iter()
            .map(|value| fold(value.as_str().unwrap()))
            .collect();
        self.texts(key)
            .iter()
            .any(|text| values.contains(&fold(text)))
    }

    fn instants(&self, key: &str) -> Vec<Instant> {
        self.texts(key)
            .iter()
            .filter_map(|text| Instant::parse(text).ok())
            .collect()
    }

    fn meets(&self, filters: &Map<String, Asked>) -> bool {
        let zone = filters
            .get("time_zone")
            .map_or("America/New_York", |zone| zone.as_str().unwrap());
        let zone = TimeZone::get(zone).unwrap();
        filters.iter().all(|(name, asked)| match name.as_str() {
            "time_zone" => true,
            "status" => self.any_of("status", asked),
            "created" => within(self.0.created_at, asked, &zone),
            "updated" => self
                .instants("updated_at")
                .into_iter()
                .any(|at| within(at, asked, &zone)),
            "since_export" => {
                let first = Instant::parse(FIRST).unwrap();
                self.0.created_at > first
                    || self.instants("updated_at").into_iter().any(|at| at > first)
            }
            "attributes" => asked.as_object().unwrap().iter().all(|(key, asked)| {
                let key = if key == "Home Owner" {
                    "homeowner"
                } else {
                    key
                };
                match asked {
                    Asked::Bool(any) => self.filled(key).is_empty() != *any,
                    values => self.any_of(key, values),
                }
            }),
            "custom" => asked
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, asked)| self.custom(key, asked, &zone)),
            "has" => keys(asked).all(|key| !self.shown(key).is_empty()),
            "lacks" => keys(asked).all(|key| self.shown(key).is_empty()),
            "search" => self.search(asked.as_str().unwrap()),
            other => panic!("{other}"),
        })
    }

    fn custom(&self, key: &str, asked: &Asked, zone: &TimeZone) -> bool {
        match key {
            "annual_income" => self.texts(key).iter().any(|text| {
                let bound = |name: &str| {
                    let number = asked.get(name)?;
                    Some(number.to_string().parse::<BigDecimal>().unwrap())
                };
                // BigDecimal takes more than JSON's grammar of numbers.
                let json = serde_json::from_str::<f64>(text).is_ok() && text.trim() == text;
                let Some(number) = text.parse::<BigDecimal>().ok().filter(|_| json) else {
                    return false;
                };
                bound("min").is_none_or(|min| number >= min)
                    && bound("max").is_none_or(|max| number <= max)
            }),
            "opted_in" => self
                .texts(key)
                .iter()
                .any(|text| text.to_lowercase().parse() == Ok(asked == &json!(true))),
            "moved_in" => self.texts(key).iter().any(|text| {
                let day = match (text.len(), text.parse::<jiff::civil::Date>()) {
                    (10, Ok(day)) => day,
                    _ => match Instant::parse(text) {
                        Ok(instant) => instant.timestamp().to_zoned(zone.clone()).date(),
                        Err(_) => return false,
                    },
                };
                let bound = |name: &str| Some(asked.get(name)?.as_str()?.parse().unwrap());
                bound("from").is_none_or(|from| day >= from)
                    && bound("to").is_none_or(|to| day <= to)
            }),
            _ => self.any_of(key, asked),
        }
    }

    fn search(&self, text: &str) -> bool {
        let folded = fold(text);
        let people = [
            self.shown("name"),
            self.texts("email"),
            self.texts("emails"),
        ]
        .concat();
        if people.iter().any(|text| fold(text).contains(&folded)) {
            return true;
        }
        let digits = |text: &str| text.replace(|c: char| !c.is_ascii_digit(), "");
        let rest = text.replace(|c: char| c.is_ascii_digit(), "");
        let phones = [self.texts("phone"), self.texts("phones")].concat();
        digits(text).len() >= 4
            && rest.chars().all(|c| " ()+./-x".contains(c))
            && phones
                .iter()
                .any(|phone| digits(phone).contains(&digits(text)))
    }
}

fn keys(asked: &Asked) -> impl Iterator<Item = &str> {
    asked.as_array().unwrap().iter().filter_map(Asked::as_str)
}

fn fold(text: &str) -> String {
    unicase::UniCase::unicode(text).to_folded_case()
}

/// The second way of reading ranges: cut the lead's instant to the bound's unit, then compare.
fn within(at: Instant, asked: &Asked, zone: &TimeZone) -> bool {
    let compare = |name: &str| {
        let text = asked.get(name)?.as_str()?;
        if text.len() == 10 {
            let shown = at.timestamp().to_zoned(zone.clone()).date();
            return Some(shown.cmp(&text.parse().unwrap()));
        }
        let unit = match text.split_once('.') {
            None => 1_000,
            Some((_, rest)) => {
                10i64.pow(3 - u32::try_from(rest.trim_end_matches('Z').len()).unwrap())
            }
        };
        let bound = text.parse::<Timestamp>().unwrap().as_millisecond();
        Some((at.millis().div_euclid(unit) * unit).cmp(&bound))
    };
    compare("from").is_none_or(std::cmp::Ordering::is_ge)
        && compare("to").is_none_or(std::cmp::Ordering::is_le)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rows_meet_a_filter_iff_a_plain_reading_says_so(filters in filters(), leads in vec(lead(), 1..10)) {
        let Ok(filter) = parse(&filters) else {
            // The one mistake that these filters can make.
            let error = parse(&filters).unwrap_err().to_string();
            prop_assert!(error.contains("later than") || error.contains("greater than"), "{}", error);
            return Ok(());
        };
        for lead in &leads {
            let expected = Plain(lead).meets(filters.as_object().unwrap());
            prop_assert_eq!(holds(&filter, lead), expected, "{} on {:?}", filters, lead);
            if expected {
                for pushed in filter.pushed() {
                    prop_assert!(pushed.admits(lead), "{:?} of {} on {:?}", pushed, filters, lead);
                }
                let (from, to) = filter.created_bounds();
                prop_assert!(from.is_none_or(|from| from <= lead.created_at) && to.is_none_or(|to| lead.created_at <= to));
            }
        }
        let text = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<super::Filter>(&text).unwrap(), filter);
    }
}
