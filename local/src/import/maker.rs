//! What makes leads of rows, whatever the rows are.

use std::collections::HashMap;
use std::time::Duration;

use lead_export_core::lead::{LeadId, SourceId};
use lead_export_core::time::Instant;
use sha2::{Digest as _, Sha256};

use super::cells::Customs;
use super::skip::Skip;

/// What DynamoDB holds in one item: 400 KB, attribute names included ("Item size", Developer Guide). Room is kept for the keys.
pub(super) const LEAD_BYTES: usize = 400 * 1024 - 4 * 1024;

/// Bytes of leads that one read gives, nearly: what is held of the file.
pub(super) const READ_BYTES: usize = 16 << 20;

/// Half of a SHA-256: two of the same of different rows will not be seen.
pub(super) type Hash = [u8; 16];

/// What is known of rows before the one at hand. `P` is where a row lies.
pub(super) struct Maker<P> {
    /// The source, a part of ids that are made.
    pub(super) source: SourceId,
    /// How cells are read.
    pub(super) customs: Customs,
    /// No lead is younger.
    pub(super) start: Instant,
    /// Rows of the file.
    pub(super) total: u64,
    /// Rows looked at.
    pub(super) at: u64,
    /// Whether a row that was taken fills a people field.
    pub(super) people: bool,
    /// The mapped ids that were taken, and where.
    seen: HashMap<Hash, P>,
    /// How often each row came, where no column is the id.
    times: HashMap<Hash, u32>,
}

/// Why a mapped id is not taken.
pub(super) enum NotTaken<P> {
    /// By itself.
    Bad(Skip),
    /// The row at this place has it.
    Taken(P),
}

impl<P: Copy> Maker<P> {
    /// Before the first of `total` rows.
    pub(super) fn new(source: SourceId, customs: Customs, start: Instant, total: u64) -> Self {
        Self {
            source,
            customs,
            start,
            total,
            at: 0,
            people: false,
            seen: HashMap::new(),
            times: HashMap::new(),
        }
    }

    /// Takes a mapped id: last of all, since it counts what is taken.
    pub(super) fn take(&mut self, id: &str, place: P) -> Result<LeadId, NotTaken<P>> {
        if id.trim().is_empty() {
            return Err(NotTaken::Bad(Skip::EmptyId));
        }
        let parsed = LeadId::parse(id).map_err(|_| NotTaken::Bad(Skip::LongId))?;
        let hash = half(Sha256::digest(id));
        if let Some(first) = self.seen.get(&hash) {
            return Err(NotTaken::Taken(*first));
        }
        self.seen.insert(hash, place);
        Ok(parsed)
    }

    /// An id of source, row and occurrence: last of all, since it counts what is taken.
    pub(super) fn make<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<LeadId, Skip> {
        let mut hash = Sha256::new();
        hash.update(self.source.as_str());
        for part in parts {
            // With its length, so that no two rows run into the same text.
            hash.update([0]);
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let row = half(hash.finalize());
        let times = self.times.entry(row).or_insert(0);
        let made = Sha256::new()
            .chain_update(row)
            .chain_update(times.to_be_bytes());
        *times += 1;
        LeadId::parse(hex::encode(half(made.finalize()))).map_err(|_| Skip::LongId)
    }

    /// Refuses a moment that has not been yet.
    pub(super) fn past(&self, at: Instant, header: &str, cell: &str) -> Result<Instant, Skip> {
        if at <= self.start {
            return Ok(at);
        }
        Err(Skip::Future {
            header: header.to_owned(),
            cell: cell.to_owned(),
        })
    }

    /// When the row that is looked at came to be, if no column says it: the last one at the start, each earlier one a
    /// millisecond before the next.
    pub(super) fn place(&self) -> Instant {
        let behind = self.total.saturating_sub(self.at);
        self.start.minus(Duration::from_millis(behind))
    }
}

fn half(digest: impl AsRef<[u8]>) -> Hash {
    let mut half = Hash::default();
    let bytes = digest.as_ref();
    half.copy_from_slice(&bytes[..16]);
    half
}
