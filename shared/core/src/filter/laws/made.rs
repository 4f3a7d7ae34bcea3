//! Leads and filters made so that they often, but not always, meet.

use crate::lead::{Lead, LeadId, Value};
use crate::time::Instant;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Asked, json};

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
        select(vec![-1_000, -100, -10, 10, 99, 100, 999, 1_000]),
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
    "-?[0-2](\\.[05]0?)?"
}

fn phone() -> impl Strategy<Value = String> {
    "[+]?[12][ -][12]{2,3}( x[12])?"
}

fn day() -> impl Strategy<Value = String> {
    instant().prop_map(|at| at.to_string()[..10].to_owned())
}

fn text() -> impl Strategy<Value = String> {
    let at = instant().prop_map(|at| at.to_string());
    prop_oneof![4 => word(), 1 => Just(String::new()), 2 => numeral(), 2 => phone(), 2 => day(), 1 => at, 1 => "\\PC{0,5}"]
}

/// Mostly of the kind that the field holds, else of any.
fn value(fitting: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
    let single = prop_oneof![
        12 => fitting,
        2 => text().prop_map(Value::Text),
        1 => numeral().prop_map(Value::Number),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    prop_oneof![
        6 => single.clone(),
        2 => vec(single, 0..4).prop_map(Value::List),
        1 => vec(text().prop_map(Value::Text), 0..4).prop_map(Value::Set),
    ]
    .boxed()
}

pub(crate) fn lead() -> impl Strategy<Value = Lead> {
    let texts = || text().prop_map(Value::Text).boxed();
    let words = || value(word().prop_map(Value::Text).boxed());
    let phones = || value(phone().prop_map(Value::Text).boxed());
    let days = prop_oneof![day(), instant().prop_map(|at| at.to_string())];
    let updated = instant().prop_map(|at| Value::Text(at.to_string()));
    let values: Vec<(&str, BoxedStrategy<Value>)> = vec![
        ("first_name", texts()),
        ("last_name", texts()),
        ("name", texts()),
        ("status", words()),
        ("homeowner", words()),
        ("campaign", words()),
        ("roof_type", words()),
        ("note", words()),
        ("email", words()),
        ("emails", words()),
        ("phone", phones()),
        ("phones", phones()),
        (
            "annual_income",
            value(numeral().prop_map(Value::Number).boxed()),
        ),
        (
            "opted_in",
            value(any::<bool>().prop_map(Value::Bool).boxed()),
        ),
        ("moved_in", value(days.prop_map(Value::Text).boxed())),
        ("updated_at", value(updated.boxed())),
    ];
    let (keys, values): (Vec<&str>, Vec<_>) = values
        .into_iter()
        .map(|(key, value)| (key, proptest::option::weighted(0.7, value)))
        .unzip();
    (instant(), values).prop_map(move |(created_at, values)| Lead {
        id: LeadId::parse("l").unwrap(),
        created_at,
        values: keys
            .iter()
            .zip(values)
            .filter_map(|(key, value)| Some(((*key).to_owned(), value?)))
            .collect(),
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

pub(crate) fn filters() -> impl Strategy<Value = Asked> {
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
    let search = prop_oneof![word(), phone(), "[12 ]{3,6}", "\\PC{1,3}"].prop_map(Asked::from);
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
