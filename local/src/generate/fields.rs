//! The values of an ordinary lead.

use std::collections::BTreeMap;
use std::time::Duration;

use lead_export_core::fields::{CustomField, CustomKind, Source};
use lead_export_core::lead::Value;
use lead_export_core::time::Instant;

use super::dice::Dice;
use super::{list, people, text, words};

/// A lead's values, by key.
type Values = BTreeMap<String, Value>;

/// Fills the fields of `source`: what a lead does not have is missing, null or empty, as writers of leads happen to leave it.
pub(super) fn fill(
    values: &mut Values,
    source: &Source,
    created_at: Instant,
    until: Instant,
    dice: &mut Dice,
) {
    let handle = name(values, dice);
    mails(values, &handle, dice);
    place(values, dice);
    status(values, dice);
    if dice.percent(60) {
        let since = until.since(created_at).as_millis();
        let later = dice.below(u64::try_from(since).unwrap_or(0));
        let updated = created_at.plus(Duration::from_millis(later));
        values.insert("updated_at".into(), text(updated.to_string()));
    }
    if source.people {
        people::person(values, &handle, dice);
        people::company(values, dice);
    }
    for field in &source.custom {
        custom(values, field, created_at, dice);
    }
    for attribute in &source.attributes {
        attributed(values, &attribute.key, dice);
    }
}

/// Gives a name, and what it is in addresses.
fn name(values: &mut Values, dice: &mut Dice) -> String {
    let first = dice.pick(&words::FIRST);
    let last = dice.pick(&words::LAST);
    match dice.below(20) {
        0 => {
            values.insert("name".into(), text(format!("{first} {last}")));
        }
        1 => {
            values.insert("first_name".into(), text(first));
            values.insert("last_name".into(), Value::Null);
        }
        2 => {
            values.insert("first_name".into(), text(""));
            values.insert("last_name".into(), text(last));
        }
        _ => {
            values.insert("first_name".into(), text(first));
            values.insert("last_name".into(), text(last));
        }
    }
    let letters = |name: &str| {
        let kept = name.chars().filter(char::is_ascii_alphabetic);
        kept.collect::<String>().to_lowercase()
    };
    format!("{}.{}{}", letters(first), letters(last), dice.below(1000))
        .trim_start_matches('.')
        .to_owned()
}

fn mails(values: &mut Values, handle: &str, dice: &mut Dice) {
    let mail = |dice: &mut Dice| format!("{handle}@{}", dice.pick(&words::MAIL));
    match dice.below(20) {
        0 => {}
        1 => {
            values.insert("email".into(), Value::Null);
        }
        2..=4 => {
            let mails = [mail(dice), format!("info+{handle}@example.com")];
            values.insert("emails".into(), list(mails));
        }
        5 => {
            let mails = [mail(dice), mail(dice)];
            values.insert("email".into(), text(mails[0].clone()));
            values.insert("emails".into(), list(mails));
        }
        _ => {
            values.insert("email".into(), text(mail(dice)));
        }
    }
}

fn place(values: &mut Values, dice: &mut Dice) {
    let (city, state, zip, area) = words::CITIES[dice.index(words::CITIES.len())];
    let phone = |dice: &mut Dice| {
        let line = dice.below(10_000);
        match dice.below(6) {
            0 => format!("({area}) 555-{line:04}"),
            1 => format!("{area}-555-{line:04} x{}", dice.between(1, 99)),
            2 => format!("+1 ({area}) 555-{line:04}"),
            3 => format!("+44 20 7946 {line:04}"),
            _ => format!("+1{area}555{line:04}"),
        }
    };
    match dice.below(20) {
        0 | 1 => {}
        2 => {
            values.insert("phone".into(), text(""));
        }
        3..=5 => {
            let phones = [phone(dice), phone(dice)];
            values.insert("phones".into(), list(phones));
        }
        _ => {
            values.insert("phone".into(), text(phone(dice)));
        }
    }
    let street = dice.pick(&words::STREETS);
    let house = dice.between(1, 9999);
    values.insert("address".into(), text(format!("{house} {street}")));
    values.insert("city".into(), text(city));
    values.insert("state".into(), text(state));
    let zip = format!("{zip}{:02}", dice.below(100));
    values.insert("zip".into(), text(zip));
    if dice.percent(95) {
        values.insert("country".into(), text("United States"));
    }
}

fn status(values: &mut Values, dice: &mut Dice) {
    let status = match dice.below(100) {
        0..60 => "active",
        60..80 => "sold",
        80..91 => "rejected",
        91..98 => "duplicate",
        _ => "follow up",
    };
    values.insert("status".into(), text(status));
}

fn custom(values: &mut Values, field: &CustomField, created_at: Instant, dice: &mut Dice) {
    match dice.below(12) {
        0 => return,
        1 => {
            values.insert(field.key.clone(), Value::Null);
            return;
        }
        _ => {}
    }
    let value = match field.kind {
        CustomKind::Number => {
            let whole = dice.between(18, 250) * 1000;
            if dice.one_in(4) {
                let cents = dice.between(1, 99);
                Value::Number(format!("{}.{cents:02}", whole + dice.below(1000)))
            } else {
                Value::Number(whole.to_string())
            }
        }
        CustomKind::Text => text(dice.some(&words::WORDS, 1, 6).join(" ")),
        CustomKind::Date => {
            let days = dice.between(0, 20_000);
            let day = created_at.minus(Duration::from_hours(24 * days));
            text(&day.to_string()[..10])
        }
        CustomKind::Dropdown => {
            let option = dice.index(field.options.len());
            field.options.get(option).map_or(Value::Null, text)
        }
        CustomKind::Boolean => Value::Bool(dice.percent(55)),
    };
    values.insert(field.key.clone(), value);
}

fn attributed(values: &mut Values, key: &str, dice: &mut Dice) {
    let choice: &[&str] = match key {
        "homeowner" => &["Yes", "No"],
        "campaign" => &words::CAMPAIGNS,
        _ => &words::VALUES,
    };
    let value = match dice.below(10) {
        0 => return,
        1 => list(Vec::<String>::new()),
        2 => text(dice.pick(choice)),
        3 => {
            let some = dice.some(choice, 1, 3);
            Value::Set(some.into_iter().map(text).collect())
        }
        4 if key != "homeowner" => list(dice.some(choice, 1, 3)),
        _ => list([dice.pick(choice)]),
    };
    values.insert(key.to_owned(), value);
}
