//! The bytes of a file between the encoder and the pieces: as they are, or as a series of gzip members (RFC 1952, section 2.2).
//!
//! A member is compressed at once, when its last row is there: its bytes are a function of its rows, and where it ends is a
//! function of the rows' lengths. So neither slices nor pieces nor retries show in the file.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The level of all members. zlib's own default; a constant, because the file's bytes depend on it.
const LEVEL: u32 = 6;

/// The bytes of a file that no piece holds yet.
///
/// Invariant: `finished` ends at a row end, and in a compressed file at a member's end; what comes behind it is `open`.
#[derive(Debug)]
pub struct Members {
    /// Bytes of CSV that close a member; none in a plain file, which has no members.
    member_bytes: Option<usize>,
    finished: Vec<u8>,
    /// The CSV of the member that is not closed; always empty in a plain file.
    open: Vec<u8>,
}

impl Members {
    /// A file that begins with `header`, whole rows or nothing; compressed if there are `member_bytes`.
    pub fn beginning(member_bytes: Option<usize>, header: Vec<u8>) -> Self {
        let (finished, open) = match member_bytes {
            None => (header, Vec::new()),
            Some(_) => (Vec::new(), header),
        };
        let mut members = Self {
            member_bytes,
            finished,
            open,
        };
        members.close_if_full();
        members
    }

    /// Takes up what [`Members::take_tail`] gave. None if it cannot be of such a file.
    pub fn taken_up(
        member_bytes: Option<usize>,
        mut tail: Vec<u8>,
        open_bytes: u64,
    ) -> Option<Self> {
        if member_bytes.is_none() && open_bytes > 0 {
            return None;
        }
        let end = tail.len().checked_sub(usize::try_from(open_bytes).ok()?)?;
        let open = tail.split_off(end);
        Some(Self {
            member_bytes,
            finished: tail,
            open,
        })
    }

    /// Lets `write` append one row.
    pub fn row<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        if self.member_bytes.is_none() {
            return write(&mut self.finished);
        }
        let answer = write(&mut self.open);
        self.close_if_full();
        answer
    }

    /// Whether a piece of `bytes` or more can be cut here so that it holds all rows: within an open member none can.
    pub fn holds(&self, bytes: usize) -> bool {
        self.finished.len() >= bytes && self.open.is_empty()
    }

    /// Takes out what is finished; what comes goes into `room`, which is empty.
    pub fn cut(&mut self, room: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.finished, room)
    }

    /// Takes out everything, for a later run: what is finished, behind it the open member's rows as CSV; how many bytes those are.
    pub fn take_tail(&mut self) -> (Vec<u8>, u64) {
        let open_bytes = self.open.len() as u64;
        let mut tail = self.cut(Vec::new());
        tail.append(&mut self.open);
        (tail, open_bytes)
    }

    /// The end of the file. A compressed file of which `nothing_before` is in pieces has one member at least, be it empty:
    /// no bytes at all are no gzip file.
    pub fn into_end(mut self, nothing_before: bool) -> Vec<u8> {
        let lacks_member = nothing_before && self.finished.is_empty();
        if self.member_bytes.is_some() && (lacks_member || !self.open.is_empty()) {
            self.close();
        }
        self.finished
    }

    fn close_if_full(&mut self) {
        if self
            .member_bytes
            .is_some_and(|full| self.open.len() >= full)
        {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Err(error) = append_member(&self.open, &mut self.finished) {
            unreachable!("memory takes all that is written: {error}");
        }
        self.open.clear();
    }
}

/// Appends one member that holds `plain`: no name, no time, the level above.
fn append_member(plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, Compression::new(LEVEL));
    encoder.write_all(plain)?;
    encoder.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests;
