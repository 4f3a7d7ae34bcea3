//! A page of leads as it travels from a store to the encoder: spans over the bytes that came in, no value copied.
//!
//! A store fills a [`Page`] through [`PageBuilder`]: for each lead, the cells of the [`Slots`] that the selection needs. A cell
//! points into the bytes of the store's answer (*wire*) where they hold the value as it is, and into a side buffer (*arena*) where
//! it had to be changed: escapes resolved, maps written as compact JSON. Readers see [`Row`] and [`Cell`] alone.

use std::sync::Arc;

use bytes::Bytes;

/// The attributes that a selection needs, each with its number. Slot 0 is always the lead's key.
///
/// Invariants: names are distinct; the order is that in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    names: Arc<[String]>,
}

/// The number of an attribute in [`Slots`].
pub type Slot = usize;

/// The slot of the lead's key.
pub const KEY: Slot = 0;

impl Slots {
    /// Slots for `names`, after the key's own; a name that comes twice has one slot.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut distinct = vec![String::new()];
        for name in names {
            if !name.is_empty() && !distinct.iter().any(|known| known == name) {
                distinct.push(name.to_owned());
            }
        }
        Self {
            names: distinct.into(),
        }
    }

    /// The slot of the attribute `name`.
    pub fn of(&self, name: &str) -> Option<Slot> {
        (!name.is_empty())
            .then(|| self.names.iter().position(|known| known == name))
            .flatten()
    }

    /// The attribute names by slot; the key's, at 0, is empty: every store has its own name for it.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of slots, the key's included.
    pub fn width(&self) -> usize {
        self.names.len()
    }
}

/// What kind of value a stored cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// No such attribute, or null.
    Missing,
    /// UTF-8 text.
    Text,
    /// A number as stored.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// Bytes, as base64.
    Binary,
    /// A map or nested list as compact JSON, keys sorted.
    Json,
    /// A list; only whole cells are lists, not the items of one.
    List,
}

/// Where a value lies: a span of the page's wire bytes or of its arena, or of its items for a list.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    tag: Tag,
    place: Place,
    at: u32,
    len: u32,
}

/// In which bytes a span lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Wire,
    /// On the wire, and plain.
    Plain,
    Arena,
}

impl Span {
    /// A cell without a value.
    pub const MISSING: Self = Self {
        tag: Tag::Missing,
        place: Place::Wire,
        at: 0,
        len: 0,
    };

    /// The cell of a boolean.
    pub const fn bool(value: bool) -> Self {
        Self {
            tag: if value { Tag::True } else { Tag::False },
            place: Place::Plain,
            at: 0,
            len: 0,
        }
    }

    /// A value that stands, as it is, at these bytes of the wire. Pages are below 4 GiB: positions fit 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a page is at most some MiB; PageBuilder::new refuses larger wires"
    )]
    pub const fn wire(tag: Tag, at: usize, len: usize) -> Self {
        Self {
            tag,
            place: Place::Wire,
            at: at as u32,
            len: len as u32,
        }
    }

    /// The same value, known to be *plain*: it holds neither quote, CR, LF, TAB nor comma.
    ///
    /// Whoever finds a text's end on the wire has looked at all its bytes: what is seen there need not be sought again.
    #[must_use]
    pub const fn plain(self, plain: bool) -> Self {
        Self {
            place: if plain { Place::Plain } else { self.place },
            ..self
        }
    }

    /// The kind of the value.
    pub const fn tag(self) -> Tag {
        self.tag
    }
}

/// Leads in the order of their keys, each with the cells of the same slots.
#[derive(Debug, Clone, Default)]
pub struct Page {
    wire: Bytes,
    arena: Vec<u8>,
    cells: Vec<Span>,
    items: Vec<Span>,
    width: usize,
}

impl Page {
    /// The number of leads.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether the page holds no lead: a filter on the store's side, or the end of a shard.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lead at `index`, which must be below [`Page::len`].
    #[inline]
    pub fn row(&self, index: usize) -> Row<'_> {
        Row {
            page: self,
            first: index * self.width,
        }
    }

    /// All leads.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Bytes of memory that the page holds.
    pub fn weight(&self) -> usize {
        self.wire.len()
            + self.arena.capacity()
            + (self.cells.capacity() + self.items.capacity()) * size_of::<Span>()
    }

    #[inline]
    fn bytes(&self, span: Span) -> &[u8] {
        let from: &[u8] = match span.place {
            Place::Arena => &self.arena,
            Place::Wire | Place::Plain => &self.wire,
        };
        &from[span.at as usize..(span.at + span.len) as usize]
    }

    #[expect(
        clippy::inline_always,
        reason = "called for every cell of a file; a call costs as much as it does"
    )]
    #[inline(always)]
    fn cell(&self, span: Span) -> Cell<'_> {
        match span.tag {
            Tag::Missing => Cell::Missing,
            Tag::Text => Cell::Text(self.bytes(span)),
            Tag::Number => Cell::Number(self.bytes(span)),
            Tag::True => Cell::Bool(true),
            Tag::False => Cell::Bool(false),
            Tag::Binary => Cell::Binary(self.bytes(span)),
            Tag::Json => Cell::Json(self.bytes(span)),
            Tag::List => Cell::List(List {
                page: self,
                at: span.at as usize,
                len: span.len as usize,
            }),
        }
    }
}

/// One lead of a page.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    page: &'a Page,
    first: usize,
}

