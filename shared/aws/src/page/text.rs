//! JSON strings: escapes resolved (RFC 8259 §7), and text written as one.

/// The length of the escape that begins with the backslash at the start of `bytes`; none if there is no such escape.
pub(super) fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => hex4(bytes.get(2..6)?).map(|_| 6),
        _ => None,
    }
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| {
        char::from(*byte)
            .to_digit(16)
            .map(|digit| number << 4 | digit)
    })
}

/// Appends the text that `raw` stands for. `raw` is a string's content in which every escape is one.
///
/// A surrogate without its other half becomes U+FFFD.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = &rest[at..];
        let plain = match escape.get(1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (read, letter) = unicode(escape);
                let mut buffer = [0; 4];
                out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
                rest = escape.get(read..).unwrap_or_default();
                continue;
            }
            Some(other) => *other,
            None => return,
        };
        out.push(plain);
        rest = &escape[2..];
    }
    out.extend_from_slice(rest);
}

/// The character of a `\uXXXX`, or of two that are a surrogate pair, and the length read.
fn unicode(escape: &[u8]) -> (usize, char) {
    let unit = |at: usize| escape.get(at..at + 4).and_then(hex4).unwrap_or(0xFFFD);
    let first = unit(2);
    if (0xD800..0xDC00).contains(&first) && escape.get(6..8) == Some(b"\\u") {
        let second = unit(8);
        if (0xDC00..0xE000).contains(&second) {
            let joined = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return (12, char::from_u32(joined).unwrap_or('\u{FFFD}'));
        }
    }
    (6, char::from_u32(first).unwrap_or('\u{FFFD}'))
}

/// Appends `text` as a JSON string, as serde_json writes it: quotes, backslashes and control characters escaped, all else as
/// it is.
pub(super) fn write_json(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(raw: &str) -> String {
        let mut out = Vec::new();
        unescape(raw.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_are_resolved_and_broken_surrogates_replaced() {
        for (raw, text) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u00e4\u00E4b", "aääb"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{FFFD}"),
            (r"\ude00\ud83d", "\u{FFFD}\u{FFFD}"),
            (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
            (r"\ud83d\n", "\u{FFFD}\n"),
            (r"\ud83dx", "\u{FFFD}x"),
            (r"\u0000", "\0"),
            ("", ""),
        ] {
            assert_eq!(plain(raw), text, "{raw}");
        }
    }

    #[test]
    fn only_escapes_of_the_grammar_are_escapes() {
        for bad in [r"\", r"\x", r"\u12", r"\u12g4", r"\U0041", r"\u+123"] {
            assert_eq!(escape_length(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_is_written_as_serde_json_does_and_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            write_json(text.as_bytes(), &mut out);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(plain(std::str::from_utf8(&out[1..out.len() - 1]).unwrap()), text);
        }
    }
}
