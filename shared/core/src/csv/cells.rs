//! One value of a lead becomes the text of its cell, by its field's kind and its own shape.

use super::dialect::Dialect;
use super::instants::{self, Instants};
use super::{RowFacts, excel, guard, quote};
use crate::fields::Kind;
use crate::page::{Cell, List};

/// Writes the cells of a row.
pub(super) struct Cells<'a> {
    pub(super) dialect: Dialect,
    /// Whether rows have one cell.
    pub(super) only: bool,
    pub(super) instants: &'a mut Instants,
    pub(super) joined: &'a mut Vec<u8>,
    pub(super) facts: RowFacts,
}

impl Cells<'_> {
    /// Appends the cell of a value in a field of `kind`. `plain`: see [`crate::page::Span::plain`].
    #[inline]
    pub(super) fn append(&mut self, cell: Cell<'_>, kind: Kind, plain: bool, out: &mut Vec<u8>) {
        let text = match cell {
            Cell::Missing => &[],
            Cell::Text(text) => {
                match kind {
                    Kind::Instant if self.instants.append(text, out) => return,
                    Kind::Date => {
                        if let Some(day) = instants::day(text) {
                            out.extend_from_slice(day);
                            return;
                        }
                    }
                    _ => {}
                }
                text
            }
            Cell::Number(text) | Cell::Binary(text) | Cell::Json(text) => text,
            Cell::Bool(true) => b"true",
            Cell::Bool(false) => b"false",
            Cell::List(list) => join(list, self.joined),
        };
        let numeric = match cell {
            Cell::Number(_) => true,
            Cell::Text(_) => kind == Kind::Number,
            _ => false,
        };
        if self.dialect.excel {
            let number = numeric && guard::is_number(text);
            if is_text(cell, text, kind, number) && excel::would_change(text) {
                excel::append_wrapped(out, text);
                // What stands around the text in ="…" is not the cell's; the text has no character of several bytes.
                self.facts.excel_cell |= excel::is_too_long(text, false);
                return;
            }
            if number && self.dialect.decimal_comma {
                append_with_comma(text, out);
                return;
            }
        }
        let guarded = self.dialect.guard && guard::is_needed(text, numeric);
        // Whatever the profile: any CSV may be opened in Excel.
        self.facts.excel_cell |= excel::is_too_long(text, guarded);
        // A plain value holds neither of two delimiters; it may hold the third.
        let plain = plain && self.dialect.delimiter != b';';
        quote::append(out, text, guarded, self.dialect, self.only, plain);
    }
}

/// Whether a cell is one of text, which Excel must leave as it is. `number`: it is a well-formed number.
fn is_text(cell: Cell<'_>, text: &[u8], kind: Kind, number: bool) -> bool {
    match kind {
        Kind::Id
        | Kind::Derived
        | Kind::Text
        | Kind::List
        | Kind::Phone
        | Kind::Phones
        | Kind::Dropdown => true,
        Kind::Boolean => {
            !number && !text.eq_ignore_ascii_case(b"true") && !text.eq_ignore_ascii_case(b"false")
        }
        // What fits an instant or a day is written by now.
        Kind::Number | Kind::Instant | Kind::Date => !number && !matches!(cell, Cell::Bool(_)),
    }
}

/// Appends a number with a decimal comma: no other byte of it could be a cell's end, and none needs a guard.
fn append_with_comma(number: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(number);
    if let Some(point) = memchr::memchr(b'.', number) {
        out[from + point] = b',';
    }
}

/// The cell text of a list: its filled items, joined by `, `. One item alone is not copied.
fn join<'a>(list: List<'a>, joined: &'a mut Vec<u8>) -> &'a [u8] {
    let mut texts = list
        .iter()
        .filter_map(|item| item.text())
        .filter(|text| !text.is_empty());
    let Some(first) = texts.next() else {
        return &[];
    };
    let Some(second) = texts.next() else {
        return first;
    };
    joined.clear();
    joined.extend_from_slice(first);
    for text in std::iter::once(second).chain(texts) {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(text);
    }
    joined
}