impl<'a> Row<'a> {
    /// The value in `slot`.
    #[inline]
    pub fn cell(&self, slot: Slot) -> Cell<'a> {
        self.page.cell(self.page.cells[self.first + slot])
    }

    /// The value in `slot`, and whether it is plain ([`Span::plain`]); if not, it may be all the same.
    #[inline]
    pub fn marked(&self, slot: Slot) -> (Cell<'a>, bool) {
        let span = self.page.cells[self.first + slot];
        (self.page.cell(span), span.place == Place::Plain)
    }

    /// The lead's key as stored; its byte order is the order of leads.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.page.bytes(self.page.cells[self.first + KEY])
    }
}

/// A value of a lead. All bytes but those of `Binary` (base64) are valid UTF-8.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// No such attribute, or null.
    Missing,
    /// Text; may be empty.
    Text(&'a [u8]),
    /// A number exactly as stored.
    Number(&'a [u8]),
    /// A boolean.
    Bool(bool),
    /// Bytes as base64.
    Binary(&'a [u8]),
    /// A map or nested list, as compact JSON with sorted keys.
    Json(&'a [u8]),
    /// A list or set; a set's items are sorted. Items are never lists.
    List(List<'a>),
}

impl<'a> Cell<'a> {
    /// The value's text if it is a single one that has text: text, number, base64, JSON, `true` or `false`.
    pub fn text(&self) -> Option<&'a [u8]> {
        match *self {
            Cell::Text(text) | Cell::Number(text) | Cell::Binary(text) | Cell::Json(text) => {
                Some(text)
            }
            Cell::Bool(true) => Some(b"true"),
            Cell::Bool(false) => Some(b"false"),
            Cell::Missing | Cell::List(_) => None,
        }
    }

    /// Whether the cell in a file would be filled: it has a value that is not an empty text or list.
    #[inline]
    pub fn is_filled(&self) -> bool {
        match self {
            Cell::List(list) => list.iter().any(|item| item.is_filled()),
            other => other.text().is_some_and(|text| !text.is_empty()),
        }
    }

    /// The cell's values one by one: the items of a list, the value itself of any other, nothing if missing.
    pub fn each(self) -> impl Iterator<Item = Cell<'a>> {
        let (list, single) = match self {
            Cell::Missing => (None, None),
            Cell::List(list) => (Some(list), None),
            other => (None, Some(other)),
        };
        list.into_iter().flat_map(|list| list.iter()).chain(single)
    }
}

/// The items of a list.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    page: &'a Page,
    at: usize,
    len: usize,
}

impl<'a> List<'a> {
    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let page = self.page;
        page.items[self.at..self.at + self.len]
            .iter()
            .map(move |span| page.cell(*span))
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Fills a [`Page`], lead by lead.
#[derive(Debug, Default)]
pub struct PageBuilder {
    page: Page,
}

impl PageBuilder {
    /// A builder over the bytes of a store's answer, for so many slots. An in-memory store passes no bytes.
    ///
    /// Wires of 4 GiB and more are cut off: no store answers so much, and positions have 32 bits.
    pub fn new(wire: Bytes, slots: &Slots) -> Self {
        let wire = if u32::try_from(wire.len()).is_ok() {
            wire
        } else {
            Bytes::new()
        };
        Self {
            page: Page {
                wire,
                width: slots.width(),
                ..Page::default()
            },
        }
    }

    /// Reserves room for so many leads.
    pub fn reserve(&mut self, leads: usize) {
        self.page.cells.reserve(leads * self.page.width);
    }

    /// Begins a lead: all its cells are missing until set.
    pub fn begin(&mut self) {
        self.page
            .cells
            .resize(self.page.cells.len() + self.page.width, Span::MISSING);
    }

    /// Drops the lead that was begun last.
    pub fn discard(&mut self) {
        let kept = self.page.cells.len().saturating_sub(self.page.width);
        self.page.cells.truncate(kept);
    }

    /// Sets a cell of the lead begun last.
    pub fn set(&mut self, slot: Slot, span: Span) {
        let first = self.page.cells.len() - self.page.width;
        self.page.cells[first + slot] = span;
    }

    /// The arena's end, to append bytes at and then call [`PageBuilder::arena_span`] with where it was.
    pub fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.page.arena
    }

    /// The value made of all arena bytes from `from` on.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an arena is smaller than the wire's values or made of one page in memory"
    )]
    pub fn arena_span(&self, tag: Tag, from: usize) -> Span {
        Span {
            tag,
            place: Place::Arena,
            at: from as u32,
            len: (self.page.arena.len() - from) as u32,
        }
    }

    /// Copies `bytes` into the arena.
    pub fn copy(&mut self, tag: Tag, bytes: &[u8]) -> Span {
        let from = self.page.arena.len();
        self.page.arena.extend_from_slice(bytes);
        self.arena_span(tag, from)
    }

    /// The bytes of a span made for this page.
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.page.bytes(span)
    }

    /// Makes a list of these items, none of which may be a list.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "items are fewer than bytes"
    )]
    pub fn list(&mut self, items: &[Span]) -> Span {
        let at = self.page.items.len();
        self.page.items.extend_from_slice(items);
        Span {
            tag: Tag::List,
            place: Place::Wire,
            at: at as u32,
            len: items.len() as u32,
        }
    }

    /// The page.
    pub fn finish(self) -> Page {
        self.page
    }
}
