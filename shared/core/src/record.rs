//! The record of an export: its states, the moves between them, and the checkpoint of its runs.
//!
//! Every write of a record is `IF version = :seen SET version = :seen + 1` (`promises.md` §0.3): the functions here compute the
//! next state from the one seen, the store writes it whole or not at all. So each record is a line of states.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Person;
use crate::format::Format;
use crate::lead::{LeadKey, OrgId, SourceId};
use crate::limits;
use crate::mail::Mail;
use crate::plan::{Order, Plan};
use crate::time::Instant;
use crate::timeline::Timeline;

/// The name of an export: a random UUID, so that it cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportId(pub Uuid);

impl ExportId {
    /// Reads the hyphenated lower-case form alone: one export has one URL.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.hyphenated().to_string() == text).then_some(Self(id))
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// One invocation's work on an export. Drawn at random, used once: nobody else writes under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// Where an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; no run has begun.
    Pending,
    /// A run has begun.
    Processing,
    /// The file is there.
    Completed,
    /// There will be no file.
    Failed,
    /// Somebody ended it while it ran.
    Cancelled,
    /// The file was there and is gone: retention has passed, or it was deleted.
    Expired,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Processing,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The state's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether the state changes no more, but for completed → expired.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }

    /// Whether a record may go from this state to `next`: the one table (I5).
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Processing | Self::Failed | Self::Cancelled),
            Self::Processing => matches!(
                next,
                Self::Processing | Self::Completed | Self::Failed | Self::Cancelled
            ),
            Self::Completed => matches!(next, Self::Expired),
            Self::Failed | Self::Cancelled | Self::Expired => false,
        }
    }
}

/// How the CSV reached the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// As a file behind a link.
    File,
    /// In the answer itself.
    Inline,
}

/// Why an export failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The requester lost the grant.
    AccessRevoked,
    /// The source is gone.
    SourceGone,
    /// More than a file can hold.
    TooLarge,
    /// It took too long.
    TimeLimit,
    /// The file store refused.
    StorageDenied,
    /// A lead cannot be read.
    UnreadableLead,
    /// Our fault.
    Internal,
}

/// Why an export failed, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// For people: what to do and the id to quote.
    pub message: String,
}

impl Failure {
    /// The failure of the export `id` for the reason `code`, with its sentence.
    pub fn new(code: FailureCode, id: ExportId) -> Self {
        let what = match code {
            FailureCode::AccessRevoked => {
                "The requester may no longer export this source. Ask an admin for the grant, then export again."
            }
            FailureCode::SourceGone => {
                "The source is no longer there. Check its name, then export again."
            }
            FailureCode::TooLarge => {
                "The file would be larger than can be stored. Narrow the filters or set a limit, then export again."
            }
            FailureCode::TimeLimit => {
                "The export took too long. Narrow the filters, then export again."
            }
            FailureCode::StorageDenied => "The file store refused the file. Tell the operator.",
            FailureCode::UnreadableLead => "A lead could not be read. Tell the operator.",
            FailureCode::Internal => {
                "Something went wrong on our side. Export again; if it happens twice, tell the operator."
            }
        };
        Self::told(code, what, id)
    }

    /// The failure of the export `id`, whose leads did not fit into its requester's day (see [`crate::volume`]).
    pub fn over_volume(id: ExportId) -> Self {
        let what = "The file holds more leads than the requester may still take in the UTC day of the request. Narrow the filters or set a limit, or export again tomorrow.";
        Self::told(FailureCode::TooLarge, what, id)
    }

    fn told(code: FailureCode, what: &str, id: ExportId) -> Self {
        Self {
            code,
            message: format!("{what} Quote the export {id}."),
        }
    }
}

/// What a reader of the file should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// More rows than Excel shows.
    ExcelRows,
    /// A cell with more characters than Excel holds.
    ExcelCell,
}

/// How far the reading is. Never goes back (I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Leads looked at.
    pub leads_read: u64,
    /// Leads that matched and were written.
    pub leads_written: u64,
    /// Leads of the source, where somebody counts them.
    pub known_leads: Option<u64>,
}

