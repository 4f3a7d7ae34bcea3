//! The merge against sorting.

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
            most: None,
            pushed: [].into(),
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
                let mut merge = Merge::new(case.leads.clone(), case.queries.clone(), cursor.clone(), |_, page, rows| {
                        for row in page.rows() {
                            rows.skip(row.key());
                        }
                    });
                let mut done = false;
                // A slice goes on until its cursor has moved, however short it is.
                let mut turns = 0;
                while turns < fills || merge.cursor() == cursor {
                    turns += 1;
                    if !merge.fill().await.unwrap() {
                        done = true;
                        break;
                    }
                    merge.release(rows, |row, _| {
                        released.push(LeadKey::from_stored(String::from_utf8_lossy(row.key)));
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

/// Leads of which one shard's pages come late.
struct Slow {
    leads: Arc<MemoryLeads>,
    shard: u16,
}

#[async_trait::async_trait]
impl LeadSource for Slow {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        if query.shard == self.shard {
            for _ in 0..20 {
                crate::export::breathe().await;
            }
        }
        self.leads.page(query).await
    }
}

#[test]
fn a_shard_that_answers_late_holds_back_the_others() {
    let keys: BTreeSet<_> = (0..40u8).map(|id| (i64::from(id), id)).collect();
    for (slow, descending) in (0..3).flat_map(|slow| [(slow, false), (slow, true)]) {
        let case = case(&keys, &[], 3, 4, descending);
        let leads = Arc::new(Slow {
            leads: case.leads,
            shard: slow,
        });
        let released = futures_executor(async {
            let mut released = Vec::new();
            let mut merge = Merge::new(leads, case.queries, None, |_, page, rows| {
                for row in page.rows() {
                    rows.skip(row.key());
                }
            });
            for _ in 0..10_000 {
                if !merge.fill().await.unwrap() {
                    return released;
                }
                merge.release(7, |row, _| {
                    released.push(LeadKey::from_stored(String::from_utf8_lossy(row.key)));
                    Take::Taken
                });
                // B: whoever goes on from here neither misses one nor meets one again.
                let cursor = merge.cursor();
                let decided = case.sorted.iter().filter(|key| {
                    cursor.as_ref().is_some_and(|cursor| {
                        if descending {
                            *key >= cursor
                        } else {
                            *key <= cursor
                        }
                    })
                });
                assert_eq!(decided.count(), released.len(), "{cursor:?}");
            }
            panic!("it does not end");
        });
        assert_eq!(released, case.sorted, "{slow} {descending}");
    }
}
