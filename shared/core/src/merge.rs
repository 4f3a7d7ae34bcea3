//! k sorted key-shards, read ahead, into one sorted stream and its watermark.
//!
//! The rule: release rows, in order, up to the least key that every shard has been read to. It needs one key to take up
//! again: all shards go on strictly after the cursor, because the order is total (`house.md` §3.5).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::lead::LeadKey;
use crate::limits;
use crate::page::Page;
use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};
use crate::rows::{ReadyRow, Rows};

use self::thinned::Thinned;

mod thinned;

/// One shard: the rows being released, the rows behind them, and where reading goes on.
struct Shard {
    query: PageQuery,
    rows: Rows,
    at: usize,
    /// How far the pages taken up reach: everything up to here is in `rows` or released. None before the first page.
    reached: Option<LeadKey>,
    /// The rows of the page read ahead, and how far it reaches.
    ahead: Option<(Rows, Option<LeadKey>)>,
    /// A read is under way.
    reading: bool,
    /// There is nothing behind the pages read.
    ended: bool,
    /// Nothing more is wanted of it.
    closed: bool,
}

impl Shard {
    fn head(&self) -> Option<&[u8]> {
        (self.at < self.rows.len()).then(|| self.rows.key(self.at))
    }

    /// Whether all pages have been read and released.
    fn is_done(&self) -> bool {
        self.ended && self.ahead.is_none() && self.at >= self.rows.len()
    }

    /// Goes over to the next rows; the room of those before.
    fn take_up(&mut self, rows: Rows, reached: Option<LeadKey>) -> Rows {
        self.at = 0;
        self.reached = reached;
        std::mem::replace(&mut self.rows, rows)
    }
}

/// How far rows can be released.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound<K> {
    /// Every shard has a row or is done: the least row comes first.
    Open,
    /// A shard has not been read at all.
    Closed,
    /// A shard without a row has been read to this key: rows up to it can be released.
    UpTo(K),
}

/// What became of a row that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// It is taken; the next one may come.
    Taken,
    /// It is taken and the last for now.
    Last,
    /// It is not taken: it is not released, and the cursor stays before it.
    Left,
}

type Read = BoxFuture<'static, (usize, Result<LeadPage, StoreError>)>;

/// A sorted stream over the shards of a source, whose pages `prepare` makes into rows: called with the query's number, once for each page.
///
/// Memory: the rows of two pages a shard at most, of one being released and of one read ahead, and the pages that are just being read.
pub struct Merge<P> {
    leads: Arc<dyn LeadSource>,
    prepare: P,
    /// Room of rows that were released.
    spare: Vec<Rows>,
    shards: Vec<Shard>,
    reads: FuturesUnordered<Read>,
    /// Shards that have a row, the one whose row comes first at the end.
    order: Vec<usize>,
    /// The key of the row released last, if rows were released since `cursor` was noted.
    released: Option<(usize, usize)>,
    cursor: Option<LeadKey>,
    descending: bool,
    thinned: Thinned,
}

impl<P: FnMut(usize, &Page, &mut Rows)> Merge<P> {
    /// A stream over these shards' queries, all of one direction, strictly after `after`.
    ///
    /// The shards may be of several sources. Leads of one key come in the order of their queries; a cursor says nothing of which of
    /// them have been released, so a stream over several sources is not taken up again.
    pub fn new(
        leads: Arc<dyn LeadSource>,
        queries: Vec<PageQuery>,
        after: Option<LeadKey>,
        prepare: P,
    ) -> Self {
        let descending = queries.first().is_some_and(|query| query.descending);
        let shards = queries
            .into_iter()
            .map(|query| Shard {
                query: PageQuery {
                    after: after.clone(),
                    ..query
                },
                rows: Rows::default(),
                at: 0,
                reached: None,
                ahead: None,
                reading: false,
                ended: false,
                closed: false,
            })
            .collect();
        Self {
            leads,
            prepare,
            spare: Vec::new(),
            shards,
            reads: FuturesUnordered::new(),
            order: Vec::new(),
            released: None,
            cursor: after,
            descending,
            thinned: Thinned::default(),
        }
    }

