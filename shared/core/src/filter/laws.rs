//! The law of filters: what rows meet is what a plain reading of contract §3 over the lead's own values says.

use super::tests::{FIRST, holds, parse, source};
use crate::lead::{Lead, LeadId, Value};
use crate::time::Instant;
use bigdecimal::BigDecimal;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
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
                // Of the generated texts, only those that begin and end in a digit and have no comma are JSON's numbers.
                let Ok(number) = text.parse::<BigDecimal>() else {
                    return false;
                };
                bound("min").is_none_or(|min| number >= min)
                    && bound("max").is_none_or(|max| number <= max)
            }),
            "opted_in" => self
                .texts(key)
                .iter()
                .filter(|_| !matches!(self.items(key)[..], [Value::Number(_)]))
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

fn instant() -> impl Strategy<Value = Instant> {
    // Around the changes of clocks in New York, midnights in three zones, and seconds.
    let edge = select(vec![
        "2026-03-08T05:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-03-09T04:00:00Z",
        "2026-11-01T04:00:00Z",
        "2026-11-02T05:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-03-01T05:00:00Z",
        "2026-02-28T15:00:00Z",
    ]);
    let near = prop_oneof![
        Just(0i64),
        -3i64..3,
        -1_100i64..1_100,
        -90_000_000i64..90_000_000
    ];
    (edge, near).prop_map(|(edge, near)| {
        Instant::from_millis(Instant::parse(edge).unwrap().millis() + near)
    })
}

fn word() -> impl Strategy<Value = String> {
    select(vec![
        "Yes",
        "YES",
        "yes",
        "no",
        "straße",
        "STRASSE",
        "ss",
        "\u{212A}",
        "k",
        "ﬃ",
        "FFI",
        "Σ",
        "ς",
        "İ",
        "x",
        "12",
        "true",
        "FALSE",
        "jané@x.io",
        "ann",
        "2026-03-08",
    ])
    .prop_map(str::to_owned)
}

fn numeral() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]?)(\\.[05]{1,2})?"
}

fn phone() -> impl Strategy<Value = String> {
    "[+]?[12]{1,3}[ -][12]{2,4}( x[12])?"
}

fn day() -> impl Strategy<Value = String> {
    instant().prop_map(|at| at.to_string()[..10].to_owned())
}

fn text() -> impl Strategy<Value = String> {
    let at = instant().prop_map(|at| at.to_string());
    prop_oneof![4 => word(), 1 => Just(String::new()), 2 => numeral(), 2 => phone(), 2 => day(), 1 => at, 1 => "\\PC{0,5}"]
}

fn value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        5 => text().prop_map(Value::Text),
        2 => numeral().prop_map(Value::Number),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    prop_oneof![
        4 => single.clone(),
        1 => vec(single, 0..4).prop_map(Value::List),
        1 => vec(text().prop_map(Value::Text), 0..4).prop_map(Value::Set),
    ]
}

fn lead() -> impl Strategy<Value = Lead> {
    let name = select(vec!["first_name", "last_name", "name"]);
    let other = select(vec![
        "status",
        "homeowner",
        "campaign",
        "annual_income",
        "roof_type",
        "opted_in",
        "note",
        "moved_in",
        "email",
        "emails",
        "phone",
        "phones",
        "updated_at",
    ]);
    let names = btree_map(name, text().prop_map(Value::Text), 0..4);
    (
        instant(),
        names,
        btree_map(other, value(), 0..14),
        of(instant()),
    )
        .prop_map(|(created_at, names, others, updated)| {
            let mut values: std::collections::BTreeMap<String, Value> = names
                .into_iter()
                .chain(others)
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            if let Some(updated) = updated {
                values.insert("updated_at".into(), Value::Text(updated.to_string()));
            }
            Lead {
                id: LeadId::parse("l").unwrap(),
                created_at,
                values,
            }
        })
}

fn range() -> impl Strategy<Value = Asked> {
    let bound = || {
        let moment = (instant(), 0usize..4).prop_map(|(at, decimals)| {
            let text = at.to_string();
            let end = if decimals == 0 { 19 } else { 20 + decimals };
            format!("{}Z", &text[..end])
        });
        of(prop_oneof![day(), moment])
    };
    (bound(), bound()).prop_map(|(from, to)| object([("from", from), ("to", to)]))
}

fn object<const N: usize, T: Into<Asked>>(members: [(&str, Option<T>); N]) -> Asked {
    members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.into())))
        .collect::<Map<_, _>>()
        .into()
}

fn words() -> impl Strategy<Value = Asked> {
    vec(word(), 1..4).prop_map(|words| json!(words))
}

fn custom() -> impl Strategy<Value = Asked> {
    let number = || of(numeral().prop_map(|text| serde_json::from_str::<Asked>(&text).unwrap()));
    let income = (number(), number()).prop_map(|(min, max)| object([("min", min), ("max", max)]));
    let days = (of(day()), of(day())).prop_map(|(from, to)| object([("from", from), ("to", to)]));
    (
        of(income),
        of(any::<bool>().prop_map(Asked::from)),
        of(words()),
        of(days),
        of(Just(json!(["TILE"]))),
    )
        .prop_map(|(income, opted, note, days, roof)| {
            object([
                ("annual_income", income),
                ("opted_in", opted),
                ("note", note),
                ("moved_in", days),
                ("roof_type", roof),
            ])
        })
}

fn filters() -> impl Strategy<Value = Asked> {
    let attribute = prop_oneof![words(), any::<bool>().prop_map(Asked::from)];
    let attributes = btree_map(
        select(vec!["homeowner", "Home Owner", "campaign"]),
        attribute,
        0..3,
    )
    .prop_map(|members| json!(members));
    let keys = || {
        vec(
            select(vec![
                "name",
                "email",
                "emails",
                "phone",
                "phones",
                "note",
                "created_at",
                "source_id",
                "homeowner",
                "annual_income",
            ]),
            1..3,
        )
        .prop_map(|keys| json!(keys))
    };
    let search = prop_oneof![word(), phone(), "[12 ]{1,6}", "\\PC{1,3}"].prop_map(Asked::from);
    let zone = select(vec!["UTC", "Asia/Tokyo", "America/New_York"]).prop_map(Asked::from);
    // Few at once, or nothing would ever match.
    let one = prop_oneof![
        words().prop_map(|asked| ("status", asked)),
        range().prop_map(|asked| ("created", asked)),
        range().prop_map(|asked| ("updated", asked)),
        attributes.prop_map(|asked| ("attributes", asked)),
        custom().prop_map(|asked| ("custom", asked)),
        search.prop_map(|asked| ("search", asked)),
        keys().prop_map(|asked| ("has", asked)),
        keys().prop_map(|asked| ("lacks", asked)),
        Just(("since_export", json!("first"))),
    ];
    (vec(one, 1..3), of(zone)).prop_map(|(some, zone)| {
        let mut filters: Map<String, Asked> = some
            .into_iter()
            .map(|(key, asked)| (key.to_owned(), asked))
            .collect();
        filters.extend(zone.map(|zone| ("time_zone".to_owned(), zone)));
        filters.into()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rows_meet_a_filter_iff_a_plain_reading_says_so(filters in filters(), leads in vec(lead(), 1..6)) {
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
                let (from, to) = filter.created_bounds();
                prop_assert!(from.is_none_or(|from| from <= lead.created_at) && to.is_none_or(|to| lead.created_at <= to));
            }
        }
        let text = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<super::Filter>(&text).unwrap(), filter);
    }
}
