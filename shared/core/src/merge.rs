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
            Bound::UpTo(bound) => !self.comes_first(bound.as_str().as_bytes(), first.key()),
        }
    }

    /// Releases up to `most` rows, in order, each through `take`, as long as that takes them.
    pub fn release(&mut self, most: usize, mut take: impl FnMut(&Row<'_>) -> Take) {
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
            let taken = take(&row);
            if taken == Take::Left {
                self.order.push(index);
                return;
            }
            self.released = Some((index, shard.at));
            shard.at += 1;
            if shard.at < shard.page.len() {
                self.enter(index);
            } else if let Some(ahead) = shard.ahead.take() {
                self.take_up(index, ahead);
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
            let key = self.shards[index].page.row(at).key();
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{Lead, LeadId, OrgId, SourceId};
    use crate::memory::MemoryLeads;
    use crate::page::Slots;
    use crate::time::Instant;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    struct Case {
        leads: Arc<MemoryLeads>,
        queries: Vec<PageQuery>,
        sorted: Vec<LeadKey>,
    }

    /// Leads spread over shards as the case says, with places between them that hold nothing.
    fn case(
        keys: &BTreeSet<(i64, u8)>,
        gaps: &[(u16, i64)],
        shards: u16,
        page: usize,
        descending: bool,
    ) -> Case {
        let (org, source) = (OrgId::parse("o").unwrap(), SourceId::parse("s").unwrap());
        let leads = Arc::new(MemoryLeads::new());
        leads.set_page_leads(page);
        let mut sorted = Vec::new();
        for (at, id) in keys {
            let lead = Lead {
                id: LeadId::parse(format!("l{id}")).unwrap(),
                created_at: Instant::from_millis(*at),
                values: BTreeMap::new(),
            };
            sorted.push(lead.key());
            leads.put(&org, &source, shards, lead);
        }
        for (shard, at) in gaps {
            let key = LeadKey::new(Instant::from_millis(*at), &LeadId::parse("gap").unwrap());
            leads.put_gap(&org, &source, shard % shards, key);
        }
        sorted.sort();
        if descending {
            sorted.reverse();
        }
        let queries = (0..shards)
            .map(|shard| PageQuery {
                org: org.clone(),
                source: source.clone(),
                shard,
                from: LeadKey::before(Instant::MIN),
                to: LeadKey::behind(Instant::MAX),
                after: None,
                descending,
                slots: Slots::new([]),
            })
            .collect();
        Case {
            leads,
            queries,
            sorted,
        }
    }

    proptest! {
        #[test]
        fn any_sharding_merges_to_the_list_whatever_the_pauses(
            keys in prop::collection::btree_set((0i64..40, 0u8..30), 0..60),
            gaps in prop::collection::vec((0u16..9, 0i64..40), 0..60),
            shards in 1u16..9, page in 1usize..6, descending: bool,
            pauses in prop::collection::vec((1usize..9, 1usize..4), 1..30),
        ) {
            let case = case(&keys, &gaps, shards, page, descending);
            let (released, moved) = futures_executor(async {
                let (mut released, mut cursor, mut moved) = (Vec::new(), None::<LeadKey>, true);
                let mut pauses = pauses.iter().cycle();
                loop {
                    let (rows, fills) = *pauses.next().unwrap();
                    let mut merge = Merge::new(case.leads.clone(), case.queries.clone(), cursor.clone());
                    let mut done = false;
                    // A slice goes on until its cursor has moved, however short it is.
                    let mut turns = 0;
                    while turns < fills || merge.cursor() == cursor {
                        turns += 1;
                        if !merge.fill().await.unwrap() {
                            done = true;
                            break;
                        }
                        merge.release(rows, |row| {
                            released.push(LeadKey::from_stored(String::from_utf8_lossy(row.key())));
                            Take::Taken
                        });
                        moved &= turns < 10_000;
                    }
                    if done {
                        return (released, moved);
                    }
                    let next = merge.cursor();
                    let before = cursor.as_ref().map(LeadKey::as_str);
                    moved &= next.as_ref().map(LeadKey::as_str) != before;
                    cursor = next;
                }
            });
            prop_assert!(moved);
            prop_assert_eq!(released, case.sorted);
        }
    }

    fn futures_executor<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }
}