impl Progress {
    /// The part done: at most 0.99 before the end; none without a known count.
    pub fn fraction(&self, status: Status) -> Option<f64> {
        if matches!(status, Status::Completed | Status::Expired) {
            return Some(1.0);
        }
        let known = self.known_leads?;
        // In whole ten-thousandths: 0.57 × 10 000 is less than 5 700 as floats have it.
        let part = (u128::from(self.leads_read) * 10_000)
            .checked_div(known.into())
            .and_then(|part| u16::try_from(part).ok())
            .unwrap_or(9_900);
        Some(f64::from(part.min(9_900)) / 10_000.0)
    }

    /// This progress, or what is further of `other`, number by number.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            leads_read: self.leads_read.max(other.leads_read),
            leads_written: self.leads_written.max(other.leads_written),
            known_leads: self.known_leads.or(other.known_leads),
        }
    }
}

/// A run's claim on an export. It saves work and protects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose.
    pub run: RunId,
    /// Until when others leave the export alone.
    pub until: Instant,
}

/// Pieces that one run wrote: numbers 0 to `pieces` − 1, their keys derived from the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPieces {
    /// The run.
    pub run: RunId,
    /// How many.
    pub pieces: u32,
}

/// Rows of a paused run that fill no piece yet: one object under the run's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// The run that wrote it.
    pub run: RunId,
    /// Its length.
    pub size_bytes: u64,
    /// How many of its bytes, at its end, are the plain CSV of a gzip member that is not closed.
    #[serde(default)]
    pub open_bytes: u64,
    /// Its rows.
    pub rows: u64,
}

/// Where an export can be taken up: one value, written whole. Any checkpoint ever written leads to a right file.
///
/// Invariants: pieces and tail, in order, are the encoding of exactly the decided leads up to `cursor`, each once (B);
/// every piece it names exists (P5 before P6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The encoder's version; another one's checkpoint is not taken up.
    pub encoder: u32,
    /// The last lead decided, matching or not; none before the first.
    pub cursor: Option<LeadKey>,
    /// Runs with their pieces, in order.
    pub runs: Vec<RunPieces>,
    /// Rows beyond the pieces.
    pub tail: Option<Tail>,
    /// Leads looked at up to the cursor.
    pub leads_read: u64,
    /// Data rows in pieces and tail.
    pub rows: u64,
    /// Bytes in pieces, without the tail.
    pub bytes: u64,
    /// The SHA-256 midstate over the bytes in pieces, as hex.
    pub sha_state: String,
    /// CRC-64/NVME over the bytes in pieces, as 16 hex digits.
    pub crc: String,
    /// What the rows so far warn of.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Leads up to the cursor that matched the filter, where a pick counts them.
    #[serde(default)]
    pub matched: u64,
}

/// The file of a completed export, under `files/{export}/{run}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The run that wrote it: a key that only it could have written.
    pub run: RunId,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of the whole object, as hex; none where several workers wrote it.
    pub sha256: Option<String>,
    /// CRC-64/NVME of the whole object, as base64: S3's full-object checksum.
    pub crc64nvme: String,
}

/// What the history shows of an export. The index of the history holds the head and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The export.
    pub id: ExportId,
    /// The source.
    pub source: SourceId,
    /// Where it stands.
    pub status: Status,
    /// File or answer.
    pub delivery: Delivery,
    /// The name under which the file is downloaded.
    pub file_name: String,
    /// Who asked.
    pub requested_by: Person,
    /// Who cancelled or deleted it.
    pub ended_by: Option<Person>,
    /// When it was asked for.
    pub requested_at: Instant,
    /// When its first run began.
    pub started_at: Option<Instant>,
    /// When it reached a terminal state.
    pub completed_at: Option<Instant>,
    /// When the file goes.
    pub file_expires_at: Option<Instant>,
    /// As in the plan.
    pub order: Order,
    /// As in the plan.
    pub limit: Option<u64>,
    /// As in the plan.
    pub format: Format,
    /// How far it is.
    pub progress: Progress,
    /// Data rows in the file.
    pub lead_count: Option<u64>,
    /// Whether `limit` cut.
    pub truncated: Option<bool>,
    /// The file.
    pub file: Option<File>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

impl Head {
    /// As it is at `now`: a file whose time has passed is gone, before anybody has swept it.
    #[must_use]
    pub fn seen_at(mut self, now: Instant) -> Self {
        let is_over = self.file_expires_at.is_some_and(|at| at <= now);
        if self.status == Status::Completed && is_over {
            self.status = Status::Expired;
        }
        self
    }
}

