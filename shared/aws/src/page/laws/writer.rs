//! Attribute values as DynamoDB's JSON, in any of the ways that JSON allows.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lead_export_core::lead::Value;

/// How a value is written: blanks between tokens, and which characters are escaped, drawn from a small generator of its own so
/// that one seed tells the whole text.
pub(super) struct Writer {
    pub(super) out: String,
    state: u64,
    blanks: bool,
    escapes: bool,
}

impl Writer {
    pub(super) fn new(seed: u64, blanks: bool, escapes: bool) -> Self {
        Self {
            out: String::new(),
            state: seed | 1,
            blanks,
            escapes,
        }
    }

    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % below
    }

    pub(super) fn blank(&mut self) {
        if self.blanks {
            for _ in 0..self.draw(8).saturating_sub(5) {
                let blank = [' ', '\n', '\r', '\t'][usize::try_from(self.draw(4)).unwrap()];
                self.out.push(blank);
            }
        }
    }

    pub(super) fn token(&mut self, token: &str) {
        self.blank();
        self.out.push_str(token);
        self.blank();
    }

    pub(super) fn string(&mut self, text: &str) {
        self.blank();
        self.out.push('"');
        let escape_one_in = if self.escapes { self.draw(3) } else { 0 };
        for letter in text.chars() {
            let free = escape_one_in > 0 && self.draw(6 * escape_one_in) == 0;
            match letter {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' if free => self.out.push_str("\\n"),
                '\t' if free => self.out.push_str("\\t"),
                '/' if free => self.out.push_str("\\/"),
                letter if free || letter < ' ' => {
                    let mut units = [0; 2];
                    for unit in letter.encode_utf16(&mut units) {
                        let upper = self.draw(2) == 0;
                        let hex = if upper {
                            format!("{unit:04X}")
                        } else {
                            format!("{unit:04x}")
                        };
                        write!(self.out, "\\u{hex}").unwrap();
                    }
                }
                letter => self.out.push(letter),
            }
        }
        self.out.push('"');
        self.blank();
    }

    /// Never escaped: the SDK does not resolve escapes in base64, nor does any service write them.
    pub(super) fn base64(&mut self, bytes: &[u8]) {
        self.token(&format!("\"{}\"", STANDARD.encode(bytes)));
    }

    pub(super) fn items<T>(
        &mut self,
        ends: [&str; 2],
        items: &[T],
        mut write: impl FnMut(&mut Self, &T),
    ) {
        self.token(ends[0]);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.token(",");
            }
            write(self, item);
        }
        self.token(ends[1]);
    }

    pub(super) fn member(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.string(name);
        self.token(":");
        write(self);
    }

    pub(super) fn value(&mut self, value: &Value) {
        self.token("{");
        match value {
            Value::Null => self.member("NULL", |w| w.token("true")),
            Value::Text(text) => self.member("S", |w| w.string(text)),
            Value::Number(number) => self.member("N", |w| w.string(number)),
            Value::Bool(value) => {
                self.member("BOOL", |w| w.token(if *value { "true" } else { "false" }));
            }
            Value::Binary(bytes) => self.member("B", |w| w.base64(bytes)),
            Value::List(items) => {
                self.member("L", |w| w.items(["[", "]"], items, Self::value));
            }
            Value::Set(items) => {
                let kind = match items.first() {
                    Some(Value::Number(_)) => "NS",
                    Some(Value::Binary(_)) => "BS",
                    _ => "SS",
                };
                self.member(kind, |w| {
                    w.items(["[", "]"], items, |w, item| match item {
                        Value::Text(text) | Value::Number(text) => w.string(text),
                        Value::Binary(bytes) => w.base64(bytes),
                        other => panic!("{other:?} in a set"),
                    });
                });
            }
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                self.shuffle(&mut entries);
                self.member("M", |w| {
                    w.items(["{", "}"], &entries, |w, (key, entry)| {
                        // An earlier entry of the same key is overruled.
                        if w.draw(12) == 0 {
                            w.member(key, |w| w.value(&Value::Text("overruled".into())));
                            w.token(",");
                        }
                        w.member(key, |w| w.value(entry));
                    });
                });
            }
        }
        self.token("}");
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let other = usize::try_from(self.draw(index as u64 + 1)).unwrap();
            items.swap(index, other);
        }
    }
}
