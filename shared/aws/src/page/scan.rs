//! Reads JSON where it lies: tokens, strings by their ends, and values that nobody wants, all checked against RFC 8259.

use super::What;
use super::text;

/// Arrays and objects within each other at most, in any value.
///
/// DynamoDB nests 32 levels deep ("Nested attributes": Service, account, and table quotas), and each level of a value is two of
/// JSON. What is deeper did not come from a table; without a bound it would cost us the stack.
pub(super) const MAX_DEPTH: u32 = 80;

/// Words of a text that are looked at one by one.
const WORDS: usize = 6;

/// A string's content on the wire, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
    /// It holds no comma, nor anything else that a cell is quoted for.
    pub(super) plain: bool,
}

/// Where a short string ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The place of its closing quote.
    pub(super) at: usize,
    /// See [`Text::plain`].
    pub(super) plain: bool,
}

impl Text {
    pub(super) fn raw<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.at..self.end]
    }
}

/// A place in the bytes, moving forward only.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    /// Whether there are control characters somewhere: blanks between tokens, or an error within a string.
    control: bool,
}

/// Marks the bytes of `word` that are a quote or a backslash by their highest bit.
///
/// The lowest mark is always right; a higher one may be wrong, for the borrow of a mark below it.
#[inline]
const fn marks(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = LOW * b'"' as u64;
    const BACKSLASHES: u64 = LOW * b'\\' as u64;
    ((word ^ QUOTES).wrapping_sub(LOW) | (word ^ BACKSLASHES).wrapping_sub(LOW)) & !word & HIGH
}

