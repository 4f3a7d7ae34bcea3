//! Attribute values into cells: as they lie on the wire where they can stay, else changed into the arena.

use lead_export_core::page::{KEY, PageBuilder, Slots, Span, Tag};

use super::What;
use super::names::{Joint, Kind, Names, START};
use super::scan::{Scanner, Text};
use super::text;

/// The state of reading the items of one page.
#[derive(Debug)]
pub(super) struct Items<'a, 's> {
    pub(super) scanner: Scanner<'a>,
    pub(super) builder: PageBuilder,
    names: Names<'s>,
    /// Cells of the list that is being read.
    spans: Vec<Span>,
    /// Entries of the maps and sets that are being read, the innermost last.
    pub(super) entries: Vec<super::nested::Entry>,
    /// What those entries are sorted by, where it had escapes.
    pub(super) resolved: Vec<u8>,
    /// Texts without their escapes, where they are needed for a moment only.
    pub(super) scratch: Vec<u8>,
}

impl<'a, 's> Items<'a, 's> {
    pub(super) fn new(scanner: Scanner<'a>, builder: PageBuilder, slots: &'s Slots) -> Self {
        Self {
            scanner,
            builder,
            names: Names::new(slots),
            spans: Vec::new(),
            entries: Vec::new(),
            resolved: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Reads an item, its opening bracket taken, into a new row.
    pub(super) fn item(&mut self) -> Result<(), What> {
        self.builder.begin();
        let mut key = false;
        let mut before = START;
        // The place is kept here, and told to the scanner only where it is needed: this loop is most of the work.
        let bytes = self.scanner.bytes();
        let mut pos = self.scanner.pos();
        loop {
            let joint = if let Some((joint, len)) = self.names.guess(bytes, pos, before) {
                pos += len;
                joint
            } else {
                self.scanner.go(pos);
                let joint = self.joint(before)?;
                pos = self.scanner.pos();
                joint
            };
            before = joint.number;
            if joint.kind == Kind::Text
                && let Some(end) = self.scanner.short_end(pos)
            {
                if let Some(slot) = joint.slot() {
                    let span = Span::wire(Tag::Text, pos, end.at - pos);
                    self.builder.set(slot, span.plain(end.plain));
                    key |= slot == KEY;
                }
                pos = end.at + 1;
                continue;
            }
            self.scanner.go(pos);
            if joint.kind == Kind::End {
                break;
            }
            if let Some(slot) = joint.slot() {
                let span = self.cell(joint.kind)?;
                if slot == KEY {
                    if span.tag() != Tag::Text {
                        return Err(What::Key);
                    }
                    key = true;
                }
                self.builder.set(slot, span);
            } else {
                self.pass(joint.kind)?;
            }
            pos = self.scanner.pos();
        }
        if key { Ok(()) } else { Err(What::NoKey) }
    }

    /// Reads token by token what stands between two values: the end of the one, the name and type of the next or the item's end.
    fn joint(&mut self, before: u16) -> Result<Joint, What> {
        let at = self.scanner.pos();
        let more = if before == START {
            !self.scanner.take(b'}')
        } else {
            self.scanner.expect(b'}')?;
            self.scanner.more(b'}')?
        };
        let mut name = None;
        let mut kind = Kind::End;
        if more {
            name = Some(self.scanner.string()?);
            self.scanner.expect(b':')?;
            kind = self.open()?;
        }
        let len = self.scanner.pos() - at;
        let bytes = self.scanner.bytes();
        let joint = if let Some(joint) = self.names.find(bytes, at, len) {
            joint
        } else {
            let slot =
                name.and_then(|name| self.names.slot(resolve(bytes, name, &mut self.scratch)));
            if slot.is_some() && kind == Kind::Unknown {
                return Err(What::Type);
            }
            self.names.remember(bytes, at, len, slot, kind)
        };
        self.names.follows(before, joint);
        Ok(joint)
    }

    /// A string's text, good until the next one is resolved.
    pub(super) fn resolve(&mut self, string: Text) -> &[u8] {
        resolve(self.scanner.bytes(), string, &mut self.scratch)
    }

    /// Takes `{"S":"` and the like: an attribute value up to the first byte within it.
    ///
    /// Behind it lie, for texts, numbers and binaries, the string's content; for sets, lists and maps, the first entry; for
    /// booleans and nulls, nothing.
    #[inline]
    pub(super) fn open(&mut self) -> Result<Kind, What> {
        let rest = &self.scanner.bytes()[self.scanner.pos()..];
        if let Some([b'{', b'"', kind, b'"', b':', opening]) = rest.first_chunk() {
            let kind = match (kind, opening) {
                (b'S', b'"') => Some(Kind::Text),
                (b'N', b'"') => Some(Kind::Number),
                (b'B', b'"') => Some(Kind::Binary),
                (b'M', b'{') => Some(Kind::Map),
                (b'L', b'[') => Some(Kind::List),
                _ => None,
            };
            if let Some(kind) = kind {
                self.scanner.go(self.scanner.pos() + 6);
                return Ok(kind);
            }
        }
        self.open_by_token()
    }

    fn open_by_token(&mut self) -> Result<Kind, What> {
        self.scanner.expect(b'{')?;
        let name = self.scanner.string()?;
        self.scanner.expect(b':')?;
        let kind = match self.resolve(name) {
            b"S" => Kind::Text,
            b"N" => Kind::Number,
            b"B" => Kind::Binary,
            b"M" => Kind::Map,
            b"L" => Kind::List,
            b"SS" => Kind::TextSet,
            b"NS" => Kind::NumberSet,
            b"BS" => Kind::BinarySet,
            b"BOOL" => {
                if self.scanner.peek() == Some(b't') {
                    self.scanner.word(b"true")?;
                    return Ok(Kind::True);
                }
                self.scanner.word(b"false")?;
                return Ok(Kind::False);
            }
            b"NULL" => {
                // The service says that it is true; "false" would be a null as well.
                if self.scanner.peek() == Some(b't') {
                    self.scanner.word(b"true")?;
                } else {
                    self.scanner.word(b"false")?;
                }
                return Ok(Kind::Null);
            }
            _ => return Ok(Kind::Unknown),
        };
        self.scanner.expect(match kind {
            Kind::Map => b'{',
            Kind::List | Kind::TextSet | Kind::NumberSet | Kind::BinarySet => b'[',
            _ => b'"',
        })?;
        Ok(kind)
    }

    /// Passes over the rest of a value that nobody wants.
    fn pass(&mut self, kind: Kind) -> Result<(), What> {
        match kind {
            Kind::Text | Kind::Number | Kind::Binary => self.scanner.string_rest().map(drop),
            Kind::True | Kind::False | Kind::Null | Kind::End => Ok(()),
            Kind::Map => self.scanner.skip_rest(true),
            Kind::List | Kind::TextSet | Kind::NumberSet | Kind::BinarySet => {
                self.scanner.skip_rest(false)
            }
            Kind::Unknown => self.scanner.skip(),
        }
    }

    /// Reads the rest of a value that is wanted.
    #[inline]
    fn cell(&mut self, kind: Kind) -> Result<Span, What> {
        match kind {
            Kind::Text => self.string(Tag::Text),
            Kind::List => self.list(),
            Kind::TextSet => self.set(Tag::Text),
            Kind::NumberSet => self.set(Tag::Number),
            Kind::BinarySet => self.set(Tag::Binary),
            other => self.single(other),
        }
    }

    /// Reads the rest of a value as a single cell: what has items becomes JSON.
    fn single(&mut self, kind: Kind) -> Result<Span, What> {
        match kind {
            Kind::Text => self.string(Tag::Text),
            Kind::Number => self.string(Tag::Number),
            Kind::Binary => self.string(Tag::Binary),
            Kind::True => Ok(Span::bool(true)),
            Kind::False => Ok(Span::bool(false)),
            Kind::Null => Ok(Span::MISSING),
            Kind::Unknown | Kind::End => Err(What::Type),
            Kind::Map | Kind::List | Kind::TextSet | Kind::NumberSet | Kind::BinarySet => {
                let from = self.builder.arena().len();
                self.json(kind, 1)?;
                Ok(self.builder.arena_span(Tag::Json, from))
            }
        }
    }

    #[inline]
    fn string(&mut self, tag: Tag) -> Result<Span, What> {
        let string = self.scanner.string_rest()?;
        if !string.escaped {
            let span = Span::wire(tag, string.at, string.end - string.at);
            return Ok(span.plain(string.plain));
        }
        let from = self.builder.arena().len();
        text::unescape(string.raw(self.scanner.bytes()), self.builder.arena());
        Ok(self.builder.arena_span(tag, from))
    }

    fn list(&mut self) -> Result<Span, What> {
        self.spans.clear();
        if !self.scanner.take(b']') {
            loop {
                let span = match self.open()? {
                    Kind::Text => self.string(Tag::Text)?,
                    other => self.single(other)?,
                };
                self.spans.push(span);
                self.scanner.expect(b'}')?;
                if !self.scanner.more(b']')? {
                    break;
                }
            }
        }
        Ok(self.builder.list(&self.spans))
    }

    fn set(&mut self, tag: Tag) -> Result<Span, What> {
        self.spans.clear();
        if !self.scanner.take(b']') {
            loop {
                self.scanner.expect(b'"')?;
                let span = self.string(tag)?;
                self.spans.push(span);
                if !self.scanner.more(b']')? {
                    break;
                }
            }
        }
        let builder = &self.builder;
        self.spans
            .sort_by(|a, b| builder.bytes(*a).cmp(builder.bytes(*b)));
        Ok(self.builder.list(&self.spans))
    }
}

/// A string's text: on the wire, or in `scratch` without its escapes.
pub(super) fn resolve<'b>(bytes: &'b [u8], string: Text, scratch: &'b mut Vec<u8>) -> &'b [u8] {
    let raw = string.raw(bytes);
    if !string.escaped {
        return raw;
    }
    scratch.clear();
    text::unescape(raw, scratch);
    scratch
}
