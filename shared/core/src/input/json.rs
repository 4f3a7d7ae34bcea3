//! A JSON text as a tree that keeps numbers as they were written.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Decimal, Fault, FieldError, InvalidRequest, Problems, join};

/// Lists and objects inside each other at most. Bodies of the API need 6; each level is scanned once more by its parent, so the
/// bound also bounds the time.
const DEPTH: usize = 32;

/// A value as a caller wrote it.
///
/// serde_json's own tree would take numbers through `f64`, and the last of two equal keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// True or false.
    Bool(bool),
    /// A number's text.
    Number(String),
    /// A text.
    Text(String),
    /// A value of a query string, which has no type of its own: it reads as a text, a number or a boolean.
    Word(String),
    /// A list.
    List(Vec<Json>),
    /// An object in the order written; its keys are distinct.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a request's body, which must be one JSON object in UTF-8 without a byte order mark. No bytes at all stand for `{}`.
    ///
    /// # Errors
    /// [`Fault::Malformed`] for anything else, for a key that an object holds twice, and for more than 32 levels.
    pub fn object(body: &[u8]) -> Result<Self, InvalidRequest> {
        if body.is_empty() {
            return Ok(Self::Object(Vec::new()));
        }
        let text =
            std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8".to_owned()))?;
        if text.starts_with('\u{FEFF}') {
            let message = "the body begins with a byte order mark; JSON has none (RFC 8259 §8.1)";
            return Err(malformed(message.to_owned()));
        }
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
        if !raw.get().starts_with('{') {
            return Err(malformed("the body must be a JSON object".to_owned()));
        }
        let mut problems = Problems::default();
        let tree = tree(raw, &Trail::Root, 1, &mut problems);
        problems.or(Some(tree))
    }

    /// Reads the decoded pairs of a query string.
    ///
    /// # Errors
    /// [`Fault::Malformed`] for a name that comes twice.
    pub fn query<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidRequest> {
        let mut problems = Problems::default();
        let mut members: Vec<(String, Self)> = Vec::new();
        for (name, value) in pairs {
            if members.iter().any(|(known, _)| known == name) {
                problems.wrong_type(join("", name), "is given twice");
            } else {
                members.push((name.to_owned(), Self::Word(value.to_owned())));
            }
        }
        problems.or(Some(Self::Object(members)))
    }

    /// The member `key`, if this is an object that has it.
    pub fn member(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let member = members.iter().find(|(name, _)| name == key);
        member.map(|(_, value)| value)
    }

    /// The object, on top of `base`: the members of both, its own where both have one, but for its members `without`.
    #[must_use]
    pub fn over(self, base: Self, without: &[&str]) -> Self {
        let (Self::Object(mut own), Self::Object(mut members)) = (self, base) else {
            return Self::Null;
        };
        own.retain(|(key, _)| !without.contains(&key.as_str()));
        members.retain(|(key, _)| own.iter().all(|(name, _)| name != key));
        members.extend(own);
        Self::Object(members)
    }

    /// The value as JSON text: reading it again gives the same value, numbers digit for digit. A word becomes a text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        // A text's own escapes are serde_json's.
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) | Self::Word(text) => out.push_str(&quote(text)),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    out.push_str(&quote(key));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// What the value is, in words.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Word(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The value as serde_json's, to be shown again. A number that `f64` cannot carry becomes its text: no digit is lost.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => number(text),
            Self::Text(text) | Self::Word(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_value()))
                    .collect(),
            ),
        }
    }
}

fn number(text: &str) -> serde_json::Value {
    let same = |number: &serde_json::Number| {
        let carried = Decimal::parse(&number.to_string());
        carried.is_ok() && carried == Decimal::parse(text)
    };
    match text.parse::<serde_json::Number>() {
        Ok(number) if same(&number) => number.into(),
        _ => text.into(),
    }
}

fn malformed(message: String) -> InvalidRequest {
    InvalidRequest {
        fault: Fault::Malformed,
        errors: vec![FieldError {
            field: String::new(),
            message,
        }],
    }
}

/// A path that is only written out where something is wrong.
enum Trail<'a> {
    Root,
    Member(&'a Trail<'a>, &'a str),
    Item(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    fn path(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, key) => join(&parent.path(), key),
            Self::Item(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }
}

fn tree(raw: &RawValue, trail: &Trail, depth: usize, problems: &mut Problems) -> Json {
    let text = raw.get();
    let nested = matches!(text.as_bytes().first(), Some(b'{' | b'['));
    if nested && depth > DEPTH {
        problems.wrong_type(
            trail.path(),
            format!("lies deeper than {DEPTH} lists and objects"),
        );
        return Json::Null;
    }
    match text.as_bytes().first() {
        Some(b'n') => Json::Null,
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'"') => read(text, trail, problems).map_or(Json::Null, Json::Text),
        Some(b'[') => {
            let items: Vec<&RawValue> = read(text, trail, problems).unwrap_or_default();
            let item =
                |(index, raw)| tree(raw, &Trail::Item(trail, index), depth + 1, &mut *problems);
            Json::List(items.into_iter().enumerate().map(item).collect())
        }
        Some(b'{') => {
            let entries: Entries = read(text, trail, problems).unwrap_or_default();
            let mut seen = HashSet::new();
            let mut members = Vec::with_capacity(entries.0.len());
            for (key, raw) in &entries.0 {
                let trail = Trail::Member(trail, key);
                if seen.insert(key.as_str()) {
                    members.push((key.clone(), tree(raw, &trail, depth + 1, problems)));
                } else {
                    problems.wrong_type(trail.path(), "is given twice");
                }
            }
            Json::Object(members)
        }
        _ => Json::Number(text.to_owned()),
    }
}

/// Reads one level. The grammar has been checked as a whole; what can still fail is a text with half a surrogate pair.
fn read<'a, T: Deserialize<'a>>(
    text: &'a str,
    trail: &Trail,
    problems: &mut Problems,
) -> Option<T> {
    serde_json::from_str(text)
        .inspect_err(|error| problems.wrong_type(trail.path(), format!("is not JSON: {error}")))
        .ok()
}

/// The entries of an object, repeated keys among them.
#[derive(Default)]
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Each).map(Self)
    }
}
