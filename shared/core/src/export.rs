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
use crate::filter::Matcher;
use crate::lead::{LeadKey, OrgId};
use crate::merge::{Merge, Take};
use crate::page::{Page, Slots};
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
}

impl Selection {
    /// Makes `plan` ready.
    ///
    /// # Errors
    /// [`UnknownZone`] if the zone that the plan names is not known (any more).
    pub fn new(org: &OrgId, plan: &Plan) -> Result<Self, UnknownZone> {
        let slots = Slots::new(
            plan.filter
                .attributes()
                .into_iter()
                .chain(crate::csv::attributes(&plan.columns)),
        );
        let (from, to) = plan.filter.created_bounds();
        let from = LeadKey::before(from.unwrap_or(crate::time::Instant::MIN));
        let to = LeadKey::behind(to.map_or(plan.requested_at, |to| to.min(plan.requested_at)));
        // Bounds that cross select nothing; a store would call them an error.
        let shards = if from <= to { plan.shards } else { 0 };
        let queries = (0..shards)
            .map(|shard| PageQuery {
                org: org.clone(),
                source: plan.source.clone(),
                shard,
                from: from.clone(),
                to: to.clone(),
                after: None,
                descending: plan.order == Order::Descending,
                slots: slots.clone(),
            })
            .collect();
        Ok(Self {
            matcher: plan.filter.compile(&slots, &plan.source),
            encoder: Encoder::new(&plan.columns, &plan.format, &slots, &plan.source)?,
            slots,
            limit: plan.limit.unwrap_or(u64::MAX),
            queries,
        })
    }
}

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

/// Takes the rows of an export.
#[async_trait]
pub trait Sink: Send {
    /// Takes a matching row, encoded. Called only while there is room.
    fn row(&mut self, row: &[u8], facts: RowFacts);

    /// Whether another row can be taken now.
    fn has_room(&self) -> bool;

    /// Notes that all leads up to `cursor` are decided, `read` more of them than at the last call.
    fn decided(&mut self, cursor: Option<LeadKey>, read: u64) -> Flow;

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
        ..
    } = selection;
    let mut merge = Merge::new(
        leads,
        queries.clone(),
        after,
        |_, page: &Page, rows: &mut Rows| {
            for row in page.rows() {
                if matcher.matches(&row) {
                    rows.push(row.key(), |out| encoder.row(&row, out));
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
            return Ok(Outcome::Complete { truncated });
        }
        let mut read = 0;
        merge.release(ROWS_AT_ONCE, |row| {
            if let Some(csv) = row.csv {
                if left == 0 {
                    // It stays undecided: whoever went on behind it would not know that there was one more.
                    truncated = true;
                    return Take::Left;
                }
                left -= 1;
                sink.row(csv, row.facts);
            }
            read += 1;
            if sink.has_room() {
                Take::Taken
            } else {
                Take::Last
            }
        });
        let flow = sink.decided(merge.cursor(), read);
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
