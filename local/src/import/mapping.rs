//! Which field of the source each column of a file is.

mod resolve;

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use csv::ByteRecord;
use lead_export_core::csv::unguard;
use lead_export_core::fields::{
    CustomField, CustomKind, Kind, Source, is_people, is_reserved, product_fields,
};
use lead_export_core::input::shown;
use lead_export_core::lead::Value;

use self::resolve::Resolver;
use super::cells::How;
use super::items::Item;

/// Options that a dropdown gets from a file at most: with more it is no choice but a text.
const OPTIONS: usize = 200;

/// What the user says of headers that do not say it themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Headers, and the keys of the fields they are.
    pub map: Vec<(String, String)>,
    /// Headers that are attributes.
    pub attributes: Vec<String>,
    /// Headers of custom fields, and what these hold.
    pub types: Vec<(String, TypeName)>,
    /// Headers whose cells are not taken.
    pub leave_out: Vec<String>,
    /// Whether cells are taken as they stand, even those of a file of ours.
    pub as_is: bool,
}

/// What values that have a type already look like: what becomes of a header that is no field yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guess {
    /// A custom field.
    Custom(CustomKind),
    /// An attribute.
    Attribute,
}

/// What a custom field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName(pub CustomKind);

impl std::str::FromStr for TypeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "text" => CustomKind::Text,
            "number" => CustomKind::Number,
            "date" => CustomKind::Date,
            "dropdown" => CustomKind::Dropdown,
            "boolean" => CustomKind::Boolean,
            _ => {
                return Err(format!(
                    "'{text}' is none of text, number, date, dropdown and boolean"
                ));
            }
        }))
    }
}

/// Where the cells of a column go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The lead's id.
    Id,
    /// When the lead came to be.
    CreatedAt,
    /// Nowhere.
    Nowhere,
    /// A field.
    Field {
        /// Its key.
        key: String,
        /// How its cells are read.
        how: How,
        /// Its kind, for taking guards off.
        kind: Kind,
    },
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its header, as people read it.
    pub(super) header: String,
    /// Where its cells go.
    pub(super) target: Target,
    /// Whether they fill people fields.
    pub(super) people: bool,
}

/// What the columns of a file are.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// The columns, in their order.
    pub(super) columns: Vec<Column>,
    /// Whether the file is one of ours, with guarded cells.
    pub(super) ours: bool,
    /// Dropdowns to define, each with its column and the options seen so far.
    dropdowns: Vec<(usize, CustomField)>,
}

impl Mapping {
    /// Finds the field of each header, and adds to `source` what it does not have yet. Dropdowns come later, with their options.
    /// `guesses`, one for each header, are of values that have types; cells have none.
    pub(super) fn resolve(
        headers: &[String],
        guesses: &[Guess],
        source: &mut Source,
        choices: &Choices,
    ) -> anyhow::Result<Self> {
        let ours = guesses.is_empty() && !choices.as_is && is_ours(headers, source);
        let headers: Vec<&str> = headers
            .iter()
            .map(|header| {
                if ours {
                    unguard(header, Kind::Text)
                } else {
                    header
                }
            })
            .collect();
        let chosen = Chosen::read(&headers, guesses, choices)?;
        let mut resolver = Resolver {
            source,
            // What is chosen is not taken by a header that only looks like it.
            taken: chosen.keys.iter().flatten().cloned().collect(),
            dropdowns: Vec::new(),
        };
        let mut columns = Vec::new();
        for (index, header) in headers.iter().enumerate() {
            let is_said = chosen.keys[index].is_some();
            if chosen.left_out[index] || (is_unlisted(header) && !is_said && !guesses.is_empty()) {
                columns.push(Column {
                    header: (*header).to_owned(),
                    target: if chosen.left_out[index] {
                        Target::Nowhere
                    } else {
                        kept(header)
                    },
                    people: !chosen.left_out[index],
                });
                continue;
            }
            let key = resolver.key(index, header, &chosen)?;
            let target = resolver.target(&key);
            columns.push(Column {
                header: label(header, &key),
                target,
                people: is_people(&key),
            });
        }
        let dropdowns = resolver.dropdowns;
        Ok(Self {
            columns,
            ours,
            dropdowns,
        })
    }

    /// Looks at an item for options of new dropdowns.
    pub(super) fn look_at(&mut self, names: &[String], item: &Item) {
        for (index, field) in &mut self.dropdowns {
            if let Some(Value::Text(text)) = item.get(&names[*index]) {
                offer(field, text.trim());
            }
        }
    }

    /// Looks at a row for options of new dropdowns.
    pub(super) fn look(&mut self, row: &ByteRecord) {
        if row.len() != self.columns.len() {
            return;
        }
        for (index, field) in &mut self.dropdowns {
            let cell = row.get(*index).map(std::str::from_utf8);
            if let Some(Ok(cell)) = cell {
                let cell = if self.ours {
                    unguard(cell, Kind::Dropdown)
                } else {
                    cell
                }
                .trim();
                offer(field, cell);
            }
        }
    }

