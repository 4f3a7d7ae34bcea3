//! The one pipeline: pages of the key-shards, merged in order, through the filter, into a sink.
//!
//! The answer in HTTP and the file in S3 differ in the sink alone. The pipeline pushes; the sink says when it has no room and when
//! to stop. Reading and the sink's own work go on side by side, in one task: nothing is detached (a frozen sandbox would thaw it).

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use futures_util::future::{Either, poll_fn, select};

use crate::csv::{Encoder, RowFacts, UnknownZone};
use crate::filter::{Matcher, Pushed};
use crate::lead::{LeadId, LeadKey, OrgId};
use crate::limits;
use crate::merge::{Merge, Take};
use crate::page::{Page, Slots};
use crate::pick::{Pick, Picker};
use crate::plan::{Order, Plan};
use crate::ports::{LeadSource, PageQuery, StoreError};
use crate::rows::Rows;

/// Rows released between two looks at the sink: a hundred microseconds of work.
const ROWS_AT_ONCE: usize = 1024;

/// A plan made ready to run: the attributes to read, the filter and the encoder over them, the bounds of the keys.
pub struct Selection {
    /// The attributes to read.
    pub slots: Slots,
    /// Which leads are wanted.
    pub matcher: Matcher,
    /// How they are written.
    pub encoder: Encoder,
    limit: u64,
    queries: Vec<PageQuery>,
    /// What each query reads.
    lanes: Vec<Lane>,
    picker: Option<Picker>,
    /// Rows written of each source, in this run.
    taken: Vec<u64>,
}

/// What a query reads.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// The number of the source among the plans.
    source: usize,
    /// Whether its leads are wanted as they are: they were looked up by their ids.
    looked_up: bool,
}

impl Selection {
    /// Makes `plan` ready.
    ///
    /// # Errors
    /// [`UnknownZone`] if the zone that the plan names is not known (any more).
    pub fn new(org: &OrgId, plan: &Plan) -> Result<Self, UnknownZone> {
        let slots = Self::slots_of(plan);
        let mut selection = Self::empty(plan, slots)?;
        selection.picker = plan.pick.as_ref().map(Picker::new);
        selection.read_all(org, plan, Some(limits::PAGE_LEADS));
        Ok(selection)
    }

    /// Makes the plans of an answer ready: one for each source, by the sources' ids, all alike but for the source.
    ///
    /// `looked_up` are those of the leads that join the pick that have been looked up, of each plan's source; they are read from the
    /// shard [`LOOKED_UP`]. `slots` are those of [`Selection::slots_of`].
    ///
    /// # Errors
    /// As [`Selection::new`].
    pub fn of_answer(
        org: &OrgId,
        plans: &[Plan],
        slots: Slots,
        looked_up: &[Vec<LeadId>],
    ) -> Result<Option<Self>, UnknownZone> {
        let Some(first) = plans.first() else {
            return Ok(None);
        };
        let mut selection = Self::empty(first, slots)?;
        let most = answer_page(plans);
        for (plan, looked_up) in plans.iter().zip(looked_up) {
            // Ids pick nothing but what has been looked up.
            if !matches!(plan.pick, Some(Pick::Ids(_))) {
                selection.read_all(org, plan, most);
            }
            if !looked_up.is_empty() {
                selection.read(org, plan, LOOKED_UP, None, &Arc::default());
            }
            selection.taken.push(0);
        }
        selection.picker = first
            .pick
            .as_ref()
            .map(|pick| Picker::new(pick).beside(looked_up));
        Ok(Some(selection))
    }

    /// The attributes that a plan needs.
    pub fn slots_of(plan: &Plan) -> Slots {
        Slots::new(
            plan.filter
                .attributes()
                .into_iter()
                .chain(crate::csv::attributes(&plan.columns)),
        )
    }

    fn empty(plan: &Plan, slots: Slots) -> Result<Self, UnknownZone> {
        Ok(Self {
            matcher: plan.filter.compile(&slots, &plan.source),
            encoder: Encoder::new(&plan.columns, &plan.format, &slots, &plan.source)?,
            slots,
            limit: plan.limit.unwrap_or(u64::MAX),
            queries: Vec::new(),
            lanes: Vec::new(),
            picker: None,
            taken: Vec::new(),
        })
    }

    /// Reads all shards of a plan's source.
    fn read_all(&mut self, org: &OrgId, plan: &Plan, most: Option<u32>) {
        // Leads that the picker waits for need not match. Those of an answer were looked up: it has no picker yet.
        let waits = |picker: &Picker| !picker.joining().is_empty();
        // A limit stops in the middle of pages: how many leads had been left out before is not known there.
        let pushed = if plan.limit.is_some() || self.picker.as_ref().is_some_and(waits) {
            Arc::default()
        } else {
            plan.filter.pushed().into()
        };
        for shard in 0..plan.shards {
            self.read(org, plan, shard, most, &pushed);
        }
    }

