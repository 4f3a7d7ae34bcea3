//! Tells terminal states to whoever reads the log.

use async_trait::async_trait;
use lead_export_core::ports::{Notifier, StoreError};
use lead_export_core::record::Export;

/// Writes one line for each telling: what happened to which export, never what it holds or was filtered by.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        let head = &export.head;
        let took = head
            .completed_at
            .map(|end| end.since(head.requested_at).as_millis());
        tracing::info!(
            event_id = export.event_id(),
            export.id = %export.id(),
            org.id = %export.org,
            source.id = %head.source,
            status = head.status.as_str(),
            failure = head.failure.as_ref().map(|failure| tracing::field::debug(failure.code)),
            leads = head.lead_count,
            size_bytes = head.file.as_ref().map(|file| file.size_bytes),
            duration_ms = took.and_then(|took| u64::try_from(took).ok()),
            "export {} is {}",
            export.id(),
            head.status.as_str(),
        );
        Ok(())
    }
}
