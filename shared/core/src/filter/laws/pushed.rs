//! The law of what is pushed down: a selection is the same whether or not a store leaves leads out.

use super::made::{filters, lead};
use crate::csv::RowFacts;
use crate::export::{Decided, Flow, Outcome, Selection, Sink, SinkError, export};
use crate::fields::{Column, Kind};
use crate::filter::tests::{parse, source};
use crate::format::Format;
use crate::lead::{Lead, LeadId, LeadKey};
use crate::memory::MemoryLeads;
use crate::plan::{Order, Plan};
use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};
use crate::time::Instant;
use async_trait::async_trait;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

/// A store that leaves nothing out.
struct Whole(Arc<MemoryLeads>);

#[async_trait]
impl LeadSource for Whole {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        let pushed = [].into();
        let query = PageQuery {
            pushed,
            ..query.clone()
        };
        self.0.page(&query).await
    }
}

/// Takes all rows, and stops when it has been told of progress so many times.
#[derive(Default)]
struct Taken {
    rows: Vec<u8>,
    cursor: Option<LeadKey>,
    read: u64,
    left: usize,
    moved: bool,
}

#[async_trait]
impl Sink for Taken {
    fn row(&mut self, row: &[u8], _: RowFacts) {
        self.rows.extend_from_slice(row);
    }

    fn has_room(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: Decided) -> Flow {
        self.moved |= decided.cursor != self.cursor;
        self.cursor = decided.cursor;
        self.read += decided.read;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 && self.moved {
            Flow::Stop
        } else {
            Flow::Go
        }
    }

    async fn work(&mut self) -> Result<Flow, SinkError> {
        std::future::pending().await
    }
}

/// The rows of an export with these pauses, how many leads it counted as read, and how far it was at each pause.
fn selected(
    leads: &Arc<dyn LeadSource>,
    plan: &Plan,
    pauses: &[usize],
) -> (Vec<u8>, u64, Vec<(LeadKey, u64)>) {
    let mut taken = Taken::default();
    let mut told = Vec::new();
    for pause in pauses.iter().chain(std::iter::repeat(&usize::MAX)) {
        (taken.left, taken.moved) = (*pause, false);
        let mut selection = Selection::new(&source().org, plan).unwrap();
        let after = taken.cursor.clone();
        let run = export(Arc::clone(leads), &mut selection, after, 0, &mut taken);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        match runtime.unwrap().block_on(run).unwrap() {
            Outcome::Complete { .. } => break,
            Outcome::Stopped => told.push((taken.cursor.clone().unwrap(), taken.read)),
        }
    }
    (taken.rows, taken.read, told)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_are_the_same_whatever_a_store_leaves_out(
        filters in filters(), leads in vec(lead(), 0..40), shards in 1u16..4, page in 1usize..7,
        descending: bool, pauses in vec(1usize..6, 0..4),
    ) {
        let Ok(filter) = parse(&filters) else {
            return Ok(());
        };
        let (from, to) = filter.created_bounds();
        let column = |key: &str| Column { key: key.into(), header: key.into(), given: false, kind: Kind::Text };
        let plan = Plan {
            source: source().id,
            shards,
            requested_at: Instant::MAX,
            asked: filters.clone(),
            filter,
            zone: None,
            pick: None,
            columns: ["lead_id", "status", "note"].map(column).into(),
            order: if descending { Order::Descending } else { Order::Ascending },
            limit: None,
            format: Format::default(),
        };
        let store = Arc::new(MemoryLeads::new());
        store.set_page_leads(page);
        let mut bounded: Vec<LeadKey> = Vec::new();
        for (number, lead) in leads.into_iter().enumerate() {
            let id = LeadId::parse(format!("l{number}")).unwrap();
            let lead = Lead { id, ..lead };
            if from.is_none_or(|from| from <= lead.created_at) && to.is_none_or(|to| lead.created_at <= to) {
                bounded.push(lead.key());
            }
            store.put(&source().org, &plan.source, shards, lead);
        }
        let whole: Arc<dyn LeadSource> = Arc::new(Whole(Arc::clone(&store)));
        let thinned: Arc<dyn LeadSource> = store;
        let (rows, read, _) = selected(&whole, &plan, &[]);
        prop_assert_eq!(read, bounded.len() as u64);
        // Without a pause the store's leads are counted to the last one.
        let (found, read, _) = selected(&thinned, &plan, &[]);
        prop_assert_eq!(&found, &rows, "{}", filters);
        prop_assert_eq!(read, bounded.len() as u64);
        let (found, read, told) = selected(&thinned, &plan, &pauses);
        prop_assert_eq!(&found, &rows, "{}", filters);
        // With pauses, to a page of each shard for each of them.
        let off = |pauses: usize| (pauses * page * usize::from(shards)) as u64;
        prop_assert!(read.abs_diff(bounded.len() as u64) <= off(told.len()), "{} of {}", read, bounded.len());
        for (number, (cursor, read)) in told.iter().enumerate() {
            let decided = bounded.iter().filter(|key| if descending { *key >= cursor } else { *key <= cursor });
            prop_assert!(read.abs_diff(decided.count() as u64) <= off(number + 1), "{} at {}", read, cursor);
        }
    }
}