/// The record of an export, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The organization.
    pub org: OrgId,
    /// The number of this state in the record's line.
    pub version: u64,
    /// The run, or other writer, that wrote this state.
    pub by: RunId,
    /// What the history shows.
    pub head: Head,
    /// What was asked for, frozen.
    pub plan: Plan,
    /// The run at work, if any.
    pub lease: Option<Lease>,
    /// Runs begun since the cursor last moved.
    pub tries: u32,
    /// Runs begun in all.
    pub slices: u32,
    /// Where it can be taken up.
    pub checkpoint: Option<Checkpoint>,
    /// When somebody must look again; none when nothing is left to do.
    pub due_at: Option<Instant>,
    /// When leftovers are to be cleaned; none before a terminal state and after the cleaning.
    pub clean_at: Option<Instant>,
    /// Whether the terminal state is still to be told.
    pub notify: bool,
    /// What became of it, step by step.
    pub timeline: Timeline,
    /// The mail that the requester asked for.
    pub mail: Option<Mail>,
}

/// The version of what a store keeps of an [`Export`].
pub const RECORD_VERSION: u32 = 1;

impl Export {
    /// A new record: pending, due soon, in case its message is lost (R2).
    pub fn new(
        id: ExportId,
        org: OrgId,
        by: RunId,
        requested_by: Person,
        plan: Plan,
        file_name: String,
        known_leads: Option<u64>,
    ) -> Self {
        Self {
            org,
            version: 1,
            by,
            head: Head {
                id,
                source: plan.source.clone(),
                status: Status::Pending,
                delivery: Delivery::File,
                file_name,
                requested_by,
                ended_by: None,
                requested_at: plan.requested_at,
                started_at: None,
                completed_at: None,
                file_expires_at: None,
                order: plan.order,
                limit: plan.limit,
                format: plan.format.clone(),
                progress: Progress {
                    known_leads,
                    ..Progress::default()
                },
                lead_count: None,
                truncated: None,
                file: None,
                failure: None,
                warnings: Vec::new(),
            },
            due_at: Some(plan.requested_at.plus(limits::FIRST_DUE)),
            plan,
            lease: None,
            tries: 0,
            slices: 0,
            checkpoint: None,
            clean_at: None,
            notify: false,
            timeline: Timeline::default(),
            mail: None,
        }
    }

    /// The record of an export that went out in the answer to its request: completed as it begins, without a file, to be told.
    #[expect(
        clippy::too_many_arguments,
        reason = "a record is made of what is known of it"
    )]
    pub fn answered(
        id: ExportId,
        org: OrgId,
        by: RunId,
        requested_by: Person,
        plan: Plan,
        file_name: String,
        progress: Progress,
        now: Instant,
    ) -> Self {
        let mut export = Self::new(id, org, by, requested_by, plan, file_name, None);
        export.head.status = Status::Completed;
        export.head.delivery = Delivery::Inline;
        export.head.started_at = Some(export.head.requested_at);
        export.head.completed_at = Some(now);
        export.head.lead_count = Some(progress.leads_written);
        export.head.truncated = Some(false);
        export.head.progress = progress;
        export.notify = true;
        export.due_at = Some(now);
        export
    }

    /// The export's id.
    pub fn id(&self) -> ExportId {
        self.head.id
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.head.status
    }

    /// As it is at `now`, for those who look: see [`Head::seen_at`].
    #[must_use]
    pub fn seen_at(mut self, now: Instant) -> Self {
        self.head = self.head.seen_at(now);
        self
    }

    /// Whether the requester asked for a mail that has not been sent.
    pub fn owes_mail(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| !mail.sent)
    }

    /// Whether anything of the terminal state is still to be told.
    pub fn owes(&self) -> bool {
        self.status().is_terminal() && (self.notify || self.owes_mail())
    }

    /// The state that the event tells: of a file that went before its completion was told, the completion.
    pub fn told_as(&self) -> Status {
        match self.status() {
            Status::Expired => Status::Completed,
            other => other,
        }
    }

    /// The identity of the event that tells this terminal state: the same at every telling (I11).
    pub fn event_id(&self) -> String {
        format!("{}:{}", self.id(), self.told_as().as_str())
    }
}