    fn read(
        &mut self,
        org: &OrgId,
        plan: &Plan,
        shard: u16,
        most: Option<u32>,
        pushed: &Arc<[Pushed]>,
    ) {
        let (from, to) = plan.filter.created_bounds();
        let from = LeadKey::before(from.unwrap_or(crate::time::Instant::MIN));
        let to = LeadKey::behind(to.map_or(plan.requested_at, |to| to.min(plan.requested_at)));
        // Bounds that cross select nothing; a store would call them an error.
        if from > to {
            return;
        }
        self.queries.push(PageQuery {
            org: org.clone(),
            source: plan.source.clone(),
            shard,
            from,
            to,
            after: None,
            descending: plan.order == Order::Descending,
            slots: self.slots.clone(),
            most,
            pushed: Arc::clone(pushed),
        });
        self.lanes.push(Lane {
            source: self.taken.len(),
            looked_up: shard == LOOKED_UP,
        });
    }

    /// Goes on where `matched` leads had been counted.
    pub fn resume(&mut self, matched: u64) {
        if let Some(picker) = &mut self.picker {
            picker.resume(matched);
        }
    }

    /// Rows written of each source in this run.
    pub fn taken(&self) -> &[u64] {
        &self.taken
    }
}

/// The shard of leads that were looked up: no source has so many that one of its own has this number.
pub const LOOKED_UP: u16 = u16::MAX;

/// Leads of a page of an answer: few enough that the pages of all shards together have their room in memory, and, where nothing is
/// filtered, not many more than can be needed of a shard.
fn answer_page(plans: &[Plan]) -> Option<u32> {
    let shards: u64 = plans.iter().map(|plan| u64::from(plan.shards)).sum();
    let room = limits::ANSWER_LEADS_AHEAD.checked_div(shards)?;
    let needed = plans.first().and_then(|plan| match &plan.pick {
        Some(Pick::Range(range)) if plan.filter.conditions().is_empty() => {
            let all = range.start.saturating_add(range.count);
            // Leads are spread by a hash: a quarter more is seldom too few, and then another page is read.
            Some((all / shards).saturating_add(all / shards / 4))
        }
        _ => None,
    });
    let most = room.min(needed.unwrap_or(room)).max(LEAST_PAGE);
    u32::try_from(most).ok()
}

/// Leads of a page at least: a call costs more than reading as many.
const LEAST_PAGE: u64 = 16;

impl Selection {
    /// The bytes with which a file begins.
    pub fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        self.encoder.header(&mut header);
        header
    }

    /// The least and the greatest key that can be selected; none if no lead can.
    pub fn bounds(&self) -> Option<(&LeadKey, &LeadKey)> {
        self.queries.first().map(|query| (&query.from, &query.to))
    }
}

/// What a sink says between two batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Go,
    /// Stop here; what is decided is decided.
    Stop,
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// All leads up to this key are decided.
    pub cursor: Option<LeadKey>,
    /// Leads read since the last call, those that the store left out among them.
    pub read: u64,
    /// Leads up to the cursor that matched, where a pick counts them.
    pub matched: u64,
}

impl Decided {
    /// What is decided by now, `released` leads having been released since the last call.
    fn of<P>(merge: &mut Merge<P>, picker: Option<&Picker>, released: u64) -> Self
    where
        P: FnMut(usize, &Page, &mut Rows),
    {
        Self {
            cursor: merge.cursor(),
            read: released + merge.left_out(),
            matched: picker.map_or(0, Picker::matched),
        }
    }
}

/// Takes the rows of an export.
#[async_trait]
pub trait Sink: Send {
    /// Takes a matching row, encoded. Called only while there is room.
    fn row(&mut self, row: &[u8], facts: RowFacts);

    /// Whether another row can be taken now.
    fn has_room(&self) -> bool;

    /// Notes what is decided by now.
    fn decided(&mut self, decided: Decided) -> Flow;

    /// Does the sink's own work – uploads, commits – until there is news or it is time for more. Cancelling it loses nothing.
    ///
    /// # Errors
    /// What ends the export.
    async fn work(&mut self) -> Result<Flow, SinkError>;
}

