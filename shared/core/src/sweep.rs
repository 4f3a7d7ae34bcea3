//! SweepExports: looks at what is due. The one rule (X): first dispatch, lost messages, dead workers, events, cleaning, expiry.

use std::sync::Arc;

use crate::end::delete_file;
use crate::lead::OrgId;
use crate::limits;
use crate::ports::{Clock, Dice, Due, ExportQueue, ExportStore, Notifier, PieceStore, StoreError};
use crate::record::{Export, ExportId, RunId, Status};
use crate::telling;

/// Looks at what is due. Its fields are the ports it needs.
#[derive(Clone)]
pub struct SweepExports {
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// Hints.
    pub queue: Arc<dyn ExportQueue>,
    /// What is cleaned.
    pub pieces: Arc<dyn PieceStore>,
    /// Tells terminal states.
    pub notifier: Arc<dyn Notifier>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of writers.
    pub dice: Arc<dyn Dice>,
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// Exports looked at.
    pub seen: usize,
    /// Hints sent.
    pub hinted: usize,
    /// Terminal states told.
    pub told: usize,
    /// Exports cleaned.
    pub cleaned: usize,
    /// Files whose time had come.
    pub expired: usize,
    /// What failed; it is due again.
    pub errors: Vec<StoreError>,
}

impl SweepExports {
    /// Looks at what is due now, up to [`limits::SWEEP_LIMIT`] exports. A failure with one export leaves the others.
    ///
    /// # Errors
    /// [`StoreError`] if the list of what is due cannot be read.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for due in self
            .exports
            .due(self.clock.now(), limits::SWEEP_LIMIT)
            .await?
        {
            swept.seen += 1;
            if let Err(error) = self.look(&due, &mut swept).await {
                swept.errors.push(error);
            }
        }
        Ok(swept)
    }

    /// Looks at the export of a hint that was given up: where it stands, after a new hint if it has not ended. None if there is no
    /// such export. The record carries the duty, so the hint itself holds nothing that could be lost.
    ///
    /// # Errors
    /// [`StoreError`] if the record cannot be read or the hint not be sent.
    pub async fn given_up(&self, org: &OrgId, id: ExportId) -> Result<Option<Status>, StoreError> {
        let Some(seen) = self.exports.get(org, id).await? else {
            return Ok(None);
        };
        if !seen.status().is_terminal() {
            self.queue.send(org, id).await?;
        }
        Ok(Some(seen.status()))
    }

    async fn look(&self, due: &Due, swept: &mut Swept) -> Result<(), StoreError> {
        let now = self.clock.now();
        // The list lags: the record says what is due.
        let backed_off = now.plus(limits::SWEEP_BACKOFF);
        let seen = match self.exports.get(&due.org, due.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(()),
            Err(error) => {
                // What will not be readable in a minute either must not hold up what is: a sweep sees so many exports at most.
                if !error.is_retryable() {
                    self.exports.postpone(due, backed_off).await?;
                }
                return Err(error);
            }
        };
        if seen.due_at.is_none_or(|due_at| due_at > now) {
            return Ok(());
        }
        // Whatever follows, nobody looks again before the back-off has passed: a failing step costs one try a minute.
        let seen_due = Due {
            due_at: seen.due_at.unwrap_or(due.due_at),
            ..due.clone()
        };
        let backed_off = if seen.owes() {
            telling::again_at(&seen, now)
        } else {
            backed_off
        };
        // Who does not move the date has been overtaken by another sweep or by a run: it is theirs to do. A write that was sent twice
        // looks the same; then it is due again after the back-off.
        if !self.exports.postpone(&seen_due, backed_off).await? {
            return Ok(());
        }
        let mut seen = Export {
            due_at: Some(backed_off),
            ..seen
        };
        let by = RunId(self.dice.uuid());
        if !seen.status().is_terminal() {
            self.queue.send(&seen.org, seen.id()).await?;
            swept.hinted += 1;
            return Ok(());
        }
        let mut deaf = Ok(());
        if seen.owes() {
            // P9a
            let telling = telling::tell(&*self.notifier, &seen, now).await;
            let next = telling.noted(&seen, by);
            if telling.all() {
                self.exports.replace(&next).await?;
                swept.told += 1;
                return telling.deaf.map_or(Ok(()), Err);
            }
            if telling.any(&seen) {
                if !self.exports.replace(&next).await?.is_mine(&next) {
                    return Ok(());
                }
                seen = next;
            }
            deaf = telling.deaf.map_or(Ok(()), Err);
        }
        // A listener that does not hear keeps no file beyond its time.
        if seen.status() == Status::Completed
            && seen
                .head
                .file_expires_at
                .is_some_and(|expires_at| expires_at <= now)
        {
            let expired = seen.expired(by, None, now);
            if self.exports.replace(&expired).await?.is_mine(&expired) {
                delete_file(&*self.pieces, &expired).await?;
                swept.expired += 1;
            }
        } else if seen.clean_at.is_some_and(|clean_at| clean_at <= now) {
            // P9b
            let keep = seen
                .head
                .file
                .as_ref()
                .filter(|_| seen.status() == Status::Completed)
                .map(|file| file.run);
            self.pieces.clean(seen.id(), keep).await?;
            self.exports.replace(&seen.cleaned(by)).await?;
            swept.cleaned += 1;
        } else if deaf.is_ok() {
            // Due, terminal, told, nothing to clean: a date that a postponement left behind.
            self.exports.replace(&seen.rested(by)).await?;
        }
        deaf
    }
}

#[cfg(test)]
mod dates;
#[cfg(test)]
mod tests;
