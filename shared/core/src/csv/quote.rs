//! RFC 4180: which cells are quoted, and how.

use super::dialect::Dialect;

/// Appends a cell: `text`, behind a `'` if `guarded`, quoted if it must be. `only`: it is the one cell of its row.
///
/// A cell is quoted when it holds the delimiter, a quote, CR or LF, when it starts or ends with a space, or when it is empty and the only
/// one of its row: such a row would be a blank line, which readers skip.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, text: &[u8], guarded: bool, dialect: Dialect, only: bool) {
    let (Some(first), Some(last)) = (text.first(), text.last()) else {
        if only {
            out.extend_from_slice(b"\"\"");
        }
        return;
    };
    let blank = *last == b' ' || (*first == b' ' && !guarded);
    if blank || holds_special(text, dialect.delimiter) {
        append_quoted(out, text, guarded);
        return;
    }
    if guarded {
        out.push(b'\'');
    }
    out.extend_from_slice(text);
}

fn append_quoted(out: &mut Vec<u8>, text: &[u8], guarded: bool) {
    // Almost no quoted cell holds quotes, so there is room for all of it at once.
    out.reserve(text.len() + 4);
    out.push(b'"');
    if guarded {
        out.push(b'\'');
    }
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        let (through, behind) = rest.split_at(quote + 1);
        out.extend_from_slice(through);
        out.push(b'"');
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The lowest bit of each byte.
const LOW: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGH: u64 = LOW << 7;
const QUOTE: u64 = LOW * b'"' as u64;
const CR: u64 = LOW * b'\r' as u64;
const LF: u64 = LOW * b'\n' as u64;

/// Whether `text` holds the delimiter, a quote, CR or LF.
///
/// Eight bytes at a time: most cells are shorter than what a call of memchr is worth, and there are four bytes to look for.
#[inline]
fn holds_special(text: &[u8], delimiter: u8) -> bool {
    let delimiter = LOW * u64::from(delimiter);
    // A zero byte has its highest bit set in this; others may only above a zero byte, so "is there any" is exact
    // (Anderson, Bit Twiddling Hacks, "Determine if a word has a zero byte").
    let zero = |word: u64| word.wrapping_sub(LOW) & !word;
    let special = |word: u64| {
        (zero(word ^ delimiter) | zero(word ^ QUOTE) | zero(word ^ CR) | zero(word ^ LF)) & HIGH
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        found |= special(u64::from_le_bytes(*word));
    }
    // The rest is read in words that overlap what has been looked at, or each other.
    if rest.is_empty() {
    } else if let Some(word) = text.last_chunk::<8>() {
        found |= special(u64::from_le_bytes(*word));
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let both =
            u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32);
        found |= special(both);
    } else {
        // Filled up with the first byte: a zero must not look like a byte of the text.
        let [a, b, c] = [0, 1, 2].map(|index| *rest.get(index).unwrap_or(&rest[0]));
        found |= special(u64::from_le_bytes([a, b, c, a, a, a, a, a]));
    }
    found != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_find_what_bytes_find(
            text in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(0), Just(b'\r' + 1), Just(b'"' - 1), Just(b'"' | 0x80)], 0..40),
            special in proptest::option::of((0usize..40, prop_oneof![Just(b','), Just(b'"'), Just(b'\r'), Just(b'\n'), Just(b'\t'), Just(b';')])),
        ) {
            let mut text = text;
            if let Some((at, byte)) = special && at < text.len() {
                text[at] = byte;
            }
            for delimiter in [b',', b';', b'\t'] {
                let slow = text.iter().any(|byte| [delimiter, b'"', b'\r', b'\n'].contains(byte));
                prop_assert_eq!(holds_special(&text, delimiter), slow);
            }
        }
    }

    #[test]
    fn each_length_and_place_of_a_special_byte_is_seen() {
        for length in 1..35 {
            for at in 0..length {
                for special in [b',', b'"', b'\r', b'\n'] {
                    let mut text = vec![b'a'; length];
                    assert!(!holds_special(&text, b','), "{length}");
                    text[at] = special;
                    assert!(holds_special(&text, b','), "{length} {at} {special}");
                }
            }
        }
    }
}
