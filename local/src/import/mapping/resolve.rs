//! Gives each column of a file its field, known or new.

use std::collections::HashSet;

use anyhow::ensure;
use lead_export_core::fields::{
    Attribute, CustomField, CustomKind, Kind, Source, is_reserved, key_of_header, product_fields,
};
use lead_export_core::input::shown;

use super::{Chosen, Guess, Target, label};
use crate::import::cells::How;

/// Gives each column its field.
pub(super) struct Resolver<'a> {
    pub(super) source: &'a mut Source,
    /// Keys that no further column gets.
    pub(super) taken: HashSet<String>,
    /// Dropdowns that the source does not have yet, and their columns.
    pub(super) dropdowns: Vec<(usize, CustomField)>,
}

impl Resolver<'_> {
    /// The key of the field of this column; a field that is not there yet is added.
    pub(super) fn key(
        &mut self,
        index: usize,
        header: &str,
        chosen: &Chosen,
    ) -> anyhow::Result<String> {
        let attribute = chosen.attributes[index];
        let kind = chosen.kinds[index];
        let guess = chosen.guesses[index];
        let key = match &chosen.keys[index] {
            Some(key) => {
                let is_field = product_fields().any(|(known, ..)| known == key);
                ensure!(
                    is_field || !is_reserved(key),
                    "'{key}' cannot be filled from a cell"
                );
                key.clone()
            }
            None => match self.existing(index, header, attribute || kind.is_some()) {
                Some(key) => key,
                None => key_of_header(header, index + 1, |key| {
                    is_reserved(key) || self.is_taken(key)
                }),
            },
        };
        self.taken.insert(key.clone());
        let label = label(header, &key);
        match self
            .source
            .fields()
            .into_iter()
            .find(|field| field.key == key)
        {
            _ if is_reserved(&key) => {
                let fits = !attribute && kind.is_none();
                ensure!(
                    fits,
                    "the column {} is the field '{key}' of every source",
                    shown(header)
                );
            }
            Some(field) => {
                let is_attribute = field.kind == Kind::List;
                let fits = if attribute {
                    is_attribute
                } else {
                    kind.is_none_or(|kind| Kind::from(kind) == field.kind)
                };
                ensure!(fits, "the field '{key}' of the source is of another type");
            }
            None if attribute || (kind.is_none() && guess == Some(Guess::Attribute)) => {
                let key = key.clone();
                self.source.add_attribute(Attribute { key, label })?;
            }
            None => {
                let field = CustomField {
                    key: key.clone(),
                    label,
                    kind: kind.unwrap_or(match guess {
                        Some(Guess::Custom(kind)) => kind,
                        _ => CustomKind::Text,
                    }),
                    options: Vec::new(),
                };
                if field.kind == CustomKind::Dropdown {
                    self.source.check_key(&key)?;
                    self.dropdowns.push((index, field));
                } else {
                    self.source.add_custom(field)?;
                }
            }
        }
        Ok(key)
    }

    fn is_taken(&self, key: &str) -> bool {
        self.taken.contains(key) || self.source.fields().iter().any(|field| field.key == key)
    }

    /// The field that a header names by itself: a product's field by key or label, else one of the source's own.
    fn existing(&self, index: usize, header: &str, own: bool) -> Option<String> {
        let bare = key_of_header(header, index + 1, |_| false);
        let header = header.trim().to_lowercase();
        let names = |key: &str, label: &str| {
            // Of two labels that are the same the later is written with its key.
            let with_key = || format!("{} ({key})", label.to_lowercase());
            key == bare || label.to_lowercase() == header || with_key() == header
        };
        let free = |key: &str| !self.taken.contains(key);
        let product = product_fields()
            .filter(|_| !own)
            .map(|(key, label, ..)| (key.to_owned(), label.to_owned()));
        let customs = self.source.custom.iter();
        let attributes = self.source.attributes.iter();
        let owned = customs
            .map(|field| (field.key.clone(), field.label.clone()))
            .chain(attributes.map(|field| (field.key.clone(), field.label.clone())));
        let known: Vec<(String, String)> = product.chain(owned).collect();
        // A key is meant before a label: "Name" may be both.
        let by_key = known.iter().find(|(key, _)| *key == bare && free(key));
        by_key
            .or_else(|| {
                known
                    .iter()
                    .find(|(key, label)| names(key, label) && free(key))
            })
            .map(|(key, _)| key.clone())
    }

    /// Where the cells of the field `key` go.
    pub(super) fn target(&self, key: &str) -> Target {
        match key {
            "lead_id" => return Target::Id,
            "created_at" => return Target::CreatedAt,
            "source_id" => return Target::Nowhere,
            _ => {}
        }
        let product = product_fields().find(|(known, ..)| *known == key);
        let (kind, options) = match product {
            Some((_, _, kind, _)) => (kind, Vec::new()),
            None => self
                .source
                .fields()
                .into_iter()
                .find(|field| field.key == key)
                .map_or((Kind::Dropdown, Vec::new()), |field| {
                    (field.kind, field.options)
                }),
        };
        let how = match kind {
            _ if matches!(key, "emails" | "phones" | "company_phone") => How::Addresses,
            Kind::List | Kind::Phones => How::List,
            Kind::Number => How::Number,
            Kind::Instant => How::Instant,
            Kind::Date => How::Day,
            Kind::Dropdown => How::Option(options),
            Kind::Boolean => How::Boolean,
            Kind::Id | Kind::Derived | Kind::Text | Kind::Phone => How::Text,
        };
        Target::Field {
            key: key.to_owned(),
            how,
            kind,
        }
    }
}
