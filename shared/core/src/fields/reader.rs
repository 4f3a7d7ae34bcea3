//! Where in a stored lead a field's value lies.

use crate::lead::SourceId;
use crate::page::{Cell, KEY, Row, Slot, Slots};

/// Reads a field's value out of a lead: where it lies, with the fallbacks of contract §2.
#[derive(Debug, Clone)]
pub struct FieldReader(Way);

#[derive(Debug, Clone)]
enum Way {
    Plain(Slot),
    Name {
        first: Slot,
        last: Slot,
        stored: Slot,
    },
    Either {
        first: Slot,
        second: Slot,
    },
    FirstOf {
        single: Slot,
        list: Slot,
    },
    Constant(Box<[u8]>),
}

/// The attributes of a lead that reading the field `key` needs.
pub fn attributes_of(key: &str) -> Vec<&str> {
    match key {
        "name" => vec!["first_name", "last_name", "name"],
        "email" | "emails" => vec!["email", "emails"],
        "phone" | "phones" => vec!["phone", "phones"],
        "source_id" => Vec::new(),
        other => vec![other],
    }
}

impl FieldReader {
    /// A reader of the field `key`. Leads of `source` are read, and `slots` hold what [`attributes_of`] names; a slot that is
    /// not there reads as the lead's key, which no field shows, so a missing one is a programming error that shows at once.
    pub fn new(key: &str, slots: &Slots, source: &SourceId) -> Self {
        let slot = |name: &str| slots.of(name).unwrap_or(KEY);
        Self(match key {
            "name" => Way::Name {
                first: slot("first_name"),
                last: slot("last_name"),
                stored: slot("name"),
            },
            "emails" => Way::Either {
                first: slot("emails"),
                second: slot("email"),
            },
            "phones" => Way::Either {
                first: slot("phones"),
                second: slot("phone"),
            },
            "email" => Way::FirstOf {
                single: slot("email"),
                list: slot("emails"),
            },
            "phone" => Way::FirstOf {
                single: slot("phone"),
                list: slot("phones"),
            },
            "source_id" => Way::Constant(source.as_str().as_bytes().into()),
            other => Way::Plain(slot(other)),
        })
    }

    /// The field's value in `row`. `scratch` is overwritten where the value has to be made.
    #[inline]
    pub fn read<'a>(&'a self, row: &Row<'a>, scratch: &'a mut Vec<u8>) -> Cell<'a> {
        self.marked(row, scratch).0
    }

    /// As [`FieldReader::read`], and whether the value is known to be plain ([`crate::page::Span::plain`]).
    #[inline]
    pub fn marked<'a>(&'a self, row: &Row<'a>, scratch: &'a mut Vec<u8>) -> (Cell<'a>, bool) {
        match &self.0 {
            Way::Plain(slot) => row.marked(*slot),
            Way::Name {
                first,
                last,
                stored,
            } => {
                let ((first, plain_first), (last, plain_last)) =
                    (row.marked(*first), row.marked(*last));
                match (first.is_filled(), last.is_filled()) {
                    (true, true) => {
                        scratch.clear();
                        scratch.extend_from_slice(first.text().unwrap_or_default());
                        scratch.push(b' ');
                        scratch.extend_from_slice(last.text().unwrap_or_default());
                        (Cell::Text(scratch), plain_first && plain_last)
                    }
                    (true, false) => (first, plain_first),
                    (false, true) => (last, plain_last),
                    (false, false) => row.marked(*stored),
                }
            }
            Way::Either { first, second } => {
                let (cell, plain) = row.marked(*first);
                if cell.is_filled() {
                    (cell, plain)
                } else {
                    row.marked(*second)
                }
            }
            Way::FirstOf { single, list } => {
                let (cell, plain) = row.marked(*single);
                if cell.is_filled() {
                    return (cell, plain);
                }
                let first = row.cell(*list).each().find(Cell::is_filled);
                (first.unwrap_or(cell), false)
            }
            // A source's id: letters, digits and hyphens.
            Way::Constant(value) => (Cell::Text(value), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{Lead, LeadId, Value};
    use crate::page::PageBuilder;
    use crate::time::Instant;
    use bytes::Bytes;

    fn read(values: &[(&str, Value)], key: &str) -> String {
        let slots = Slots::new(attributes_of(key));
        let mut builder = PageBuilder::new(Bytes::new(), &slots);
        let values = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let lead = Lead {
            id: LeadId::parse("l").unwrap(),
            created_at: Instant::from_millis(0),
            values,
        };
        crate::value::push_lead(&mut builder, &slots, &lead);
        let page = builder.finish();
        let mut scratch = Vec::new();
        let reader = FieldReader::new(key, &slots, &SourceId::parse("crm").unwrap());
        let texts: Vec<String> = reader
            .read(&page.row(0), &mut scratch)
            .each()
            .map(|cell| String::from_utf8(cell.text().unwrap_or_default().to_vec()).unwrap())
            .collect();
        texts.join("|")
    }

    #[test]
    fn fallbacks_of_names_mails_and_phones() {
        let list =
            |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
        assert_eq!(
            read(
                &[
                    ("first_name", "Ann".into()),
                    ("last_name", "Lee".into()),
                    ("name", "X".into())
                ],
                "name"
            ),
            "Ann Lee"
        );
        assert_eq!(
            read(&[("last_name", "Lee".into()), ("name", "X".into())], "name"),
            "Lee"
        );
        assert_eq!(read(&[("name", "X".into())], "name"), "X");
        assert_eq!(
            read(&[("first_name", "".into()), ("name", "X".into())], "name"),
            "X"
        );
        assert_eq!(read(&[("email", "a@b".into())], "emails"), "a@b");
        assert_eq!(
            read(&[("emails", list(&["", "c@d", "e@f"]))], "email"),
            "c@d"
        );
        assert_eq!(
            read(
                &[("email", "a@b".into()), ("emails", list(&["c@d"]))],
                "email"
            ),
            "a@b"
        );
        assert_eq!(read(&[("phones", list(&["1", "2"]))], "phone"), "1");
        assert_eq!(read(&[("phone", "1".into())], "phones"), "1");
        assert_eq!(read(&[], "source_id"), "crm");
    }

    #[test]
    fn what_is_stored_itself_comes_first() {
        let list =
            |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
        let stored = [
            ("first_name", Value::from("Ann")),
            ("name", "X".into()),
            ("email", "a@b".into()),
            ("emails", list(&["c@d", "e@f"])),
            ("phone", "1".into()),
            ("phones", list(&["2", "3"])),
            ("source_id", "other".into()),
        ];
        for (key, expected) in [
            ("name", "Ann"),
            ("email", "a@b"),
            ("emails", "c@d|e@f"),
            ("phone", "1"),
            ("phones", "2|3"),
            ("source_id", "crm"),
        ] {
            assert_eq!(read(&stored, key), expected, "{key}");
        }
    }
}
