//! RunExport: one invocation's work on an export, P1 to P9a of `promises.md` §4.2.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::access::Act;
use crate::contention::patiently;
use crate::export::{ExportError, Outcome, Selection, SinkError, export};
use crate::format::Compression;
use crate::gzip::Members;
use crate::lead::OrgId;
use crate::limits;
use crate::moves::Finish;
use crate::piece::{PartOf, crc64_text, plan};
use crate::pieces::{Filled, Pieces, Tools, beginning, can_take_up};
use crate::ports::{
    Clock, Dice, ExportQueue, ExportStore, LeadSource, Notifier, ObjectKey, Part, PieceStore,
    SourceStore, StoreError, StoreErrorKind, Upload, Written,
};
use crate::record::{
    Checkpoint, Export, ExportId, Failure, FailureCode, File, Progress, RunId, Status,
};
use crate::telling;
use crate::time::Instant;
use crate::volume::DailyVolume;

mod volume;

/// Works on exports. Its fields are the ports it needs, and so its permissions.
#[derive(Clone)]
pub struct RunExport {
    /// The leads.
    pub leads: Arc<dyn LeadSource>,
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// Hints for the next slice.
    pub queue: Arc<dyn ExportQueue>,
    /// Pieces and files.
    pub pieces: Arc<dyn PieceStore>,
    /// Tells terminal states.
    pub notifier: Arc<dyn Notifier>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Run ids.
    pub dice: Arc<dyn Dice>,
    /// How long a file is kept.
    pub retention: Duration,
    /// Leads of a user in a day.
    pub volume: DailyVolume,
    /// The size at which pieces are cut: [`limits::PIECE_BYTES`] but in tests.
    pub piece_bytes: usize,
    /// The CSV in a gzip member: [`limits::GZIP_MEMBER_BYTES`] but in tests.
    pub member_bytes: usize,
}

/// What a run came to. In every case the message that asked for it has done its duty: the record carries the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// There is no such export: a forged message, or one for a record that is gone.
    Absent,
    /// It had ended before.
    Ended(Status),
    /// Another run is at work.
    Busy,
    /// The record moved on without this run: cancelled, or taken over.
    Lost,
    /// This run ended it.
    Completed,
    /// This run ended it without a file.
    Failed(FailureCode),
    /// This run ended it without a file: its leads did not fit into the requester's day.
    OverVolume,
    /// The slice is over; the next run is due.
    Paused,
}

/// What a run came to, and what a store said to it.
#[derive(Debug)]
pub struct Ran {
    /// What it came to.
    pub done: Done,
    /// The store's refusal that ended the export, if one did: for the log, the record holds the code alone.
    pub cause: Option<StoreError>,
    /// Why the hint for the next slice could not be sent, if it could not: for the log, the sweeper takes the export up.
    pub unhinted: Option<StoreError>,
}

impl From<Done> for Ran {
    fn from(done: Done) -> Self {
        Self {
            done,
            cause: None,
            unhinted: None,
        }
    }
}

