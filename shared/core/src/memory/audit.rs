//! Audit rows in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::lead::{OrgId, SourceId};
use crate::ports::{AuditStore, Download, GivenPage, GivenQuery, StoreError};
use crate::record::ExportId;

/// Rows as the trait shows them at most.
const ROWS: usize = 100;

/// Audit rows; none is ever changed or deleted.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    rows: Mutex<Vec<(SourceId, Download)>>,
}

impl MemoryAudit {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// All rows, in the order written.
    pub fn all(&self) -> Vec<Download> {
        let rows = lock(&self.rows);
        rows.iter().map(|(_, row)| row.clone()).collect()
    }
}

#[async_trait]
impl AuditStore for MemoryAudit {
    async fn record(&self, source: &SourceId, download: &Download) -> Result<(), StoreError> {
        let mut rows = lock(&self.rows);
        let is_known = rows.iter().any(|(_, row)| {
            row.id == download.id && row.org == download.org && row.export == download.export
        });
        if !is_known {
            rows.push((source.clone(), download.clone()));
        }
        Ok(())
    }

    async fn given(&self, query: &GivenQuery) -> Result<GivenPage, StoreError> {
        let place = |row: &Download| (row.at, row.id);
        let mut found: Vec<Download> = lock(&self.rows)
            .iter()
            .filter(|(source, row)| *source == query.source && row.org == query.org)
            .map(|(_, row)| row.clone())
            .filter(|row| (query.from..=query.to).contains(&row.at))
            .filter(|row| query.after.is_none_or(|after| after < place(row)))
            .collect();
        found.sort_by_key(place);
        let is_more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().map(place).filter(|_| is_more);
        Ok(GivenPage {
            downloads: found,
            next,
        })
    }

    async fn downloads(&self, org: &OrgId, export: ExportId) -> Result<Vec<Download>, StoreError> {
        let mut rows: Vec<Download> = lock(&self.rows)
            .iter()
            .map(|(_, row)| row)
            .filter(|row| row.org == *org && row.export == export)
            .cloned()
            .collect();
        rows.sort_by_key(|row| (row.at, row.id));
        let older = rows.len().saturating_sub(ROWS);
        rows.drain(..older);
        Ok(rows)
    }
}
