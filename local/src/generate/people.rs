//! The person's work and the company: the fields of sources with people on.

use std::collections::BTreeMap;

use lead_export_core::lead::Value;

use super::dice::Dice;
use super::{list, text, words};

/// A lead's values, by key.
type Values = BTreeMap<String, Value>;

/// Fills the fields of the person, if anything is known of their work.
pub(super) fn person(values: &mut Values, handle: &str, dice: &mut Dice) {
    if !dice.percent(85) {
        return;
    }
    let (title, seniority, department) = words::JOBS[dice.index(words::JOBS.len())];
    values.insert("job_title".into(), text(title));
    values.insert("seniority".into(), text(seniority));
    values.insert("departments".into(), list([department]));
    if dice.percent(60) {
        let url = format!("https://www.linkedin.com/in/{handle}");
        values.insert("linkedin_url".into(), text(url));
    }
    if dice.percent(70) {
        let functions = dice.some(&words::FUNCTIONS, 1, 3);
        values.insert("functions".into(), list(functions));
    }
    if dice.percent(80) {
        let industry = dice.pick(&words::INDUSTRIES);
        values.insert("industry".into(), text(industry));
    }
    let skills = dice.some(&words::SKILLS, 0, 4);
    values.insert("skills".into(), list(skills));
    let languages = dice.some(&words::LANGUAGES, 1, 2);
    values.insert("languages".into(), list(languages));
    if dice.percent(50) {
        values.insert("educations".into(), educations(dice));
    }
    if dice.percent(50) {
        values.insert("experiences".into(), experiences(title, dice));
    }
}

fn educations(dice: &mut Dice) -> Value {
    let count = dice.between(1, 2);
    let one = |dice: &mut Dice| {
        let (degree, field) = words::DEGREES[dice.index(words::DEGREES.len())];
        map([
            ("school", text(dice.pick(&words::SCHOOLS))),
            ("degree", text(degree)),
            ("field_of_study", text(field)),
        ])
    };
    Value::List((0..count).map(|_| one(dice)).collect())
}

fn experiences(title: &str, dice: &mut Dice) -> Value {
    let mut jobs = vec![map([
        ("title", text(title)),
        ("company", text(dice.pick(&words::COMPANIES))),
        ("current", Value::Bool(true)),
    ])];
    if dice.percent(60) {
        let (earlier, ..) = words::JOBS[dice.index(words::JOBS.len())];
        jobs.push(map([
            ("title", text(earlier)),
            ("company", text(dice.pick(&words::COMPANIES))),
            ("current", Value::Bool(false)),
        ]));
    }
    Value::List(jobs)
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(key, value)| (key.to_owned(), value));
    Value::Map(entries.into_iter().collect())
}

/// Fills the fields of the company, if one is known.
pub(super) fn company(values: &mut Values, dice: &mut Dice) {
    if !dice.percent(80) {
        return;
    }
    let first = dice.pick(&words::COMPANIES);
    let (form, kind) = words::FORMS[dice.index(words::FORMS.len())];
    let slug: String = first
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    let domain = format!(
        "{}.example",
        if slug.is_empty() { "company" } else { &slug }
    );
    values.insert("company_name".into(), text(format!("{first} {form}")));
    if dice.percent(40) {
        let legal = format!("{first} Holding {form}");
        values.insert("company_legal_name".into(), text(legal));
    }
    values.insert(
        "company_website".into(),
        text(format!("https://www.{domain}")),
    );
    if dice.percent(50) {
        let url = format!("https://www.linkedin.com/company/{domain}");
        values.insert("company_linkedin".into(), text(url));
    }
    let (city, _, zip, area) = words::CITIES[dice.index(words::CITIES.len())];
    if dice.percent(60) {
        let phone = format!("+1 {area}-555-{:04}", dice.below(10_000));
        values.insert("company_phone".into(), list([phone]));
    }
    values.insert("company_city".into(), text(city));
    let zip = format!("{zip}{:02}", dice.below(100));
    values.insert("company_postal_code".into(), text(zip));
    values.insert("company_country".into(), text("United States"));
    values.insert(
        "company_industry".into(),
        text(dice.pick(&words::INDUSTRIES)),
    );
    values.insert("company_type".into(), text(kind));
    values.insert(
        "company_headcount".into(),
        text(dice.pick(&words::HEADCOUNTS)),
    );
    values.insert("company_revenue".into(), text(dice.pick(&words::REVENUES)));
    if dice.percent(70) {
        let year = dice.between(1886, 2023).to_string();
        values.insert("company_founded_year".into(), Value::Number(year));
    }
    if dice.percent(40) {
        let summary = dice.some(&words::WORDS, 4, 14).join(" ");
        let industry = dice.pick(&words::INDUSTRIES);
        let summary = format!("{first}: \"{industry}\", since ever; {summary}.");
        values.insert("company_summary".into(), text(summary));
    }
}
