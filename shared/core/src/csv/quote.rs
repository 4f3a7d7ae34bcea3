//! RFC 4180: which cells are quoted, and how.

use super::dialect::Dialect;

/// Appends a cell: `text`, behind a `'` if `guarded`, quoted if it must be. `only`: it is the one cell of its row.
///
/// A cell is quoted when it holds the delimiter, a quote, CR or LF, when it starts or ends with a space, or when it is empty and the only
/// one of its row: such a row would be a blank line, which readers skip.
///
/// `plain`: it is known to hold neither delimiter nor quote, CR or LF.
#[inline]
pub(super) fn append(
    out: &mut Vec<u8>,
    text: &[u8],
    guarded: bool,
    dialect: Dialect,
    only: bool,
    plain: bool,
) {
    let (Some(first), Some(last)) = (text.first(), text.last()) else {
        if only {
            out.extend_from_slice(b"\"\"");
        }
        return;
    };
    if *last == b' '
        || (*first == b' ' && !guarded)
        || (!plain && holds_special(text, dialect.delimiter))
    {
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
    // Room for a text of nothing but quotes, and for a word that reaches beyond the end.
    let from = out.len();
    out.resize(from + 2 * text.len() + 8, 0);
    let room = &mut out[from..];
    let mut end = 0;
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        end = put_doubled(room, end, u64::from_le_bytes(*word), 8);
    }
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    end = put_doubled(room, end, u64::from_le_bytes(word), rest.len());
    out.truncate(from + end);
    out.push(b'"');
}

/// Puts the first `length` bytes of `word` at `end`, each quote twice; the new end. Eight bytes are written at a time, and what is written
/// beyond the end is written over.
///
/// JSON has a quote every few bytes: a search for each of them would cost more than all this.
#[inline]
fn put_doubled(room: &mut [u8], mut end: usize, mut word: u64, length: usize) -> usize {
    // The highest bit of each byte that is a quote, exactly: no carry leaves its byte.
    let differs = word ^ (LOW * u64::from(b'"'));
    let mut quotes = !(((differs & !HIGH) + !HIGH) | differs | !HIGH);
    if length < 8 {
        quotes &= (1 << (8 * length)) - 1;
    }
    let mut left = length;
    loop {
        room[end..end + 8].copy_from_slice(&word.to_le_bytes());
        if quotes == 0 {
            return end + left;
        }
        // On with the quote itself, so that it is written once more.
        let before = quotes.trailing_zeros() / 8;
        word >>= 8 * before;
        quotes >>= 8 * before;
        quotes &= quotes - 1;
        end += before as usize + 1;
        left -= before as usize;
    }
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
        let (words, _) = text.as_chunks::<8>();
        // JSON shows at its very start that it holds quotes.
        if words.first().is_some_and(|first| first[1] == b'"') {
            return true;
        }
        look(u64::from_le_bytes(*last));
        for word in words {
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

    proptest! {
        #[test]
        fn quotes_are_doubled_as_byte_by_byte(
            text in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'"' + 1), Just(b'!'), Just(0), any::<u8>()], 0..60),
            guarded: bool,
        ) {
            let mut out = b"before".to_vec();
            append_quoted(&mut out, &text, guarded);
            let mut slow = if guarded { b"before\"'".to_vec() } else { b"before\"".to_vec() };
            for byte in &text {
                slow.push(*byte);
                if *byte == b'"' {
                    slow.push(b'"');
                }
            }
            slow.push(b'"');
            prop_assert_eq!(out, slow);
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
