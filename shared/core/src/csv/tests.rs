//! The file against contract §4, sentence by sentence, and its laws.

mod corpus;
mod file;
mod guarding;
mod laws;
mod model;
mod python;
mod sheets;
mod times;
mod values;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::format::Profile;
use crate::lead::{Lead, LeadId, Value};
use crate::page::{Page, PageBuilder};
use crate::time::Instant;

const PROFILES: [Profile; 5] = [
    Profile::Standard,
    Profile::Raw,
    Profile::Excel,
    Profile::ExcelSemicolon,
    Profile::Tsv,
];

const KINDS: [Kind; 11] = [
    Kind::Id,
    Kind::Derived,
    Kind::Text,
    Kind::List,
    Kind::Phone,
    Kind::Phones,
    Kind::Number,
    Kind::Instant,
    Kind::Date,
    Kind::Dropdown,
    Kind::Boolean,
];

fn column(key: &str, header: &str, kind: Kind) -> Column {
    Column {
        key: key.into(),
        header: header.into(),
        given: false,
        kind,
    }
}

fn format(profile: Profile, header: Header) -> Format {
    Format {
        profile,
        header,
        ..Format::default()
    }
}

fn lead(values: impl IntoIterator<Item = (&'static str, Value)>) -> Lead {
    Lead {
        id: LeadId::parse("l-1").unwrap(),
        created_at: Instant::parse("2026-11-22T02:43:00.120Z").unwrap(),
        values: values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

fn source() -> SourceId {
    SourceId::parse("home-insurance").unwrap()
}

fn page(columns: &[Column], leads: &[Lead]) -> (Page, Slots) {
    let slots = Slots::new(attributes(columns));
    let mut builder = PageBuilder::new(Bytes::new(), &slots);
    for lead in leads {
        crate::value::push_lead(&mut builder, &slots, lead);
    }
    (builder.finish(), slots)
}

/// The whole file of these leads.
fn file(columns: &[Column], format: &Format, leads: &[Lead]) -> Vec<u8> {
    let (page, slots) = page(columns, leads);
    let mut encoder = Encoder::new(columns, format, &slots, &source()).unwrap();
    let mut out = Vec::new();
    encoder.header(&mut out);
    for row in page.rows() {
        encoder.row(&row, &mut out);
    }
    out
}

/// The bytes of one cell, as it stands in a row of several, and what was noticed.
fn cell_and_facts(kind: Kind, value: Value, format: &Format) -> (String, RowFacts) {
    let columns = [column("x", "x", kind), column("end", "end", Kind::Text)];
    let (page, slots) = page(&columns, &[lead([("x", value)])]);
    let mut encoder = Encoder::new(&columns, format, &slots, &source()).unwrap();
    let mut out = b"kept".to_vec();
    let facts = encoder.row(&page.row(0), &mut out);
    let out = String::from_utf8(out).unwrap();
    let behind = match format.profile {
        Profile::ExcelSemicolon => ";\r\n",
        Profile::Tsv => "\t\r\n",
        _ => ",\r\n",
    };
    let cell = out.strip_prefix("kept").unwrap().strip_suffix(behind);
    (cell.unwrap().to_owned(), facts)
}

fn cell(kind: Kind, value: impl Into<Value>, profile: Profile) -> String {
    cell_and_facts(kind, value.into(), &format(profile, Header::None)).0
}

/// The same with the quotes resolved, by the strict parser of these tests.
fn field(kind: Kind, value: impl Into<Value>, profile: Profile) -> String {
    let row = format!("{}\r\n", cell(kind, value, profile));
    let delimiter = Dialect::of(profile).delimiter;
    let mut rows = model::parse(row.as_bytes(), delimiter);
    assert_eq!((rows.len(), rows[0].len()), (1, 1), "{row:?}");
    String::from_utf8(rows.remove(0).remove(0)).unwrap()
}

fn number(text: &str) -> Value {
    Value::Number(text.into())
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    Value::Map(entries.collect::<BTreeMap<_, _>>())
}
