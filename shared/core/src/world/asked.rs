//! Leads that remember how many of them were asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};

/// A source of leads, and the most that one page was to look at.
pub(crate) struct Asked {
    leads: Arc<dyn LeadSource>,
    most: AtomicU64,
}

impl Asked {
    pub(crate) fn of(leads: Arc<dyn LeadSource>) -> Self {
        Self {
            leads,
            most: AtomicU64::new(0),
        }
    }

    /// The most that was asked for at once.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl LeadSource for Asked {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        let most = query.most.map_or(u64::MAX, u64::from);
        self.most.fetch_max(most, Ordering::Relaxed);
        self.leads.page(query).await
    }
}
