//! Oracles, written apart from the code under test: slow, character by character.

use std::collections::BTreeSet;

/// Reads CSV strictly: rows end with CRLF, quotes stand around whole cells only.
pub(super) fn parse(file: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let mut cell = Vec::new();
        if file[at] == b'"' {
            at += 1;
            loop {
                match (file[at], file.get(at + 1)) {
                    (b'"', Some(b'"')) => {
                        cell.push(b'"');
                        at += 2;
                    }
                    (b'"', _) => {
                        at += 1;
                        break;
                    }
                    (byte, _) => {
                        cell.push(byte);
                        at += 1;
                    }
                }
            }
        } else {
            while file[at] != delimiter && file[at] != b'\r' {
                assert!(
                    file[at] != b'"' && file[at] != b'\n',
                    "bare quote or LF at {at}"
                );
                cell.push(file[at]);
                at += 1;
            }
        }
        row.push(cell);
        if file[at] == delimiter {
            at += 1;
        } else {
            assert_eq!(&file[at..at + 2], b"\r\n", "at {at}");
            at += 2;
            rows.push(std::mem::take(&mut row));
        }
    }
    assert!(row.is_empty(), "the last row is not ended");
    rows
}

/// Whether a cell must be quoted: contract §4, first sentence.
pub(super) fn quoted(text: &str, delimiter: char, only: bool) -> bool {
    text.contains([delimiter, '"', '\r', '\n'])
        || text.starts_with(' ')
        || text.ends_with(' ')
        || (only && text.is_empty())
}

/// The guard of contract §4 for a text.
pub(super) fn guarded(text: &str) -> bool {
    let skipped = |character: char| {
        let blank = character.is_whitespace() && !['\t', '\r', '\n'].contains(&character);
        let widthless = ['\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{FEFF}'];
        blank || widthless.contains(&character) || character == '\''
    };
    let triggers = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠',
    ];
    text.trim_start_matches(skipped).starts_with(triggers) && !phones(text)
}

/// A phone with `+`, or a list of phones with or without.
pub(super) fn phones(text: &str) -> bool {
    phone(text, true) || text.split(", ").all(|item| phone(item, false))
}

/// `^\+[ (]*[0-9][0-9 ()./-]*( ?(x|ext\.?) ?[0-9]+)?$` as the sets of places where each part of it can end.
fn phone(text: &str, plus: bool) -> bool {
    type Places = BTreeSet<usize>;
    let text: Vec<char> = text.chars().collect();
    let one = |from: &Places, of: &str| -> Places {
        from.iter()
            .filter(|at| {
                text.get(**at)
                    .is_some_and(|character| of.contains(*character))
            })
            .map(|at| at + 1)
            .collect()
    };
    let optional = |from: &Places, of: &str| -> Places { from | &one(from, of) };
    let many = |from: &Places, of: &str| -> Places {
        let mut all = from.clone();
        loop {
            let more = &all | &one(&all, of);
            if more == all {
                return all;
            }
            all = more;
        }
    };
    let (blank, digit) = (" \u{a0}", "0123456789");
    let start = Places::from([0]);
    let sign = if plus {
        one(&start, "+")
    } else {
        optional(&start, "+")
    };
    let first = one(&many(&sign, " \u{a0}("), digit);
    let body = many(&first, "0123456789 \u{a0}()./-");
    let before = optional(&body, blank);
    let ext = optional(&one(&one(&one(&before, "e"), "x"), "t"), ".");
    let mark = &one(&before, "x") | &ext;
    let extension = many(&one(&optional(&mark, blank), digit), digit);
    body.contains(&text.len()) || extension.contains(&text.len())
}

/// Reproducible texts out of the pieces that matter to the guard, the quotes and Excel.
pub(super) struct Hostile(pub(super) u64);

const PIECES: [&str; 62] = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\0",
    "＝",
    "＋",
    "－",
    "＠",
    " ",
    " ",
    "'",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{a0}",
    "\u{1680}",
    "\u{2000}",
    "\u{200a}",
    "\u{200b}",
    "\u{200d}",
    "\u{200e}",
    "\u{2028}",
    "\u{202f}",
    "\u{205f}",
    "\u{2060}",
    "\u{2061}",
    "\u{3000}",
    "\u{3001}",
    "\u{feff}",
    "\u{fffd}",
    "0",
    "1",
    "555",
    "(",
    ")",
    ".",
    "/",
    "x",
    "ext",
    "ext.",
    ", ",
    ",",
    ";",
    "\"",
    "a",
    "é",
    "語",
    "👍",
    "E",
    "mar",
    "TRUE",
    ":",
    "+1 555 0100",
    "2026-11-22",
    "2026-11-22T02:43:00.000Z",
    "\u{c1}",
    "\u{e1}",
    "id_1",
];

impl Hostile {
    /// A number below `bound`: the step of SplitMix64.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    /// A text of up to 7 pieces. Half of them are of the pieces of phones.
    pub(super) fn text(&mut self) -> String {
        let phone = [
            "+", "1", "555", " ", "(", ")", "-", ".", "/", "\u{a0}", "x", "ext.", "ext", ", ",
            ", +", "7",
        ];
        let like_phone = self.below(2) == 0;
        let pieces: &[&str] = if like_phone { &phone } else { &PIECES };
        let start = if like_phone { "+1" } else { "" };
        let rest = (0..self.below(8)).map(|_| pieces[self.below(pieces.len())]);
        std::iter::once(start).chain(rest).collect()
    }
}
