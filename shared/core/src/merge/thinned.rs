//! Pages of which a store has left leads out: those are decided as well, and count as read.

use crate::lead::LeadKey;
use crate::ports::{LeadPage, PageQuery};
use crate::time::Instant;

/// Leads left out of pages and not yet counted.
///
/// A page says how many they are and not where they lie. They are counted when the whole page is decided; before, which a pause may
/// need, in the measure of the time between the page's ends. So a run counts each once, and what a run that goes on behind a pause
/// counts again or leaves out is what lies unevenly in one page of each shard.
#[derive(Debug, Default)]
pub(super) struct Thinned(Vec<Thin>);

#[derive(Debug)]
struct Thin {
    /// When the lead before its first was created, and its last, in milliseconds.
    ends: Option<(i64, i64)>,
    /// The last key that it speaks of.
    last: LeadKey,
    left_out: u64,
    counted: u64,
}

impl Thinned {
    /// Notes the answer to a query.
    pub(super) fn note(&mut self, query: &PageQuery, page: &LeadPage) {
        let left_out = page.scanned.saturating_sub(page.page.len() as u64);
        if left_out == 0 {
            return;
        }
        let end = if query.descending {
            &query.from
        } else {
            &query.to
        };
        let last = page.next.as_ref().unwrap_or(end);
        // The bounds of a query may lie far from its first lead: then the first that came tells more, and if none did, nothing.
        let first = match &query.after {
            Some(after) => created_at(after.as_str().as_bytes()),
            None => page
                .page
                .rows()
                .next()
                .and_then(|row| created_at(row.key())),
        };
        self.0.push(Thin {
            ends: first.zip(created_at(last.as_str().as_bytes())),
            last: last.clone(),
            left_out,
            counted: 0,
        });
    }

    /// Whether all are counted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are decided since the last call, all leads up to `cursor` being decided.
    pub(super) fn count(&mut self, cursor: &LeadKey, descending: bool) -> u64 {
        let at = created_at(cursor.as_str().as_bytes());
        let mut sum = 0;
        self.0.retain_mut(|page| {
            let is_decided = if descending {
                *cursor <= page.last
            } else {
                page.last <= *cursor
            };
            let by_now = if is_decided {
                page.left_out
            } else {
                page.part_until(at, descending).max(page.counted)
            };
            sum += by_now - page.counted;
            page.counted = by_now;
            !is_decided
        });
        sum
    }

    /// All others: nothing is left to decide.
    pub(super) fn rest(&mut self) -> u64 {
        let rest = self.0.drain(..).map(|page| page.left_out - page.counted);
        rest.sum()
    }

    /// Forgets them: they will not be decided.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Thin {
    fn part_until(&self, at: Option<i64>, descending: bool) -> u64 {
        let (Some((first, last)), Some(at)) = (self.ends, at) else {
            return 0;
        };
        let (way, whole) = if descending {
            (first - at, first - last)
        } else {
            (at - first, last - first)
        };
        let (Ok(way), Ok(whole)) = (u64::try_from(way), u64::try_from(whole)) else {
            return 0;
        };
        let part =
            u128::from(self.left_out) * u128::from(way.min(whole)) / u128::from(whole.max(1));
        u64::try_from(part).unwrap_or(self.left_out)
    }
}

/// When the lead of a key was created.
fn created_at(key: &[u8]) -> Option<i64> {
    let (text, _) = LeadKey::parts_of(key);
    let at = Instant::parse(std::str::from_utf8(text).ok()?).ok()?;
    Some(at.millis())
}
