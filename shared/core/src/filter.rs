//! Which leads an export holds: the filters of contract §3 and §6, resolved when they are asked for and frozen in the plan.

mod matcher;
mod parse;
pub mod people;
mod pushed;
mod search;
mod within;

use serde::{Deserialize, Serialize};

use crate::fields::attributes_of;
use crate::input::Decimal;
use crate::lead::SourceId;
use crate::page::Slots;
use crate::time::Instant;

use self::people::{Facet, Wanted};

pub use matcher::Matcher;
pub use parse::{Against, since_export};
pub use pushed::{Literal, Pushed};
pub use within::{Days, Within, zone};

/// Conditions that a lead must all meet; none, and every lead does.
///
/// Resolved: it holds keys, not labels, and instants, not days of some zone; no later change to the source changes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filter {
    conditions: Vec<Condition>,
}

/// One condition. A missing value never meets one, but for [`Condition::Lacks`].
///
/// A stored value counts as what it shows in the file: a number stored as text compares as a number if it is well-formed, a
/// text `true` is a yes; a value that shows as neither meets no condition on numbers or booleans. Of a list, any item will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Created in the range.
    Created(Within),
    /// Updated in the range.
    Updated(Within),
    /// Created or updated later than this.
    Since(Instant),
    /// Equals one of the values, ignoring case (Unicode full case folding).
    AnyOf {
        /// The field.
        key: String,
        /// The values; not empty.
        values: Vec<String>,
    },
    /// Is a number in the range, bounds included.
    Number {
        /// The field.
        key: String,
        /// The least.
        min: Option<Decimal>,
        /// The most.
        max: Option<Decimal>,
    },
    /// Is a day in the range, or an instant in one of its days.
    Days {
        /// The field.
        key: String,
        /// The days.
        days: Days,
    },
    /// Is this boolean.
    Is {
        /// The field.
        key: String,
        /// Yes or no.
        value: bool,
    },
    /// Has a value, as the field's cell would show it.
    Has(String),
    /// Has no value.
    Lacks(String),
    /// The name or an e-mail holds the text, ignoring case; or a phone its digits, if it reads as a part of a phone.
    Search(String),
    /// Of the people search: a facet of the person or the company is as wanted.
    People {
        /// What is looked at.
        facet: Facet,
        /// What it must be.
        wanted: Wanted,
    },
}

impl Filter {
    /// A filter of these conditions.
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self { conditions }
    }

    /// The conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The attributes of a lead that it looks at; some may come twice. The lead's key, which every page has, is none of them.
    pub fn attributes(&self) -> Vec<&str> {
        self.conditions
            .iter()
            .flat_map(|condition| match condition {
                Condition::Created(_) => Vec::new(),
                Condition::Updated(_) | Condition::Since(_) => vec!["updated_at"],
                Condition::AnyOf { key, .. }
                | Condition::Number { key, .. }
                | Condition::Days { key, .. }
                | Condition::Is { key, .. } => vec![key.as_str()],
                Condition::Has(key) | Condition::Lacks(key) => attributes_of(key),
                Condition::Search(_) => search::ATTRIBUTES.to_vec(),
                Condition::People { facet, .. } => facet.attributes().to_vec(),
            })
            .collect()
    }

    /// The instants between which a lead must be created, both included: readers bound their key ranges by them. The first may
    /// be later than the last: then no lead meets the filter.
    pub fn created_bounds(&self) -> (Option<Instant>, Option<Instant>) {
        self.conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Created(within) => Some((within.from, within.to)),
                _ => None,
            })
            .fold((None, None), |(from, to), (first, last)| {
                // `None` is the least option, so the later of two lower bounds is their maximum as it is.
                let least = [to, last].into_iter().flatten().min();
                (from.max(first), least)
            })
    }

    /// Makes the filter ready for rows of leads of `source` whose `slots` hold all of [`Filter::attributes`].
    pub fn compile(&self, slots: &Slots, source: &SourceId) -> Matcher {
        Matcher::new(&self.conditions, slots, source)
    }
}

#[cfg(test)]
pub(crate) mod laws;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod searches;
#[cfg(test)]
pub(crate) mod tests;
