//! A filter, ready for rows.

use unicase::UniCase;

use super::people::PeopleTest;
use super::search::Search;
use super::{Condition, Days, Within};
use crate::fields::FieldReader;
use crate::input::Decimal;
use crate::lead::{LeadKey, SourceId};
use crate::page::{Cell, KEY, Row, Slot, Slots};
use crate::time::Instant;

/// Tells which rows meet a filter. Made by [`super::Filter::compile`].
#[derive(Debug, Clone)]
pub struct Matcher {
    tests: Vec<Test>,
    scratch: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Test {
    Created {
        from: Option<String>,
        to: Option<String>,
    },
    Updated(Slot, Within),
    Since {
        after: Instant,
        text: String,
        updated: Slot,
    },
    AnyOf(Slot, Vec<UniCase<String>>),
    Number {
        slot: Slot,
        min: Option<Decimal>,
        max: Option<Decimal>,
    },
    Days(Slot, Days),
    Is(Slot, bool),
    Filled(FieldReader, bool),
    Search(Box<Search>),
    People(Box<PeopleTest>),
}

impl Matcher {
    pub(super) fn new(conditions: &[Condition], slots: &Slots, source: &SourceId) -> Self {
        // As in FieldReader: no condition looks at the key as a value, so a slot left out shows at once.
        let slot = |name: &str| slots.of(name).unwrap_or(KEY);
        let mut tests: Vec<Test> = conditions
            .iter()
            .map(|condition| match condition {
                Condition::Created(within) => Test::Created {
                    from: within.from.map(|from| from.to_string()),
                    to: within.to.map(|to| to.to_string()),
                },
                Condition::Updated(within) => Test::Updated(slot("updated_at"), *within),
                Condition::Since(after) => Test::Since {
                    after: *after,
                    text: after.to_string(),
                    updated: slot("updated_at"),
                },
                Condition::AnyOf { key, values } => Test::AnyOf(
                    slot(key),
                    values.iter().cloned().map(UniCase::new).collect(),
                ),
                Condition::Number { key, min, max } => Test::Number {
                    slot: slot(key),
                    min: *min,
                    max: *max,
                },
                Condition::Days { key, days } => Test::Days(slot(key), *days),
                Condition::Is { key, value } => Test::Is(slot(key), *value),
                Condition::Has(key) => Test::Filled(FieldReader::new(key, slots, source), true),
                Condition::Lacks(key) => Test::Filled(FieldReader::new(key, slots, source), false),
                Condition::Search(text) => {
                    Test::Search(Box::new(Search::new(text, slots, source, slot)))
                }
                Condition::People { facet, wanted } => {
                    let test = PeopleTest::new(*facet, wanted, slots, source, slot);
                    Test::People(Box::new(test))
                }
            })
            .collect();
        tests.sort_by_key(Test::cost);
        Self {
            tests,
            scratch: Vec::new(),
        }
    }

    /// Whether the lead meets every condition. Allocates only for texts outside ASCII and for the people search.
    pub fn matches(&mut self, row: &Row) -> bool {
        let Self { tests, scratch } = self;
        tests.iter().all(|test| test.holds(row, scratch))
    }
}

impl Test {
    /// Cheap tests come first: the order changes no result.
    fn cost(&self) -> u8 {
        match self {
            Self::Created { .. } | Self::Is(..) | Self::Filled(..) => 0,
            Self::AnyOf(..) | Self::Number { .. } => 1,
            Self::Updated(..) | Self::Since { .. } | Self::Days(..) => 2,
            Self::Search(_) => 3,
            Self::People(_) => 4,
        }
    }

    fn holds(&self, row: &Row, scratch: &mut Vec<u8>) -> bool {
        match self {
            Self::Created { from, to } => {
                let created = created(row);
                from.as_ref().is_none_or(|from| from.as_bytes() <= created)
                    && to.as_ref().is_none_or(|to| created <= to.as_bytes())
            }
            Self::Updated(slot, within) => {
                instants(row.cell(*slot)).any(|updated| within.contains(updated))
            }
            Self::Since {
                after,
                text,
                updated,
            } => {
                text.as_bytes() < created(row)
                    || instants(row.cell(*updated)).any(|updated| *after < updated)
            }
            Self::AnyOf(slot, values) => texts(row.cell(*slot)).any(|text| {
                let text = UniCase::new(text);
                values.iter().any(|value| *value == text)
            }),
            Self::Number { slot, min, max } => row.cell(*slot).each().any(|cell| {
                let (Cell::Number(text) | Cell::Text(text)) = cell else {
                    return false;
                };
                Decimal::read(text).is_ok_and(|number| {
                    min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
                })
            }),
            Self::Days(slot, days) => texts(row.cell(*slot)).any(|text| days.contains(text)),
            Self::Is(slot, wanted) => row.cell(*slot).each().any(|cell| match cell {
                Cell::Bool(value) => value == *wanted,
                Cell::Text(text) => {
                    text.eq_ignore_ascii_case(if *wanted { b"true" } else { b"false" })
                }
                _ => false,
            }),
            Self::Filled(reader, wanted) => reader.read(row, scratch).is_filled() == *wanted,
            Self::Search(search) => search.matches(row, scratch),
            Self::People(test) => test.holds(row, scratch),
        }
    }
}

/// When the lead was created, as its key says: texts of instants order as instants do.
fn created<'a>(row: &Row<'a>) -> &'a [u8] {
    LeadKey::parts_of(row.key()).0
}

fn texts(cell: Cell<'_>) -> impl Iterator<Item = &str> {
    // Any cell's text is UTF-8, or base64: one that is not is no text.
    cell.each()
        .filter_map(|cell| std::str::from_utf8(cell.text()?).ok())
}

fn instants(cell: Cell<'_>) -> impl Iterator<Item = Instant> + '_ {
    texts(cell).filter_map(|text| Instant::parse(text).ok())
}
