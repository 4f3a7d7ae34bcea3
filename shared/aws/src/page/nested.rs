//! What lies within maps and lists, as compact JSON in the arena: keys sorted, sets sorted, numbers as stored.

use std::cmp::Ordering;

use super::What;
use super::names::Kind;
use super::scan::{End, Text};
use super::text;
use super::value::Items;

/// Values within each other at most; DynamoDB stores 32 levels (Service, account, and table quotas).
pub(super) const MAX_LEVELS: u32 = 40;

/// An entry of a map or set: what it is sorted by, and where its JSON is in the arena. Everything fits 32 bits, as a page does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The first bytes of what it is sorted by, the first one highest: most entries differ in them.
    head: u64,
    /// A span of the wire, or of the texts without their escapes.
    sort: (u32, u32),
    resolved: bool,
    json: (u32, u32),
}

impl Entry {
    fn sort<'b>(&self, wire: &'b [u8], resolved: &'b [u8]) -> &'b [u8] {
        let bytes = if self.resolved { resolved } else { wire };
        &bytes[self.sort.0 as usize..self.sort.1 as usize]
    }

    #[inline]
    fn order(&self, other: &Self, wire: &[u8], resolved: &[u8]) -> Ordering {
        self.head.cmp(&other.head).then_with(|| {
            let sort = self.sort(wire, resolved);
            sort.cmp(other.sort(wire, resolved))
        })
    }
}

/// The first eight bytes as a number in their order, zeros behind a shorter text: a text that ends sorts before one that goes on.
#[inline]
fn head(sort: &[u8]) -> u64 {
    if let Some(chunk) = sort.first_chunk() {
        return u64::from_be_bytes(*chunk);
    }
    let number = sort
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    // Of no byte at all, the shift would be by 64.
    number
        .checked_shl(64 - 8 * u32::try_from(sort.len()).unwrap_or(8))
        .unwrap_or(0)
}

/// Entries that are put in order one by one: most maps have fewer.
const FEW: usize = 12;

/// Sorts `entries`; equal ones keep their order.
fn sort(entries: &mut [Entry], order: impl Fn(&Entry, &Entry) -> Ordering) {
    if entries.len() > FEW {
        entries.sort_by(order);
        return;
    }
    for end in 1..entries.len() {
        let entry = entries[end];
        let mut at = end;
        while at > 0 && order(&entries[at - 1], &entry) == Ordering::Greater {
            entries[at] = entries[at - 1];
            at -= 1;
        }
        entries[at] = entry;
    }
}

impl Items<'_, '_> {
    /// Appends the rest of a value to the arena as JSON.
    pub(super) fn json(&mut self, kind: Kind, level: u32) -> Result<(), What> {
        if level > MAX_LEVELS {
            return Err(What::Depth);
        }
        match kind {
            Kind::Text | Kind::Binary => {
                let string = self.scanner.string_rest()?;
                self.json_text(string);
            }
            Kind::Number => {
                let string = self.scanner.string_rest()?;
                self.json_number(string);
            }
            Kind::True => self.builder.arena().extend_from_slice(b"true"),
            Kind::False => self.builder.arena().extend_from_slice(b"false"),
            Kind::Null => self.builder.arena().extend_from_slice(b"null"),
            Kind::List => self.json_list(level)?,
            Kind::Map => self.json_map(level)?,
            Kind::TextSet | Kind::BinarySet => self.json_set(false)?,
            Kind::NumberSet => self.json_set(true)?,
            Kind::Unknown | Kind::End => return Err(What::Type),
        }
        Ok(())
    }

    fn json_list(&mut self, level: u32) -> Result<(), What> {
        self.builder.arena().push(b'[');
        if !self.scanner.take(b']') {
            loop {
                if !self.short_item() {
                    let kind = self.open()?;
                    self.json(kind, level + 1)?;
                    self.scanner.expect(b'}')?;
                }
                if !self.scanner.more(b']')? {
                    break;
                }
                self.builder.arena().push(b',');
            }
        }
        self.builder.arena().push(b']');
        Ok(())
    }

    fn json_map(&mut self, level: u32) -> Result<(), What> {
        self.builder.arena().push(b'{');
        let first = self.entries.len();
        if !self.scanner.take(b'}') {
            loop {
                let key = self.scanner.string()?;
                let from = self.builder.arena().len();
                if !self.short_entry(key) {
                    self.scanner.expect(b':')?;
                    self.json_text(key);
                    self.builder.arena().push(b':');
                    let kind = self.open()?;
                    self.json(kind, level + 1)?;
                    self.scanner.expect(b'}')?;
                }
                self.entry(key, from);
                if !self.scanner.more(b'}')? {
                    break;
                }
                self.builder.arena().push(b',');
            }
        }
        self.arrange(first, true);
        self.builder.arena().push(b'}');
        Ok(())
    }

