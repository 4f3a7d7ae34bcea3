//! Leads that were looked up, beside those that are read in their order.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::export::LOOKED_UP;
use crate::lead::SourceId;
use crate::page::Page;
use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};

/// A store of leads with one more shard for each source: the leads that were looked up.
pub(super) struct Beside {
    leads: Arc<dyn LeadSource>,
    pages: BTreeMap<SourceId, Page>,
}

impl Beside {
    pub(super) fn new(leads: Arc<dyn LeadSource>, pages: BTreeMap<SourceId, Page>) -> Self {
        Self { leads, pages }
    }
}

#[async_trait]
impl LeadSource for Beside {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        if query.shard != LOOKED_UP {
            return self.leads.page(query).await;
        }
        let page = self.pages.get(&query.source).cloned().unwrap_or_default();
        Ok(LeadPage {
            scanned: page.len() as u64,
            // They came with the looking up.
            read_bytes: 0,
            page,
            next: None,
        })
    }
}
