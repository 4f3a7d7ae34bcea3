//! Each facet and each shape once, by tables.

use crate::filter::tests::{check, list, number};
use crate::lead::Value;
use serde_json::{Value as Asked, json};
use std::collections::BTreeMap;

pub(super) fn map(members: &[(&str, Value)]) -> Value {
    let member = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
    Value::Map(members.iter().map(member).collect::<BTreeMap<_, _>>())
}

pub(super) fn contact(key: &str, leaf: &Asked) -> Asked {
    json!({ "contact": { key: leaf } })
}

pub(super) fn account(key: &str, leaf: &Asked) -> Asked {
    json!({ "account": { key: leaf } })
}

pub(super) fn any(terms: &[&str]) -> Asked {
    json!({ "any": { "include": terms } })
}

/// The truth table of the four lists over a lead that has a, has b, has both, has neither, has no value.
#[test]
fn lists_do_what_the_table_says() {
    let ab = json!(["a", "b"]);
    let leads = [
        Some(&["a"][..]),
        Some(&["b"]),
        Some(&["a", "b"]),
        Some(&["c"]),
        Some(&[]),
        None,
    ];
    for (leaf, expected) in [
        (json!({"any": {"include": ab}}), [1, 1, 1, 0, 0, 0]),
        (json!({"all": {"include": ab}}), [0, 0, 1, 0, 0, 0]),
        (json!({"any": {"exclude": ab}}), [0, 0, 0, 1, 1, 1]),
        (json!({"all": {"exclude": ab}}), [1, 1, 0, 1, 1, 1]),
        // All lists must be content.
        (
            json!({"any": {"include": ab, "exclude": ["b"]}}),
            [1, 0, 0, 0, 0, 0],
        ),
        (
            json!({"any": {"include": ab}, "all": {"exclude": ab}}),
            [1, 1, 0, 0, 0, 0],
        ),
        (
            json!({"all": {"include": ["a"], "exclude": ["b"]}}),
            [1, 0, 0, 0, 0, 0],
        ),
        // Nothing asked for.
        (json!({"any": {}, "all": {}}), [1, 1, 1, 1, 1, 1]),
        (json!({}), [1, 1, 1, 1, 1, 1]),
    ] {
        for (values, expected) in leads.iter().zip(expected) {
            let plain: Vec<_> = values
                .map(|it| ("departments", list(it)))
                .into_iter()
                .collect();
            check(
                &contact("departmentAndFunction", &leaf),
                &plain,
                expected == 1,
            );
            let matched: Vec<_> = values.map(|it| ("skills", list(it))).into_iter().collect();
            check(&contact("skill", &leaf), &matched, expected == 1);
        }
    }
}

#[test]
fn modes_compare_words_or_wholes() {
    for (mode, term, text, expected) in [
        ("STRICT", "machine learning", "Machine Learning", true),
        ("STRICT", "machine", "Machine Learning", false),
        ("STRICT", "GROSS", "groß", true),
        (
            "WORD",
            "machine learning",
            "Applied MACHINE-Learning, advanced",
            true,
        ),
        ("WORD", "learning machine", "Machine Learning", false),
        ("WORD", "machine learn", "Machine Learning", false),
        (
            "WORD",
            "machine advanced",
            "Machine Learning, advanced",
            false,
        ),
        ("SMART", "learn mach", "Machine Learning", true),
        ("SMART", "earning", "Machine Learning", false),
        ("SMART", "learning deep", "Machine Learning", false),
        ("SMART", "c++", "C++", true),
        ("SMART", "c++", "C", false),
        ("SMART", "c#", "C++", false),
        ("SMART", "STRASSE", "Große Straße 5", true),
        ("SMART", "o'br", "Sinéad O'Brien", true),
        ("WORD", "jean luc", "Jean-Luc", true),
        ("STRICT", "--", "--", true),
    ] {
        let terms = json!({"any": {"include": {"mode": mode, "content": [term]}}});
        let values = [("skills", list(&["other", text]))];
        check(&contact("skill", &terms), &values, expected);
    }
    // A bare list, and a list without a mode, are smart; and words of two values are not one text.
    let values = [("skills", list(&["machine", "learning"]))];
    for terms in [
        json!({"all": {"include": ["mach", "learn"]}}),
        json!({"all": {"include": {"content": ["mach", "learn"]}}}),
    ] {
        check(&contact("skill", &terms), &values, true);
    }
    check(
        &contact("skill", &any(&["machine learning"])),
        &values,
        false,
    );
}

#[test]
fn names_are_those_that_the_column_shows() {
    let ann = [
        ("first_name", Value::from("Ann Marie")),
        ("last_name", Value::from("LEE")),
        ("name", Value::from("Other")),
    ];
    for (term, expected) in [("lee ann", true), ("marie l", true), ("other", false)] {
        check(&contact("fullName", &any(&[term])), &ann, expected);
    }
    let stored = [("name", Value::from("Other"))];
    check(&contact("fullName", &any(&["oth"])), &stored, true);
    check(
        &contact("fullName", &json!({"any": {"exclude": ["ann"]}})),
        &[],
        true,
    );
}

