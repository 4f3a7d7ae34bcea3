//! Random filters of every facet and shape over random leads: what the matcher says is what a plain reading says.

use super::plain::{BANDS, meets_all};
use crate::filter::Filter;
use crate::filter::tests::{holds, parse};
use crate::lead::{Lead, LeadId, Value};
use crate::time::Instant;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Asked, json};

const TEXTS: [&str; 14] = [
    "Machine Learning",
    "machine",
    "C++",
    "C",
    "Straße",
    "STRASSE 5",
    "Head of Sales",
    "Sales",
    "Sales Clerk",
    "Jean-Luc",
    "MIT",
    "Learning",
    "Globex Inc.",
    "globex.example",
];
const PLACES: [&str; 8] = [
    "Boston",
    "MA",
    "Massachusetts",
    "United States",
    "Australia",
    "WA",
    "washington",
    "perth",
];
const SENIORITIES: [&str; 6] = ["vp", "VP", "C-Suite", "c_suite", "Mid Level", "intern"];
const TYPES: [&str; 6] = [
    "private",
    "PRIVATELY_HELD",
    "Privately Held",
    "public",
    "NON_PROFIT",
    "PUBLIC_COMPANY",
];
const SITES: [&str; 4] = [
    "https://www.globex.example/x",
    "globex.example",
    "http://eu.globex.example",
    "initech.example",
];

fn one(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop_oneof![
        8 => select(of).prop_map(Value::from),
        1 => Just(Value::from("")),
        1 => Just(Value::Null),
        2 => vec(select(of).prop_map(Value::from), 0..3).prop_map(Value::List),
    ]
    .boxed()
}

fn many(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    vec(select(of).prop_map(Value::from), 0..4)
        .prop_map(Value::List)
        .boxed()
}

fn maps(members: &'static [&'static str]) -> BoxedStrategy<Value> {
    let value = |member: &'static str| -> BoxedStrategy<Value> {
        match member {
            "current" => any::<bool>().prop_map(Value::Bool).boxed(),
            _ => one(&TEXTS),
        }
    };
    let map = members
        .iter()
        .map(|member| weighted(0.8, value(member)))
        .collect::<Vec<_>>()
        .prop_map(|values| {
            let members = members.iter().zip(values);
            let members = members.filter_map(|(key, value)| Some(((*key).to_owned(), value?)));
            Value::Map(members.collect())
        });
    vec(map, 0..3).prop_map(Value::List).boxed()
}

fn bands(of: std::ops::Range<usize>) -> BoxedStrategy<Value> {
    let bands: Vec<&str> = BANDS[of].iter().map(|(band, ..)| *band).collect();
    prop_oneof![6 => select(bands).prop_map(Value::from), 1 => Just(Value::Null)].boxed()
}

fn lead() -> impl Strategy<Value = Lead> {
    let single = |of: &'static [&'static str]| select(of).prop_map(Value::from).boxed();
    let fields: Vec<(&str, BoxedStrategy<Value>)> = vec![
        ("first_name", single(&TEXTS)),
        ("last_name", single(&TEXTS)),
        ("name", single(&TEXTS)),
        ("city", one(&PLACES)),
        ("state", one(&PLACES)),
        ("country", one(&PLACES)),
        ("seniority", one(&SENIORITIES)),
        ("departments", many(&TEXTS)),
        ("functions", many(&TEXTS)),
        ("skills", many(&TEXTS)),
        ("languages", many(&TEXTS)),
        ("job_title", one(&TEXTS)),
        ("educations", maps(&["school", "degree", "field_of_study"])),
        ("experiences", maps(&["title", "current"])),
        ("company_name", one(&TEXTS)),
        ("company_website", one(&SITES)),
        ("company_industry", one(&TEXTS)),
        ("company_city", one(&PLACES)),
        ("company_country", one(&PLACES)),
        ("company_type", one(&TYPES)),
        ("company_headcount", bands(0..BANDS.len())),
        ("company_revenue", bands(0..BANDS.len())),
    ];
    let (keys, values): (Vec<&str>, Vec<_>) = fields
        .into_iter()
        .map(|(key, value)| (key, weighted(0.75, value)))
        .unzip();
    values.prop_map(move |values| Lead {
        id: LeadId::parse("l").unwrap(),
        created_at: Instant::from_millis(0),
        values: keys
            .iter()
            .zip(values)
            .filter_map(|(key, value)| Some(((*key).to_owned(), value?)))
            .collect(),
    })
}

fn object(members: Vec<(&str, Option<Asked>)>) -> Asked {
    let members = members.into_iter();
    let members = members.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Asked::Object(members.collect::<Map<_, _>>())
}

/// A leaf whose lists are made by `list`.
fn leaf(list: &BoxedStrategy<Asked>) -> BoxedStrategy<Asked> {
    let side = || {
        (weighted(0.5, list.clone()), weighted(0.3, list.clone()))
            .prop_map(|(include, exclude)| object(vec![("include", include), ("exclude", exclude)]))
    };
    (weighted(0.7, side()), weighted(0.4, side()))
        .prop_map(|(any, all)| object(vec![("any", any), ("all", all)]))
        .boxed()
}

fn plain(of: &'static [&'static str]) -> BoxedStrategy<Asked> {
    leaf(&vec(select(of), 1..4).prop_map(|terms| json!(terms)).boxed())
}

