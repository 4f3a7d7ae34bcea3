//! What must be true once everything has come to rest.

use std::time::Duration;

use super::kinds::Kind;
use super::model::CANARY;
use super::stage::Stage;
use super::{org, principal};
use crate::limits;
use crate::ports::{ObjectKey, StoreErrorKind};
use crate::record::{Export, ExportId, FailureCode, Status};

/// What a profile costs without faults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calm {
    pub(crate) calls: u64,
    /// The call of its end.
    pub(crate) last: u64,
    pub(crate) took: Duration,
}

/// A fault costs so much time at most: lease 90 s, sweep 60 s, poll 20 s (bound B).
const RECOVERY: Duration = Duration::from_secs(170);

/// Whose object it is.
fn owner(key: ObjectKey) -> ExportId {
    match key {
        ObjectKey::Piece(of, ..) | ObjectKey::Tail(of, _) | ObjectKey::File(of, _) => of,
    }
}

impl Stage {
    pub(super) fn has_struck(&self, is: impl Fn(Kind) -> bool) -> bool {
        self.count(is) > 0
    }

    fn count(&self, is: impl Fn(Kind) -> bool) -> usize {
        let struck = self.world.script.struck();
        struck.iter().filter(|(_, kind, _)| is(*kind)).count()
    }

    /// How the export has ended.
    pub(crate) fn seen_status(&self) -> Status {
        self.world
            .exports
            .all()
            .first()
            .map_or(Status::Pending, Export::status)
    }

    /// What it cost, for a profile without faults.
    pub(crate) fn cost(&self) -> Calm {
        let begun = self.seen.begun_at.expect("it was accepted");
        let ended = self.seen.ended_at.expect("it has ended");
        Calm {
            calls: self.calls(),
            last: self.calls(),
            took: ended.since(begun),
        }
    }

    /// Judges the rest: the end of the export is `calm`'s but for what struck.
    pub(crate) fn judge(&self, calm: &Calm) {
        let all = self.world.exports.all();
        for id in &self.accepted {
            assert!(
                all.iter().any(|export| export.id() == *id),
                "I7: an accepted export is gone"
            );
        }
        let faults = self.world.script.struck().len();
        let Some(export) = all.first() else {
            assert!(faults > 0, "R4: nothing was accepted");
            return;
        };
        self.judge_status(export, faults);
        self.judge_leftovers(export);
        self.judge_events(export);
        assert!(
            self.world.exports.active(&org()).is_empty(),
            "I15: not empty at rest"
        );
        self.judge_costs(calm, faults);
        self.judge_secrets(export);
        assert!(self.dead_letters == 0, "Q-1: a hint was given up");
        let again = self
            .world
            .beside()
            .ask(Some("k"), &self.scenario.profile.asked.body());
        if let Some(Ok(again)) = again {
            let day = export.head.requested_at.plus(limits::IDEMPOTENCY);
            let same = again.export.id() == export.id();
            assert!(same == (self.now() < day), "I8: asked again: {same}");
        }
    }

    fn judge_status(&self, export: &Export, faults: usize) {
        let status = export.status();
        let failure = export.head.failure.as_ref();
        assert!(status.is_terminal(), "I7: {status:?}");
        assert!(
            failure.is_none_or(|failure| failure.message.contains(&export.id().to_string())),
            "a failure without a sentence that quotes the export"
        );
        let refused = |kinds: &[StoreErrorKind]| {
            self.has_struck(|kind| matches!(kind, Kind::Refused(of) if kinds.contains(&of)))
        };
        let any = &[
            StoreErrorKind::Denied,
            StoreErrorKind::NotFound,
            StoreErrorKind::Corrupt,
        ];
        let fits = match (status, failure.map(|failure| failure.code)) {
            (Status::Completed, None) => true,
            (Status::Cancelled | Status::Expired, None) => {
                self.has_struck(|kind| kind == Kind::Cancel)
            }
            (Status::Failed, Some(FailureCode::AccessRevoked)) => {
                self.has_struck(|kind| kind == Kind::Revoke)
            }
            (Status::Failed, Some(FailureCode::SourceGone)) => {
                self.has_struck(|kind| kind == Kind::Gone)
            }
            (Status::Failed, Some(FailureCode::StorageDenied)) => refused(&any[..2]),
            (Status::Failed, Some(FailureCode::UnreadableLead)) => refused(&any[2..]),
            // Deaths, and whoever takes the lease from one who lives, cost a try each.
            (Status::Failed, Some(FailureCode::Internal)) => refused(any) || faults >= 5,
            _ => false,
        };
        assert!(
            fits,
            "the end is {status:?} {failure:?} after {faults} faults"
        );
    }

