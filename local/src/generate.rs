//! Leads that can be made again: the same seed gives the same leads, on any machine and with any later version of this program.
//!
//! - A lead depends on the seed, its index and the fields of its source alone, so the first thousand of a million are the
//!   thousand one gets by asking for a thousand.
//! - The dice are this module's own (see [`dice`]): no crate can change what they show.
//! - Times lie in the year before a fixed moment ([`UNTIL`]) unless another is named: were they counted from now, making the
//!   leads again would make others.

pub mod dice;
mod fields;
mod hostile;
mod people;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use lead_export_core::fields::{Attribute, CustomField, CustomKind, FieldClash, Source};
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId, Value};
use lead_export_core::limits;
use lead_export_core::time::Instant;

use self::dice::Dice;

/// The moment before whose year the leads came to be, unless another is named: 2025-01-01T00:00:00Z.
///
/// It lies well in the past, because no export holds a lead of the future.
pub const UNTIL: i64 = 1_735_689_600_000;

/// The span of time over which leads are spread.
const SPAN: Duration = Duration::from_hours(24 * 365);

/// How often a value is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Never: what a newcomer should see first.
    Tame,
    /// As often as it takes for some thousand leads to hold everything that breaks exports.
    Hostile,
}

/// Makes the leads of one source.
#[derive(Debug, Clone)]
pub struct Generator {
    source: Source,
    seed: u64,
    until: Instant,
    temper: Temper,
}

impl Generator {
    /// A generator for the fields of `source`, whose leads came to be in the year before `until`.
    pub fn new(source: &Source, seed: u64, until: Instant, temper: Temper) -> Self {
        Self {
            source: source.clone(),
            seed,
            until,
            temper,
        }
    }

    /// The lead of this index.
    pub fn lead(&self, index: u64) -> Lead {
        let mut dice = Dice::of(self.seed, index);
        let span = u64::try_from(SPAN.as_millis()).unwrap_or(u64::MAX);
        // Some leads share a millisecond with others, so that their order hangs on their ids.
        let step = if dice.one_in(20) { 3_600_000 } else { 1 };
        let age = dice.below(span) / step * step;
        let created_at = self.until.minus(Duration::from_millis(age + 1));
        let mut values = BTreeMap::new();
        fields::fill(&mut values, &self.source, created_at, self.until, &mut dice);
        if self.temper == Temper::Hostile {
            hostile::spoil(&mut values, &self.source, &mut dice);
        }
        Lead {
            id: self.id(index),
            created_at,
            values,
        }
    }

    /// The leads of the first `count` indexes.
    pub fn leads(&self, count: u64) -> impl Iterator<Item = Lead> + '_ {
        (0..count).map(|index| self.lead(index))
    }

    /// The name of the lead of this index: unlike that of any other seed.
    fn id(&self, index: u64) -> LeadId {
        let text = format!("lead-{}-{:07}", self.seed, index + 1);
        // Two numbers of 20 digits and seven letters are always an id.
        LeadId::parse(text).unwrap_or_else(|_| unreachable!("the text is an id"))
    }
}

/// The source that leads are made for where there is none yet: all kinds of fields, and people.
///
/// # Errors
/// [`FieldClash`], which the product's own fields cannot cause.
pub fn source(
    org: &OrgId,
    id: &SourceId,
    name: &str,
    time_zone: &str,
) -> Result<Source, FieldClash> {
    let mut source = plain_source(org, id, name, time_zone);
    source.people = true;
    for (key, label, kind, options) in CUSTOM {
        source.add_custom(CustomField {
            key: key.to_owned(),
            label: label.to_owned(),
            kind,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        })?;
    }
    for (key, label) in ATTRIBUTES {
        source.add_attribute(Attribute {
            key: key.to_owned(),
            label: label.to_owned(),
        })?;
    }
    Ok(source)
}

/// A source without fields of its own, that holds no lead.
pub fn plain_source(org: &OrgId, id: &SourceId, name: &str, time_zone: &str) -> Source {
    Source {
        org: org.clone(),
        id: id.clone(),
        name: name.to_owned(),
        time_zone: time_zone.to_owned(),
        people: false,
        shards: limits::SHARDS,
        lead_count: Some(0),
        custom: Vec::new(),
        attributes: Vec::new(),
    }
}

/// The custom fields of the demo (contract §7): key, label, kind, options.
const CUSTOM: [(&str, &str, CustomKind, &[&str]); 3] = [
    ("annual_income", "Annual Income", CustomKind::Number, &[]),
    (
        "roof_type",
        "Roof Type",
        CustomKind::Dropdown,
        &["tile", "slate", "metal"],
    ),
    ("opted_in", "Opted In", CustomKind::Boolean, &[]),
];

/// The attributes of the demo.
const ATTRIBUTES: [(&str, &str); 2] = [("homeowner", "Homeowner"), ("campaign", "Campaign")];

/// Text as a value.
fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Texts as a value.
fn list<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(text).collect())
}

#[cfg(test)]
mod tests;
