//! Leads in memory, read in pages as small as a test wants.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::lock;
use crate::lead::{Lead, LeadId, LeadKey, OrgId, SourceId};
use crate::page::{Page, PageBuilder, Slots};
use crate::ports::{LeadIndex, LeadPage, LeadSample, LeadSource, PageQuery, Place, StoreError};
use crate::value::push_lead;

type Shard = (OrgId, SourceId, u16);

/// Leads of many sources; may change between any two calls.
///
/// As with DynamoDB, a full page names a `next` even if nothing follows, and a page may be empty and not the last: it looked only
/// at places that hold nothing to show (see [`MemoryLeads::put_gap`]).
#[derive(Debug)]
pub struct MemoryLeads {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    shards: BTreeMap<Shard, BTreeMap<LeadKey, Option<Lead>>>,
    page_leads: usize,
    pages: u64,
}

impl Default for MemoryLeads {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLeads {
    /// No leads, in pages of 1 000.
    pub fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                shards: BTreeMap::new(),
                page_leads: 1000,
                pages: 0,
            }),
        }
    }

    /// From now on a page looks at so many places; at least at one.
    pub fn set_page_leads(&self, leads: usize) {
        lock(&self.inner).page_leads = leads.max(1);
    }

    /// Writes a lead into the shard where it belongs; one of the same key is replaced.
    pub fn put(&self, org: &OrgId, source: &SourceId, shards: u16, lead: Lead) {
        let shard = lead.id.shard(shards);
        self.put_at(org, source, shard, lead.key(), Some(lead));
    }

    /// Makes a place in a shard that is looked at and shows nothing, as a lead that the store's own filter drops (D-3).
    pub fn put_gap(&self, org: &OrgId, source: &SourceId, shard: u16, key: LeadKey) {
        self.put_at(org, source, shard, key, None);
    }

    fn put_at(&self, org: &OrgId, source: &SourceId, shard: u16, key: LeadKey, lead: Option<Lead>) {
        lock(&self.inner)
            .shards
            .entry((org.clone(), source.clone(), shard))
            .or_default()
            .insert(key, lead);
    }

    /// Deletes the lead or gap of this key, in whichever shard of the source it lies; says whether there was one.
    pub fn remove(&self, org: &OrgId, source: &SourceId, key: &LeadKey) -> bool {
        let mut removed = false;
        for ((of, name, _), leads) in &mut lock(&self.inner).shards {
            if of == org && name == source {
                removed |= leads.remove(key).is_some();
            }
        }
        removed
    }

    /// All leads of a source, in the order of their keys.
    pub fn leads(&self, org: &OrgId, source: &SourceId) -> Vec<Lead> {
        let inner = lock(&self.inner);
        let mut leads: BTreeMap<&LeadKey, &Lead> = BTreeMap::new();
        for ((of, name, _), shard) in &inner.shards {
            if of == org && name == source {
                leads.extend(
                    shard
                        .iter()
                        .filter_map(|(key, lead)| Some((key, lead.as_ref()?))),
                );
            }
        }
        leads.into_values().cloned().collect()
    }

    /// Pages read so far.
    pub fn pages(&self) -> u64 {
        lock(&self.inner).pages
    }
}

#[async_trait]
impl LeadIndex for MemoryLeads {
    async fn find(&self, org: &OrgId, ids: &[LeadId]) -> Result<Vec<Place>, StoreError> {
        let ids: BTreeSet<&LeadId> = ids.iter().collect();
        let inner = lock(&self.inner);
        let mut places = Vec::new();
        for ((of, source, shard), leads) in &inner.shards {
            let leads = leads.iter().filter(|_| of == org);
            let named =
                leads.filter(|(_, lead)| lead.as_ref().is_some_and(|it| ids.contains(&it.id)));
            places.extend(named.map(|(key, _)| Place {
                source: source.clone(),
                shard: *shard,
                key: key.clone(),
            }));
        }
        Ok(places)
    }

    async fn read(
        &self,
        org: &OrgId,
        places: &[Place],
        slots: &Slots,
    ) -> Result<BTreeMap<SourceId, Page>, StoreError> {
        let inner = lock(&self.inner);
        let mut found: BTreeMap<SourceId, BTreeMap<&LeadKey, &Lead>> = BTreeMap::new();
        for place in places {
            let shard = (org.clone(), place.source.clone(), place.shard);
            let lead = inner
                .shards
                .get(&shard)
                .and_then(|leads| leads.get_key_value(&place.key));
            if let Some((key, Some(lead))) = lead {
                found
                    .entry(place.source.clone())
                    .or_default()
                    .insert(key, lead);
            }
        }
        let page = |leads: BTreeMap<&LeadKey, &Lead>| {
            let mut builder = PageBuilder::new(Bytes::new(), slots);
            for lead in leads.into_values() {
                push_lead(&mut builder, slots, lead);
            }
            builder.finish()
        };
        let pages = found
            .into_iter()
            .map(|(source, leads)| (source, page(leads)));
        Ok(pages.collect())
    }
}

#[async_trait]
impl LeadSource for MemoryLeads {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        let mut inner = lock(&self.inner);
        inner.pages += 1;
        let mut builder = PageBuilder::new(Bytes::new(), &query.slots);
        let most = query.most.and_then(|most| usize::try_from(most).ok());
        let page_leads = inner.page_leads.min(most.unwrap_or(usize::MAX)).max(1);
        let mut scanned = 0;
        let mut last = None;
        let (mut low, mut high) = (Bound::Included(&query.from), Bound::Included(&query.to));
        if let Some(after) = &query.after {
            if query.descending && *after <= query.to {
                high = Bound::Excluded(after);
            } else if !query.descending && *after >= query.from {
                low = Bound::Excluded(after);
            }
        }
        // An empty range is an answer here; `BTreeMap::range` would panic.
        let is_empty = match (low, high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (
                Bound::Included(low) | Bound::Excluded(low),
                Bound::Included(high) | Bound::Excluded(high),
            ) => low >= high,
            _ => false,
        };
        let shard = (query.org.clone(), query.source.clone(), query.shard);
        if let Some(leads) = inner.shards.get(&shard).filter(|_| !is_empty) {
            let range = leads.range::<LeadKey, _>((low, high));
            let places: Box<dyn Iterator<Item = (&LeadKey, &Option<Lead>)>> = if query.descending {
                Box::new(range.rev())
            } else {
                Box::new(range)
            };
            for (key, lead) in places.take(page_leads) {
                scanned += 1;
                last = Some(key.clone());
                let admits = |lead: &&Lead| query.pushed.iter().all(|test| test.admits(lead));
                if let Some(lead) = lead.as_ref().filter(admits) {
                    push_lead(&mut builder, &query.slots, lead);
                }
            }
        }
        let is_full = usize::try_from(scanned).is_ok_and(|scanned| scanned == page_leads);
        let page = builder.finish();
        Ok(LeadPage {
            read_bytes: page.weight() as u64,
            page,
            next: last.filter(|_| is_full),
            scanned,
        })
    }
}

#[async_trait]
impl LeadSample for MemoryLeads {
    async fn sampled(
        &self,
        org: &OrgId,
        source: &SourceId,
        from: &LeadKey,
        to: &LeadKey,
    ) -> Result<u64, StoreError> {
        let leads = self.leads(org, source);
        let sampled = leads.iter().filter(|lead| {
            let key = lead.key();
            lead.id.is_sampled() && *from <= key && key <= *to
        });
        Ok(sampled.count() as u64)
    }
}