    /// Waits until rows can be released or the cursor has moved; false when all has been released.
    ///
    /// Cancelling the wait loses nothing: reads under way go on at the next call.
    ///
    /// # Errors
    /// The first [`StoreError`] of a read.
    pub async fn fill(&mut self) -> Result<bool, StoreError> {
        let before = self.reached();
        loop {
            // Reads that have ended while rows were encoded are taken in first, so that the next ones start at once.
            while let Some(Some((index, read))) = self.reads.next().now_or_never() {
                self.accept(index, read?);
            }
            self.start_reads();
            if self.shards.iter().all(Shard::is_done) {
                return Ok(false);
            }
            if self.is_ready() || self.reached() != before {
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
        // Shards that hold up the others come before those that are read ahead.
        for is_ahead in [false, true] {
            for (index, shard) in self.shards.iter_mut().enumerate() {
                if self.reads.len() >= limits::READS_AT_ONCE {
                    return;
                }
                let has_row = shard.at < shard.rows.len();
                if shard.reading || shard.ended || shard.ahead.is_some() || has_row != is_ahead {
                    continue;
                }
                shard.reading = true;
                let (leads, query) = (Arc::clone(&self.leads), shard.query.clone());
                self.reads
                    .push(async move { (index, leads.page(&query).await) }.boxed());
            }
        }
    }

    /// Goes on with the shards that are wanted alone, by the numbers of their queries: the others are read no further.
    pub fn keep(&mut self, wanted: impl Fn(usize) -> bool) {
        self.note_cursor();
        self.thinned.clear();
        for (index, shard) in self.shards.iter_mut().enumerate() {
            if !wanted(index) {
                shard.ended = true;
                shard.closed = true;
                shard.ahead = None;
                shard.take_up(Rows::default(), None);
            }
        }
        self.order.retain(|index| wanted(*index));
    }

    fn accept(&mut self, index: usize, page: LeadPage) {
        if self.shards[index].closed {
            return;
        }
        let mut rows = self.spare.pop().unwrap_or_default();
        (self.prepare)(index, &page.page, &mut rows);
        let shard = &mut self.shards[index];
        self.thinned.note(&shard.query, &page);
        shard.reading = false;
        match &page.next {
            Some(next) => shard.query.after = Some(next.clone()),
            None => shard.ended = true,
        }
        if shard.at < shard.rows.len() {
            shard.ahead = Some((rows, page.next));
        } else {
            self.take_up(index, rows, page.next);
        }
    }

    fn take_up(&mut self, index: usize, rows: Rows, reached: Option<LeadKey>) {
        // The key of the row released last may lie in the rows that go.
        self.note_cursor();
        let mut room = self.shards[index].take_up(rows, reached);
        room.clear();
        self.spare.push(room);
        if self.shards[index].head().is_some() {
            self.enter(index);
        }
    }

    /// Puts a shard that has a row into its place.
    fn enter(&mut self, index: usize) {
        let Some(key) = self.shards[index].head() else {
            return;
        };
        let place = self.order.partition_point(|other| {
            // Those that come later stand first.
            self.shards[*other]
                .head()
                .is_some_and(|head| self.comes_first(key, head) || (key == head && index < *other))
        });
        self.order.insert(place, index);
    }

    fn comes_first(&self, a: &[u8], b: &[u8]) -> bool {
        if self.descending { a > b } else { a < b }
    }

    fn bound(&self) -> Bound<&LeadKey> {
        let mut bound = Bound::Open;
        for shard in &self.shards {
            if shard.head().is_some() || shard.is_done() {
                continue;
            }
            let Some(reached) = &shard.reached else {
                return Bound::Closed;
            };
            bound = match bound {
                Bound::UpTo(least) if !self.precedes(reached, least) => Bound::UpTo(least),
                _ => Bound::UpTo(reached),
            };
        }
        bound
    }

    fn reached(&self) -> Bound<LeadKey> {
        match self.bound() {
            Bound::Open => Bound::Open,
            Bound::Closed => Bound::Closed,
            Bound::UpTo(key) => Bound::UpTo(key.clone()),
        }
    }

    fn precedes(&self, a: &LeadKey, b: &LeadKey) -> bool {
        self.comes_first(a.as_str().as_bytes(), b.as_str().as_bytes())
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
            Bound::Open => true,
            Bound::Closed => false,
            Bound::UpTo(bound) => !self.comes_first(bound.as_str().as_bytes(), first),
        }
    }

    /// Releases up to `most` rows, in order, each with the number of its query through `take`, as long as that takes them.
    pub fn release(&mut self, most: usize, mut take: impl FnMut(&ReadyRow<'_>, usize) -> Take) {
        let bound = match self.bound() {
            Bound::Open => None,
            Bound::Closed => return,
            Bound::UpTo(key) => Some(key.clone()),
        };
        for _ in 0..most {
            let Some(index) = self.order.pop() else {
                return;
            };
            let shard = &mut self.shards[index];
            if shard.at >= shard.rows.len() {
                continue;
            }
            let row = shard.rows.row(shard.at);
            if bound.as_ref().is_some_and(|bound| {
                if self.descending {
                    bound.as_str().as_bytes() > row.key
                } else {
                    bound.as_str().as_bytes() < row.key
                }
            }) {
                self.order.push(index);
                return;
            }
            let taken = take(&row, index);
            if taken == Take::Left {
                self.order.push(index);
                return;
            }
            self.released = Some((index, shard.at));
            shard.at += 1;
            if shard.at < shard.rows.len() {
                self.enter(index);
            } else if let Some((rows, reached)) = shard.ahead.take() {
                self.take_up(index, rows, reached);
            }
            // A shard that has run dry and is not done holds back the others: what it may still bring could come first.
            if taken == Take::Last
                || (self.shards[index].head().is_none() && !self.shards[index].is_done())
            {
                return;
            }
        }
    }

    fn note_cursor(&mut self) {
        if let Some((index, at)) = self.released.take() {
            let key = self.shards[index].rows.key(at);
            self.cursor = Some(LeadKey::from_stored(String::from_utf8_lossy(key)));
        }
    }

    /// The key up to which all leads have been released: reading can be taken up strictly after it.
    pub fn cursor(&mut self) -> Option<LeadKey> {
        self.note_cursor();
        // Nothing more can be released up to the bound: all leads up to it are decided, whether or not there were any.
        if !self.is_ready()
            && let Bound::UpTo(bound) = self.bound()
            && self
                .cursor
                .as_ref()
                .is_none_or(|cursor| self.precedes(cursor, bound))
        {
            self.cursor = Some(bound.clone());
        }
        self.cursor.clone()
    }

    /// Leads that stores have left out of pages, as far as they are decided and were not told before.
    pub fn left_out(&mut self) -> u64 {
        if self.thinned.is_empty() {
            return 0;
        }
        if self.shards.iter().all(Shard::is_done) {
            return self.thinned.rest();
        }
        match self.cursor() {
            Some(cursor) => self.thinned.count(&cursor, self.descending),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests;
