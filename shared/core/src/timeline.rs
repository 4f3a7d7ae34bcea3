//! What became of an export, step by step: for the operator who asks why it takes so long, or why it failed.
//!
//! It is a part of the record and written with it, so it can neither lag nor be lost. It is bounded, so that the record stays
//! small: of more steps than [`limits::TIMELINE_STEPS`] those in the middle are left out, and counted.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::record::{Checkpoint, RunId};
use crate::time::Instant;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A run took the lease: a slice of the work.
    Slice,
    /// The file is there.
    Completed,
    /// There will be no file.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// The file is gone.
    Expired,
    /// An operator made it due again, with all its tries.
    Retried,
}

/// One step of an export's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Instant,
    /// What happened.
    pub what: What,
    /// Slices: the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Slices: when the run gave the lease back. None while it works, and of one that never came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Slices: which one, from 1.
    #[serde(default, skip_serializing_if = "is_none")]
    pub slice: u32,
    /// Slices: runs begun since the cursor last moved; more than one is a retry.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tries: u32,
    /// Slices: leads looked at so far, by this run and those before it.
    #[serde(default, skip_serializing_if = "is_none64")]
    pub leads_read: u64,
    /// Slices: rows stored so far, likewise. A completed export: all.
    #[serde(default, skip_serializing_if = "is_none64")]
    pub rows: u64,
    /// Slices: pieces that this run stored. A completed export: those its file was made of.
    #[serde(default, skip_serializing_if = "is_none")]
    pub pieces: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none64(count: &u64) -> bool {
    *count == 0
}

impl Step {
    /// A step without counts.
    pub fn new(at: Instant, what: What) -> Self {
        Self {
            at,
            what,
            run: None,
            until: None,
            slice: 0,
            tries: 0,
            leads_read: 0,
            rows: 0,
            pieces: 0,
        }
    }
}

/// The steps of an export, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The steps.
    pub steps: Vec<Step>,
    /// How many are left out behind the first [`limits::TIMELINE_FIRST`].
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u32,
}

impl Timeline {
    /// Adds a step; of too many the first ones and the newest stay.
    pub(crate) fn push(&mut self, step: Step) {
        if self.steps.len() >= limits::TIMELINE_STEPS {
            self.steps.remove(limits::TIMELINE_FIRST);
            self.left_out += 1;
        }
        self.steps.push(step);
    }

    /// The slice of `run`, while it is the newest step.
    fn slice(&mut self, run: RunId) -> Option<&mut Step> {
        let last = self.steps.last_mut()?;
        (last.what == What::Slice && last.run == Some(run)).then_some(last)
    }

    /// Notes how far the slice of `run` has come.
    pub(crate) fn reached(&mut self, run: RunId, leads_read: u64, known: Option<&Checkpoint>) {
        if let Some(slice) = self.slice(run) {
            slice.leads_read = slice.leads_read.max(leads_read);
            if let Some(known) = known {
                slice.rows = known.rows;
                let own = known.runs.iter().filter(|stored| stored.run == run);
                slice.pieces = own.map(|stored| stored.pieces).sum();
            }
        }
    }

    /// Notes that the slice of `run` is over.
    pub(crate) fn over(&mut self, run: RunId, at: Instant) {
        if let Some(slice) = self.slice(run) {
            slice.until = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(number: u32) -> Step {
        Step {
            run: Some(RunId(uuid::Uuid::from_u128(number.into()))),
            slice: number,
            leads_read: u64::MAX,
            rows: u64::MAX,
            pieces: 10_000,
            tries: 5,
            until: Some(Instant::from_millis(0)),
            ..Step::new(Instant::from_millis(0), What::Slice)
        }
    }

    #[test]
    fn the_first_and_the_newest_steps_stay_and_the_record_stays_small() {
        let mut timeline = Timeline::default();
        for number in 1..=1000 {
            timeline.push(slice(number));
        }
        let numbers: Vec<u32> = timeline.steps.iter().map(|step| step.slice).collect();
        let newest = limits::TIMELINE_STEPS - limits::TIMELINE_FIRST;
        let newest = u32::try_from(newest).unwrap();
        let wanted = (1..=4).chain(1001 - newest..=1000);
        assert_eq!(numbers, wanted.collect::<Vec<u32>>());
        assert_eq!(timeline.left_out, 1000 - newest - 4);
        // Names and values, as DynamoDB counts an item; a record is to have less than 10 KB (`promises.md` §4.2).
        let size = serde_json::to_string(&timeline).unwrap().len();
        assert!(size < 6000, "{size}");
    }

    #[test]
    fn only_the_run_at_work_is_noted() {
        let mut timeline = Timeline::default();
        timeline.push(Step {
            leads_read: 5,
            until: None,
            ..slice(1)
        });
        let stranger = RunId(uuid::Uuid::from_u128(2));
        let before = timeline.clone();
        timeline.reached(stranger, 9, None);
        timeline.over(stranger, Instant::from_millis(1));
        assert_eq!(timeline, before);
    }
}
