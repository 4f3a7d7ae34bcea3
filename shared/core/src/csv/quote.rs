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
    if *last == b' ' || (*first == b' ' && !guarded) || holds_special(text, dialect.delimiter) {
        append_quoted(out, text, guarded);
        return;
    }
    if guarded {
        out.push(b'\'');
    }
    out.extend_from_slice(text);
}

fn append_quoted(out: &mut Vec<u8>, text: &[u8], guarded: bool) {
    out.extend_from_slice(if guarded { b"\"'" } else { b"\"" });
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

/// Whether `text` holds the delimiter, a quote, CR or LF.
///
/// Eight bytes at a time: most cells are shorter than what a call of memchr is worth, and there are four bytes to look for.
#[inline]
fn holds_special(text: &[u8], delimiter: u8) -> bool {
    // A byte below `bound` has its highest bit set in this; others may only where a lower byte is below it too, so that "is there
    // any" is exact, for bounds up to 128 (Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n").
    let below = |word: u64, bound: u8| word.wrapping_sub(LOW * u64::from(bound)) & !word;
    let (mut found, mut controls) = (0, 0);
    let mut look = |word: u64| {
        found |= below(word ^ (LOW * u64::from(delimiter)), 1)
            | below(word ^ (LOW * u64::from(b'"')), 1);
        // Control characters are so rare that CR and LF are told from the others later.
        controls |= below(word, b'\r' + 1);
    };
    // What does not fill a word is read in parts that overlap what is looked at elsewhere, or each other.
    if let Some(last) = text.last_chunk::<8>() {
        look(u64::from_le_bytes(*last));
        for word in text.as_chunks::<8>().0 {
            look(u64::from_le_bytes(*word));
        }
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        look(u64::from(first) | (u64::from(last) << 32));
    } else if let (Some(first), Some(last)) = (text.first(), text.last()) {
        // One to three bytes: the first, the middle one, the last, and the last again, as a zero might be no byte of the text.
        let [first, middle, last] = [*first, text[text.len() / 2], *last].map(u64::from);
        look(((LOW << 16) * last) | (middle << 8) | first);
    }
    found & HIGH != 0 || (controls & HIGH != 0 && memchr::memchr2(b'\r', b'\n', text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_find_what_bytes_find(
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
            for plain in [b'a', 0, b'\t', 0xFF] {
                for at in 0..length {
                    for special in [b',', b'"', b'\r', b'\n'] {
                        let mut text = vec![plain; length];
                        assert!(!holds_special(&text, b','), "{length} {plain}");
                        text[at] = special;
                        assert!(
                            holds_special(&text, b','),
                            "{length} {plain} {at} {special}"
                        );
                    }
                }
            }
        }
    }
}
