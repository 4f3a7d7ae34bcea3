//! What lies within maps and lists, as compact JSON in the arena: keys sorted, sets sorted, numbers as stored.

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

    /// Whether this one comes before `other`.
    #[inline]
    fn precedes(&self, other: &Self, wire: &[u8], resolved: &[u8]) -> bool {
        self.head < other.head
            || (self.head == other.head && self.sort(wire, resolved) < other.sort(wire, resolved))
    }

    /// Whether both are sorted by the same bytes.
    #[inline]
    fn equals(&self, other: &Self, wire: &[u8], resolved: &[u8]) -> bool {
        self.head == other.head && self.sort(wire, resolved) == other.sort(wire, resolved)
    }
}

/// The first eight of the `len` bytes at `at` as a number in their order, zeros behind a shorter text: a text that ends sorts before
/// one that goes on.
#[inline]
fn head(bytes: &[u8], at: usize, len: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk() {
        // What follows the text is cut off again.
        let beyond = u64::MAX.checked_shr(8 * u32::try_from(len.min(8)).unwrap_or(8));
        return u64::from_be_bytes(*chunk) & !beyond.unwrap_or(0);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(rest.iter().take(len)) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}

/// Entries that are put in order one by one: most maps have fewer.
const FEW: usize = 12;

/// Sorts `entries`; equal ones keep their order.
#[inline]
fn sort(entries: &mut [Entry], wire: &[u8], resolved: &[u8]) {
    if entries.len() > FEW {
        entries.sort_by(|a, b| {
            let sort = (a.head, a.sort(wire, resolved));
            sort.cmp(&(b.head, b.sort(wire, resolved)))
        });
        return;
    }
    for end in 1..entries.len() {
        let mut at = end;
        while at > 0 && entries[at].precedes(&entries[at - 1], wire, resolved) {
            entries.swap(at, at - 1);
            at -= 1;
        }
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
        let bytes = if sort.escaped {
            &self.resolved
        } else {
            self.scanner.bytes()
        };
        self.entries.push(Entry {
            head: head(bytes, at, end - at),
            sort: (at as u32, end as u32),
            resolved: sort.escaped,
            json: (from, to),
        });
    }

    /// Puts the entries from `first` on, the last things in the arena, into order; of equal keys of a map the last one stays.
    fn arrange(&mut self, first: usize, distinct: bool) {
        let wire = self.scanner.bytes();
        let resolved = &self.resolved;
        let entries = &mut self.entries[first..];
        let in_order = entries.windows(2).all(|pair| {
            pair[0].precedes(&pair[1], wire, resolved)
                || (!distinct && pair[0].equals(&pair[1], wire, resolved))
        });
        if !in_order {
            let from = entries[0].json.0 as usize;
            // Stable: among equal keys, the one that came last is the last.
            sort(entries, wire, resolved);
            let arena = self.builder.arena();
            self.scratch.clear();
            self.scratch.extend_from_slice(&arena[from..]);
            arena.truncate(from);
            for (index, entry) in entries.iter().enumerate() {
                let overruled = distinct
                    && entries
                        .get(index + 1)
                        .is_some_and(|next| next.equals(entry, wire, resolved));
                if overruled {
                    continue;
                }
                if arena.len() > from {
                    arena.push(b',');
                }
                let json = entry.json.0 as usize - from..entry.json.1 as usize - from;
                arena.extend_from_slice(&self.scratch[json]);
            }
        }
        self.entries.truncate(first);
        if first == 0 {
            self.resolved.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn heads_are_in_the_order_of_their_texts(a in "[ab\\x00é]{0,12}", b in "[ab\\x00é]{0,12}", behind in "[ab]{0,9}") {
            let wire = format!("{a}{b}{behind}").into_bytes();
            let (first, second) = (head(&wire, 0, a.len()), head(&wire, a.len(), b.len()));
            prop_assert!(first <= second || a > b);
            prop_assert!(second <= first || b > a);
            prop_assert!(first == head(a.as_bytes(), 0, a.len()));
        }
    }
}