fn matched() -> BoxedStrategy<Asked> {
    let terms = || vec(select(&TEXTS[..]), 1..3);
    let mode = weighted(0.8, select(vec!["SMART", "WORD", "STRICT"]));
    let list = prop_oneof![
        terms().prop_map(|terms| json!(terms)),
        (mode, terms()).prop_map(|(mode, terms)| {
            object(vec![
                ("mode", mode.map(Asked::from)),
                ("content", Some(json!(terms))),
            ])
        }),
    ];
    leaf(&list.boxed())
}

fn places() -> BoxedStrategy<Asked> {
    let part = || select(&PLACES[..]);
    let place = prop_oneof![
        3 => part().prop_map(str::to_owned),
        3 => (part(), part()).prop_map(|(a, b)| format!("{a}, {b}")),
        1 => (part(), part(), part()).prop_map(|(a, b, c)| format!("{a},{b} , {c}")),
    ];
    leaf(&vec(place, 1..4).prop_map(|terms| json!(terms)).boxed())
}

fn range() -> BoxedStrategy<Asked> {
    let edges = [
        0,
        1,
        10,
        11,
        200,
        201,
        500,
        501,
        10_000,
        10_001,
        999_999,
        1_000_000,
        10_000_000,
        50_000_000,
        1_000_000_000,
    ];
    let bound = move || weighted(0.7, select(edges.to_vec()));
    let one = (bound(), bound()).prop_map(|(a, b)| {
        let (start, end) = match (a, b) {
            (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
            other => other,
        };
        object(vec![
            ("start", start.map(Asked::from)),
            ("end", end.map(Asked::from)),
        ])
    });
    prop_oneof![
        4 => vec(one, 1..3).prop_map(|ranges| json!({"type": "RANGE", "range": ranges})),
        1 => Just(json!({"type": "ALL"})),
        1 => Just(json!({"type": "NONE"})),
    ]
    .boxed()
}

fn filters() -> impl Strategy<Value = Asked> {
    let title = || matched().prop_map(|title| json!({ "title": title }));
    let contact = prop_oneof![
        matched().prop_map(|leaf| ("fullName", leaf)),
        places().prop_map(|leaf| ("location", leaf)),
        plain(&SENIORITIES).prop_map(|leaf| ("seniority", leaf)),
        plain(&TEXTS).prop_map(|leaf| ("departmentAndFunction", leaf)),
        matched().prop_map(|leaf| ("skill", leaf)),
        matched().prop_map(|leaf| ("language", leaf)),
        (
            weighted(0.5, plain(&TEXTS)),
            weighted(0.5, matched()),
            weighted(0.5, matched())
        )
            .prop_map(|(school, degree, field)| {
                let members = vec![
                    ("school", school),
                    ("degree", degree),
                    ("fieldOfStudy", field),
                ];
                ("education", object(members))
            }),
        (weighted(0.7, title()), weighted(0.4, title())).prop_map(|(current, previous)| {
            let members = vec![("current", current), ("previous", previous)];
            ("experience", object(members))
        }),
    ];
    let account = prop_oneof![
        matched().prop_map(|leaf| ("nameOrDomain", leaf)),
        plain(&TEXTS).prop_map(|leaf| ("industry", leaf)),
        places().prop_map(|leaf| ("location", leaf)),
        range().prop_map(|leaf| ("employeeSize", leaf)),
        range().prop_map(|leaf| ("revenue", leaf)),
        plain(&TYPES).prop_map(|leaf| ("type", leaf)),
    ];
    let group = |members: Vec<(&str, Asked)>| {
        let members = members
            .into_iter()
            .map(|(key, leaf)| (key.to_owned(), leaf));
        Asked::Object(members.collect::<Map<_, _>>())
    };
    (
        weighted(0.7, vec(contact, 0..3)),
        weighted(0.6, vec(account, 0..3)),
    )
        .prop_map(move |(contact, account)| {
            object(vec![
                ("contact", contact.map(group)),
                ("account", account.map(group)),
            ])
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn leads_meet_a_people_search_iff_a_plain_reading_says_so(filters in filters(), leads in vec(lead(), 1..8)) {
        let filter = parse(&filters).unwrap();
        let frozen: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
        prop_assert_eq!(&frozen, &filter);
        for lead in &leads {
            let expected = meets_all(&filters, lead);
            prop_assert_eq!(holds(&frozen, lead), expected, "{} on {:?}", filters, lead);
            prop_assert!(!expected || filter.pushed().iter().all(|test| test.admits(lead)), "{} on {:?}", filters, lead);
        }
    }
}

/// The law above would hold if nothing ever matched: here, how often a filter of one facet takes a lead, and how often not.
#[test]
fn random_filters_of_every_facet_take_some_leads_and_leave_some() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen: std::collections::BTreeMap<String, [u32; 2]> = std::collections::BTreeMap::new();
    for _ in 0..2_500 {
        let filters = filters().new_tree(&mut runner).unwrap().current();
        let lead = lead().new_tree(&mut runner).unwrap().current();
        for (group, leaves) in filters.as_object().unwrap() {
            for (key, leaf) in leaves.as_object().unwrap() {
                let alone = json!({ group: { key: leaf } });
                let took = holds(&parse(&alone).unwrap(), &lead);
                seen.entry(format!("{group}.{key}")).or_default()[usize::from(took)] += 1;
            }
        }
    }
    assert_eq!(seen.len(), 14, "{seen:?}");
    for (facet, counts) in seen {
        assert!(
            counts.iter().all(|count| *count > 10),
            "{facet}: {counts:?}"
        );
    }
}
