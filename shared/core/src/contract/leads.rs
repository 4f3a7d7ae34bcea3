//! [`LeadSource`]: pages of leads.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{must, org, source, then};
use crate::lead::{Lead, LeadId, LeadKey, OrgId, SourceId, Value};
use crate::page::Slots;
use crate::ports::{LeadSource, PageQuery};
use crate::time::Instant;

/// Pages of one reading at most: a store that never comes to an end must not hold a test for ever.
const PAGES: usize = 100_000;
pub(super) const SHARDS: u16 = 3;

/// Writes leads that a [`LeadSource`] reads: the port itself has no way to.
///
/// Claims about paging say more the smaller the pages are: three leads or so.
#[async_trait]
pub trait LeadWriter: Send + Sync {
    /// Writes leads into the shards where they belong ([`LeadId::shard`]).
    async fn put_leads(&self, org: &OrgId, source: &SourceId, shards: u16, leads: &[Lead]);
}

/// Every claim of this module.
pub async fn all(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    join_all([
        pages_hold_every_lead_once_in_order(store, writer).boxed_local(),
        bounds_are_inclusive(store, writer).boxed_local(),
        reading_goes_on_strictly_after_any_place(store, writer).boxed_local(),
        pages_may_be_bounded(store, writer).boxed_local(),
        sources_and_organizations_do_not_mix(store, writer).boxed_local(),
        super::cells::cells_hold_the_values_asked_for(store, writer).boxed_local(),
        leads_written_while_reading_move_nothing(store, writer).boxed_local(),
    ])
    .await;
}

pub(super) fn at(seconds: u64) -> Instant {
    then().plus(Duration::from_secs(seconds))
}

pub(super) fn lead(id: &str, created_at: Instant) -> Lead {
    Lead {
        id: LeadId::parse(id).unwrap_or_else(|error| panic!("{error}")),
        created_at,
        values: BTreeMap::from([("email".into(), Value::from(id))]),
    }
}

/// Leads with equal instants and with ids that collation would order in another way than bytes do, by key.
fn leads() -> Vec<Lead> {
    let ids = [
        "b",
        "B",
        "a",
        "é",
        "#",
        "a#1",
        "Z",
        "\u{FFFD}",
        "\u{1F600}",
        "10",
        "9",
    ];
    let mut leads: Vec<Lead> = (0..44_u64)
        .zip(ids.iter().cycle())
        .map(|(number, id)| lead(&format!("{id}{}", number / 11), at(number % 5)))
        .collect();
    leads.sort_by_key(Lead::key);
    leads
}

fn query(org: &OrgId, source: &SourceId) -> PageQuery {
    PageQuery {
        org: org.clone(),
        source: source.clone(),
        shard: 0,
        from: LeadKey::before(Instant::MIN),
        to: LeadKey::behind(Instant::MAX),
        after: None,
        descending: false,
        slots: Slots::new([]),
        most: None,
        pushed: [].into(),
    }
}

pub(super) fn key_of(bytes: &[u8]) -> LeadKey {
    LeadKey::from_stored(String::from_utf8_lossy(bytes))
}

/// All keys of one shard from the query's place on, page by page. Each page must lead on.
async fn read(store: &dyn LeadSource, query: &PageQuery) -> Vec<LeadKey> {
    let mut query = query.clone();
    let mut keys: Vec<LeadKey> = Vec::new();
    for _ in 0..PAGES {
        let answer = must(store.page(&query).await, "page");
        let leads = u64::try_from(answer.page.len()).unwrap_or(u64::MAX);
        assert!(answer.scanned >= leads, "what is shown was looked at");
        keys.extend(answer.page.rows().map(|row| key_of(row.key())));
        let Some(next) = answer.next else { return keys };
        let leads_on = query.after.as_ref().is_none_or(|after| {
            if query.descending {
                next < *after
            } else {
                next > *after
            }
        });
        assert!(leads_on, "a page leads on: {next} after {:?}", query.after);
        let is_behind = |key: &LeadKey| {
            if query.descending {
                *key >= next
            } else {
                *key <= next
            }
        };
        assert!(
            keys.iter().all(is_behind),
            "nothing shown lies beyond `next`"
        );
        query.after = Some(next);
    }
    panic!("the shard comes to no end");
}

