//! [`LeadIndex`]: leads by their ids.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::leads::{LeadWriter, SHARDS, at, key_of, lead};
use super::{eventually, must, org, source};
use crate::lead::{Lead, LeadId, OrgId, SourceId};
use crate::page::Slots;
use crate::ports::{LeadIndex, Place};

/// Every claim of this module.
pub async fn all(store: &dyn LeadIndex, writer: &dyn LeadWriter) {
    join_all([
        ids_are_found_in_every_source_of_their_organization(store, writer).boxed_local(),
        places_are_read_by_source_in_the_order_of_keys(store, writer).boxed_local(),
        places_that_hold_nothing_are_left_out(store, writer).boxed_local(),
    ])
    .await;
}

fn place(source: &SourceId, lead: &Lead) -> Place {
    Place {
        source: source.clone(),
        shard: lead.id.shard(SHARDS),
        key: lead.key(),
    }
}

async fn finds(store: &dyn LeadIndex, org: &OrgId, ids: &[LeadId], expected: &BTreeSet<Place>) {
    eventually("find", async || {
        let found = must(store.find(org, ids).await, "find");
        let count = found.len();
        let found: BTreeSet<Place> = found.into_iter().collect();
        if found == *expected && count == found.len() {
            Ok(())
        } else {
            Err(format!("{found:?}, not {expected:?}"))
        }
    })
    .await;
}

/// An id names a lead in each source that has one, and in no other organization; an id of nothing has no place.
pub async fn ids_are_found_in_every_source_of_their_organization(
    store: &dyn LeadIndex,
    writer: &dyn LeadWriter,
) {
    let (here, there, crm, shop) = (org(), org(), source(), source());
    let leads: Vec<Lead> = ["a", "b#1", "é", "\u{1F600}"]
        .iter()
        .map(|id| lead(id, at(1)))
        .collect();
    let twin = lead("a", at(2));
    writer.put_leads(&here, &crm, SHARDS, &leads).await;
    writer
        .put_leads(&here, &shop, SHARDS, std::slice::from_ref(&twin))
        .await;
    writer.put_leads(&there, &crm, SHARDS, &leads).await;
    let mut ids: Vec<LeadId> = leads.iter().map(|lead| lead.id.clone()).collect();
    ids.push(lead("nobody", at(0)).id);
    let mut expected: BTreeSet<Place> = leads.iter().map(|lead| place(&crm, lead)).collect();
    expected.insert(place(&shop, &twin));
    finds(store, &here, &ids, &expected).await;
    finds(store, &here, &[], &BTreeSet::new()).await;
    finds(store, &org(), &ids, &BTreeSet::new()).await;
}

/// More places than one call of a store takes, named in any order and twice, are read once each, with the attributes wanted.
pub async fn places_are_read_by_source_in_the_order_of_keys(
    store: &dyn LeadIndex,
    writer: &dyn LeadWriter,
) {
    let (org, crm, shop) = (org(), source(), source());
    let leads: Vec<Lead> = (0..250_u64)
        .map(|number| lead(&format!("l-{number}"), at(number % 7)))
        .collect();
    writer.put_leads(&org, &crm, SHARDS, &leads).await;
    writer.put_leads(&org, &shop, SHARDS, &leads[..3]).await;
    let mut places: Vec<Place> = leads.iter().rev().map(|lead| place(&crm, lead)).collect();
    places.extend(leads[..3].iter().map(|lead| place(&shop, lead)));
    places.extend_from_within(..5);
    let slots = Slots::new(["email", "lead_id", "no_such"]);
    let pages = must(store.read(&org, &places, &slots).await, "read");
    assert_eq!(pages.len(), 2, "a page for each source");
    for (source, expected) in [(&crm, &leads[..]), (&shop, &leads[..3])] {
        let mut expected: Vec<&Lead> = expected.iter().collect();
        expected.sort_by_key(|lead| lead.key());
        let page = &pages[source];
        let keys: Vec<_> = page.rows().map(|row| key_of(row.key())).collect();
        let wanted: Vec<_> = expected.iter().map(|lead| lead.key()).collect();
        assert_eq!(keys, wanted, "each lead once, by its key");
        for (row, lead) in page.rows().zip(expected) {
            let id = lead.id.as_str().as_bytes();
            assert_eq!(row.cell(1).text(), Some(id), "a value");
            assert_eq!(row.cell(2).text(), Some(id), "the id");
            assert_eq!(row.cell(3).text(), None, "what is not there");
        }
    }
    let none = must(store.read(&org, &[], &slots).await, "read nothing");
    assert!(none.is_empty(), "no places, no pages");
}

/// What is gone, or of another organization, is no error.
pub async fn places_that_hold_nothing_are_left_out(store: &dyn LeadIndex, writer: &dyn LeadWriter) {
    let (here, there, crm) = (org(), org(), source());
    let (own, other) = (lead("own", at(1)), lead("other", at(1)));
    writer
        .put_leads(&here, &crm, SHARDS, std::slice::from_ref(&own))
        .await;
    writer
        .put_leads(&there, &crm, SHARDS, std::slice::from_ref(&other))
        .await;
    let places = [
        place(&crm, &own),
        place(&crm, &other),
        place(&source(), &own),
    ];
    let pages = must(store.read(&here, &places, &Slots::new([])).await, "read");
    let keys: Vec<_> = pages
        .values()
        .flat_map(|page| page.rows().map(|row| key_of(row.key())))
        .collect();
    assert_eq!(keys, [own.key()]);
}
