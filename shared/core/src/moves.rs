//! The moves of a record from state to state: pure functions from the state seen to the next, as `promises.md` §4.2 numbers them.

use std::time::Duration;

use crate::access::Person;
use crate::limits;
use crate::record::{
    Checkpoint, Export, Failure, FailureCode, File, Lease, Progress, RunId, Status, Warning,
};
use crate::time::Instant;
use crate::timeline::{Step, What};

/// What a run knows at its end, for [`Export::finished`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The file, stored.
    pub file: File,
    /// Its data rows.
    pub rows: u64,
    /// Whether the limit cut.
    pub truncated: bool,
    /// The pieces it was made of.
    pub pieces: u32,
    /// How far the reading went.
    pub progress: Progress,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

impl Export {
    fn next(&self, by: RunId) -> Self {
        Self {
            version: self.version + 1,
            by,
            ..self.clone()
        }
    }

    /// P2: `run` takes the lease.
    #[must_use]
    pub fn leased(&self, run: RunId, now: Instant) -> Self {
        debug_assert!(self.status().may_become(Status::Processing));
        let mut next = self.next(run);
        next.head.status = Status::Processing;
        next.head.started_at = next.head.started_at.or(Some(now));
        next.tries += 1;
        next.slices += 1;
        next.timeline.push(Step {
            run: Some(run),
            slice: next.slices,
            tries: next.tries,
            leads_read: next.head.progress.leads_read,
            rows: next.checkpoint.as_ref().map_or(0, |known| known.rows),
            ..Step::new(now, What::Slice)
        });
        next.renew(run, now);
        next
    }

    fn renew(&mut self, run: RunId, now: Instant) {
        let until = now.plus(limits::LEASE);
        self.lease = Some(Lease { run, until });
        self.due_at = Some(until.plus(limits::LEASE_GRACE));
    }

    /// P6: the checkpoint, if there is a newer one, the progress and the lease, moved.
    #[must_use]
    pub fn committed(
        &self,
        run: RunId,
        checkpoint: Option<Checkpoint>,
        progress: Progress,
        now: Instant,
    ) -> Self {
        let mut next = self.next(run);
        next.head.progress = progress.at_least(self.head.progress);
        let is_newer = checkpoint.is_some();
        next.adopt(checkpoint);
        let known = next.checkpoint.as_ref().filter(|_| is_newer);
        let leads_read = next.head.progress.leads_read;
        next.timeline.reached(run, leads_read, known);
        next.renew(run, now);
        next
    }

    fn adopt(&mut self, checkpoint: Option<Checkpoint>) {
        let Some(checkpoint) = checkpoint else { return };
        let before = self
            .checkpoint
            .as_ref()
            .and_then(|known| known.cursor.as_ref());
        if checkpoint.cursor.as_ref() != before {
            self.tries = 0;
        }
        self.checkpoint = Some(checkpoint);
    }

    /// P7: the checkpoint with its tail; the lease is given back and the next run is due at once.
    #[must_use]
    pub fn paused(
        &self,
        run: RunId,
        checkpoint: Checkpoint,
        progress: Progress,
        now: Instant,
    ) -> Self {
        let mut next = self.committed(run, Some(checkpoint), progress, now);
        next.lease = None;
        next.due_at = Some(now);
        next.timeline.over(run, now);
        next
    }

    /// An operator's RETRY of an export that hangs: due at once, with all its tries, whatever lease a lost run has left.
    #[must_use]
    pub fn retried(&self, by: RunId, now: Instant) -> Self {
        debug_assert!(!self.status().is_terminal());
        let mut next = self.next(by);
        next.tries = 0;
        next.lease = None;
        next.due_at = Some(now);
        next.timeline.push(Step::new(now, What::Retried));
        next
    }

    /// A run that a store's silence broke off gives the lease and its try back; the next run is due at once.
    #[must_use]
    pub fn released(&self, by: RunId, now: Instant) -> Self {
        let mut next = self.next(by);
        next.lease = None;
        next.tries = next.tries.saturating_sub(1);
        next.due_at = Some(now);
        if let Some(lease) = self.lease {
            next.timeline.over(lease.run, now);
        }
        next
    }

