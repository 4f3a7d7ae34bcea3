//! Which slot an attribute belongs to, guessed from the items before it.
//!
//! The items of a page resemble each other: behind an e-mail's text comes, nearly always, what came behind it the last time, say
//! `"},"phone":{"S":"`. So these joints between two values are kept with their places on the wire, each with the two that followed
//! it last; one comparison of bytes then tells an attribute's slot and type at once. A guess that fails costs a reading token by
//! token.

use lead_export_core::page::{KEY, Slot, Slots};

/// The attribute that holds a lead's key: the table's sort key.
pub(super) const SORT_KEY: &[u8] = b"SK";

/// The type of an attribute value, by its one-letter or two-letter name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Binary,
    True,
    False,
    Null,
    Map,
    List,
    TextSet,
    NumberSet,
    BinarySet,
    /// A type that DynamoDB does not have; only ever passed over.
    Unknown,
    /// No value: the item's end.
    End,
}

/// What follows a joint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joint {
    /// Its number among those remembered.
    pub(super) number: u16,
    /// The value's type.
    pub(super) kind: Kind,
    /// The slot that wants the value, if any: [`Joint::slot`].
    wanted: u32,
}

impl Joint {
    fn new(number: u16, kind: Kind, slot: Option<Slot>) -> Self {
        let wanted = slot.map_or(UNWANTED, |slot| u32::try_from(slot).unwrap_or(UNWANTED));
        Self {
            number,
            kind,
            wanted,
        }
    }

    /// The slot that wants the value.
    #[inline]
    pub(super) fn slot(self) -> Option<Slot> {
        (self.wanted != UNWANTED).then_some(self.wanted as Slot)
    }
}

/// The slot of what nobody wants: no selection has four thousand million attributes.
const UNWANTED: u32 = u32::MAX;

/// A joint as it was seen.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// From the end of the value before (of the item's opening bracket) …
    at: u32,
    /// … so many bytes to the first byte of the next value.
    len: u32,
    joint: Joint,
    /// Its first bytes, and which of them count: comparing words costs half of a call.
    head: [u64; HEAD],
    mask: [u64; HEAD],
    /// What followed last, and before that.
    next: [u16; 2],
}

/// Words of a joint that are compared as such.
const HEAD: usize = 4;
const NONE: u16 = u16::MAX;
/// An item's opening bracket.
pub(super) const START: u16 = 0;
/// Joints remembered at most. A page of more different ones is read token by token from then on.
const CAPACITY: usize = 512;
const BUCKETS: usize = 2 * CAPACITY;

#[derive(Debug)]
pub(super) struct Names<'s> {
    slots: &'s Slots,
    known: Vec<Known>,
    /// Numbers of joints, by a hash of their bytes.
    buckets: Vec<u16>,
}

impl<'s> Names<'s> {
    pub(super) fn new(slots: &'s Slots) -> Self {
        let start = Known::new(&[], 0, 0, Joint::new(START, Kind::Unknown, None));
        Self {
            slots,
            known: vec![start],
            buckets: vec![NONE; BUCKETS],
        }
    }

    /// The joint that stands at `pos` and its length, if it is one of the two that followed `before` last.
    #[inline]
    pub(super) fn guess(
        &mut self,
        bytes: &[u8],
        pos: usize,
        before: u16,
    ) -> Option<(Joint, usize)> {
        let next = self.known.get(usize::from(before))?.next;
        let rest = bytes.get(pos..)?;
        let known = self.known.get(usize::from(next[0]))?;
        if known.begins(rest, bytes) {
            return Some((known.joint, known.len as usize));
        }
        let known = self.known.get(usize::from(next[1]))?;
        if known.begins(rest, bytes) {
            let found = (known.joint, known.len as usize);
            self.known[usize::from(before)].next = [next[1], next[0]];
            return Some(found);
        }
        None
    }

    /// The slot of the attribute of this name.
    pub(super) fn slot(&self, name: &[u8]) -> Option<Slot> {
        if name == SORT_KEY {
            return Some(KEY);
        }
        // Slot 0 has no name; an attribute could not have an empty one either.
        let names = self.slots.names().iter().enumerate().skip(1);
        names
            .filter(|(_, wanted)| wanted.as_bytes() == name)
            .map(|(slot, _)| slot)
            .next()
    }

    /// The joint of these bytes, if it was remembered.
    pub(super) fn find(&self, bytes: &[u8], at: usize, len: usize) -> Option<Joint> {
        let stands = &bytes[at..at + len];
        let mut bucket = bucket(stands);
        // At least half of the buckets are free, so this ends.
        loop {
            let known = self.known.get(usize::from(self.buckets[bucket]))?;
            if known.stands(bytes) == stands {
                return Some(known.joint);
            }
            bucket = (bucket + 1) % BUCKETS;
        }
    }

    /// Remembers a joint that [`Names::find`] did not find, if there is room.
    pub(super) fn remember(
        &mut self,
        bytes: &[u8],
        at: usize,
        len: usize,
        slot: Option<Slot>,
        kind: Kind,
    ) -> Joint {
        let forgotten = Joint::new(NONE, kind, slot);
        let (Ok(at32), Ok(len32), Ok(number)) = (
            u32::try_from(at),
            u32::try_from(len),
            u16::try_from(self.known.len()),
        ) else {
            return forgotten;
        };
        if self.known.len() == CAPACITY {
            return forgotten;
        }
        let joint = Joint::new(number, kind, slot);
        let mut bucket = bucket(&bytes[at..at + len]);
        while self.buckets[bucket] != NONE {
            bucket = (bucket + 1) % BUCKETS;
        }
        self.buckets[bucket] = number;
        self.known.push(Known::new(bytes, at32, len32, joint));
        joint
    }

