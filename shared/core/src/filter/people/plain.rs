//! The people search once more, as plainly as it can be said: over the caller's own JSON and a lead's own values.

use crate::lead::{Lead, Value};
use serde_json::Value as Asked;
use unicase::UniCase;

fn folded(text: &str) -> String {
    UniCase::unicode(text).to_folded_case()
}

/// All texts of a value; of a list, those of its items.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Text(text) | Value::Number(text)) if !text.is_empty() => vec![text.clone()],
        Some(Value::Bool(value)) => vec![value.to_string()],
        Some(Value::List(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        _ => vec![],
    }
}

fn of(lead: &Lead, key: &str) -> Vec<String> {
    texts(lead.values.get(key))
}

fn maps<'a>(lead: &'a Lead, key: &str) -> Vec<&'a std::collections::BTreeMap<String, Value>> {
    let Some(Value::List(items)) = lead.values.get(key) else {
        return vec![];
    };
    let map = |item: &'a Value| match item {
        Value::Map(map) => Some(map),
        _ => None,
    };
    items.iter().filter_map(map).collect()
}

fn name(lead: &Lead) -> Vec<String> {
    let [first, last] = ["first_name", "last_name"].map(|key| of(lead, key).join(""));
    match [first, last]
        .map(|part| part.trim().to_owned())
        .join(" ")
        .trim()
    {
        "" => of(lead, "name"),
        name => vec![name.to_owned()],
    }
}

fn split(text: &str) -> Vec<String> {
    let separated: String = folded(text)
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "+#".contains(c) {
                c
            } else {
                ' '
            }
        })
        .collect();
    separated.split_whitespace().map(str::to_owned).collect()
}

fn meets(mode: &str, term: &str, text: &str) -> bool {
    let (term_words, text_words) = (split(term), split(text));
    match mode {
        "STRICT" => folded(term) == folded(text),
        "WORD" => {
            format!(" {} ", text_words.join(" ")).contains(&format!(" {} ", term_words.join(" ")))
        }
        _ => term_words
            .iter()
            .all(|word| text_words.iter().any(|own| own.starts_with(word.as_str()))),
    }
}

/// The terms of a list and their mode.
fn terms(list: &Asked) -> (String, Vec<String>) {
    let content = if list.is_array() {
        list
    } else {
        &list["content"]
    };
    let text = |item: &Asked| item.as_str().unwrap().to_owned();
    let mode = list["mode"].as_str().unwrap_or("SMART").to_owned();
    (mode, content.as_array().unwrap().iter().map(text).collect())
}

/// What the four lists of a leaf come to, if a term holds as told.
fn lists(leaf: &Asked, holds: impl Fn(&str, &str) -> bool) -> bool {
    let hold = |side: &str, list: &str| -> Option<(usize, usize)> {
        let list = leaf.get(side)?.get(list)?;
        let (mode, terms) = terms(list);
        let held = terms.iter().filter(|term| holds(&mode, term)).count();
        Some((held, terms.len()))
    };
    hold("any", "include").is_none_or(|(held, _)| held > 0)
        && hold("all", "include").is_none_or(|(held, of)| held == of)
        && hold("any", "exclude").is_none_or(|(held, _)| held == 0)
        && hold("all", "exclude").is_none_or(|(held, of)| held < of)
}

fn same(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    letters(a) == letters(b)
}

fn kind(text: &str) -> String {
    match text.to_lowercase().as_str() {
        "private" => "PRIVATELY_HELD".to_owned(),
        "public" => "PUBLIC_COMPANY".to_owned(),
        _ => text.to_owned(),
    }
}

/// The states that the tests' leads and filters know.
fn state(text: &str) -> String {
    match folded(text).as_str() {
        "massachusetts" => "ma".to_owned(),
        "washington" => "wa".to_owned(),
        other => other.to_owned(),
    }
}

fn located(term: &str, city: &[String], states: &[String], country: &[String]) -> bool {
    let is = |own: &[String], part: &str| own.iter().any(|own| folded(own) == folded(part));
    let in_us = country.is_empty() || is(country, "united states");
    let in_state = |part: &str| {
        is(states, part) || (in_us && states.iter().any(|own| state(own) == state(part)))
    };
    let parts: Vec<&str> = term.split(',').map(str::trim).collect();
    match parts[..] {
        [part] => is(city, part) || in_state(part) || is(country, part),
        [first, second] => is(city, first) && (in_state(second) || is(country, second)),
        [first, second, third] => is(city, first) && in_state(second) && is(country, third),
        _ => unreachable!("{term}"),
    }
}

fn domain(text: &str) -> String {
    let text = folded(text);
    let text = text
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let host = text.split('/').next().unwrap();
    host.trim_start_matches("www.").to_owned()
}

fn named(mode: &str, term: &str, lead: &Lead) -> bool {
    let asked = domain(term);
    of(lead, "company_name")
        .iter()
        .any(|name| meets(mode, term, name))
        || (asked.contains('.')
            && !asked.contains(' ')
            && of(lead, "company_website")
                .iter()
                .any(|site| domain(site) == asked || domain(site).ends_with(&format!(".{asked}"))))
}

