//! Audit rows in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::lead::OrgId;
use crate::ports::{AuditStore, Download, StoreError};
use crate::record::ExportId;

/// Rows as the trait shows them at most.
const ROWS: usize = 100;

/// Audit rows; none is ever changed or deleted.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    rows: Mutex<Vec<Download>>,
}

impl MemoryAudit {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// All rows, in the order written.
    pub fn all(&self) -> Vec<Download> {
        lock(&self.rows).clone()
    }
}

#[async_trait]
impl AuditStore for MemoryAudit {
    async fn record(&self, download: &Download) -> Result<(), StoreError> {
        let mut rows = lock(&self.rows);
        let is_known = rows.iter().any(|row| {
            row.id == download.id && row.org == download.org && row.export == download.export
        });
        if !is_known {
            rows.push(download.clone());
        }
        Ok(())
    }

    async fn downloads(&self, org: &OrgId, export: ExportId) -> Result<Vec<Download>, StoreError> {
        let mut rows: Vec<Download> = lock(&self.rows)
            .iter()
            .filter(|row| row.org == *org && row.export == export)
            .cloned()
            .collect();
        rows.sort_by_key(|row| (row.at, row.id));
        let older = rows.len().saturating_sub(ROWS);
        rows.drain(..older);
        Ok(rows)
    }
}