/// Marks the bytes of `word` that are commas by their highest bit; may mark others as well.
#[inline]
const fn commas(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    (word ^ (LOW * b',' as u64)).wrapping_sub(LOW) & !word & (LOW << 7)
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // Branch-free, so that it is compiled to vector instructions: cheaper than looking at each string for itself.
        let control = bytes
            .chunks(4096)
            .any(|chunk| chunk.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ');
        Self {
            bytes,
            pos: 0,
            control,
        }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Goes on at `pos`, which is not behind the end.
    pub(super) fn go(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// The next byte that is no blank.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.pos).copied();
        match byte {
            Some(..=b' ') => self.behind_blanks(),
            other => other,
        }
    }

    #[cold]
    fn behind_blanks(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.pos) {
            self.pos += 1;
        }
        self.bytes.get(self.pos).copied()
    }

    /// Takes `byte` after any blanks.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), What> {
        if self.peek() == Some(byte) {
            self.pos += 1;
            Ok(())
        } else {
            Err(What::Syntax)
        }
    }

    /// Takes `byte` after any blanks, if it is there.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// After an entry: whether another follows (true), or `end` was taken.
    #[inline]
    pub(super) fn more(&mut self, end: u8) -> Result<bool, What> {
        match self.peek() {
            Some(b',') => {
                self.pos += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.pos += 1;
                Ok(false)
            }
            _ => Err(What::Syntax),
        }
    }

    /// Takes these very bytes, which hold no blanks, after any blanks.
    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), What> {
        self.peek();
        if self.bytes[self.pos..].starts_with(word) {
            self.pos += word.len();
            Ok(())
        } else {
            Err(What::Syntax)
        }
    }

    /// The string that begins here, after any blanks.
    pub(super) fn string(&mut self) -> Result<Text, What> {
        self.expect(b'"')?;
        self.string_rest()
    }

    /// Where the string ends whose content begins at `at`, if it is a short one without escapes.
    #[expect(
        clippy::inline_always,
        reason = "called for every value; saving and restoring registers would cost as much as the search"
    )]
    #[inline(always)]
    pub(super) fn short_end(&self, at: usize) -> Option<End> {
        let rest = self.bytes.get(at..)?;
        let mut seen = 0;
        // Most cells are short: a call into the search for long texts costs as much as some words here.
        for (index, chunk) in rest.as_chunks::<8>().0.iter().take(WORDS).enumerate() {
            let word = u64::from_le_bytes(*chunk);
            let found = marks(word);
            if found != 0 {
                let bit = found.trailing_zeros();
                let quote = (word >> (bit - 7)) & 0xFF == u64::from(b'"');
                // Of this word, only what stands before the end.
                seen |= commas(word) & ((1 << bit) - 1);
                return (quote && !self.control).then(|| End {
                    at: at + 8 * index + (bit / 8) as usize,
                    plain: seen == 0,
                });
            }
            seen |= commas(word);
        }
        None
    }

    /// The string whose opening quote was just taken.
    #[inline]
    pub(super) fn string_rest(&mut self) -> Result<Text, What> {
        let at = self.pos;
        let Some(end) = self.short_end(at) else {
            return self.long_string_rest();
        };
        self.pos = end.at + 1;
        Ok(Text {
            at,
            end: end.at,
            escaped: false,
            plain: end.plain,
        })
    }

    /// The same for strings that are long or have escapes.
    #[inline(never)]
    fn long_string_rest(&mut self) -> Result<Text, What> {
        let at = self.pos;
        self.pos = self.quote_or_backslash(at)?;
        let mut escaped = false;
        while self.bytes[self.pos] == b'\\' {
            let length = text::escape_length(&self.bytes[self.pos..]).ok_or(What::Escape)?;
            self.pos = self.quote_or_backslash(self.pos + length)?;
            escaped = true;
        }
        if self.control {
            self.refuse_control(at)?;
        }
        let end = self.pos;
        self.pos += 1;
        Ok(Text {
            at,
            end,
            escaped,
            plain: false,
        })
    }

    /// Where the next quote or backslash is.
    fn quote_or_backslash(&mut self, from: usize) -> Result<usize, What> {
        if let Some(offset) = memchr::memchr2(b'"', b'\\', &self.bytes[from..]) {
            Ok(from + offset)
        } else {
            self.pos = self.bytes.len();
            Err(What::Cut)
        }
    }

    #[cold]
    fn refuse_control(&mut self, at: usize) -> Result<(), What> {
        match self.bytes[at..self.pos]
            .iter()
            .position(|byte| *byte < b' ')
        {
            Some(offset) => {
                self.pos = at + offset;
                Err(What::Control)
            }
            None => Ok(()),
        }
    }

    /// The number that begins here, after any blanks, as its text.
    pub(super) fn number(&mut self) -> Result<&'a str, What> {
        self.peek();
        let at = self.pos;
        let digits = |scanner: &mut Self| {
            let from = scanner.pos;
            while scanner
                .bytes
                .get(scanner.pos)
                .is_some_and(u8::is_ascii_digit)
            {
                scanner.pos += 1;
            }
            scanner.pos > from
        };
        self.pos += usize::from(self.bytes.get(self.pos) == Some(&b'-'));
        let zero = self.bytes.get(self.pos) == Some(&b'0');
        let from = self.pos;
        if !digits(self) || (zero && self.pos > from + 1) {
            return Err(What::Syntax);
        }
        if self.bytes.get(self.pos) == Some(&b'.') {
            self.pos += 1;
            if !digits(self) {
                return Err(What::Syntax);
            }
        }
        if matches!(self.bytes.get(self.pos), Some(b'e' | b'E')) {
            self.pos += 1;
            self.pos += usize::from(matches!(self.bytes.get(self.pos), Some(b'+' | b'-')));
            if !digits(self) {
                return Err(What::Syntax);
            }
        }
        std::str::from_utf8(&self.bytes[at..self.pos]).map_err(|_| What::Syntax)
    }

    /// Passes over the value that begins here.
    pub(super) fn skip(&mut self) -> Result<(), What> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => {
                self.pos += 1;
                self.skip_rest(true)
            }
            Some(b'[') => {
                self.pos += 1;
                self.skip_rest(false)
            }
            _ => self.skip_scalar(),
        }
    }

    fn skip_scalar(&mut self) -> Result<(), What> {
        match self.peek() {
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            None => Err(What::Cut),
            _ => Err(What::Syntax),
        }
    }

    /// Passes over an attribute value such as `{"S":"x"}`, short and without blanks: most nested ones are. Else stays.
    #[inline]
    fn skip_short(&mut self) -> bool {
        let rest = self.bytes.get(self.pos..).and_then(<[u8]>::first_chunk);
        let Some([b'{', b'"', b'A'..=b'Z', b'"', b':', b'"']) = rest else {
            return false;
        };
        match self.short_end(self.pos + 6) {
            Some(end) if self.bytes.get(end.at + 1) == Some(&b'}') => {
                self.pos = end.at + 2;
                true
            }
            _ => false,
        }
    }

    /// Passes over an object (or array) whose opening bracket was just taken.
    ///
    /// A loop: the open brackets are bits, an object's 1, so that no input can use up the stack.
    pub(super) fn skip_rest(&mut self, object: bool) -> Result<(), What> {
        let mut open = u128::from(object);
        let mut depth = 1;
        // Whether the innermost bracket was just opened, so that it may close at once.
        let mut fresh = true;
        loop {
            let object = open & 1 == 1;
            let end = if object { b'}' } else { b']' };
            let closed = if fresh {
                self.take(end)
            } else {
                !self.more(end)?
            };
            fresh = false;
            if closed {
                open >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Ok(());
                }
                continue;
            }
            if object {
                self.string()?;
                self.expect(b':')?;
            }
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    self.string_rest()?;
                }
                Some(b'{') if self.skip_short() => {}
                Some(byte @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err(What::Depth);
                    }
                    self.pos += 1;
                    open = open << 1 | u128::from(byte == b'{');
                    depth += 1;
                    fresh = true;
                }
                _ => self.skip_scalar()?,
            }
        }
    }
}
