//! Where imports and generators put sources and leads.

mod count;
mod item;
mod local;
#[cfg(test)]
pub(crate) mod memory;
mod tables;

use std::collections::HashMap;

use async_trait::async_trait;
use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId};

pub use local::LocalDepot;
pub use tables::TablesDepot;

/// The stores as a writer of leads needs them; the service itself only reads these.
#[async_trait]
pub trait Depot: Send + Sync {
    /// Reads a source, as it is now.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn source(&self, org: &OrgId, id: &SourceId) -> anyhow::Result<Option<Source>>;

    /// Writes a source over whatever is there.
    ///
    /// # Errors
    /// The store does not take it.
    async fn put_source(&self, source: &Source) -> anyhow::Result<()>;

    /// Writes a user's grant on a source, or on every one if none is named.
    ///
    /// # Errors
    /// The store does not take it.
    async fn put_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
        grant: &Grant,
    ) -> anyhow::Result<()>;

    /// Whether the source has any lead.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn holds_any(&self, source: &Source) -> anyhow::Result<bool>;

    /// Counts the leads of the source by looking at all of them.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn count(&self, source: &Source) -> anyhow::Result<u64>;

    /// Reads the leads of these ids, as far as the source has them.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn find(&self, source: &Source, ids: &[LeadId]) -> anyhow::Result<HashMap<LeadId, Lead>>;

    /// Writes leads, each over the one of its place. No two have the same id.
    ///
    /// # Errors
    /// Some were not written; writing them all again is harmless.
    async fn write(&self, source: &Source, leads: &[Lead]) -> anyhow::Result<()>;
}
