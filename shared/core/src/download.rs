//! DownloadExport: a link to a file, after checking access again (D1 to D4).

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Act, Principal, Refusal};
use crate::ports::{
    AuditStore, Clock, Dice, Download, ExportStore, SourceStore, StoreError, UrlSigner,
};
use crate::record::{Delivery, Export, ExportId, File, Status};
use crate::time::Instant;

/// Hands out links. Its fields are the ports it needs.
#[derive(Clone)]
pub struct DownloadExport {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// The rows that say who was given a link.
    pub audit: Arc<dyn AuditStore>,
    /// Makes links.
    pub signer: Arc<dyn UrlSigner>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of audit rows.
    pub dice: Arc<dyn Dice>,
    /// How long a link lives.
    pub ttl: Duration,
}

/// A link to a file, for whoever holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The link.
    pub url: String,
    /// When it ends.
    pub expires_at: Instant,
    /// The export.
    pub export: Export,
    /// Its file.
    pub file: File,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is still at work: ask again.
    #[error("the export is not ready")]
    NotReady,
    /// It ended without a file, or was answered inline.
    #[error("the export has no file")]
    NoFile(Status, Delivery),
    /// The file is gone.
    #[error("the file is gone")]
    Gone,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DownloadExport {
    /// Makes a link to an export's file, once the audit row is written.
    ///
    /// # Errors
    /// [`DownloadError`]: each variant says why.
    pub async fn download(
        &self,
        principal: &Principal,
        id: Option<ExportId>,
    ) -> Result<Link, DownloadError> {
        let (export, access) =
            seen::<DownloadError>(&*self.exports, &*self.sources, principal, id).await?;
        access.allows(Act::Download)?;
        let now = self.clock.now();
        let file = match (export.status(), &export.head.file) {
            (Status::Pending | Status::Processing, _) => return Err(DownloadError::NotReady),
            (Status::Expired, _) => return Err(DownloadError::Gone),
            (Status::Completed, Some(file)) => file.clone(),
            (status, _) => return Err(DownloadError::NoFile(status, export.head.delivery)),
        };
        if export
            .head
            .file_expires_at
            .is_none_or(|expires_at| expires_at <= now)
        {
            return Err(DownloadError::Gone);
        }
        let row = Download {
            org: export.org.clone(),
            export: export.id(),
            id: self.dice.uuid(),
            by: access.person(principal),
            at: now,
        };
        self.audit.record(&export.head.source, &row).await?;
        let kind = export.head.format.file_kind();
        let url = self
            .signer
            .sign(
                export.id(),
                file.run,
                &export.head.file_name,
                &kind,
                now,
                self.ttl,
            )
            .await?;
        Ok(Link {
            url,
            expires_at: now.plus(self.ttl),
            export,
            file,
        })
    }
}

/// Reads an export, and the user's access to its source as it is now. What is absent, another organization's, or not named by a
/// well-formed id costs the same reads as what the user may not see (TM03).
///
/// # Errors
/// A store's error; [`Refusal::NotFound`] if the user may not see it.
pub(crate) async fn seen<E>(
    exports: &dyn ExportStore,
    sources: &dyn SourceStore,
    principal: &Principal,
    id: Option<ExportId>,
) -> Result<(Export, crate::access::Access), E>
where
    E: From<StoreError> + From<Refusal>,
{
    let export = exports
        .get(&principal.org, id.unwrap_or(ExportId(uuid::Uuid::nil())))
        .await?;
    let nothing = || crate::lead::SourceId::parse("0").map_err(|_| Refusal::NotFound);
    let source = match &export {
        Some(export) => export.head.source.clone(),
        None => nothing()?,
    };
    let access = sources
        .access(&principal.org, &principal.user, &source)
        .await?;
    let export = export.ok_or(Refusal::NotFound)?;
    // A source that is gone takes nobody's history with it but everybody's sight of it: there is no grant without a source.
    access.allows(Act::See)?;
    Ok((export, access))
}

#[cfg(test)]
mod tests;
