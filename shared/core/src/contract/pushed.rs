//! [`LeadSource`]: which leads a store may leave out of a page, and that a selection is the same with and without.

use std::collections::{BTreeMap, BTreeSet};

use super::leads::{LeadWriter, SHARDS, at, key_of, lead, put};
use super::must;
use crate::filter::people::{Facet, Mode, Side, Sides, Terms, Wanted};
use crate::filter::{Condition, Days, Filter, Literal, Pushed, Within};
use crate::input::Decimal;
use crate::lead::{Lead, LeadKey, Value};
use crate::page::Slots;
use crate::ports::{LeadSource, PageQuery};
use crate::time::Instant;

/// Every claim of this module.
pub async fn all(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    what_passes_no_test_is_left_out_and_nothing_else(store, writer).await;
    what_cannot_be_asked_is_left_aside(store, writer).await;
}

/// Leads of a page from which some are left out: few, so that a shard has several.
const MOST: u32 = 20;

/// On both sides of all that is asked, in and beyond ASCII.
const TEXTS: [&str; 26] = [
    "",
    " ",
    "sold",
    "SOLD",
    "Sold",
    "sOld",
    "s",
    "S",
    "so",
    "SA",
    "sp",
    "sé",
    "ſold",
    "ßold",
    "éold",
    "xold",
    "T",
    "ss",
    "ß",
    "true",
    "5",
    "2026-03-09T04:00:00.000Z",
    "2026-03-05",
    "2026-03-06T00:00:00Z",
    "2026-03-12",
    "2026-03-13",
];
const NUMBERS: [&str; 8] = ["-1", "0", "4.99", "5", "7.000", "7.01", "1E30", "0.001"];

fn values() -> Vec<Value> {
    let text = |text: &str| Value::from(text);
    let mut values: Vec<Value> = TEXTS.into_iter().map(text).collect();
    values.extend(NUMBERS.map(|number| Value::Number(number.to_owned())));
    values.extend([
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Binary(b"sold".to_vec()),
        Value::List(vec![]),
        Value::List(vec![text("sold"), Value::Number("5".to_owned())]),
        Value::Set(vec![text("SOLD"), text("x")]),
        Value::Map(BTreeMap::from([("sold".to_owned(), text("sold"))])),
    ]);
    values
}

/// A lead of each value under each of two fields, some under both, and some of none.
fn leads() -> Vec<Lead> {
    let values = values();
    let mut all = Vec::new();
    for (number, value) in values.iter().enumerate() {
        let second = u64::try_from(number).unwrap_or_default() % 5;
        let other = &values[number * 7 % values.len()];
        for (name, held) in [
            ("a", vec![("a", value)]),
            ("u", vec![("updated_at", value)]),
            (
                "both",
                vec![("a", value), ("updated_at", other), ("emails", other)],
            ),
            ("none", vec![]),
        ] {
            let mut lead = lead(&format!("{name}{number}"), at(second));
            if number % 2 == 0 {
                lead.values.clear();
            }
            let held = held
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.clone()));
            lead.values.extend(held);
            all.push(lead);
        }
    }
    all
}