    /// Writes a list's item, if it is a short text written without blanks: most are.
    fn short_item(&mut self) -> bool {
        let (bytes, pos) = (self.scanner.bytes(), self.scanner.pos());
        let opening = bytes.get(pos..).and_then(<[u8]>::first_chunk::<6>);
        if opening != Some(b"{\"S\":\"") {
            return false;
        }
        match self.scanner.short_end(pos + 6) {
            Some(End { at: end, .. }) if bytes.get(end + 1) == Some(&b'}') => {
                // With its quotes, as it stands there.
                let quoted = &bytes[pos + 5..=end];
                self.builder.arena().extend_from_slice(quoted);
                self.scanner.go(end + 2);
                true
            }
            _ => false,
        }
    }

    /// Writes a map's entry behind its key, if it is a short text or number written without blanks: most are.
    fn short_entry(&mut self, key: Text) -> bool {
        let (bytes, pos) = (self.scanner.bytes(), self.scanner.pos());
        let opening = bytes.get(pos..).and_then(<[u8]>::first_chunk::<7>);
        let value = pos + 7;
        let quotes = match opening {
            Some(b":{\"S\":\"") => 1,
            Some(b":{\"N\":\"") => 0,
            _ => return false,
        };
        if key.escaped {
            return false;
        }
        match self.scanner.short_end(value) {
            Some(End { at: end, .. }) if bytes.get(end + 1) == Some(&b'}') => {
                let arena = self.builder.arena();
                // With quotes and colon, as they stand there.
                arena.extend_from_slice(&bytes[key.at - 1..=pos]);
                arena.extend_from_slice(&bytes[value - quotes..end + quotes]);
                self.scanner.go(end + 2);
                true
            }
            _ => false,
        }
    }

    fn json_set(&mut self, numbers: bool) -> Result<(), What> {
        self.builder.arena().push(b'[');
        let first = self.entries.len();
        if !self.scanner.take(b']') {
            loop {
                let string = self.scanner.string()?;
                let from = self.builder.arena().len();
                if numbers {
                    self.json_number(string);
                } else {
                    self.json_text(string);
                }
                self.entry(string, from);
                if !self.scanner.more(b']')? {
                    break;
                }
                self.builder.arena().push(b',');
            }
        }
        self.arrange(first, false);
        self.builder.arena().push(b']');
        Ok(())
    }

    fn json_text(&mut self, string: Text) {
        let raw = string.raw(self.scanner.bytes());
        if string.escaped {
            self.scratch.clear();
            text::unescape(raw, &mut self.scratch);
            text::write_json(&self.scratch, self.builder.arena());
        } else {
            // With its quotes, as it stands there.
            let quoted = &self.scanner.bytes()[string.at - 1..=string.end];
            self.builder.arena().extend_from_slice(quoted);
        }
    }

    fn json_number(&mut self, string: Text) {
        let raw = string.raw(self.scanner.bytes());
        if string.escaped {
            text::unescape(raw, self.builder.arena());
        } else {
            self.builder.arena().extend_from_slice(raw);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a page and all that is made of it is below 4 GiB"
    )]
    fn entry(&mut self, sort: Text, from: usize) {
        let (from, to) = (from as u32, self.builder.arena().len() as u32);
        let (at, end) = if sort.escaped {
            let at = self.resolved.len();
            text::unescape(sort.raw(self.scanner.bytes()), &mut self.resolved);
            (at, self.resolved.len())
        } else {
            (sort.at, sort.end)
        };
        let mut entry = Entry {
            head: 0,
            sort: (at as u32, end as u32),
            resolved: sort.escaped,
            json: (from, to),
        };
        entry.head = head(entry.sort(self.scanner.bytes(), &self.resolved));
        self.entries.push(entry);
    }

    /// Puts the entries from `first` on, the last things in the arena, into order; of equal keys of a map the last one stays.
    fn arrange(&mut self, first: usize, distinct: bool) {
        let wire = self.scanner.bytes();
        let resolved = &self.resolved;
        let entries = &mut self.entries[first..];
        let expected = if distinct {
            Ordering::Less
        } else {
            Ordering::Equal
        };
        let in_order = entries
            .windows(2)
            .all(|pair| pair[0].order(&pair[1], wire, resolved) <= expected);
        if !in_order {
            let from = entries[0].json.0 as usize;
            // Stable: among equal keys, the one that came last is the last.
            sort(entries, |a, b| a.order(b, wire, resolved));
            let arena = self.builder.arena();
            self.scratch.clear();
            let mut any = false;
            for (index, entry) in entries.iter().enumerate() {
                let overruled = distinct
                    && entries
                        .get(index + 1)
                        .is_some_and(|next| next.order(entry, wire, resolved) == Ordering::Equal);
                if overruled {
                    continue;
                }
                if any {
                    self.scratch.push(b',');
                }
                any = true;
                let json = entry.json.0 as usize..entry.json.1 as usize;
                self.scratch.extend_from_slice(&arena[json]);
            }
            arena.truncate(from);
            arena.extend_from_slice(&self.scratch);
        }
        self.entries.truncate(first);
        if first == 0 {
            self.resolved.clear();
        }
    }
}
