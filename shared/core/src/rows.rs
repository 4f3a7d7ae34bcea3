//! Rows made ready: what is left of a page once it was filtered and encoded.
//!
//! A page is a megabyte of JSON; its rows are a third of that, and fewer where a filter drops some. So pages are made ready as they
//! come and are gone, and what waits for its turn in the order is small.

use crate::csv::RowFacts;

/// The decided leads of a page, in its order: each with its key, and the bytes that it adds to the file, if any.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    keys: Vec<u8>,
    csv: Vec<u8>,
    ends: Vec<Ends>,
}

/// Where a row ends in keys and bytes; it begins where the one before it ends.
#[derive(Debug, Clone, Copy)]
struct Ends {
    key: u32,
    csv: u32,
    matches: bool,
    facts: RowFacts,
}

/// A decided lead.
#[derive(Debug, Clone, Copy)]
pub struct ReadyRow<'a> {
    /// The lead's key as stored; its byte order is the order of leads.
    pub key: &'a [u8],
    /// Whether it matches.
    pub matches: bool,
    /// Its row, if it matches or may be wanted all the same.
    pub csv: Option<&'a [u8]>,
    /// What encoding it brought to light.
    pub facts: RowFacts,
}

impl Rows {
    /// The number of leads.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all leads and keeps the room.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.csv.clear();
        self.ends.clear();
    }

    /// Appends a lead that does not match.
    pub fn skip(&mut self, key: &[u8]) {
        self.keys.extend_from_slice(key);
        self.end(false, RowFacts::default());
    }

    /// Appends a lead whose row `encode` appends: some bytes, its line end at the least.
    pub fn push(&mut self, key: &[u8], encode: impl FnOnce(&mut Vec<u8>) -> RowFacts) {
        self.keys.extend_from_slice(key);
        let facts = encode(&mut self.csv);
        self.end(true, facts);
    }

    /// Appends a lead that does not match and may be wanted all the same.
    pub fn push_joining(&mut self, key: &[u8], encode: impl FnOnce(&mut Vec<u8>) -> RowFacts) {
        self.keys.extend_from_slice(key);
        let facts = encode(&mut self.csv);
        self.end(false, facts);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys and rows are made of a page, whose positions have 32 bits"
    )]
    fn end(&mut self, matches: bool, facts: RowFacts) {
        self.ends.push(Ends {
            key: self.keys.len() as u32,
            csv: self.csv.len() as u32,
            matches,
            facts,
        });
    }

    fn begin(&self, index: usize) -> (usize, usize) {
        let before = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        before.map_or((0, 0), |ends| (ends.key as usize, ends.csv as usize))
    }

    /// The key of the lead at `index`, which must be below [`Rows::len`].
    #[inline]
    pub fn key(&self, index: usize) -> &[u8] {
        &self.keys[self.begin(index).0..self.ends[index].key as usize]
    }

    /// The lead at `index`, which must be below [`Rows::len`].
    #[inline]
    pub fn row(&self, index: usize) -> ReadyRow<'_> {
        let (key, csv) = self.begin(index);
        let ends = self.ends[index];
        let csv = &self.csv[csv..ends.csv as usize];
        ReadyRow {
            key: &self.keys[key..ends.key as usize],
            matches: ends.matches,
            csv: (!csv.is_empty()).then_some(csv),
            facts: ends.facts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_come_back_as_they_were_put() {
        let excel = RowFacts { excel_cell: true };
        let mut rows = Rows::default();
        for _ in 0..2 {
            rows.clear();
            rows.skip(b"a");
            rows.push(b"bb", |out| {
                out.extend_from_slice(b"1,2\r\n");
                excel
            });
            rows.skip(b"");
            rows.push(b"c", |out| {
                out.extend_from_slice(b"\r\n");
                RowFacts::default()
            });
            let all: Vec<_> = (0..rows.len())
                .map(|index| {
                    let row = rows.row(index);
                    assert_eq!(row.key, rows.key(index));
                    (row.key, row.csv, row.facts.excel_cell)
                })
                .collect();
            assert_eq!(all[0], (b"a".as_slice(), None, false));
            assert_eq!(
                all[1],
                (b"bb".as_slice(), Some(b"1,2\r\n".as_slice()), true)
            );
            assert_eq!(all[2], (b"".as_slice(), None, false));
            assert_eq!(all[3], (b"c".as_slice(), Some(b"\r\n".as_slice()), false));
            assert_eq!(all.len(), 4);
        }
    }
}