fn conditions() -> Vec<Condition> {
    let key = || "a".to_owned();
    let number = |text| Decimal::parse(text).ok();
    let within = Within {
        from: Instant::parse("2026-03-08T05:00:00Z").ok(),
        to: Instant::parse("2026-03-09T07:00:00Z").ok(),
    };
    let any_of = |values: &[&str]| Condition::AnyOf {
        key: key(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let between = |min, max| Condition::Number {
        key: key(),
        min,
        max,
    };
    let seniority = |include, exclude| Condition::People {
        facet: Facet::FullName,
        wanted: Wanted::Terms(Sides {
            any: Side { include, exclude },
            all: Side::default(),
        }),
    };
    let terms = || {
        let content = vec!["sold".to_owned()];
        Some(Terms {
            mode: Mode::Smart,
            content,
        })
    };
    vec![
        any_of(&["Sold"]),
        any_of(&["s", "5"]),
        any_of(&["ſé", "é", "true"]),
        any_of(&["SS"]),
        between(number("5"), number("7")),
        between(None, number("1E-3")),
        between(number("-0.5"), None),
        Condition::Is {
            key: key(),
            value: true,
        },
        Condition::Is {
            key: key(),
            value: false,
        },
        Condition::Days {
            key: key(),
            days: Days {
                from: "2026-03-08".parse().ok(),
                to: "2026-03-09".parse().ok(),
                within,
            },
        },
        Condition::Has(key()),
        Condition::Has("email".to_owned()),
        Condition::Lacks(key()),
        Condition::Lacks("email".to_owned()),
        Condition::Updated(within),
        Condition::Search("l1".to_owned()),
        seniority(terms(), None),
        seniority(None, terms()),
    ]
}

/// Reads all shards; the keys of the leads that came, and those of them that meet the filter.
async fn read(
    store: &dyn LeadSource,
    whole: &PageQuery,
    filter: &Filter,
    pushed: Vec<Pushed>,
) -> (BTreeSet<LeadKey>, Vec<LeadKey>) {
    let slots = Slots::new(filter.attributes());
    let mut matcher = filter.compile(&slots, &whole.source);
    let mut query = PageQuery {
        slots,
        most: (!pushed.is_empty()).then_some(MOST),
        pushed: pushed.into(),
        ..whole.clone()
    };
    let (mut came, mut met) = (BTreeSet::new(), Vec::new());
    for shard in 0..SHARDS {
        query.shard = shard;
        query.after = None;
        loop {
            let answer = must(store.page(&query).await, "page");
            let shown = answer.page.len() as u64;
            assert!(answer.scanned >= shown, "what is left out was looked at");
            for row in answer.page.rows() {
                came.insert(key_of(row.key()));
                met.extend(matcher.matches(&row).then(|| key_of(row.key())));
            }
            let Some(next) = answer.next else { break };
            query.after = Some(next);
        }
    }
    (came, met)
}

/// Every lead that passes all tests comes, and no other: so each filter, and each two of them together, finds the same leads.
pub async fn what_passes_no_test_is_left_out_and_nothing_else(
    store: &dyn LeadSource,
    writer: &dyn LeadWriter,
) {
    let leads = leads();
    let whole = put(writer, &leads).await;
    let conditions = conditions();
    let mut left_out = 0;
    for (number, first) in conditions.iter().enumerate() {
        for second in [number, number + 7] {
            let second = &conditions[second % conditions.len()];
            let filter = Filter::new(vec![first.clone(), second.clone()]);
            let pushed = filter.pushed();
            let admitted = leads
                .iter()
                .filter(|lead| pushed.iter().all(|test| test.admits(lead)));
            let admitted: BTreeSet<LeadKey> = admitted.map(Lead::key).collect();
            let (all, expected) = read(store, &whole, &filter, Vec::new()).await;
            assert_eq!(all.len(), leads.len());
            let (came, met) = read(store, &whole, &filter, pushed).await;
            assert_eq!(met, expected, "{filter:?}");
            assert_eq!(came, admitted, "{filter:?}");
            left_out += all.len() - came.len();
        }
    }
    assert!(left_out > leads.len(), "{left_out}");
}

/// A test of more ranges than a store's expression can hold, or of its own keys, is left aside; the others count.
pub async fn what_cannot_be_asked_is_left_aside(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let leads = leads();
    let whole = put(writer, &leads).await;
    let values = ('a'..='z').flat_map(|a| ['p', 'q', 'r', 's'].map(|b| format!("{a}{b}")));
    let long = Condition::AnyOf {
        key: "a".to_owned(),
        values: values.chain(["sold".to_owned()]).collect(),
    };
    let filter = Filter::new(vec![long, Condition::Has("emails".to_owned())]);
    let (_, expected) = read(store, &whole, &filter, Vec::new()).await;
    let mut pushed = filter.pushed();
    pushed.push(Pushed::There(vec![
        "PK".to_owned(),
        "email".to_owned(),
        "a".to_owned(),
    ]));
    let other = Literal::Text("\u{10FFFF}".to_owned());
    pushed.push(Pushed::Not(
        "SK".to_owned(),
        std::cmp::Ordering::Greater,
        other,
    ));
    let (came, met) = read(store, &whole, &filter, pushed).await;
    assert_eq!(met, expected);
    assert!(!met.is_empty() && came.len() < leads.len());
}