    /// Defines the new dropdowns with the options seen.
    pub(super) fn define(&mut self, source: &mut Source) -> anyhow::Result<()> {
        for (index, field) in self.dropdowns.drain(..) {
            let column = &mut self.columns[index];
            ensure!(
                field.options.len() <= OPTIONS,
                "the column {} has more than {OPTIONS} different values: too many for a dropdown",
                shown(&column.header)
            );
            ensure!(
                !field.options.is_empty(),
                "the column {} is empty: a dropdown needs options",
                shown(&column.header)
            );
            column.target = Target::Field {
                key: field.key.clone(),
                how: How::Option(field.options.clone()),
                kind: Kind::Dropdown,
            };
            source.add_custom(field)?;
        }
        Ok(())
    }
}

/// Adds an option to a dropdown that does not have it yet.
fn offer(field: &mut CustomField, cell: &str) {
    let is_new = || {
        let lower = cell.to_lowercase();
        let mut options = field.options.iter();
        options.all(|option| option.to_lowercase() != lower)
    };
    if !cell.is_empty() && field.options.len() <= OPTIONS && is_new() {
        field.options.push(cell.to_owned());
    }
}

/// Whether these are values that a lead has beside its fields: they can be filtered by and have no column (contract §2).
fn is_unlisted(header: &str) -> bool {
    is_reserved(header) && product_fields().all(|(key, ..)| key != header)
}

/// Where such values go: they are kept as they are.
fn kept(header: &str) -> Target {
    Target::Field {
        key: header.to_owned(),
        how: How::AsIs,
        kind: Kind::Text,
    }
}

/// What people read over a field that a header defines.
fn label(header: &str, key: &str) -> String {
    let header = header.trim();
    if header.is_empty() { key } else { header }.to_owned()
}

/// Whether a file with this first row was written by the service.
fn is_ours(headers: &[String], source: &Source) -> bool {
    let known: HashSet<String> = product_fields()
        .flat_map(|(key, label, ..)| [key.to_owned(), label.to_owned()])
        .chain(
            source
                .fields()
                .into_iter()
                .flat_map(|field| [field.key, field.label]),
        )
        .collect();
    let is_id = |header: &String| header == "lead_id" || header == "Lead ID";
    headers.iter().any(is_id)
        || headers
            .iter()
            .all(|header| known.contains(unguard(header, Kind::Text)))
}

/// The choices, by column.
struct Chosen {
    keys: Vec<Option<String>>,
    attributes: Vec<bool>,
    kinds: Vec<Option<CustomKind>>,
    left_out: Vec<bool>,
    /// What to make of a header that is no field yet, where nothing else is said.
    guesses: Vec<Option<Guess>>,
}

impl Chosen {
    fn read(headers: &[&str], guesses: &[Guess], choices: &Choices) -> anyhow::Result<Self> {
        let find = |wanted: &str| {
            let exact = headers.iter().position(|header| *header == wanted);
            let alike = || {
                let wanted = wanted.trim().to_lowercase();
                headers
                    .iter()
                    .position(|header| header.trim().to_lowercase() == wanted)
            };
            exact.or_else(alike).with_context(|| {
                let all: Vec<String> = headers.iter().map(|header| shown(header)).collect();
                format!(
                    "the file has no column {}; it has {}",
                    shown(wanted),
                    all.join(", ")
                )
            })
        };
        let mut chosen = Self {
            keys: vec![None; headers.len()],
            attributes: vec![false; headers.len()],
            kinds: vec![None; headers.len()],
            left_out: vec![false; headers.len()],
            guesses: (0..headers.len())
                .map(|index| guesses.get(index).copied())
                .collect(),
        };
        for (header, key) in &choices.map {
            let index = find(header)?;
            let other = chosen.keys.iter().flatten().any(|other| other == key);
            ensure!(!other, "two columns are mapped to '{key}'");
            ensure!(
                chosen.keys[index].is_none(),
                "the column {} is mapped twice",
                shown(header)
            );
            chosen.keys[index] = Some(key.clone());
        }
        for header in &choices.attributes {
            chosen.attributes[find(header)?] = true;
        }
        for (header, TypeName(kind)) in &choices.types {
            let index = find(header)?;
            ensure!(
                !chosen.attributes[index],
                "the column {} cannot be an attribute and have a type",
                shown(header)
            );
            chosen.kinds[index] = Some(*kind);
        }
        for header in &choices.leave_out {
            let index = find(header)?;
            let is_wanted = chosen.keys[index].is_some()
                || chosen.attributes[index]
                || chosen.kinds[index].is_some();
            ensure!(
                !is_wanted,
                "the column {} cannot be left out and taken",
                shown(header)
            );
            chosen.left_out[index] = true;
        }
        Ok(chosen)
    }
}

/// Reads `Header=rest`; the last `=` divides, since a header may hold one.
///
/// # Errors
/// There is no `=`, or nothing on one side of it.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((header, rest)) if !header.is_empty() && !rest.is_empty() => {
            Ok((header.to_owned(), rest.to_owned()))
        }
        _ => Err(format!("'{text}' is not of the form Header=key")),
    }
}
