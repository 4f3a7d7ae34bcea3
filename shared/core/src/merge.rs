//! k sorted key-shards, read ahead, into one sorted stream and its watermark.
//!
//! The rule: release rows, in order, up to the least key that every shard has been read to. It needs one key to take up
//! again: all shards go on strictly after the cursor, because the order is total (`house.md` §3.5).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::lead::LeadKey;
use crate::page::{Page, Row};
use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};

/// One shard: the page being released, the page behind it, and where reading goes on.
struct Shard {
    query: PageQuery,
    page: Page,
    at: usize,
    /// How far the pages taken up reach: everything up to here is in `page` or released. None before the first page.
    reached: Option<LeadKey>,
    ahead: Option<LeadPage>,
    /// A read is under way.
    reading: bool,
    /// There is nothing behind the pages read.
    ended: bool,
}

impl Shard {
    fn head(&self) -> Option<Row<'_>> {
        (self.at < self.page.len()).then(|| self.page.row(self.at))
    }

    /// Whether all pages have been read and released.
    fn is_done(&self) -> bool {
        self.ended && self.ahead.is_none() && self.at >= self.page.len()
    }

    fn take_up(&mut self, next: LeadPage) {
        self.page = next.page;
        self.at = 0;
        self.reached = next.next;
    }
}

type Read = BoxFuture<'static, (usize, Result<LeadPage, StoreError>)>;

/// A sorted stream over the shards of a source.
///
/// Memory: two pages a shard at most, one being released and one read ahead.
pub struct Merge {
    leads: Arc<dyn LeadSource>,
    shards: Vec<Shard>,
    reads: FuturesUnordered<Read>,
    /// Shards that have a row, the one whose row comes first at the end.
    order: Vec<usize>,
    /// The key of the row released last, if rows were released since `cursor` was noted.
    released: Option<(usize, usize)>,
    cursor: Option<LeadKey>,
    descending: bool,
}

impl Merge {
    /// A stream over these shards' queries, all of one direction, strictly after `after`.
    pub fn new(
        leads: Arc<dyn LeadSource>,
        queries: Vec<PageQuery>,
        after: Option<LeadKey>,
    ) -> Self {
        let descending = queries.first().is_some_and(|query| query.descending);
        let shards = queries
            .into_iter()
            .map(|query| Shard {
                query: PageQuery {
                    after: after.clone(),
                    ..query
                },
                page: Page::default(),
                at: 0,
                reached: None,
                ahead: None,
                reading: false,
                ended: false,
            })
            .collect();
        Self {
            leads,
            shards,
            reads: FuturesUnordered::new(),
            order: Vec::new(),
            released: None,
            cursor: after,
            descending,
        }
    }

    /// Waits until rows can be released or the cursor has moved; false when all has been released.
    ///
    /// Cancelling the wait loses nothing: reads under way go on at the next call.
    ///
    /// # Errors
    /// The first [`StoreError`] of a read.
    pub async fn fill(&mut self) -> Result<bool, StoreError> {
        let before = self.bound().map(Option::<&LeadKey>::cloned);
        loop {
            // Reads that have ended while rows were encoded are taken in first, so that the next ones start at once.
            while let Some(Some((index, read))) = self.reads.next().now_or_never() {
                self.accept(index, read?);
            }
            self.start_reads();
            if self.shards.iter().all(Shard::is_done) {
                return Ok(false);
            }
            if self.is_ready() || self.bound() != before.as_ref().map(Option::as_ref) {
                return Ok(true);
            }
            if let Some((index, read)) = self.reads.next().await {
                self.accept(index, read?);
            }
        }
    }

    /// Keeps reads going while nobody can take rows; never returns but with an error, which `fill` would have met as well.
    ///
    /// # Errors
    /// The first [`StoreError`] of a read.
    pub async fn drive(&mut self) -> Result<std::convert::Infallible, StoreError> {
        loop {
            self.start_reads();
            match self.reads.next().await {
                Some((index, read)) => self.accept(index, read?),
                None => std::future::pending().await,
            }
        }
    }

    fn start_reads(&mut self) {
        for (index, shard) in self.shards.iter_mut().enumerate() {
            if shard.reading || shard.ended || shard.ahead.is_some() {
                continue;
            }
            shard.reading = true;
            let (leads, query) = (Arc::clone(&self.leads), shard.query.clone());
            self.reads
                .push(async move { (index, leads.page(&query).await) }.boxed());
        }
    }

