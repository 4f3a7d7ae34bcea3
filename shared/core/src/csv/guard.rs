//! The formula guard (contract §4, TM08): no cell may be read as a formula by a spreadsheet.
//!
//! A cell is guarded by one leading `'` if, behind blanks and `'`, it starts with a trigger, and is not exempt. Since `'` itself is
//! skipped, a text that looks guarded is guarded once more, so that taking one `'` off always gives the text back.
//!
//! Well-formed instants and dates, and ids of `[A-Za-z0-9][A-Za-z0-9_.:-]*`, are exempt too, but start with a letter or digit: no
//! code is needed for them.

use crate::fields::Kind;

/// Takes off the `'` of a guarded cell in a column of `kind` ([`Kind::Text`] if not known): the reader's rule of contract §4.
///
/// `cell` is what a CSV parser gives, its quotes resolved. One `'` goes if the cell would be guarded without it; in a number column
/// `'-5` keeps its own, because `-5` would not be guarded there. Whatever text was stored, it comes back as it was.
pub fn unguard(cell: &str, kind: Kind) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_needed(rest.as_bytes(), kind == Kind::Number) => rest,
        _ => cell,
    }
}

/// Whether `text` must be guarded. `numeric`: it is a number if it is well formed.
#[inline]
pub(super) fn is_needed(text: &[u8], numeric: bool) -> bool {
    match text.first() {
        Some(first) if SUSPECT[usize::from(*first)] => {
            triggers(text) && !(numeric && is_number(text)) && !reads_as_phones(text)
        }
        _ => false,
    }
}

/// The bytes that a text to be guarded can start with: triggers, what is skipped, and the first bytes of those beyond ASCII.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let first = b"=+-@\t\r\n\0 '\x0B\x0C\xC2\xE1\xE2\xE3\xEF";
    let mut index = 0;
    while index < first.len() {
        table[first[index] as usize] = true;
        index += 1;
    }
    table
};

/// Whether, behind blanks and `'`, `text` starts with a trigger.
fn triggers(mut text: &[u8]) -> bool {
    loop {
        text = match text {
            [b' ' | b'\'' | 0x0B | 0x0C, rest @ ..]
            // U+0085, U+00A0
            | [0xC2, 0x85 | 0xA0, rest @ ..]
            // U+1680
            | [0xE1, 0x9A, 0x80, rest @ ..]
            // U+2000 – U+200A, and U+200B – U+200D, which have no width; U+2028, U+2029, U+202F
            | [0xE2, 0x80, 0x80..=0x8D | 0xA8 | 0xA9 | 0xAF, rest @ ..]
            // U+205F, and U+2060, the word joiner
            | [0xE2, 0x81, 0x9F | 0xA0, rest @ ..]
            // U+3000
            | [0xE3, 0x80, 0x80, rest @ ..]
            // U+FEFF, the byte order mark
            | [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
            [b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n' | 0, ..]
            // U+FF0B, U+FF0D, U+FF1D, U+FF20: full-width + - = @
            | [0xEF, 0xBC, 0x8B | 0x8D | 0x9D | 0xA0, ..] => return true,
            _ => return false,
        };
    }
}

/// Whether `text` is a decimal number: sign, digits with at most one point among them, exponent.
pub(super) fn is_number(text: &[u8]) -> bool {
    let unsigned = |text: &[u8]| match text {
        [b'+' | b'-', ..] => 1,
        _ => 0,
    };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = &text[unsigned(text)..];
    let whole = digits(text);
    let mut rest = &text[whole..];
    let mut decimals = 0;
    if let [b'.', more @ ..] = rest {
        decimals = digits(more);
        rest = &more[decimals..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = &exponent[unsigned(exponent)..];
        rest = match digits(exponent) {
            0 => rest,
            count => &exponent[count..],
        };
    }
    rest.is_empty() && whole + decimals > 0
}

/// Whether `text` is a phone that starts with `+`, or a list of phones of which the first does: it can call nothing, and a `'`
/// would break every import of it elsewhere.
fn reads_as_phones(text: &[u8]) -> bool {
    if !text.starts_with(b"+") {
        return false;
    }
    let mut rest = text;
    while let Some(behind) = behind_phone(rest) {
        rest = match behind {
            [] => return true,
            [b',', b' ', next @ ..] => next,
            _ => return false,
        };
    }
    false
}

/// What stands behind the longest `\+?[ (]*[0-9][0-9 ()./-]*( ?(x|ext\.?) ?[0-9]+)?` at the start of `text`, a blank being a space or
/// U+00A0. No shorter match could end at a comma or at the text's end.
fn behind_phone(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = behind(text, |byte| matches!(byte, b' ' | b'('));
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let rest = behind(digits, |byte| PHONE[usize::from(byte)]);
    // The blank before an extension has been taken along.
    let ([b'x', extension @ ..]
    | [b'e', b'x', b't', b'.', extension @ ..]
    | [b'e', b'x', b't', extension @ ..]) = rest
    else {
        return Some(rest);
    };
    let number = [b" ".as_slice(), b"\xC2\xA0"]
        .iter()
        .find_map(|blank| extension.strip_prefix(*blank))
        .unwrap_or(extension);
    let digits = number
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    (digits > 0).then(|| &number[digits..])
}

/// The bytes of a phone behind its first digit.
const PHONE: [bool; 256] = {
    let mut table = [false; 256];
    let body = b"0123456789 ()./-";
    let mut index = 0;
    while index < body.len() {
        table[body[index] as usize] = true;
        index += 1;
    }
    table
};

/// What stands behind all leading bytes of a class and U+00A0.
#[inline]
fn behind(mut text: &[u8], of: impl Fn(u8) -> bool) -> &[u8] {
    loop {
        let end = text
            .iter()
            .position(|byte| !of(*byte))
            .unwrap_or(text.len());
        match &text[end..] {
            [0xC2, 0xA0, rest @ ..] => text = rest,
            rest => return rest,
        }
    }
}
