//! A Query's answer, as the bytes that came, into a page of leads: the hot path.
//!
//! One pass over the JSON; each value is looked at once and, where it can be, left where it lies. The SDK's own way, a map of
//! values for each lead, costs ten times as much; it stays as the tests' oracle.

use bytes::Bytes;
use lead_export_core::lead::LeadKey;
use lead_export_core::page::{Page, PageBuilder, Slots};

use self::names::SORT_KEY;
use self::scan::Scanner;
use self::value::{Items, resolve};

#[cfg(test)]
pub(crate) mod laws;
mod names;
mod nested;
mod scan;
mod text;
mod value;

/// What a Query's answer holds.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The leads, in the order they came.
    pub page: Page,
    /// The last key read, if there may be more.
    pub next: Option<LeadKey>,
    /// Items that the store looked at.
    pub scanned: u64,
    /// Read units used, if the store said so.
    pub consumed: Option<f64>,
}

/// Why bytes are no answer to a Query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at byte {offset}{}", in_item(*.item))]
pub struct BadPage {
    /// Where reading stopped.
    pub offset: usize,
    /// The item that was being read, counted from 0.
    pub item: Option<usize>,
    /// What is wrong.
    pub what: What,
}

fn in_item(item: Option<usize>) -> String {
    item.map(|item| format!(" in item {item}"))
        .unwrap_or_default()
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// It ends within a value.
    #[error("the answer is cut off")]
    Cut,
    /// It is not JSON, or not of a Query's shape.
    #[error("not what a Query answers")]
    Syntax,
    /// A backslash that begins no escape.
    #[error("no such escape")]
    Escape,
    /// A control character within a string.
    #[error("a control character within a string")]
    Control,
    /// An attribute value of a type that DynamoDB does not have.
    #[error("no such type of attribute")]
    Type,
    /// Values nested deeper than DynamoDB stores them.
    #[error("nested too deep")]
    Depth,
    /// An item without the sort key.
    #[error("an item without its sort key")]
    NoKey,
    /// A sort key that is not a text.
    #[error("a sort key that is no text")]
    Key,
    /// A member of the answer that comes twice.
    #[error("a member comes twice")]
    Twice,
    /// No items, or not as many as the answer counts.
    #[error("not as many items as counted")]
    Count,
    /// Something behind the answer's end.
    #[error("something behind the end")]
    Behind,
    /// 4 GiB or more: a Query answers 1 MiB at most.
    #[error("too large for an answer")]
    Large,
}

/// Reads the body of a Query's answer: the cells of `slots` of every item.
///
/// The sort key's attribute is `SK` and fills slot 0. Members and attributes may come in any order, with blanks anywhere; those that
/// are not known are checked to be JSON and passed over. Of an attribute that comes twice in an item, the last one counts.
///
/// # Errors
/// [`BadPage`] if the bytes are not a whole and correct answer; nothing of it is used then.
pub fn decode(body: &Bytes, slots: &Slots) -> Result<Decoded, BadPage> {
    let at = |offset, what| BadPage {
        offset,
        item: None,
        what,
    };
    if u32::try_from(body.len()).is_err() {
        return Err(at(0, What::Large));
    }
    // Checked once, so that every cell may be taken for text.
    simdutf8::compat::from_utf8(body).map_err(|error| at(error.valid_up_to(), What::Utf8))?;
    let items = Items::new(
        Scanner::new(body),
        PageBuilder::new(body.clone(), slots),
        slots,
    );
    let mut answer = Answer {
        items,
        reading: None,
        count: None,
        read: None,
        scanned: None,
        next: None,
        consumed: None,
        seen: 0,
    };
    match answer.read() {
        Ok(()) => Ok(Decoded {
            scanned: answer.scanned.or(answer.count).unwrap_or_default(),
            next: answer.next,
            consumed: answer.consumed,
            page: answer.items.builder.finish(),
        }),
        Err(what) => {
            let offset = answer.items.scanner.pos();
            let what = match what {
                What::Syntax if offset >= body.len() => What::Cut,
                other => other,
            };
            Err(BadPage {
                offset,
                item: answer.reading,
                what,
            })
        }
    }
}

/// Bytes of the shortest item there is: `{"SK":{"S":"k"}}`.
const LEAST_ITEM: usize = 16;

/// The answer's members, as far as they have been read.
#[derive(Debug)]
struct Answer<'a, 's> {
    items: Items<'a, 's>,
    reading: Option<usize>,
    count: Option<u64>,
    read: Option<u64>,
    scanned: Option<u64>,
    next: Option<LeadKey>,
    consumed: Option<f64>,
    /// Which members there were, as bits.
    seen: u8,
}