    fn accept(&mut self, index: usize, page: LeadPage) {
        let shard = &mut self.shards[index];
        shard.reading = false;
        match &page.next {
            Some(next) => shard.query.after = Some(next.clone()),
            None => shard.ended = true,
        }
        if shard.at < shard.page.len() {
            shard.ahead = Some(page);
        } else {
            self.take_up(index, page);
        }
    }

    fn take_up(&mut self, index: usize, page: LeadPage) {
        // The key of the row released last may lie in the page that goes.
        self.note_cursor();
        self.shards[index].take_up(page);
        if self.shards[index].head().is_some() {
            self.enter(index);
        }
    }

    /// Puts a shard that has a row into its place.
    fn enter(&mut self, index: usize) {
        let Some(key) = self.shards[index].head().map(|row| row.key()) else {
            return;
        };
        let place = self.order.partition_point(|other| {
            // Those that come later stand first.
            self.shards[*other]
                .head()
                .is_some_and(|row| self.comes_first(key, row.key()))
        });
        self.order.insert(place, index);
    }

    fn comes_first(&self, a: &[u8], b: &[u8]) -> bool {
        if self.descending { a > b } else { a < b }
    }

    /// The least key to which a shard without a row has been read: rows up to it can be released. None if every shard has a row
    /// or is done; `Some(None)` if one has not been read at all.
    fn bound(&self) -> Option<Option<&LeadKey>> {
        let mut bound: Option<Option<&LeadKey>> = None;
        for shard in &self.shards {
            if shard.head().is_some() || shard.is_done() {
                continue;
            }
            let reached = shard.reached.as_ref();
            bound = Some(match (bound, reached) {
                (_, None) | (Some(None), _) => None,
                (None, Some(key)) => Some(key),
                (Some(Some(least)), Some(key)) => {
                    let first =
                        self.comes_first(key.as_str().as_bytes(), least.as_str().as_bytes());
                    Some(if first { key } else { least })
                }
            });
        }
        bound
    }

    fn is_ready(&self) -> bool {
        let Some(first) = self
            .order
            .last()
            .and_then(|index| self.shards[*index].head())
        else {
            return false;
        };
        match self.bound() {
            None => true,
            Some(None) => false,
            Some(Some(bound)) => !self.comes_first(bound.as_str().as_bytes(), first.key()),
        }
    }

    /// Releases up to `most` rows, in order, each through `take`, until that answers false.
    pub fn release(&mut self, most: usize, mut take: impl FnMut(&Row<'_>) -> bool) {
        let bound = match self.bound() {
            None => None,
            Some(None) => return,
            Some(Some(key)) => Some(key.clone()),
        };
        for _ in 0..most {
            let Some(index) = self.order.pop() else {
                return;
            };
            let shard = &mut self.shards[index];
            let Some(row) = shard.head() else { continue };
            if bound.as_ref().is_some_and(|bound| {
                if self.descending {
                    bound.as_str().as_bytes() > row.key()
                } else {
                    bound.as_str().as_bytes() < row.key()
                }
            }) {
                self.order.push(index);
                return;
            }
            let goes_on = take(&row);
            self.released = Some((index, shard.at));
            shard.at += 1;
            if shard.at < shard.page.len() {
                self.enter(index);
            } else if let Some(ahead) = shard.ahead.take() {
                self.take_up(index, ahead);
            }
            // A shard that has run dry and is not done holds back the others: what it may still bring could come first.
            if !goes_on || (self.shards[index].head().is_none() && !self.shards[index].is_done()) {
                return;
            }
        }
    }

    fn note_cursor(&mut self) {
        if let Some((index, at)) = self.released.take() {
            let key = self.shards[index].page.row(at).key();
            self.cursor = Some(LeadKey::from_stored(String::from_utf8_lossy(key)));
        }
    }

    /// The key up to which all leads have been released: reading can be taken up strictly after it.
    pub fn cursor(&mut self) -> Option<LeadKey> {
        self.note_cursor();
        let bound = match self.bound() {
            Some(Some(bound)) if !self.is_ready() => Some(bound.clone()),
            _ => None,
        };
        match (&self.cursor, bound) {
            (Some(cursor), Some(bound))
                if self.comes_first(cursor.as_str().as_bytes(), bound.as_str().as_bytes()) =>
            {
                self.cursor = Some(bound);
            }
            (None, Some(bound)) => self.cursor = Some(bound),
            _ => {}
        }
        self.cursor.clone()
    }
}