    /// Notes that `joint` came behind `before`, which was no guess.
    pub(super) fn follows(&mut self, before: u16, joint: Joint) {
        if let Some(known) = self.known.get_mut(usize::from(before)) {
            known.next = [joint.number, known.next[0]];
        }
    }
}

impl Known {
    fn new(bytes: &[u8], at: u32, len: u32, joint: Joint) -> Self {
        let mut known = Self {
            at,
            len,
            joint,
            head: [0; HEAD],
            mask: [0; HEAD],
            next: [NONE; 2],
        };
        for (index, byte) in known.stands(bytes).iter().take(8 * HEAD).enumerate() {
            let shift = 8 * (index % 8);
            known.head[index / 8] |= u64::from(*byte) << shift;
            known.mask[index / 8] |= 0xFF << shift;
        }
        known
    }

    /// Whether `rest` begins with this joint. May say no at the very end of an answer, where no joint is guessed.
    #[inline]
    fn begins(&self, rest: &[u8], bytes: &[u8]) -> bool {
        let Some(first) = rest.first_chunk::<{ 8 * HEAD }>() else {
            return false;
        };
        let (words, _) = first.as_chunks::<8>();
        let mut differ = 0;
        for ((word, head), mask) in words.iter().zip(&self.head).zip(&self.mask) {
            differ |= (u64::from_le_bytes(*word) ^ head) & mask;
        }
        differ == 0 && (self.len as usize <= 8 * HEAD || rest.starts_with(self.stands(bytes)))
    }

    #[inline]
    fn stands<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let at = self.at as usize;
        &bytes[at..at + self.len as usize]
    }
}

/// The first bucket in which a joint of these bytes may be.
fn bucket(stands: &[u8]) -> usize {
    let len = stands.len();
    let byte = |at: usize| usize::from(stands.get(at).copied().unwrap_or_default());
    let parts = [
        byte(3),
        byte(len / 3),
        byte(len / 2),
        byte(len.wrapping_sub(8)),
    ];
    let mixed = parts
        .into_iter()
        .fold(len, |hash, byte| hash.wrapping_mul(0x01F3) ^ byte);
    (mixed.wrapping_mul(0x9E37_79B9) >> 8) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_came_behind_it_the_last_two_times() {
        let slots = Slots::new(["a", "b"]);
        let mut names = Names::new(&slots);
        let bytes = br#""a":{"S":"-"b":{"S":"-"c":{"S":"- and the text goes on behind it"#;
        let mut joints = Vec::new();
        for (at, name) in [(0, "a"), (11, "b"), (22, "c")] {
            let slot = names.slot(name.as_bytes());
            assert_eq!(names.find(bytes, at, 10), None);
            let joint = names.remember(bytes, at, 10, slot, Kind::Text);
            assert_eq!((joint.slot(), joint.kind), (slot, Kind::Text));
            assert_eq!(names.find(bytes, at, 10), Some(joint));
            assert_eq!(names.guess(bytes, at, START), None);
            names.follows(START, joint);
            joints.push(joint);
        }
        // Only the last two; and the guess that held comes first from now on.
        assert_eq!(names.guess(bytes, 0, START), None);
        assert_eq!(names.guess(bytes, 11, START), Some((joints[1], 10)));
        assert_eq!(names.known[0].next, [2, 3]);
        assert_eq!(names.guess(bytes, 22, START), Some((joints[2], 10)));
        assert_eq!(names.guess(bytes, 23, START), None);
        assert_eq!(names.guess(bytes, 99, START), None);
    }

    #[test]
    fn joints_longer_than_their_head_are_compared_whole() {
        let slots = Slots::new([]);
        let mut names = Names::new(&slots);
        let text = format!("{0}b{0}b{0}c{0}", "a".repeat(39));
        let joint = names.remember(text.as_bytes(), 0, 40, None, Kind::Text);
        names.follows(START, joint);
        assert_eq!(names.guess(text.as_bytes(), 40, START), Some((joint, 40)));
        assert_eq!(names.guess(text.as_bytes(), 80, START), None);
    }

    #[test]
    fn a_full_memory_still_finds_what_it_has() {
        let slots = Slots::new([]);
        let mut names = Names::new(&slots);
        let texts: Vec<String> = (0..600).map(|n| format!("\"{n:04}\":{{\"S\":\"")).collect();
        let text = texts.concat();
        for n in 0..600 {
            let joint = names.remember(text.as_bytes(), n * 13, 13, None, Kind::Text);
            assert_eq!(joint.number != NONE, n + 1 < CAPACITY);
        }
        for n in 0..600 {
            let found = names.find(text.as_bytes(), n * 13, 13);
            assert_eq!(found.is_some(), n + 1 < CAPACITY, "{n}");
        }
    }

    #[test]
    fn the_sort_key_is_slot_0_and_no_name_is_none() {
        let slots = Slots::new(["email"]);
        let names = Names::new(&slots);
        assert_eq!(names.slot(b"SK"), Some(KEY));
        assert_eq!(names.slot(b""), None);
        assert_eq!(names.slot(b"email"), Some(1));
        assert_eq!(names.slot(b"emails"), None);
    }
}
