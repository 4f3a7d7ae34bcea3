//! EndExport: cancels an export that runs, deletes the file of one that is completed.

use std::sync::Arc;

use crate::access::{Act, Principal, Refusal};
use crate::contention::patiently;
use crate::ports::{
    AuditStore, Clock, Dice, Download, ExportStore, Notifier, PieceStore, SourceStore, StoreError,
    StoreErrorKind,
};
use crate::record::{Delivery, Export, ExportId, RunId, Status};
use crate::telling;

/// Ends exports. Its fields are the ports it needs.
#[derive(Clone)]
pub struct EndExport {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// Who was given links: part of the export that is answered.
    pub audit: Arc<dyn AuditStore>,
    /// The files.
    pub pieces: Arc<dyn PieceStore>,
    /// Tells terminal states.
    pub notifier: Arc<dyn Notifier>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of writers.
    pub dice: Arc<dyn Dice>,
}

/// Why an export was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Turns of the write against a run that commits at the same time; it does so every 2 s at most.
const TURNS: usize = 20;

impl EndExport {
    /// Cancels or deletes; an export that has ended otherwise is answered as it is. Repeating it is harmless.
    ///
    /// # Errors
    /// [`EndError`].
    pub async fn end(
        &self,
        principal: &Principal,
        id: Option<ExportId>,
    ) -> Result<(Export, Vec<Download>), EndError> {
        let by = RunId(self.dice.uuid());
        for _ in 0..TURNS {
            let (seen, access) =
                crate::download::seen::<EndError>(&*self.exports, &*self.sources, principal, id)
                    .await?;
            let own = seen.head.requested_by.id == principal.user;
            access.allows(if own { Act::EndOwn } else { Act::EndAny })?;
            let (person, now) = (access.person(principal), self.clock.now());
            let (next, written) = match seen.status() {
                Status::Pending | Status::Processing => {
                    let next = seen.cancelled(by, person, now);
                    let end = || self.exports.end(&next);
                    let written = patiently(&*self.clock, &*self.dice, end).await?;
                    (next, written)
                }
                Status::Completed if seen.head.delivery == Delivery::File => {
                    let next = seen.expired(by, Some(person), now);
                    let written = self.exports.replace(&next).await?;
                    (next, written)
                }
                // A file whose deletion failed after the state was written goes now; the cleaning would take it as well.
                Status::Expired => {
                    delete_file(&*self.pieces, &seen).await?;
                    return self.answer(seen).await;
                }
                Status::Completed | Status::Failed | Status::Cancelled => {
                    return self.answer(seen).await;
                }
            };
            if !written.is_mine(&next) {
                continue;
            }
            if next.status() == Status::Expired {
                delete_file(&*self.pieces, &next).await?;
                return self.answer(next).await;
            }
            let telling = telling::tell(&*self.notifier, &next, self.clock.now()).await;
            if telling.any(&next) {
                // The sweeper tells it again if this write is lost.
                let _ = self.exports.replace(&telling.noted(&next, by)).await;
            }
            return self.answer(next).await;
        }
        Err(StoreError::new(StoreErrorKind::Conflict, "exports").into())
    }

    async fn answer(&self, export: Export) -> Result<(Export, Vec<Download>), EndError> {
        let downloads = self.audit.downloads(&export.org, export.id()).await?;
        Ok((export, downloads))
    }
}

/// Deletes an export's file, if it ever had one. That it is gone is no error.
///
/// # Errors
/// The store's, if the file may be left.
pub(crate) async fn delete_file(
    pieces: &dyn PieceStore,
    export: &Export,
) -> Result<(), StoreError> {
    match &export.head.file {
        Some(file) => pieces.delete_file(export.id(), file.run).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
