//! Every field that takes lists, under every combination of the four: over a lead that has one of two terms, the other, both, neither,
//! and no value. What is expected is said by the four booleans alone, and the plain reading of the laws must say the same.

use super::plain::meets_all;
use super::tests::{account, contact, map};
use crate::filter::tests::{holds, list, parse};
use crate::lead::{Lead, LeadId, Value};
use crate::time::Instant;
use serde_json::{Value as Asked, json};

type Values = Vec<(&'static str, Value)>;

/// One field: how a leaf is asked, its two terms, and leads that have the first, the second, both, and neither.
struct Field {
    name: &'static str,
    ask: fn(&Asked) -> Asked,
    terms: [&'static str; 2],
    leads: [Values; 4],
}

/// A field whose values are those of `key`, as a list.
fn listed(
    name: &'static str,
    ask: fn(&Asked) -> Asked,
    key: &'static str,
    [a, b, other]: [&'static str; 3],
) -> Field {
    let of = |values: &[&str]| vec![(key, list(values))];
    Field {
        name,
        ask,
        terms: [a, b],
        leads: [of(&[a]), of(&[b]), of(&[other, a, b]), of(&[other])],
    }
}

/// A field whose values are the members `member` of the maps in `key`; `also` is a further member of each.
fn within(
    name: &'static str,
    ask: fn(&Asked) -> Asked,
    key: &'static str,
    member: &'static str,
    also: Option<(&'static str, bool)>,
) -> Field {
    let of = |values: &[&str]| {
        let one = |value: &&str| {
            let mut members = vec![(member, Value::from(*value))];
            members.extend(also.map(|(name, is)| (name, Value::Bool(is))));
            map(&members)
        };
        vec![(key, Value::List(values.iter().map(one).collect()))]
    };
    Field {
        name,
        ask,
        terms: ["alpha", "beta"],
        leads: [
            of(&["alpha"]),
            of(&["beta"]),
            of(&["alpha", "beta"]),
            of(&["gamma"]),
        ],
    }
}

fn places(
    name: &'static str,
    ask: fn(&Asked) -> Asked,
    city: &'static str,
    country: &'static str,
) -> Field {
    let of = |at: &str, land: &str| vec![(city, Value::from(at)), (country, Value::from(land))];
    Field {
        name,
        ask,
        terms: ["Boston", "Canada"],
        leads: [
            of("Boston", "United States"),
            of("Ottawa", "Canada"),
            of("Boston", "Canada"),
            of("Perth", "Australia"),
        ],
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn fields() -> Vec<Field> {
    let words = ["alpha", "beta", "gamma"];
    let name = |text: &str| vec![("name", Value::from(text))];
    let company = |name: &str, site: &str| {
        vec![
            ("company_name", Value::from(name)),
            ("company_website", Value::from(site)),
        ]
    };
    vec![
        Field {
            name: "fullName",
            ask: |leaf| contact("fullName", leaf),
            terms: ["ann", "lee"],
            leads: [
                name("Ann Low"),
                name("Bob Lee"),
                name("Ann Lee"),
                name("Bob Low"),
            ],
        },
        places(
            "location of the person",
            |leaf| contact("location", leaf),
            "city",
            "country",
        ),
        listed(
            "seniority",
            |leaf| contact("seniority", leaf),
            "seniority",
            ["vp", "director", "intern"],
        ),
        listed(
            "departmentAndFunction",
            |leaf| contact("departmentAndFunction", leaf),
            "departments",
            words,
        ),
        listed(
            "departmentAndFunction, by function",
            |leaf| contact("departmentAndFunction", leaf),
            "functions",
            words,
        ),
        listed("skill", |leaf| contact("skill", leaf), "skills", words),
        listed(
            "language",
            |leaf| contact("language", leaf),
            "languages",
            words,
        ),
        within(
            "education.school",
            |leaf| contact("education", &json!({ "school": leaf })),
            "educations",
            "school",
            None,
        ),
        within(
            "education.degree",
            |leaf| contact("education", &json!({ "degree": leaf })),
            "educations",
            "degree",
            None,
        ),
        within(
            "education.fieldOfStudy",
            |leaf| contact("education", &json!({ "fieldOfStudy": leaf })),
            "educations",
            "field_of_study",
            None,
        ),
        within(
            "experience.current.title",
            |leaf| contact("experience", &json!({ "current": { "title": leaf } })),
            "experiences",
            "title",
            Some(("current", true)),
        ),
        within(
            "experience.previous.title",
            |leaf| contact("experience", &json!({ "previous": { "title": leaf } })),
            "experiences",
            "title",
            Some(("current", false)),
        ),
        Field {
            name: "nameOrDomain",
            ask: |leaf| account("nameOrDomain", leaf),
            terms: ["globex", "initech.example"],
            leads: [
                company("Globex", "https://hooli.example"),
                company("Hooli", "https://www.initech.example/about"),
                company("Globex", "initech.example"),
                company("Hooli", "hooli.example"),
            ],
        },
        listed(
            "industry",
            |leaf| account("industry", leaf),
            "company_industry",
            words,
        ),
        places(
            "location of the company",
            |leaf| account("location", leaf),
            "company_city",
            "company_country",
        ),
        listed(
            "type",
            |leaf| account("type", leaf),
            "company_type",
            ["NON_PROFIT", "PARTNERSHIP", "EDUCATIONAL"],
        ),
    ]
}

#[test]
fn every_field_keeps_the_truth_table_of_the_four_lists() {
    for field in fields() {
        let mut leads = field.leads.to_vec();
        leads.push(Vec::new());
        for (values, [a, b]) in leads.into_iter().zip([
            [true, false],
            [false, true],
            [true, true],
            [false, false],
            [false, false],
        ]) {
            let lead = Lead {
                id: LeadId::parse("l").unwrap(),
                created_at: Instant::from_millis(0),
                values: values
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect(),
            };
            for lists in 0..16 {
                let mut wanted = json!({"any": {}, "all": {}});
                let mut expected = true;
                for (bit, of, list, meets) in [
                    (1, "any", "include", a || b),
                    (2, "all", "include", a && b),
                    (4, "any", "exclude", !(a || b)),
                    (8, "all", "exclude", !(a && b)),
                ] {
                    if lists & bit != 0 {
                        wanted[of][list] = json!(field.terms);
                        expected &= meets;
                    }
                }
                let asked = (field.ask)(&wanted);
                let what = format!("{}: {asked} on {:?}", field.name, lead.values);
                assert_eq!(holds(&parse(&asked).unwrap(), &lead), expected, "{what}");
                assert_eq!(meets_all(&asked, &lead), expected, "plainly: {what}");
            }
        }
    }
}
