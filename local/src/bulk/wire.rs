//! Items as bytes between a depot and the stack.
//!
//! DynamoDB's JSON would do, but in a debug build writing and reading it takes five times as long as storing the items. Here each value
//! is a letter for its type, as DynamoDB names it, and its content with its length in front (u32, little-endian).

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::types::AttributeValue as Sent;
use dynoxide::{AttributeValue as Stored, Item};
use lead_export_core::lead::Value;

/// Deeper than DynamoDB nests values (32 levels), so that a broken body cannot use up the stack.
const DEPTH: u32 = 40;

const TEXT: u8 = b'S';
const NUMBER: u8 = b'N';
const BINARY: u8 = b'B';
const BOOL: u8 = b'?';
const NULL: u8 = b'0';
const TEXTS: u8 = b's';
const NUMBERS: u8 = b'n';
const BINARIES: u8 = b'b';
const LIST: u8 = b'L';
const MAP: u8 = b'M';

/// Writes values.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// What was written.
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    /// Appends an item as an SDK has it.
    pub(crate) fn sent(
        &mut self,
        item: &std::collections::HashMap<String, Sent>,
    ) -> anyhow::Result<()> {
        self.length(item.len());
        for (name, value) in item {
            self.content(name.as_bytes());
            self.sent_value(value)?;
        }
        Ok(())
    }

    fn sent_value(&mut self, value: &Sent) -> anyhow::Result<()> {
        match value {
            Sent::S(text) => self.one(TEXT, text.as_bytes()),
            Sent::N(number) => self.one(NUMBER, number.as_bytes()),
            Sent::B(bytes) => self.one(BINARY, bytes.as_ref()),
            Sent::Bool(bool) => self.one(BOOL, &[u8::from(*bool)]),
            Sent::Null(_) => self.one(NULL, &[]),
            Sent::Ss(all) => self.set(TEXTS, all.iter().map(String::as_bytes)),
            Sent::Ns(all) => self.set(NUMBERS, all.iter().map(String::as_bytes)),
            Sent::Bs(all) => self.set(BINARIES, all.iter().map(AsRef::as_ref)),
            Sent::L(all) => {
                self.bytes.push(LIST);
                self.length(all.len());
                all.iter().try_for_each(|value| self.sent_value(value))?;
            }
            Sent::M(members) => {
                self.bytes.push(MAP);
                self.sent(members)?;
            }
            other => bail!("a value of the unknown type {other:?}"),
        }
        Ok(())
    }

    /// Appends an item as the database has it.
    pub(crate) fn stored(&mut self, item: &Item) {
        self.length(item.len());
        for (name, value) in item {
            self.content(name.as_bytes());
            self.stored_value(value);
        }
    }

    fn stored_value(&mut self, value: &Stored) {
        match value {
            Stored::S(text) => self.one(TEXT, text.as_bytes()),
            Stored::N(number) => self.one(NUMBER, number.as_bytes()),
            Stored::B(bytes) => self.one(BINARY, bytes),
            Stored::BOOL(bool) => self.one(BOOL, &[u8::from(*bool)]),
            Stored::NULL(_) => self.one(NULL, &[]),
            Stored::SS(all) => self.set(TEXTS, all.iter().map(String::as_bytes)),
            Stored::NS(all) => self.set(NUMBERS, all.iter().map(String::as_bytes)),
            Stored::BS(all) => self.set(BINARIES, all.iter().map(Vec::as_slice)),
            Stored::L(all) => {
                self.bytes.push(LIST);
                self.length(all.len());
                for value in all {
                    self.stored_value(value);
                }
            }
            Stored::M(members) => {
                self.bytes.push(MAP);
                self.stored(members);
            }
        }
    }

    fn one(&mut self, kind: u8, content: &[u8]) {
        self.bytes.push(kind);
        self.content(content);
    }

    fn set<'a>(&mut self, kind: u8, items: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.bytes.push(kind);
        self.length(items.len());
        items.for_each(|item| self.content(item));
    }

    fn content(&mut self, content: &[u8]) {
        self.length(content.len());
        self.bytes.extend_from_slice(content);
    }

    fn length(&mut self, length: usize) {
        // Items have some hundred kilobytes at most.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
    }
}

