//! A lead, and the names and the order of leads.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Instant;

/// Why a text is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// An organization is 1–128 characters without `#`, blanks or control characters.
    #[error("an organization is 1 to 128 characters without '#', blanks or control characters")]
    Org,
    /// A source is a slug.
    #[error("a source is 1 to 63 of a-z, 0-9 and '-', the first not '-'")]
    Source,
    /// A lead's id is 1–128 characters.
    #[error("a lead id is 1 to 128 characters")]
    Lead,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $error:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text that follows the rule of this id.
            ///
            /// # Errors
            /// [`InvalidId`], naming the rule.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err($error) }
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A customer. Never holds `#`: it is the first part of many keys, and the parts must not run into each other.
    OrgId, InvalidId::Org, |text| {
        let length = text.chars().count();
        (1..=limits::ORG_ID_CHARS).contains(&length) && !text.chars().any(|c| c == '#' || c.is_whitespace() || c.is_control())
    }
}

text_id! {
    /// A named collection of leads, unique in its organization: `[a-z0-9][a-z0-9-]{0,62}`.
    SourceId, InvalidId::Source, |text| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
}

text_id! {
    /// A lead's name in its source: any 1–128 characters.
    LeadId, InvalidId::Lead, |text| (1..=limits::LEAD_ID_CHARS).contains(&text.chars().count())
}

impl LeadId {
    /// The shard of `shards` in which this lead lies: CRC-32 (ISO-HDLC) of the id, modulo the number.
    ///
    /// Readers merge all shards, so nothing but the spreading of load depends on the function.
    pub fn shard(&self, shards: u16) -> u16 {
        let hash = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, self.0.as_bytes());
        u16::try_from(hash % u64::from(shards.max(1))).unwrap_or(0)
    }

    /// Whether the lead belongs to the sample of one lead in 1 024 that gives counts and cut points.
    pub fn is_sampled(&self) -> bool {
        crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, self.0.as_bytes())
            .is_multiple_of(limits::SAMPLE_ONE_IN)
    }
}

/// A lead's place in the total order of a source's leads: `{created_at}#{lead_id}`.
///
/// Invariants: `created_at` is 24 bytes, so the order of the texts, byte by byte, is the order by instant and then by id
/// (DynamoDB orders sort keys by their UTF-8 bytes); both parts never change in a lead's life, so a key names a place for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeadKey(String);

impl LeadKey {
    /// The key of the lead `id` created at `created_at`.
    pub fn new(created_at: Instant, id: &LeadId) -> Self {
        Self(format!("{created_at}#{id}"))
    }

    /// A key that stands before every lead created at `at` or later.
    pub fn before(at: Instant) -> Self {
        Self(format!("{at}#"))
    }

    /// A key that stands behind every lead created at `at` or earlier.
    pub fn behind(at: Instant) -> Self {
        // U+10FFFF is the highest character in UTF-8 order; an id of nothing but it is the one lead that could stand behind.
        Self(format!(
            "{at}#{}",
            "\u{10FFFF}".repeat(limits::LEAD_ID_CHARS)
        ))
    }

    /// Takes a key as it is stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The instant's text and the id of a stored key, which stand before and behind its first `#`.
    pub fn parts_of(key: &[u8]) -> (&[u8], &[u8]) {
        let (created_at, rest) = key.split_at(key.len().min(INSTANT_BYTES));
        (created_at, rest.get(1..).unwrap_or_default())
    }
}

/// Bytes of an instant's text.
const INSTANT_BYTES: usize = 24;

impl fmt::Display for LeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of a lead, of any shape that DynamoDB can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A stored null.
    Null,
    /// Text.
    Text(String),
    /// A number exactly as stored: up to 38 digits.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Binary(Vec<u8>),
    /// A list, in its order.
    List(Vec<Value>),
    /// A set of texts, numbers or bytes; written sorted.
    Set(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One person of one source, as an import or a generator makes it: the reading path never builds it (see [`crate::page`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// Unique in its source.
    pub id: LeadId,
    /// When the lead came to be; immutable.
    pub created_at: Instant,
    /// The values by field key, without `lead_id`, `created_at` and `source_id`.
    pub values: BTreeMap<String, Value>,
}

impl Lead {
    /// The lead's place in the order of its source.
    pub fn key(&self) -> LeadKey {
        LeadKey::new(self.created_at, &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_follow_their_rules() {
        for good in ["a", "home-insurance", "0", &"a".repeat(63)] {
            assert!(SourceId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a#b", &"a".repeat(64), "ä"] {
            assert_eq!(SourceId::parse(bad), Err(InvalidId::Source), "{bad}");
        }
        for bad in ["", "a#b", "a b", "a\n", &"a".repeat(129)] {
            assert_eq!(OrgId::parse(bad), Err(InvalidId::Org), "{bad}");
        }
        assert!(LeadId::parse("ü".repeat(128)).is_ok());
        assert_eq!(LeadId::parse(""), Err(InvalidId::Lead));
        assert_eq!(LeadId::parse("ü".repeat(129)), Err(InvalidId::Lead));
    }

    proptest! {
        #[test]
        fn key_text_order_is_value_order(
            a in -62_167_219_200_000i64..253_402_207_200_000, b in -62_167_219_200_000i64..253_402_207_200_000, same: bool,
            x in "\\PC{1,9}", y in "\\PC{1,9}",
        ) {
            let (a, b) = (Instant::from_millis(a), Instant::from_millis(if same { a } else { b }));
            let (x, y) = (LeadId::parse(x).unwrap(), LeadId::parse(y).unwrap());
            let by_value = (a, x.as_str().as_bytes()).cmp(&(b, y.as_str().as_bytes()));
            prop_assert_eq!(LeadKey::new(a, &x).as_str().as_bytes().cmp(LeadKey::new(b, &y).as_str().as_bytes()), by_value);
        }

        #[test]
        fn bounds_hold_every_lead_of_their_instant(at in -62_167_219_200_000i64..253_402_207_200_000, id in "\\PC{1,128}") {
            let (at, id) = (Instant::from_millis(at), LeadId::parse(id).unwrap());
            let key = LeadKey::new(at, &id);
            prop_assert!(LeadKey::before(at) < key && key <= LeadKey::behind(at));
        }
    }
}
