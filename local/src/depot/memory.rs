//! A depot in memory, for tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId};

use super::Depot;

type Place = (OrgId, SourceId);

/// All it was given. Leads lie by their keys, as in the real store: of one id there can be several, by mistake.
#[derive(Debug, Default)]
pub(crate) struct MemoryDepot {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    sources: BTreeMap<Place, Source>,
    grants: BTreeMap<(OrgId, String, Option<SourceId>), Grant>,
    leads: BTreeMap<Place, BTreeMap<String, Lead>>,
    writes: usize,
}

impl MemoryDepot {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The leads of a source in their order.
    pub(crate) fn leads(&self, source: &Source) -> Vec<Lead> {
        let held = self.held();
        let place = (source.org.clone(), source.id.clone());
        held.leads
            .get(&place)
            .into_iter()
            .flat_map(|leads| leads.values().cloned())
            .collect()
    }

    /// How many leads were written since the last question.
    pub(crate) fn writes(&self) -> usize {
        std::mem::take(&mut self.held().writes)
    }

    /// The role of a user on a source.
    pub(crate) fn role(&self, org: &OrgId, user: &str, source: &SourceId) -> Option<&'static str> {
        let key = (org.clone(), user.to_owned(), Some(source.clone()));
        self.held()
            .grants
            .get(&key)
            .map(|grant| grant.role.as_str())
    }
}

#[async_trait]
impl Depot for MemoryDepot {
    async fn source(&self, org: &OrgId, id: &SourceId) -> anyhow::Result<Option<Source>> {
        let place = (org.clone(), id.clone());
        Ok(self.held().sources.get(&place).cloned())
    }

    async fn put_source(&self, source: &Source) -> anyhow::Result<()> {
        let place = (source.org.clone(), source.id.clone());
        self.held().sources.insert(place, source.clone());
        Ok(())
    }

    async fn put_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
        grant: &Grant,
    ) -> anyhow::Result<()> {
        let key = (org.clone(), user.to_owned(), source.cloned());
        self.held().grants.insert(key, grant.clone());
        Ok(())
    }

    async fn holds_any(&self, source: &Source) -> anyhow::Result<bool> {
        Ok(!self.leads(source).is_empty())
    }

    async fn count(&self, source: &Source) -> anyhow::Result<u64> {
        Ok(self.leads(source).len() as u64)
    }

    async fn find(&self, source: &Source, ids: &[LeadId]) -> anyhow::Result<HashMap<LeadId, Lead>> {
        let leads = self.leads(source).into_iter();
        Ok(leads
            .filter(|lead| ids.contains(&lead.id))
            .map(|lead| (lead.id.clone(), lead))
            .collect())
    }

    async fn write(&self, source: &Source, leads: &[Lead]) -> anyhow::Result<()> {
        let mut held = self.held();
        held.writes += leads.len();
        let place = (source.org.clone(), source.id.clone());
        let place = held.leads.entry(place).or_default();
        for lead in leads {
            place.insert(lead.key().to_string(), lead.clone());
        }
        Ok(())
    }
}
