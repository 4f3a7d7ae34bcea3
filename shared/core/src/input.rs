//! What a caller wrote, read so that *all* its bad fields are found at once.
//!
//! A body or a query string becomes a [`Json`] tree; [`Node`] and [`Members`] read it by its paths (`fields[2].key`), record in
//! [`Problems`] whatever is wrong, and go on. Nothing is ignored: a member that nobody asked for is an error too.

mod decimal;
mod json;

use std::fmt;

use serde::Serialize;

pub use decimal::{Decimal, NotADecimal};
pub use json::Json;

/// Errors that an answer names at most: what is behind them is counted. 500 × 4 KiB of path stay below an answer's 6 MB.
const ERRORS: usize = 500;
/// Characters of a caller's word that a path or message repeats.
const SHOWN_CHARS: usize = 64;

/// A bad field: where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path, such as `filters.created.from` or `fields[2].key`; empty for the request as a whole.
    pub field: String,
    /// A sentence that names the limit or the choices.
    pub message: String,
}

/// How bad a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not JSON, or a value of the wrong type: 400.
    Malformed,
    /// Well-formed, but a value is refused: 422.
    Refused,
}

/// A request that is refused, with every bad field.
///
/// Invariant: `errors` is not empty; one wrong type among them makes the whole [`Fault::Malformed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", Sentence(.errors))]
pub struct InvalidRequest {
    /// Whether it is malformed or refused.
    pub fault: Fault,
    /// The bad fields, in the order in which they were met.
    pub errors: Vec<FieldError>,
}

struct Sentence<'a>(&'a [FieldError]);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            match error.field.as_str() {
                "" => write!(f, "{between}{}", error.message)?,
                field => write!(f, "{between}{field}: {}", error.message)?,
            }
        }
        Ok(())
    }
}

/// Gathers what is wrong with a request.
#[derive(Debug, Default)]
pub struct Problems {
    errors: Vec<FieldError>,
    malformed: bool,
    left_off: usize,
}

impl Problems {
    /// Records a value of the wrong type, or what is not JSON: the request will be [`Fault::Malformed`].
    pub fn wrong_type(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.malformed = true;
        self.refuse(field, message);
    }

    /// Records a value that is refused.
    pub fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.errors.len() < ERRORS {
            self.errors.push(FieldError {
                field: field.into(),
                message: message.into(),
            });
        } else {
            self.left_off += 1;
        }
    }

    /// Whether anything is wrong.
    pub fn any(&self) -> bool {
        !self.errors.is_empty()
    }

    /// `value`, if nothing is wrong and there is one.
    ///
    /// # Errors
    /// [`InvalidRequest`] with everything recorded.
    pub fn or<T>(mut self, value: Option<T>) -> Result<T, InvalidRequest> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                let message = match self.left_off {
                    0 if self.errors.is_empty() => Some("the request cannot be read".to_owned()),
                    0 => None,
                    more => Some(format!("{more} more fields are bad")),
                };
                self.errors.extend(message.map(|message| FieldError {
                    field: String::new(),
                    message,
                }));
                Err(InvalidRequest {
                    fault: if self.malformed {
                        Fault::Malformed
                    } else {
                        Fault::Refused
                    },
                    errors: self.errors,
                })
            }
        }
    }
}

/// A caller's word as a message repeats it: in quotes, shortened.
pub fn shown(word: &str) -> String {
    format!("'{}'", shortened(word))
}

/// The path of the member `key` of what is at `path`.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        shortened(key)
    } else {
        format!("{path}.{}", shortened(key))
    }
}

/// A caller's word, shortened.
pub(crate) fn shortened(word: &str) -> String {
    match word.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// A value and its path.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    json: &'a Json,
    path: String,
}

impl<'a> Node<'a> {
    /// The root of a request.
    pub fn root(json: &'a Json) -> Self {
        Self {
            json,
            path: String::new(),
        }
    }

    /// A value that is found at `path`.
    pub fn at(path: &str, json: &'a Json) -> Self {
        Self {
            json,
            path: path.to_owned(),
        }
    }