impl Answer<'_, '_> {
    fn read(&mut self) -> Result<(), What> {
        self.items.scanner.expect(b'{')?;
        if !self.items.scanner.take(b'}') {
            loop {
                self.member()?;
                if !self.items.scanner.more(b'}')? {
                    break;
                }
            }
        }
        if self.items.scanner.peek().is_some() {
            return Err(What::Behind);
        }
        // An answer without items would end the shard: leads would be missing and nobody would know.
        match (self.read, self.count) {
            (Some(read), Some(count)) if read == count => Ok(()),
            (Some(_), None) => Ok(()),
            _ => Err(What::Count),
        }
    }

    fn member(&mut self) -> Result<(), What> {
        let name = self.items.scanner.string()?;
        self.items.scanner.expect(b':')?;
        let number = match self.items.resolve(name) {
            b"Items" => 0,
            b"Count" => 1,
            b"ScannedCount" => 2,
            b"LastEvaluatedKey" => 3,
            b"ConsumedCapacity" => 4,
            _ => return self.items.scanner.skip(),
        };
        if self.seen & 1 << number != 0 {
            return Err(What::Twice);
        }
        self.seen |= 1 << number;
        match number {
            0 => self.read = Some(self.items()?),
            1 => self.count = Some(self.integer()?),
            2 => self.scanned = Some(self.integer()?),
            3 => self.next = self.last_key()?,
            _ => self.consumed = self.capacity()?,
        }
        Ok(())
    }

    /// Reads the items; how many there were.
    fn items(&mut self) -> Result<u64, What> {
        self.items.scanner.expect(b'[')?;
        // What the answer says is believed as far as its length allows.
        let most = self.items.scanner.bytes().len() / LEAST_ITEM;
        let count = self.count.and_then(|count| usize::try_from(count).ok());
        self.items
            .builder
            .reserve(count.unwrap_or_default().min(most));
        let mut read = 0;
        if !self.items.scanner.take(b']') {
            loop {
                self.reading = Some(read);
                self.items.scanner.expect(b'{')?;
                self.items.item()?;
                read += 1;
                if !self.items.scanner.more(b']')? {
                    break;
                }
            }
        }
        self.reading = None;
        Ok(read as u64)
    }

    fn integer(&mut self) -> Result<u64, What> {
        let number = self.items.scanner.number()?;
        number.parse().map_err(|_| What::Syntax)
    }

    /// The sort key of `LastEvaluatedKey`; a null is as good as no such member.
    fn last_key(&mut self) -> Result<Option<LeadKey>, What> {
        let mut key = None;
        let scanner = &mut self.items.scanner;
        if scanner.peek() == Some(b'n') {
            return scanner.word(b"null").map(|()| None);
        }
        scanner.expect(b'{')?;
        if scanner.take(b'}') {
            return Err(What::NoKey);
        }
        loop {
            let name = self.items.scanner.string()?;
            self.items.scanner.expect(b':')?;
            if self.items.resolve(name) == SORT_KEY {
                if self.items.open()? != names::Kind::Text {
                    return Err(What::Key);
                }
                let text = self.items.scanner.string_rest()?;
                let text = self.items.resolve(text);
                let text = std::str::from_utf8(text).map_err(|_| What::Utf8)?;
                key = Some(LeadKey::from_stored(text));
                self.items.scanner.expect(b'}')?;
            } else {
                self.items.scanner.skip()?;
            }
            if !self.items.scanner.more(b'}')? {
                break;
            }
        }
        key.map(Some).ok_or(What::NoKey)
    }

    /// `CapacityUnits` of `ConsumedCapacity`.
    fn capacity(&mut self) -> Result<Option<f64>, What> {
        let mut units = None;
        let scanner = &mut self.items.scanner;
        if scanner.peek() == Some(b'n') {
            return scanner.word(b"null").map(|()| None);
        }
        scanner.expect(b'{')?;
        if scanner.take(b'}') {
            return Ok(None);
        }
        loop {
            let name = scanner.string()?;
            scanner.expect(b':')?;
            if resolve(scanner.bytes(), name, &mut self.items.scratch) == b"CapacityUnits" {
                units = scanner.number()?.parse().ok();
            } else {
                scanner.skip()?;
            }
            if !scanner.more(b'}')? {
                return Ok(units);
            }
        }
    }
}
