//! The sink of the export in the answer: a buffer that knows what it will weigh on the wire.

use async_trait::async_trait;

use crate::csv::RowFacts;
use crate::export::{Decided, Flow, Sink, SinkError};

/// Holds the CSV of an answer, up to what an answer can carry.
///
/// A function's answer is JSON: the CSV travels in it as a text, whose quotes and line ends are escaped, or as base64. It fits if
/// either does.
#[derive(Debug)]
pub struct Inline {
    bytes: Vec<u8>,
    /// The length of the bytes as the inside of a JSON text.
    escaped_bytes: u64,
    most_bytes: u64,
    read: u64,
}

/// How a CSV is carried in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// As a JSON text.
    Text,
    /// As base64.
    Base64,
}

impl Inline {
    /// A buffer that begins with `header`; what it holds may take `most_bytes` in the answer.
    pub fn new(header: Vec<u8>, most_bytes: u64) -> Self {
        Self {
            escaped_bytes: escaped_bytes(&header),
            bytes: header,
            most_bytes,
            read: 0,
        }
    }

    /// How the bytes fit into the answer, the shorter way; none if they do not.
    pub fn carried(&self) -> Option<Carried> {
        let base64_bytes = (self.bytes.len() as u64).div_ceil(3) * 4;
        let (way, bytes) = if self.escaped_bytes <= base64_bytes {
            (Carried::Text, self.escaped_bytes)
        } else {
            (Carried::Base64, base64_bytes)
        };
        (bytes <= self.most_bytes).then_some(way)
    }

    /// Leads looked at.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The CSV.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The length of these bytes of UTF-8 as the inside of a JSON text, as serde_json writes it: `"`, `\` and the control characters
/// that have short escapes take two bytes, the other ones below U+0020 six.
fn escaped_bytes(bytes: &[u8]) -> u64 {
    let of = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    bytes.iter().map(of).sum()
}

#[async_trait]
impl Sink for Inline {
    fn row(&mut self, row: &[u8], _facts: RowFacts) {
        self.bytes.extend_from_slice(row);
        self.escaped_bytes += escaped_bytes(row);
    }

    fn has_room(&self) -> bool {
        self.carried().is_some()
    }

    fn decided(&mut self, decided: Decided) -> Flow {
        self.read += decided.read;
        // More rows would only make it longer.
        if self.has_room() {
            Flow::Go
        } else {
            Flow::Stop
        }
    }

    async fn work(&mut self) -> Result<Flow, SinkError> {
        // It has no work of its own, and so no news.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_an_answer_weighs_is_what_its_json_weighs(text in "(\\PC|[\"\\\\\\x00-\\x1f\\x7f]){0,60}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(escaped_bytes(text.as_bytes()), json.len() as u64 - 2);
        }
    }

    #[test]
    fn csv_is_carried_the_shorter_way_or_not_at_all() {
        let carried = |bytes: &[u8], most| Inline::new(bytes.to_vec(), most).carried();
        assert_eq!(carried(b"abc", 3), Some(Carried::Text));
        assert_eq!(carried(b"abcd", 3), None);
        // Nine quotes are eighteen bytes of text and twelve of base64.
        assert_eq!(carried(&[b'"'; 9], 12), Some(Carried::Base64));
        assert_eq!(carried(&[b'"'; 9], 11), None);
        // 4 MiB fit, whatever they hold.
        for byte in [b'a', b'"', 0] {
            let most = crate::limits::ANSWER_BYTES;
            assert!(carried(&vec![byte; 4 << 20], most).is_some(), "{byte}");
        }
    }
}