/// Reads every shard with this query and compares with what it should find of `leads`.
async fn finds(
    store: &dyn LeadSource,
    query: &PageQuery,
    leads: &[Lead],
    wanted: impl Fn(&LeadKey) -> bool,
) {
    for descending in [false, true] {
        for shard in 0..SHARDS {
            let query = PageQuery {
                shard,
                descending,
                ..query.clone()
            };
            let mut expected: Vec<LeadKey> = leads
                .iter()
                .filter(|lead| lead.id.shard(SHARDS) == shard)
                .map(Lead::key)
                .filter(|key| wanted(key))
                .collect();
            expected.sort();
            if descending {
                expected.reverse();
            }
            let found = read(store, &query).await;
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

pub(super) async fn put(writer: &dyn LeadWriter, leads: &[Lead]) -> PageQuery {
    let (org, source) = (org(), source());
    writer.put_leads(&org, &source, SHARDS, leads).await;
    query(&org, &source)
}

/// T-PAGE-1: each lead of each shard once, by the bytes of its key, up or down; a shard without leads is at its end.
pub async fn pages_hold_every_lead_once_in_order(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let leads = leads();
    for shard in 0..SHARDS {
        let count = leads.iter().filter(|lead| lead.id.shard(SHARDS) == shard);
        assert!(count.count() > 6, "every shard has several pages");
    }
    let query = put(writer, &leads).await;
    finds(store, &query, &leads, |_| true).await;
    let empty = put(writer, &[]).await;
    finds(store, &empty, &[], |_| true).await;
    let one = [lead("only", at(0))];
    let query = put(writer, &one).await;
    finds(store, &query, &one, |_| true).await;
}

/// Leads at a bound belong to the range, whether the bound is a lead's key or the edge of an instant.
pub async fn bounds_are_inclusive(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let leads = leads();
    let whole = put(writer, &leads).await;
    let last = leads.len() - 1;
    for (from, to) in [
        (leads[0].key(), leads[last].key()),
        (leads[7].key(), leads[last - 7].key()),
        (leads[9].key(), leads[9].key()),
        (LeadKey::before(at(1)), LeadKey::behind(at(3))),
        (LeadKey::before(at(2)), LeadKey::behind(at(2))),
        (LeadKey::before(at(7)), LeadKey::behind(at(9))),
    ] {
        let query = PageQuery {
            from: from.clone(),
            to: to.clone(),
            ..whole.clone()
        };
        finds(store, &query, &leads, |key| *key >= from && *key <= to).await;
    }
}

/// D-5, T-PAGE-2: the place to go on from need be no lead of the shard, nor of any; at or beyond a bound it changes nothing or
/// leaves nothing.
pub async fn reading_goes_on_strictly_after_any_place(
    store: &dyn LeadSource,
    writer: &dyn LeadWriter,
) {
    let leads = leads();
    let whole = put(writer, &leads).await;
    let last = leads.len() - 1;
    let (from, to) = (leads[5].key(), leads[last - 5].key());
    let bounded = PageQuery {
        from: from.clone(),
        to: to.clone(),
        ..whole.clone()
    };
    for after in [
        leads[20].key(),
        LeadKey::before(at(2)),
        LeadKey::behind(at(2)),
        LeadKey::new(at(2), &lead("no such lead", at(2)).id),
        from.clone(),
        to.clone(),
        leads[0].key(),
        leads[last].key(),
        LeadKey::before(Instant::MIN),
        LeadKey::behind(Instant::MAX),
    ] {
        for query in [&whole, &bounded] {
            for descending in [false, true] {
                for shard in 0..SHARDS {
                    let query = PageQuery {
                        after: Some(after.clone()),
                        descending,
                        shard,
                        ..query.clone()
                    };
                    let mut expected: Vec<LeadKey> = leads
                        .iter()
                        .filter(|lead| lead.id.shard(SHARDS) == shard)
                        .map(Lead::key)
                        .filter(|key| *key >= query.from && *key <= query.to)
                        .filter(|key| {
                            if descending {
                                *key < after
                            } else {
                                *key > after
                            }
                        })
                        .collect();
                    if descending {
                        expected.reverse();
                    }
                    assert_eq!(read(store, &query).await, expected, "{query:?}");
                }
            }
        }
    }
}

/// C3: a query finds leads of its organization and source alone.
pub async fn sources_and_organizations_do_not_mix(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let (here, there, crm, shop) = (org(), org(), source(), source());
    let names = [(&here, &crm), (&here, &shop), (&there, &crm)];
    let mut all = Vec::new();
    for (number, (org, source)) in names.into_iter().enumerate() {
        let leads: Vec<Lead> = (0..9)
            .map(|id| lead(&format!("{number}-{id}"), at(id)))
            .collect();
        writer.put_leads(org, source, SHARDS, &leads).await;
        all.push(leads);
    }
    for ((org, source), leads) in names.into_iter().zip(&all) {
        finds(store, &query(org, source), leads, |_| true).await;
    }
    finds(store, &query(&there, &shop), &[], |_| true).await;
}

/// A page looks at no more leads than it is to, and the reading comes to the same.
pub async fn pages_may_be_bounded(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let leads = leads();
    let whole = put(writer, &leads).await;
    for most in [1, 2, 1000] {
        let bounded = PageQuery {
            most: Some(most),
            ..whole.clone()
        };
        let answer = must(store.page(&bounded).await, "page");
        assert!(answer.scanned <= u64::from(most), "{most} at most");
        finds(store, &bounded, &leads, |_| true).await;
    }
}

/// D-4: leads that come in behind or before the place reached are read or not, but no other is left out or read twice.
pub async fn leads_written_while_reading_move_nothing(
    store: &dyn LeadSource,
    writer: &dyn LeadWriter,
) {
    let old = leads();
    for descending in [false, true] {
        let mut query = put(writer, &old).await;
        query.descending = descending;
        let mut found = Vec::new();
        let mut page = 0;
        loop {
            let answer = must(store.page(&query).await, "page");
            found.extend(answer.page.rows().map(|row| key_of(row.key())));
            let Some(next) = answer.next else { break };
            query.after = Some(next);
            page += 1;
            assert!(page < PAGES, "the shard comes to no end");
            let new: Vec<Lead> = (0..4)
                .filter(|_| page < 6)
                .map(|second| lead(&format!("new-{page}"), at(second)))
                .collect();
            writer
                .put_leads(&query.org, &query.source, SHARDS, &new)
                .await;
        }
        let is_ordered = if descending {
            found.is_sorted_by(|a, b| a > b)
        } else {
            found.is_sorted_by(|a, b| a < b)
        };
        assert!(is_ordered, "no lead twice, all in order: {found:?}");
        let wanted = old.iter().filter(|lead| lead.id.shard(SHARDS) == 0);
        for lead in wanted {
            assert!(found.contains(&lead.key()), "{} is left out", lead.key());
        }
    }
}