    /// I6.
    fn judge_leftovers(&self, export: &Export) {
        let file = export
            .head
            .file
            .as_ref()
            .filter(|_| export.status() == Status::Completed)
            .map(|file| ObjectKey::File(export.id(), file.run));
        // A clock that is a quarter of an hour slow cleans while a frozen run may still wake: S3's lifecycle takes what that leaves.
        let slow = self.has_struck(|kind| matches!(kind, Kind::Skewed(minutes) if minutes < 0));
        let frozen = |kind| {
            matches!(
                kind,
                Kind::Frozen | Kind::Zombie | Kind::Late(_) | Kind::Copied(_)
            )
        };
        if !(slow && self.has_struck(frozen)) {
            let objects: Vec<ObjectKey> = self.world.pieces.objects().into_keys().collect();
            assert!(
                objects.iter().copied().eq(file),
                "I6: {objects:?}, not {file:?} alone"
            );
            let open = self.world.pieces.uploads().len();
            assert!(open == 0, "I6: {open} open uploads");
        }
        assert!(
            self.world.pieces.overwritten().is_empty(),
            "A: an object was written twice, with other bytes"
        );
        if export.status() == Status::Completed {
            self.watch_file(export);
        }
    }

    /// I11.
    fn judge_events(&self, export: &Export) {
        let told = self.world.told(export.id());
        assert!(!told.is_empty(), "I11: no event");
        assert!(
            told.iter().all(|event| *event == export.event_id()),
            "I11: {told:?}, not {}",
            export.event_id()
        );
        // Whose clock is wrong looks too early or ends too late: the grace of the telling is minutes off.
        let skewed = self.has_struck(|kind| matches!(kind, Kind::Skewed(_)));
        assert!(
            told.len() == 1 || self.seen.disturbed || skewed,
            "I11: {} events, though nothing happened while it was told",
            told.len()
        );
    }

    /// I7's bound and I13.
    fn judge_costs(&self, calm: &Calm, faults: usize) {
        if !self.has_struck(|kind| kind.is_for_good() || matches!(kind, Kind::Skewed(_))) {
            let begun = self.seen.begun_at.zip(self.seen.ended_at);
            let took = begun.map_or(Duration::ZERO, |(begun, ended)| ended.since(begun));
            let struck = self.world.script.struck();
            let faults: u32 = struck.iter().map(|(_, kind, _)| kind.weight()).sum();
            // The end of a slice is no fault, but the clock is put to it.
            let slices = u32::try_from(self.count(|kind| kind == Kind::SoftDeadline)).unwrap();
            // Where slices are many, two that take turns halve each other's, time and again.
            let turns = if self.scenario.profile.name == "P-5" {
                6
            } else {
                2
            };
            let bound =
                calm.took * turns + RECOVERY * faults + self.scenario.profile.slice * slices;
            assert!(took <= bound, "I7: it took {took:?}, more than {bound:?}");
        }
        let times = u64::try_from(faults + 1).unwrap().max(4);
        let most = times * calm.calls + 50;
        assert!(
            self.has_struck(Kind::is_for_good) || self.calls() <= most,
            "I13: {} calls, more than {most}",
            self.calls()
        );
    }

    /// I14.
    fn judge_secrets(&self, export: &Export) {
        let words = format!(
            "{export:?} {:?} {:?}",
            self.world.notifier.told(),
            self.world.queue.sent()
        );
        assert!(
            !words.contains(CANARY),
            "I14: a lead's value stands in a record or an event"
        );
        assert!(
            !words.contains("https:"),
            "I14: a link stands in a record or an event"
        );
        let rows = self.world.audit.all();
        assert!(
            rows.iter().all(|row| row.by.id == principal().user),
            "I9: whose link?"
        );
    }

    /// When its time has passed the file goes, and nothing is left (T-EXP-1).
    pub(crate) fn expire(&self) {
        let Some(export) = self
            .world
            .exports
            .all()
            .into_iter()
            .find(|export| export.status() == Status::Completed)
        else {
            return;
        };
        let until = export.head.file_expires_at.expect("I7: it never expires");
        let world = self.world.beside();
        world.script.calm();
        world.clock.0.set(until);
        for _ in 0..30 {
            world.sweep();
            world.advance(limits::SWEEP_BACKOFF);
        }
        let export = world.export(export.id());
        assert!(
            export.status() == Status::Expired,
            "TM24: {:?} after retention",
            export.status()
        );
        assert!(export.due_at.is_none(), "I7: due for ever");
        let objects = world.pieces.objects();
        let left = objects
            .keys()
            .filter(|key| owner(**key) == export.id())
            .count();
        assert!(left == 0, "TM24: {left} objects after retention");
    }
}
