//! Sources and grants in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::access::{Access, Grant, Role, strongest};
use crate::fields::Source;
use crate::lead::{OrgId, SourceId};
use crate::ports::{SourceStore, StoreError};

/// Sources and who may do what on them; may change between any two calls.
#[derive(Debug, Default)]
pub struct MemorySources {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sources: BTreeMap<(OrgId, SourceId), Source>,
    /// The source is none for the grant on every source.
    grants: BTreeMap<(OrgId, String, Option<SourceId>), Grant>,
}

impl Inner {
    fn grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>) -> Option<&Grant> {
        self.grants
            .get(&(org.clone(), user.to_owned(), source.cloned()))
    }
}

impl MemorySources {
    /// No sources, no grants.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a source.
    pub fn put_source(&self, source: Source) {
        let name = (source.org.clone(), source.id.clone());
        lock(&self.inner).sources.insert(name, source);
    }

    /// Deletes a source; its grants stay, as they do where nobody cleans up.
    pub fn remove_source(&self, org: &OrgId, source: &SourceId) {
        let name = (org.clone(), source.clone());
        lock(&self.inner).sources.remove(&name);
    }

    /// Grants a user a role on a source, or on every source if none is named.
    pub fn put_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>, grant: Grant) {
        let name = (org.clone(), user.to_owned(), source.cloned());
        lock(&self.inner).grants.insert(name, grant);
    }

    /// Takes a user's grant on a source, or the one on every source, away.
    pub fn remove_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>) {
        let name = (org.clone(), user.to_owned(), source.cloned());
        lock(&self.inner).grants.remove(&name);
    }
}

#[async_trait]
impl SourceStore for MemorySources {
    async fn access(
        &self,
        org: &OrgId,
        user: &str,
        source: &SourceId,
    ) -> Result<Access, StoreError> {
        let inner = lock(&self.inner);
        Ok(Access {
            source: inner.sources.get(&(org.clone(), source.clone())).cloned(),
            own: inner.grant(org, user, Some(source)).cloned(),
            every: inner.grant(org, user, None).cloned(),
        })
    }

    async fn visible(&self, org: &OrgId, user: &str) -> Result<Vec<(Source, Role)>, StoreError> {
        let inner = lock(&self.inner);
        let every = inner.grant(org, user, None).map(|grant| grant.role);
        Ok(inner
            .sources
            .values()
            .filter(|source| source.org == *org)
            .filter_map(|source| {
                let own = inner
                    .grant(org, user, Some(&source.id))
                    .map(|grant| grant.role);
                Some((source.clone(), strongest(own, every)?))
            })
            .collect())
    }
}