#[test]
fn places_are_of_one_two_or_three_parts() {
    let place = |city: &str, state: &str, country: &str| {
        [
            ("city", Value::from(city)),
            ("state", Value::from(state)),
            ("country", Value::from(country)),
        ]
    };
    let boston = place("Boston", "MA", "United States");
    let perth = place("Perth", "WA", "Australia");
    let york = place("Albany", "New York", "");
    for (at, term, expected) in [
        (&boston, "boston", true),
        (&boston, "MA", true),
        (&boston, "massachusetts", true),
        (&boston, "united states", true),
        (&boston, "Boston, MA", true),
        (&boston, " boston ,Massachusetts ", true),
        (&boston, "Boston, United States", true),
        (&boston, "Boston, MA, United States", true),
        (&boston, "Boston, NY", false),
        (&boston, "MA, Boston", false),
        (&boston, "MA, United States", false),
        (&boston, "Bost", false),
        (&boston, "New York", false),
        // A code means a state of the United States there alone.
        (&perth, "WA", true),
        (&perth, "Washington", false),
        (&york, "NY", true),
        (&york, "Albany, ny", true),
        (&york, "new york", true),
    ] {
        check(&contact("location", &any(&[term])), at, expected);
    }
    let company = [
        ("company_city", Value::from("Austin")),
        ("company_country", Value::from("United States")),
        ("state", Value::from("TX")),
    ];
    for (term, expected) in [
        ("austin", true),
        ("Austin, United States", true),
        ("United States", true),
        ("TX", false),
        ("Austin, TX", false),
    ] {
        check(&account("location", &any(&[term])), &company, expected);
    }
    let away = json!({"any": {"exclude": ["Boston, MA"]}});
    check(&contact("location", &away), &boston, false);
    check(&contact("location", &away), &york, true);
}

#[test]
fn closed_lists_ignore_case_and_joints() {
    for (asked, stored, expected) in [
        ("c_suite", "C-Suite", true),
        ("C Suite", "c_suite", true),
        ("MID_LEVEL", "mid-level", true),
        ("midlevel", "Mid Level", true),
        ("vp", "VP", true),
        ("vp", "director", false),
        ("senior", "senior manager", false),
    ] {
        let values = [("seniority", Value::from(stored))];
        check(&contact("seniority", &any(&[asked])), &values, expected);
    }
    for (asked, stored, expected) in [
        ("PRIVATELY_HELD", "Privately Held", true),
        ("private", "PRIVATELY_HELD", true),
        ("Public", "PUBLIC_COMPANY", true),
        ("non_profit", "NON_PROFIT", true),
        ("public", "PRIVATELY_HELD", false),
    ] {
        let values = [("company_type", Value::from(stored))];
        check(&account("type", &any(&[asked])), &values, expected);
    }
}

#[test]
fn departments_and_functions_are_looked_at_together() {
    let values = [
        ("departments", list(&["Sales"])),
        ("functions", list(&["Brand", "Field Sales"])),
    ];
    let both = json!({"all": {"include": ["sales", "BRAND"]}});
    check(&contact("departmentAndFunction", &both), &values, true);
    check(
        &contact("departmentAndFunction", &any(&["field"])),
        &values,
        false,
    );
}

#[test]
fn educations_and_experiences_are_looked_into() {
    let educations = Value::List(vec![
        map(&[
            ("school", "MIT".into()),
            ("degree", "Bachelor of Science".into()),
            ("field_of_study", "Computer Science".into()),
        ]),
        map(&[("school", "Sorbonne".into()), ("degree", Value::Null)]),
        "no map".into(),
    ]);
    let studied = [("educations", educations)];
    for (key, terms, expected) in [
        (
            "school",
            json!({"all": {"include": ["mit", "SORBONNE"]}}),
            true,
        ),
        ("school", any(&["m"]), false),
        ("degree", any(&["bach sci"]), true),
        ("degree", any(&["master"]), false),
        ("fieldOfStudy", any(&["computer"]), true),
        (
            "fieldOfStudy",
            json!({"any": {"exclude": ["computer"]}}),
            false,
        ),
    ] {
        check(
            &json!({"contact": {"education": {key: terms}}}),
            &studied,
            expected,
        );
    }
    let job = |title: &str, current: Option<Value>| {
        let mut members = vec![("title", Value::from(title))];
        members.extend(current.map(|current| ("current", current)));
        map(&members)
    };
    let experiences = Value::List(vec![
        job("VP Sales", Some(Value::Bool(true))),
        job("Sales Clerk", Some(Value::Bool(false))),
        job("Intern", None),
    ]);
    let worked = [
        ("experiences", experiences),
        ("job_title", "Founder".into()),
    ];
    for (when, term, expected) in [
        ("current", "vp", true),
        ("current", "founder", true),
        ("current", "clerk", false),
        ("current", "intern", false),
        ("previous", "clerk sales", true),
        ("previous", "intern", true),
        ("previous", "founder", false),
        ("previous", "vp", false),
    ] {
        let filter = json!({"contact": {"experience": {when: {"title": any(&[term])}}}});
        check(&filter, &worked, expected);
    }
    let title = [("job_title", Value::from("Head of Sales"))];
    let filter = json!({"contact": {"experience": {"current": {"title": any(&["head"])}}}});
    check(&filter, &title, true);
}