    /// The value.
    pub fn json(&self) -> &'a Json {
        self.json
    }

    /// Where the value is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Records that this value is refused.
    pub fn refuse(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.refuse(self.path.clone(), message);
    }

    fn wrong_type(&self, problems: &mut Problems, wanted: &str) {
        let message = format!("must be {wanted}, not {}", self.json.type_name());
        problems.wrong_type(self.path.clone(), message);
    }

    /// The value as text that is not empty.
    pub fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        match self.json {
            Json::Text(text) | Json::Word(text) if text.is_empty() => {
                self.refuse(problems, "must not be empty");
                None
            }
            Json::Text(text) | Json::Word(text) => Some(text),
            _ => {
                self.wrong_type(problems, "a text");
                None
            }
        }
    }

    /// The value as one of `choices`.
    pub fn choice<T: Copy>(&self, problems: &mut Problems, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(problems)?;
        let chosen = choices.iter().find(|(name, _)| *name == text);
        if chosen.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!("{} is none of: {}", shown(text), names.join(", "));
            self.refuse(problems, message);
        }
        chosen.map(|(_, value)| *value)
    }

    /// The value as true or false.
    pub fn bool(&self, problems: &mut Problems) -> Option<bool> {
        match self.json {
            Json::Bool(value) => Some(*value),
            Json::Word(word) if word == "true" => Some(true),
            Json::Word(word) if word == "false" => Some(false),
            _ => {
                self.wrong_type(problems, "true or false");
                None
            }
        }
    }

    /// The value as a decimal number, taken by its text.
    pub fn decimal(&self, problems: &mut Problems) -> Option<Decimal> {
        match self.json {
            Json::Number(text) => {
                let decimal = Decimal::parse(text);
                if let Err(error) = &decimal {
                    self.refuse(problems, error.to_string());
                }
                decimal.ok()
            }
            Json::Word(word) if Decimal::parse(word).is_ok() => Decimal::parse(word).ok(),
            _ => {
                self.wrong_type(problems, "a number");
                None
            }
        }
    }

    /// The value as a whole number from `least` to `most`.
    pub fn whole(&self, problems: &mut Problems, least: u64, most: u64) -> Option<u64> {
        // A number beyond any decimal's range is a number all the same: refused as too large, not as ill-typed.
        let number = match self.json {
            Json::Number(text) => Decimal::parse(text).ok(),
            _ => Some(self.decimal(problems)?),
        };
        let whole = number
            .and_then(Decimal::whole)
            .filter(|whole| (least..=most).contains(whole));
        if whole.is_none() {
            let message = match most {
                u64::MAX => format!("must be a whole number of at least {least}"),
                most => format!("must be a whole number from {least} to {most}"),
            };
            self.refuse(problems, message);
        }
        whole
    }

    /// The value's items; their number is not bounded here.
    pub fn list(&self, problems: &mut Problems) -> Option<Vec<Node<'a>>> {
        let Json::List(items) = self.json else {
            self.wrong_type(problems, "a list");
            return None;
        };
        let node = |(index, json)| Node {
            json,
            path: format!("{}[{index}]", self.path),
        };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// The value's members.
    pub fn members(&self, problems: &mut Problems) -> Option<Members<'a>> {
        let Json::Object(members) = self.json else {
            self.wrong_type(problems, "an object");
            return None;
        };
        Some(Members {
            path: self.path.clone(),
            given: members,
            known: Vec::new(),
        })
    }
}

/// The members of an object, taken one by one. End with [`Members::finish`], or unknown ones go unseen.
#[derive(Debug)]
pub struct Members<'a> {
    path: String,
    given: &'a [(String, Json)],
    known: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// The member `key`, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.known.push(key);
        let (_, json) = self.given.iter().find(|(name, _)| name == key)?;
        Some(Node {
            json,
            path: join(&self.path, key),
        })
    }

    /// The member `key`, which must be there.
    pub fn need(&mut self, problems: &mut Problems, key: &'static str) -> Option<Node<'a>> {
        let node = self.take(key);
        if node.is_none() {
            problems.refuse(join(&self.path, key), "is missing");
        }
        node
    }

    /// All members with their names, for an object whose names are the caller's: none of them is unknown.
    pub fn all(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let path = self.path;
        self.given.iter().map(move |(key, json)| {
            let node = Node {
                json,
                path: join(&path, key),
            };
            (key.as_str(), node)
        })
    }

    /// Where the object is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Records every member that was not taken.
    pub fn finish(self, problems: &mut Problems) {
        for (key, _) in self.given {
            if !self.known.contains(&key.as_str()) {
                let message = format!("is unknown: known are {}", self.known.join(", "));
                problems.refuse(join(&self.path, key), message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