/// Reads items back.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the next item as the database wants it; none at the end.
    pub(crate) fn stored(&mut self) -> anyhow::Result<Option<Item>> {
        self.item(&mut |reader, kind| reader.stored_value(kind, DEPTH))
    }

    /// Reads the next item as values of a lead; none at the end.
    pub(crate) fn values(&mut self) -> anyhow::Result<Option<BTreeMap<String, Value>>> {
        self.item(&mut |reader, kind| reader.value(kind, DEPTH))
    }

    fn item<T, C: FromIterator<(String, T)>>(
        &mut self,
        value: &mut dyn FnMut(&mut Self, u8) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<C>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        self.members(value).map(Some)
    }

    fn members<T, C: FromIterator<(String, T)>>(
        &mut self,
        value: &mut dyn FnMut(&mut Self, u8) -> anyhow::Result<T>,
    ) -> anyhow::Result<C> {
        (0..self.length()?)
            .map(|_| {
                let name = self.text()?;
                let kind = self.byte()?;
                Ok((name, value(self, kind)?))
            })
            .collect()
    }

    fn stored_value(&mut self, kind: u8, depth: u32) -> anyhow::Result<Stored> {
        let deeper = depth
            .checked_sub(1)
            .context("the values are nested too deeply")?;
        Ok(match kind {
            TEXT => Stored::S(self.text()?),
            NUMBER => Stored::N(self.text()?),
            BINARY => Stored::B(self.content()?.to_vec()),
            BOOL => Stored::BOOL(self.content()? == [1]),
            NULL => self.content().map(|_| Stored::NULL(true))?,
            TEXTS => Stored::SS(self.all(Self::text)?),
            NUMBERS => Stored::NS(self.all(Self::text)?),
            BINARIES => Stored::BS(self.all(|reader| Ok(reader.content()?.to_vec()))?),
            LIST => Stored::L(self.all(|reader| {
                let kind = reader.byte()?;
                reader.stored_value(kind, deeper)
            })?),
            MAP => Stored::M(self.members(&mut |reader, kind| reader.stored_value(kind, deeper))?),
            other => bail!("a value of the unknown type {other}"),
        })
    }

    fn value(&mut self, kind: u8, depth: u32) -> anyhow::Result<Value> {
        let deeper = depth
            .checked_sub(1)
            .context("the values are nested too deeply")?;
        Ok(match kind {
            TEXT => Value::Text(self.text()?),
            NUMBER => Value::Number(self.text()?),
            BINARY => Value::Binary(self.content()?.to_vec()),
            BOOL => Value::Bool(self.content()? == [1]),
            NULL => self.content().map(|_| Value::Null)?,
            TEXTS => Value::Set(self.all(|reader| reader.text().map(Value::Text))?),
            NUMBERS => Value::Set(self.all(|reader| reader.text().map(Value::Number))?),
            BINARIES => {
                Value::Set(self.all(|reader| Ok(Value::Binary(reader.content()?.to_vec())))?)
            }
            LIST => Value::List(self.all(|reader| {
                let kind = reader.byte()?;
                reader.value(kind, deeper)
            })?),
            MAP => Value::Map(self.members(&mut |reader, kind| reader.value(kind, deeper))?),
            other => bail!("a value of the unknown type {other}"),
        })
    }

    fn all<T>(&mut self, one: impl Fn(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
        (0..self.length()?).map(|_| one(self)).collect()
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let text = std::str::from_utf8(self.content()?).context("a text is not UTF-8")?;
        Ok(text.to_owned())
    }

    fn content(&mut self) -> anyhow::Result<&'a [u8]> {
        let length = usize::try_from(self.length()?)?;
        let (content, rest) = self
            .0
            .split_at_checked(length)
            .context("the items are cut off")?;
        self.0 = rest;
        Ok(content)
    }

    fn length(&mut self) -> anyhow::Result<u32> {
        let (length, rest) = self
            .0
            .split_first_chunk()
            .context("the items are cut off")?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*length))
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        let (byte, rest) = self.0.split_first().context("the items are cut off")?;
        self.0 = rest;
        Ok(*byte)
    }
}