/// Why a run ended without a decision: a store could not be asked. The record's due date brings the next try.
#[derive(Debug, thiserror::Error)]
#[error("the run was broken off")]
pub struct RunError(#[from] pub StoreError);

impl RunExport {
    /// Works on an export until it is done or `stop_at` is near.
    ///
    /// # Errors
    /// [`RunError`] if a store could not be asked; nothing is lost, the export is due again when its lease ends.
    pub async fn run(&self, org: &OrgId, id: ExportId, stop_at: Instant) -> Result<Ran, RunError> {
        let run = RunId(self.dice.uuid());
        let now = self.clock.now();
        // P1
        let Some(seen) = self.exports.get(org, id).await? else {
            return Ok(Done::Absent.into());
        };
        if seen.status().is_terminal() {
            return Ok(Done::Ended(seen.status()).into());
        }
        if seen.lease.is_some_and(|lease| lease.until > now) {
            return Ok(Done::Busy.into());
        }
        if let Some(code) = self.must_fail(&seen, now).await? {
            return Ok(self.fail(org, id, run, Why::Code(code)).await?.into());
        }
        let written = seen.head.progress.leads_written;
        if self.is_over_volume(&seen, written).await? {
            return Ok(self.fail(org, id, run, Why::OverVolume).await?.into());
        }
        // P2
        let leased = seen.leased(run, now);
        match self.exports.replace(&leased).await {
            Ok(written) if written.is_mine(&leased) => {}
            Ok(_) => return Ok(Done::Lost.into()),
            Err(error) => {
                // It may have been written all the same.
                self.release(org, id, run, true).await;
                return Err(RunError(error));
            }
        }
        // Boxed: the state of a whole run is too large to be a part of its callers' states.
        match Box::pin(self.work(leased, run, stop_at)).await {
            Ok(ran) => Ok(ran),
            Err(End::Lost) => Ok(Done::Lost.into()),
            Err(End::Fail(why, cause)) => {
                let done = self.fail(org, id, run, why).await?;
                Ok(Ran {
                    cause,
                    ..done.into()
                })
            }
            Err(End::Broken(error)) => {
                self.release(org, id, run, error.is_retryable()).await;
                Err(RunError(error))
            }
        }
    }

    /// Gives the lease back, and after a silence the try: a store that is silent or throttled slows an export and never fails it (D-6),
    /// however often; one that refuses for good, or bytes that arrived as others, cost a try each. If this is not heard either, the
    /// lease ends by itself.
    async fn release(&self, org: &OrgId, id: ExportId, run: RunId, with_try: bool) {
        let Ok(Some(seen)) = self.exports.get(org, id).await else {
            return;
        };
        if seen.lease.is_some_and(|lease| lease.run == run) {
            let mut next = seen.released(run, self.clock.now());
            if !with_try {
                next.tries = seen.tries;
            }
            let _ = self.exports.replace(&next).await;
        }
    }

    /// Why an export must fail before it is read: P1's caps, and the grant, read at the start of every slice.
    async fn must_fail(
        &self,
        seen: &Export,
        now: Instant,
    ) -> Result<Option<FailureCode>, RunError> {
        let is_old = now.since(seen.head.requested_at) > limits::MAX_AGE;
        if is_old || seen.slices >= limits::MAX_SLICES {
            return Ok(Some(FailureCode::TimeLimit));
        }
        if seen.tries >= limits::MAX_TRIES {
            return Ok(Some(FailureCode::Internal));
        }
        let access = self
            .sources
            .access(&seen.org, &seen.head.requested_by.id, &seen.head.source)
            .await?;
        Ok(match access.allows(Act::Request) {
            Ok(_) => None,
            Err(_) if access.source.is_none() => Some(FailureCode::SourceGone),
            Err(_) => Some(FailureCode::AccessRevoked),
        })
    }

    async fn work(&self, leased: Export, run: RunId, stop_at: Instant) -> Result<Ran, End> {
        let mut selection = Selection::new(&leased.org, &leased.plan)
            .map_err(|_| End::fail(FailureCode::Internal, None))?;
        let kind = leased.head.format.file_kind();
        // P3
        let (from, buffer) = self.take_up(&leased, &selection).await?;
        let (after, written) = (from.cursor.clone(), from.rows);
        if after.is_some() {
            selection.resume(from.matched);
        }
        let tools = Tools {
            exports: Arc::clone(&self.exports),
            pieces: Arc::clone(&self.pieces),
            clock: Arc::clone(&self.clock),
        };
        let mut sink = Pieces::new(tools, leased, run, from, buffer, kind, stop_at)
            .ok_or(End::fail(FailureCode::Internal, None))?
            .with_piece_bytes(self.piece_bytes);
        // P4 to P6
        match export(
            Arc::clone(&self.leads),
            &mut selection,
            after,
            written,
            &mut sink,
        )
        .await?
        {
            Outcome::Complete { truncated } => {
                let filled = sink.fill().await?;
                Ok(self.assemble(run, filled, truncated).await?.into())
            }
            // P7
            Outcome::Stopped => {
                let paused = sink.pause().await?;
                // A hint, for speed alone: the record is due at once.
                let hint = self.queue.send(&paused.org, paused.id()).await;
                Ok(Ran {
                    unhinted: hint.err(),
                    ..Done::Paused.into()
                })
            }
        }
    }

    /// P3: the checkpoint to take up and the bytes the buffer starts with: the tail's, or the header of a file that has no bytes yet.
    /// A checkpoint of another encoder, one that makes no sense, or whose tail is gone, is left: the export starts from nothing.
    async fn take_up(
        &self,
        leased: &Export,
        selection: &Selection,
    ) -> Result<(Checkpoint, Members), End> {
        let member_bytes = match leased.plan.format.compression {
            Compression::None => None,
            Compression::Gzip => Some(self.member_bytes),
        };
        let nothing = || Members::beginning(member_bytes, selection.header());
        let known = leased.checkpoint.clone().filter(can_take_up);
        if let Some(known) = known {
            match known.tail {
                None if known.runs.is_empty() => return Ok((known, nothing())),
                None => return Ok((known, Members::beginning(member_bytes, Vec::new()))),
                Some(tail) => match self
                    .pieces
                    .get(ObjectKey::Tail(leased.id(), tail.run))
                    .await
                {
                    Ok(bytes) if bytes.len() as u64 == tail.size_bytes => {
                        let members =
                            Members::taken_up(member_bytes, bytes.into(), tail.open_bytes);
                        if let Some(members) = members {
                            return Ok((known, members));
                        }
                    }
                    Ok(_) => {}
                    Err(error) if error.kind == StoreErrorKind::NotFound => {}
                    Err(error) => return Err(End::of_pieces(error)),
                },
            }
        }
        Ok((beginning(), nothing()))
    }

    /// P8: makes the file of its pieces and the rest, and commits to it.
    async fn assemble(&self, run: RunId, filled: Filled, truncated: bool) -> Result<Done, End> {
        let Filled {
            mut record,
            checkpoint,
            hashes,
            rest,
            rest_crc,
            rows,
            progress,
            warnings,
        } = filled;
        self.charge(&record, rows).await?;
        let key = ObjectKey::File(record.id(), run);
        let kind = record.head.format.file_kind();
        let size_bytes = checkpoint.bytes + rest.len() as u64;
        let parts = plan(record.id(), &checkpoint.runs, rest.len());
        if checkpoint.runs.is_empty() {
            // P8a
            self.pieces
                .put(key, rest, rest_crc, &kind)
                .await
                .map_err(End::of_pieces)?;
        } else if parts.len() > limits::MAX_PARTS {
            return Err(End::fail(FailureCode::TooLarge, None));
        } else {
            // P8b
            let upload = self.pieces.open(key, &kind).await.map_err(End::of_pieces)?;
            let mut done: Vec<Part> = Vec::with_capacity(parts.len());
            for group in parts.chunks(limits::COPIES_AT_ONCE * 4) {
                let parts: Vec<_> = group
                    .iter()
                    .map(|part| self.part(&upload, *part, rest.clone(), rest_crc))
                    .collect();
                let group_parts: Vec<Part> = stream::iter(parts)
                    .buffered(limits::COPIES_AT_ONCE)
                    .try_collect()
                    .await
                    .map_err(End::of_pieces)?;
                done.extend(group_parts);
                record = self.beat(record, run, progress).await?;
            }
            if let Err(error) = self
                .pieces
                .complete(&upload, &done, hashes.crc(), size_bytes)
                .await
            {
                // Whatever the answer was: an object under this run's own key is this run's, of its bytes (S-7, S-8).
                let head = self.pieces.head(key).await.map_err(End::of_pieces)?;
                if head.is_none() {
                    return Err(End::of_pieces(error));
                }
            }
        }
        let file = File {
            run,
            size_bytes,
            sha256: Some(hashes.sha256()),
            crc64nvme: crc64_text(hashes.crc()),
        };
        // P8c
        let finish = Finish {
            file,
            rows,
            truncated,
            pieces: checkpoint.runs.iter().map(|stored| stored.pieces).sum(),
            progress,
            warnings,
        };
        let finished = record.finished(finish, self.clock.now(), self.retention);
        let written = self.end(&finished).await.map_err(End::Broken)?;
        if !written.is_mine(&finished) {
            return Err(End::Lost);
        }
        self.tell(finished, run).await;
        Ok(Done::Completed)
    }

    async fn part(
        &self,
        upload: &Upload,
        (number, part): (u32, PartOf),
        rest: Bytes,
        rest_crc: u64,
    ) -> Result<Part, StoreError> {
        match part {
            PartOf::Piece(piece) => self.pieces.copy_part(upload, number, piece).await,
            PartOf::Rest => self.pieces.put_part(upload, number, rest, rest_crc).await,
        }
    }

    /// Writes a terminal state. Others of the organization may be at its row: that must not cost the whole run.
    async fn end(&self, next: &Export) -> Result<Written, StoreError> {
        patiently(&*self.clock, &*self.dice, || self.exports.end(next)).await
    }

    /// Renews the lease of a long assembly.
    async fn beat(&self, record: Export, run: RunId, progress: Progress) -> Result<Export, End> {
        let now = self.clock.now();
        let renewed_at = record
            .lease
            .map_or(now, |lease| lease.until.minus(limits::LEASE));
        if now.since(renewed_at) < limits::HEARTBEAT {
            return Ok(record);
        }
        let next = record.committed(run, None, progress, now);
        let mine = self
            .exports
            .replace(&next)
            .await
            .map_err(End::Broken)?
            .is_mine(&next);
        if mine { Ok(next) } else { Err(End::Lost) }
    }

    /// P9a, at once. What fails here is the sweeper's, by the due date.
    async fn tell(&self, ended: Export, run: RunId) {
        let telling = telling::tell(&*self.notifier, &ended, self.clock.now()).await;
        if telling.any(&ended) {
            let _ = self.exports.replace(&telling.noted(&ended, run)).await;
        }
    }

    /// FAIL, from the record as it is now: a commit of this run may have been under way when the reason came up.
    async fn fail(
        &self,
        org: &OrgId,
        id: ExportId,
        run: RunId,
        why: Why,
    ) -> Result<Done, RunError> {
        // A name of its own: a late copy of this run's commit, of the same version, must not be taken for the failure.
        let by = RunId(self.dice.uuid());
        loop {
            let now = self.clock.now();
            let Some(seen) = self.exports.get(org, id).await? else {
                return Ok(Done::Absent);
            };
            if seen.status().is_terminal() {
                return Ok(Done::Ended(seen.status()));
            }
            if seen
                .lease
                .is_some_and(|lease| lease.run != run && lease.until > now)
            {
                return Ok(Done::Lost);
            }
            let failure = match why {
                Why::Code(code) => Failure::new(code, id),
                Why::OverVolume => Failure::over_volume(id),
            };
            let failed = seen.failed_as(by, failure, now);
            // Another write came first: look again. Each turn sees a later version, and others' turns are bounded by their leases.
            if self.end(&failed).await?.is_mine(&failed) {
                self.tell(failed, by).await;
                return Ok(match why {
                    Why::Code(code) => Done::Failed(code),
                    Why::OverVolume => Done::OverVolume,
                });
            }
        }
    }
}

/// Why an export fails.
#[derive(Debug, Clone, Copy)]
enum Why {
    /// This.
    Code(FailureCode),
    /// Its leads do not fit into the requester's day.
    OverVolume,
}

/// Why a run's work ended without a file.
enum End {
    /// For good, with what a store said.
    Fail(Why, Option<StoreError>),
    /// The record has moved on.
    Lost,
    /// A store could not be asked; a later run may go through.
    Broken(StoreError),
}

impl End {
    fn fail(code: FailureCode, cause: Option<StoreError>) -> Self {
        Self::Fail(Why::Code(code), cause)
    }

    /// Judges an error of the file store: a refusal is for good, silence is not.
    fn of_pieces(error: StoreError) -> Self {
        match error.kind {
            StoreErrorKind::Denied | StoreErrorKind::NotFound => {
                Self::fail(FailureCode::StorageDenied, Some(error))
            }
            _ => Self::Broken(error),
        }
    }
}

impl From<SinkError> for End {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Lost => Self::Lost,
            SinkError::Pieces(error) => Self::of_pieces(error),
            SinkError::Record(error) => Self::Broken(error),
        }
    }
}

impl From<ExportError> for End {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Sink(error) => error.into(),
            ExportError::Leads(error) => match error.kind {
                StoreErrorKind::Corrupt => Self::fail(FailureCode::UnreadableLead, Some(error)),
                StoreErrorKind::Denied | StoreErrorKind::NotFound => {
                    Self::fail(FailureCode::Internal, Some(error))
                }
                _ => Self::Broken(error),
            },
        }
    }
}

#[cfg(test)]
mod ends;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod mending;
#[cfg(test)]
mod tests;