#[test]
fn companies_are_found_by_name_or_domain() {
    let company = [
        ("company_name", Value::from("Globex Corporation")),
        (
            "company_website",
            "HTTPS://www.eu.Globex.example:8080/about?x".into(),
        ),
    ];
    for (term, expected) in [
        ("globex", true),
        ("corp glo", true),
        ("initech", false),
        ("eu.globex.example", true),
        ("globex.example", true),
        ("www.globex.example", true),
        ("https://globex.example/contact", true),
        ("lobex.example", false),
        ("us.globex.example", false),
        ("example", false),
    ] {
        check(&account("nameOrDomain", &any(&[term])), &company, expected);
    }
    let strict = |term: &str| json!({"any": {"include": {"mode": "STRICT", "content": [term]}}});
    for (term, expected) in [
        ("globex corporation", true),
        ("globex", false),
        ("globex.example", true),
    ] {
        check(&account("nameOrDomain", &strict(term)), &company, expected);
    }
    let bare = [("company_website", Value::from("globex.example"))];
    check(
        &account("nameOrDomain", &any(&["globex.example"])),
        &bare,
        true,
    );
}

#[test]
fn bands_match_ranges_that_overlap_them() {
    for (band, start, end, expected) in [
        ("201-500", Some("500"), None, true),
        ("201-500", Some("501"), None, false),
        ("201-500", None, Some("201"), true),
        ("201-500", None, Some("200"), false),
        ("201-500", Some("300"), Some("400"), true),
        ("201-500", Some("1"), Some("1000"), true),
        ("201 – 500", Some("450"), None, true),
        ("201-500 employees", Some("450"), None, true),
        ("1,001-5,000", Some("5000"), None, true),
        ("1,001-5,000", None, Some("1000"), false),
        ("10,001+", Some("1000000"), None, true),
        ("10,001+", None, Some("10000"), false),
        ("10,001+", None, Some("10001"), true),
        ("$10M - $50M", Some("50000000"), None, true),
        ("$10M - $50M", Some("50000001"), None, false),
        ("$10M - $50M", None, Some("9999999.99"), false),
        ("$10-50M", None, Some("9999999"), false),
        ("$1 - $1M", Some("2"), Some("3"), true),
        ("$0 - $1M", None, Some("0"), true),
        ("$1B+", Some("999999999"), None, true),
        ("$1B+", None, Some("999999999"), false),
        ("$1.5 billion+", None, Some("1500000000"), true),
        ("< $1M", Some("999999"), None, true),
        ("< $1M", Some("1000000"), None, false),
        ("<= $1M", Some("1000000"), None, true),
        ("> 10", None, Some("10"), false),
        (">= 10", None, Some("10"), true),
        ("Under $1M", None, Some("5"), true),
        ("350", Some("350"), Some("350"), true),
        ("350", Some("351"), None, false),
        ("500-201", Some("300"), None, false),
        ("many", None, None, false),
        ("", None, None, false),
        ("-", None, None, false),
        ("+", None, None, false),
        ("1.2.3", None, None, false),
        ("201-500", None, None, true),
    ] {
        let bound =
            |text: Option<&str>| text.map(|text| serde_json::from_str::<Asked>(text).unwrap());
        let mut range = serde_json::Map::new();
        range.extend(bound(start).map(|start| ("start".to_owned(), start)));
        range.extend(bound(end).map(|end| ("end".to_owned(), end)));
        let leaf = json!({"type": "RANGE", "range": [range]});
        check(
            &account("employeeSize", &leaf),
            &[("company_headcount", band.into())],
            expected,
        );
        check(
            &account("revenue", &leaf),
            &[("company_revenue", band.into())],
            expected,
        );
    }
    let either = json!({"type": "RANGE", "range": [{"end": 10}, {"start": 201, "end": 300}]});
    for (stored, expected) in [
        (Value::from("1-10"), true),
        ("11-50".into(), false),
        ("201-500".into(), true),
        (number("250"), true),
        (number("2.5E+2"), true),
        (number("100"), false),
        (Value::Null, false),
    ] {
        check(
            &account("employeeSize", &either),
            &[("company_headcount", stored)],
            expected,
        );
    }
    for (kind, expected) in [
        ("ALL", [true, true, false, false]),
        ("NONE", [false, false, true, true]),
    ] {
        let values = [
            Value::from("1-10"),
            "unknown".into(),
            "".into(),
            Value::Null,
        ];
        for (value, expected) in values.into_iter().zip(expected) {
            let leaf = json!({ "type": kind });
            check(
                &account("revenue", &leaf),
                &[("company_revenue", value)],
                expected,
            );
        }
    }
}