/// Why a sink cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file store failed.
    #[error("a piece cannot be stored")]
    Pieces(#[source] StoreError),
    /// The store of records failed.
    #[error("the record cannot be written")]
    Record(#[source] StoreError),
    /// The record has moved on without this run: it was cancelled, or a successor is at work.
    #[error("the export has moved on without this run")]
    Lost,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Leads cannot be read.
    #[error("leads cannot be read")]
    Leads(#[source] StoreError),
    /// The sink cannot go on.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// How an export ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All leads are decided; `truncated` if the limit left a matching one out.
    Complete {
        /// Whether the limit cut.
        truncated: bool,
    },
    /// The sink said stop.
    Stopped,
}

/// Runs a selection from `after` on, `written` of its rows having been written before.
///
/// # Errors
/// [`ExportError`]: the first failure of the leads or the sink.
pub async fn export(
    leads: Arc<dyn LeadSource>,
    selection: &mut Selection,
    after: Option<LeadKey>,
    written: u64,
    sink: &mut dyn Sink,
) -> Result<Outcome, ExportError> {
    let Selection {
        matcher,
        encoder,
        queries,
        limit,
        lanes,
        picker,
        taken,
        ..
    } = selection;
    let lanes = &*lanes;
    let joining = picker.as_ref().map(Picker::joining).unwrap_or_default();
    let mut merge = Merge::new(
        leads,
        queries.clone(),
        after,
        |lane, page: &Page, rows: &mut Rows| {
            for row in page.rows() {
                if lanes[lane].looked_up || matcher.matches(&row) {
                    rows.push(row.key(), |out| encoder.row(&row, out));
                } else if joining.contains(LeadKey::parts_of(row.key()).1) {
                    rows.push_joining(row.key(), |out| encoder.row(&row, out));
                } else {
                    rows.skip(row.key());
                }
            }
        },
    );
    let mut left = limit.saturating_sub(written);
    let mut truncated = false;
    loop {
        // The sink is polled first: its uploads move even while rows are plenty.
        let more = {
            let (work, fill) = (pin!(sink.work()), pin!(merge.fill()));
            match select(work, fill).await {
                Either::Left((flow, _)) => match flow? {
                    Flow::Stop => return Ok(Outcome::Stopped),
                    Flow::Go => continue,
                },
                Either::Right((more, _)) => more.map_err(ExportError::Leads)?,
            }
        };
        if !more {
            let decided = Decided::of(&mut merge, picker.as_ref(), 0);
            if decided.read > 0 {
                // Nothing is left that could be stopped.
                sink.decided(decided);
            }
            return Ok(Outcome::Complete { truncated });
        }
        let mut read = 0;
        let was_filled = picker.as_ref().is_some_and(Picker::is_filled);
        let mut is_filled = was_filled;
        merge.release(ROWS_AT_ONCE, |row, lane| {
            let Lane { source, looked_up } = lanes[lane];
            let is_picked = match picker {
                Some(picker) if !looked_up => picker.takes(row.key, source, row.matches),
                _ => true,
            };
            if let Some(csv) = row.csv.filter(|_| is_picked) {
                if left == 0 {
                    // It stays undecided: whoever went on behind it would not know that there was one more.
                    truncated = true;
                    return Take::Left;
                }
                left -= 1;
                count(taken, source);
                sink.row(csv, row.facts);
            }
            read += 1;
            is_filled = picker.as_ref().is_some_and(Picker::is_filled);
            if sink.has_room() && is_filled == was_filled {
                Take::Taken
            } else {
                Take::Last
            }
        });
        let flow = sink.decided(Decided::of(&mut merge, picker.as_ref(), read));
        if is_filled {
            // What is still to come of the others is not read; those that were looked up are not done.
            merge.keep(|lane| lanes[lane].looked_up);
        }
        if truncated {
            return Ok(Outcome::Complete { truncated });
        }
        if flow == Flow::Stop {
            return Ok(Outcome::Stopped);
        }
        while !sink.has_room() {
            // Reads under way go on meanwhile.
            let (work, idle) = (pin!(sink.work()), pin!(merge.drive()));
            match select(work, idle).await {
                Either::Left((flow, _)) => {
                    if flow? == Flow::Stop {
                        return Ok(Outcome::Stopped);
                    }
                }
                Either::Right((Err(error), _)) => return Err(ExportError::Leads(error)),
            }
        }
        breathe().await;
    }
}

/// Counts a row of a source; a file's one source is counted by its sink.
fn count(taken: &mut [u64], source: usize) {
    if let Some(taken) = taken.get_mut(source) {
        *taken += 1;
    }
}

/// Lets other tasks of this thread run once: the connections that feed the reads, on a machine of one core.
pub(crate) async fn breathe() {
    let mut breathed = false;
    poll_fn(|context| {
        if breathed {
            return Poll::Ready(());
        }
        breathed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
