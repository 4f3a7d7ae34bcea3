//! CSV files to import (BI1).

use std::collections::HashMap;
use std::io::Write as _;

use async_trait::async_trait;
use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId};
use lead_export_core::time::Instant;
use lead_export_local::depot::Depot;
use lead_export_local::import::{Choices, Order, Report, Skip, import as take};

use crate::done;

/// Forgets what it is given.
struct Nowhere;

#[async_trait]
impl Depot for Nowhere {
    async fn source(&self, _: &OrgId, _: &SourceId) -> anyhow::Result<Option<Source>> {
        Ok(None)
    }

    async fn put_source(&self, _: &Source) -> anyhow::Result<()> {
        Ok(())
    }

    async fn put_grant(
        &self,
        _: &OrgId,
        _: &str,
        _: Option<&SourceId>,
        _: &Grant,
    ) -> anyhow::Result<()> {
        Ok(())
    }

    async fn holds_any(&self, _: &Source) -> anyhow::Result<bool> {
        Ok(false)
    }

    async fn count(&self, _: &Source) -> anyhow::Result<u64> {
        Ok(0)
    }

    async fn find(&self, _: &Source, _: &[LeadId]) -> anyhow::Result<HashMap<LeadId, Lead>> {
        Ok(HashMap::new())
    }

    async fn write(&self, _: &Source, _: &[Lead]) -> anyhow::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Heard {
    skipped: u64,
    looked_at: u64,
    total: u64,
}

impl Report for Heard {
    fn skipped(&mut self, line: u64, reason: &Skip) {
        assert!(line > 0 && !reason.to_string().is_empty());
        self.skipped += 1;
    }

    fn progress(&mut self, rows: u64, total: u64) {
        self.looked_at = rows;
        self.total = total;
    }
}

/// A file: every row is taken or named, and the counts agree.
pub(crate) fn import(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let order = Order {
        file: file.path().to_owned(),
        org: OrgId::parse("acme").unwrap(),
        source: SourceId::parse("crm").unwrap(),
        user: "alice".into(),
        choices: Choices::default(),
        time_zone: Some("America/New_York".into()),
    };
    let mut heard = Heard::default();
    let now = Instant::from_millis(1_795_315_380_000);
    if let Ok(imported) = done(take(&Nowhere, &order, now, &mut heard)) {
        assert_eq!(imported.skipped, heard.skipped);
        assert_eq!(imported.replaced, 0);
        assert_eq!(heard.looked_at, heard.total);
        assert_eq!(imported.imported + imported.skipped, heard.total);
    }
}