    fn ended(&self, by: RunId, status: Status, now: Instant) -> Self {
        debug_assert!(
            self.status().may_become(status),
            "{:?} to {status:?}",
            self.status()
        );
        let mut next = self.next(by);
        next.head.status = status;
        next.head.completed_at = Some(now);
        next.lease = None;
        next.checkpoint = None;
        next.notify = true;
        next.timeline.over(by, now);
        next.timeline.push(Step::new(
            now,
            match status {
                Status::Completed => What::Completed,
                Status::Cancelled => What::Cancelled,
                _ => What::Failed,
            },
        ));
        next.due_at = Some(now.plus(limits::TELL_GRACE));
        next.clean_at = Some(now.plus(limits::CLEAN_AFTER));
        next
    }

    /// P8c FINISH: the file is there; it goes after `retention`.
    #[must_use]
    pub fn finished(&self, finish: Finish, now: Instant, retention: Duration) -> Self {
        let mut next = self.ended(finish.file.run, Status::Completed, now);
        next.head.progress = finish.progress.at_least(self.head.progress);
        next.head.file_expires_at = Some(now.plus(retention));
        next.head.lead_count = Some(finish.rows);
        next.head.truncated = Some(finish.truncated);
        next.head.warnings = finish.warnings;
        let leads_read = next.head.progress.leads_read;
        // The end, and the slice that came to it.
        for step in next.timeline.steps.iter_mut().rev().take(2) {
            match step.what {
                What::Completed => (step.rows, step.pieces) = (finish.rows, finish.pieces),
                What::Slice if step.run == Some(finish.file.run) => {
                    (step.leads_read, step.rows) = (leads_read, finish.rows);
                }
                _ => {}
            }
        }
        next.head.file = Some(finish.file);
        next
    }

    /// FAIL: there will be no file.
    #[must_use]
    pub fn failed(&self, by: RunId, code: FailureCode, now: Instant) -> Self {
        self.failed_as(by, Failure::new(code, self.id()), now)
    }

    /// FAIL, with these words.
    #[must_use]
    pub fn failed_as(&self, by: RunId, failure: Failure, now: Instant) -> Self {
        let mut next = self.ended(by, Status::Failed, now);
        next.head.failure = Some(failure);
        next
    }

    /// CANCEL of a running export by `person`.
    #[must_use]
    pub fn cancelled(&self, by: RunId, person: Person, now: Instant) -> Self {
        let mut next = self.ended(by, Status::Cancelled, now);
        next.head.ended_by = Some(person);
        next
    }

    /// The file of a completed export goes: deleted by `person`, or after retention by nobody. The cleaning is repeated later.
    #[must_use]
    pub fn expired(&self, by: RunId, person: Option<Person>, now: Instant) -> Self {
        debug_assert!(self.status().may_become(Status::Expired));
        let mut next = self.next(by);
        next.head.status = Status::Expired;
        next.head.ended_by = person;
        next.head.file_expires_at = Some(now);
        next.timeline.push(Step::new(now, What::Expired));
        next.clean_at = Some(now.plus(limits::CLEAN_AFTER));
        next.due_at = if next.owes() {
            Some(now)
        } else {
            next.clean_at
        };
        next
    }

    /// P9a: the terminal state has been told.
    #[must_use]
    pub fn told(&self, by: RunId) -> Self {
        self.told_of(by, true, true)
    }

    /// P9a: of the terminal state the event has been told, or the mail has been sent, or both; what is still owed keeps its date.
    #[must_use]
    pub fn told_of(&self, by: RunId, event: bool, mail: bool) -> Self {
        let mut next = self.next(by);
        next.notify &= !event;
        if let Some(owed) = &mut next.mail {
            owed.sent |= mail;
        }
        next.due_at = next.rest_due();
        next
    }

    /// P9b: leftovers are gone; due again when the file goes.
    #[must_use]
    pub fn cleaned(&self, by: RunId) -> Self {
        let mut next = self.next(by);
        next.clean_at = None;
        next.due_at = next.rest_due();
        next
    }

    /// Nothing is to be done now: due again when there is.
    #[must_use]
    pub fn rested(&self, by: RunId) -> Self {
        let mut next = self.next(by);
        next.due_at = next.rest_due();
        next
    }

    /// The next date at which something is to be done with a terminal state; what is still to be told keeps its date.
    fn rest_due(&self) -> Option<Instant> {
        if self.owes() {
            return self.due_at;
        }
        let expires_at = (self.status() == Status::Completed)
            .then_some(self.head.file_expires_at)
            .flatten();
        self.clean_at.into_iter().chain(expires_at).min()
    }
}

#[cfg(test)]
mod tests;
