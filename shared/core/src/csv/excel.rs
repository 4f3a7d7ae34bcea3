//! What Excel would make of a text, and how it is kept from it.
//!
//! Excel reads every cell of a CSV as if it had been typed: `00123` loses its zeros, `1-2` becomes a date, `+49 30 1234` a sum, `1E5` a
//! power, `MAR1` the first of March. A cell `="00123"` is a formula whose value is that text.

use crate::limits;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Whether Excel would change a cell with this text (contract §4).
///
/// A text for which this holds has neither quotes nor anything that could end or leave a string in a formula.
pub(super) fn would_change(text: &[u8]) -> bool {
    match text {
        [
            b'0'..=b'9' | b' ' | b'+' | b'(' | b')' | b'.' | b'/' | b':' | b'-',
            ..,
        ] => is_digits_and_signs(text) || is_power(text),
        [b't' | b'T', ..] => text.eq_ignore_ascii_case(b"true"),
        [b'a'..=b'z' | b'A'..=b'Z', ..] => {
            is_month_and_digits(text) || text.eq_ignore_ascii_case(b"false")
        }
        _ => false,
    }
}

fn is_digits_and_signs(text: &[u8]) -> bool {
    let mut digit = false;
    for byte in text {
        match byte {
            b'0'..=b'9' => digit = true,
            b' ' | b'+' | b'(' | b')' | b'.' | b'/' | b':' | b'-' => {}
            _ => return false,
        }
    }
    digit
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn is_power(text: &[u8]) -> bool {
    memchr::memchr2(b'e', b'E', text)
        .is_some_and(|at| is_digits(&text[..at]) && is_digits(&text[at + 1..]))
}

fn is_month_and_digits(text: &[u8]) -> bool {
    // Most words end at the first look.
    if !text.last().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    text.split_first_chunk::<3>().is_some_and(|(month, rest)| {
        let digits = rest
            .strip_prefix(b"-")
            .or_else(|| rest.strip_prefix(b" "))
            .unwrap_or(rest);
        is_digits(digits)
            && MONTHS
                .iter()
                .any(|known| month.eq_ignore_ascii_case(*known))
    })
}

/// Appends the cell `="text"`, quoted, as it holds quotes. `text` must be one that Excel would change.
pub(super) fn append_wrapped(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 8);
    out.extend_from_slice(b"\"=\"\"");
    out.extend_from_slice(text);
    out.extend_from_slice(b"\"\"\"");
}

/// The text of a cell that [`append_wrapped`] wrote. A stored text of that form is always guarded, so there is no doubt.
pub(super) fn unwrapped(cell: &str) -> Option<&str> {
    cell.strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| would_change(text.as_bytes()))
}

/// Whether a cell with this text has more characters than Excel holds. Excel counts UTF-16 units, the guard's `'` among them.
#[inline]
pub(super) fn is_too_long(text: &[u8], guarded: bool) -> bool {
    // There are never more units than bytes.
    text.len() + usize::from(guarded) > limits::EXCEL_CELL_CHARS
        && utf16_units(text) + usize::from(guarded) > limits::EXCEL_CELL_CHARS
}

#[cold]
fn utf16_units(text: &[u8]) -> usize {
    // Each character has one byte that is no continuation; those of four bytes are the ones with two units.
    text.iter()
        .map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(*byte >= 0xF0))
        .sum()
}