/// The bands that the tests' leads have, as numbers.
pub(super) const BANDS: [(&str, f64, f64); 7] = [
    ("1-10", 1.0, 10.0),
    ("201-500", 201.0, 500.0),
    ("10,001+", 10_001.0, f64::INFINITY),
    ("$10M - $50M", 1e7, 5e7),
    ("$1B+", 1e9, f64::INFINITY),
    ("< $1M", f64::NEG_INFINITY, 999_999.999_9),
    ("unknown", f64::NAN, f64::NAN),
];

fn within(leaf: &Asked, own: &[String]) -> bool {
    match leaf["type"].as_str().unwrap() {
        "ALL" => !own.is_empty(),
        "NONE" => own.is_empty(),
        _ => own.iter().any(|own| {
            let (_, low, high) = BANDS.iter().find(|(band, ..)| band == own).unwrap();
            let ranges = leaf["range"].as_array().unwrap().iter();
            let mut bounds = ranges.map(|range| {
                let bound =
                    |key: &str, none: f64| range.get(key).map_or(none, |it| it.as_f64().unwrap());
                (
                    bound("start", f64::NEG_INFINITY),
                    bound("end", f64::INFINITY),
                )
            });
            bounds.any(|(start, end)| *low <= end && *high >= start)
        }),
    }
}

fn person(key: &str, asked: &Asked, lead: &Lead) -> bool {
    let matched = |own: &[String]| {
        lists(asked, |mode, term| {
            own.iter().any(|own| meets(mode, term, own))
        })
    };
    let plain = |own: &[String]| {
        lists(asked, |_, term| {
            own.iter().any(|own| folded(own) == folded(term))
        })
    };
    let each = |attribute: &str, member: &str, wanted: &dyn Fn(bool) -> bool| -> Vec<String> {
        maps(lead, attribute)
            .into_iter()
            .filter(|map| wanted(map.get("current") == Some(&Value::Bool(true))))
            .flat_map(|map| texts(map.get(member)))
            .collect()
    };
    match key {
        "fullName" => matched(&name(lead)),
        "location" => lists(asked, |_, term| {
            located(
                term,
                &of(lead, "city"),
                &of(lead, "state"),
                &of(lead, "country"),
            )
        }),
        "seniority" => lists(asked, |_, term| {
            of(lead, "seniority").iter().any(|own| same(own, term))
        }),
        "departmentAndFunction" => {
            plain(&[of(lead, "departments"), of(lead, "functions")].concat())
        }
        "skill" => matched(&of(lead, "skills")),
        "language" => matched(&of(lead, "languages")),
        "education" => asked.as_object().unwrap().iter().all(|(key, asked)| {
            let member = if key == "fieldOfStudy" {
                "field_of_study"
            } else {
                key
            };
            let own = each("educations", member, &|_| true);
            lists(asked, |mode, term| {
                own.iter().any(|own| match key.as_str() {
                    "school" => folded(own) == folded(term),
                    _ => meets(mode, term, own),
                })
            })
        }),
        "experience" => asked.as_object().unwrap().iter().all(|(when, asked)| {
            let mut own = each("experiences", "title", &|current| {
                current == (when == "current")
            });
            if when == "current" {
                own.extend(of(lead, "job_title"));
            }
            lists(&asked["title"], |mode, term| {
                own.iter().any(|own| meets(mode, term, own))
            })
        }),
        _ => unreachable!("{key}"),
    }
}

fn company(key: &str, asked: &Asked, lead: &Lead) -> bool {
    match key {
        "nameOrDomain" => lists(asked, |mode, term| named(mode, term, lead)),
        "industry" => lists(asked, |_, term| {
            of(lead, "company_industry")
                .iter()
                .any(|own| folded(own) == folded(term))
        }),
        "location" => lists(asked, |_, term| {
            located(
                term,
                &of(lead, "company_city"),
                &[],
                &of(lead, "company_country"),
            )
        }),
        "employeeSize" => within(asked, &of(lead, "company_headcount")),
        "revenue" => within(asked, &of(lead, "company_revenue")),
        "type" => lists(asked, |_, term| {
            of(lead, "company_type")
                .iter()
                .any(|own| same(&kind(own), &kind(term)))
        }),
        _ => unreachable!("{key}"),
    }
}

/// Whether a lead meets `filters`, of which `contact` and `account` alone are looked at.
pub(super) fn meets_all(filters: &Asked, lead: &Lead) -> bool {
    let all = |group: &str, one: fn(&str, &Asked, &Lead) -> bool| {
        let leaves = filters.get(group).and_then(Asked::as_object);
        leaves.is_none_or(|leaves| leaves.iter().all(|(key, asked)| one(key, asked, lead)))
    };
    all("contact", person) && all("account", company)
}
