//! What the use-cases need of the world: object-safe traits, each implemented in memory and over AWS, both held to the same
//! tests.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::access::{Access, Person, Role};
use crate::fields::Source;
use crate::filter::Pushed;
use crate::lead::{LeadId, LeadKey, OrgId, SourceId};
use crate::mail::Address;
use crate::page::{Page, Slots};
use crate::presets::{Preset, PresetHead, PresetName};
use crate::record::{Export, ExportId, Head, RunId, Status};
use crate::time::Instant;

pub use crate::volume::{Charge, Charged, VolumeKey};

/// What became of a call to a store, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// What was named is not there.
    NotFound,
    /// Others were at it at the same time; nothing was written.
    Conflict,
    /// Too much was asked at once.
    Throttled,
    /// The store refuses us: a permission, a key.
    Denied,
    /// No answer, or a broken one; a write may or may not have happened.
    Unavailable,
    /// What the store holds makes no sense.
    Corrupt,
}

/// A store's refusal or failure, with its cause.
#[derive(Debug)]
pub struct StoreError {
    /// What can be done about it.
    pub kind: StoreErrorKind,
    /// Which store: `leads`, `exports`, `pieces` …
    pub store: &'static str,
    /// The cause, for the log.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error without a cause of its own.
    pub fn new(kind: StoreErrorKind, store: &'static str) -> Self {
        Self {
            kind,
            store,
            source: None,
        }
    }

    /// An error with its cause.
    pub fn caused(
        kind: StoreErrorKind,
        store: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            store,
            source: Some(source.into()),
        }
    }

    /// Whether the same call may go through later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Conflict | StoreErrorKind::Throttled | StoreErrorKind::Unavailable
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::NotFound => "has no such thing",
            StoreErrorKind::Conflict => "was written by others at the same time",
            StoreErrorKind::Throttled => "is asked too much at once",
            StoreErrorKind::Denied => "refuses us",
            StoreErrorKind::Unavailable => "did not answer",
            StoreErrorKind::Corrupt => "holds what makes no sense",
        };
        write!(f, "the store of {} {what}", self.store)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// Which leads of one key-shard to read next.
#[derive(Debug, Clone)]
pub struct PageQuery {
    /// The organization; part of the partition key.
    pub org: OrgId,
    /// The source; part of the partition key.
    pub source: SourceId,
    /// The shard; part of the partition key.
    pub shard: u16,
    /// The least key, inclusive.
    pub from: LeadKey,
    /// The greatest key, inclusive.
    pub to: LeadKey,
    /// Only leads strictly behind this one, in the direction of reading.
    pub after: Option<LeadKey>,
    /// Reads from the greatest key down.
    pub descending: bool,
    /// The attributes wanted.
    pub slots: Slots,
    /// Leads that the store looks at for one page at most; none for as many as it can answer at once.
    pub most: Option<u32>,
    /// Leads that do not pass all of these may be left out of a page, or not. They are looked at all the same.
    pub pushed: Arc<[Pushed]>,
}

/// Leads of one shard, in the order asked for.
#[derive(Debug, Clone, Default)]
pub struct LeadPage {
    /// The leads.
    pub page: Page,
    /// Go on strictly after this key; none at the shard's end. A page may be empty and not the last (D-3).
    pub next: Option<LeadKey>,
    /// Leads the store looked at for this page, those left out among them.
    pub scanned: u64,
    /// What the store read for it, as it counts that for its price; else the length of its answer.
    pub read_bytes: u64,
}

/// Reads leads.
#[async_trait]
pub trait LeadSource: Send + Sync {
    /// Reads one page of one shard.
    ///
    /// # Errors
    /// [`StoreError`], after the adapter's own retries.
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError>;
}

/// Estimates how many leads there are without reading them.
#[async_trait]
pub trait LeadSample: Send + Sync {
    /// Counts the leads of a source between two keys, inclusive, that belong to the sample ([`crate::lead::LeadId::is_sampled`]: one
    /// in [`crate::limits::SAMPLE_ONE_IN`]). May lag behind the leads by seconds.
    ///
    /// # Errors
    /// [`StoreError`], after the adapter's own retries.
    async fn sampled(
        &self,
        org: &OrgId,
        source: &SourceId,
        from: &LeadKey,
        to: &LeadKey,
    ) -> Result<u64, StoreError>;
}

/// Where a lead lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The source.
    pub source: SourceId,
    /// The shard of the source.
    pub shard: u16,
    /// The key in the shard.
    pub key: LeadKey,
}

/// Finds leads by their ids.
#[async_trait]
pub trait LeadIndex: Send + Sync {
    /// The places of the leads of these ids in all sources of the organization, in any order; ids without a lead have none. May lag
    /// behind writes by seconds.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked; [`StoreErrorKind::Corrupt`] if a place makes no sense.
    async fn find(&self, org: &OrgId, ids: &[LeadId]) -> Result<Vec<Place>, StoreError>;

    /// Reads the leads at these places, consistently, each once: of every source that has one there a page in the order of the keys.
    /// Those that are no longer there are left out.
    ///
    /// # Errors
    /// [`StoreError`], after the adapter's own retries.
    async fn read(
        &self,
        org: &OrgId,
        places: &[Place],
        slots: &Slots,
    ) -> Result<BTreeMap<SourceId, Page>, StoreError>;
}

/// Reads sources and grants.
#[async_trait]
pub trait SourceStore: Send + Sync {
    /// Reads a source and the user's grants on it, in one consistent read.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn access(
        &self,
        org: &OrgId,
        user: &str,
        source: &SourceId,
    ) -> Result<Access, StoreError>;

    /// Reads the sources on which the user has a grant, with the strongest, by id.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn visible(&self, org: &OrgId, user: &str) -> Result<Vec<(Source, Role)>, StoreError>;
}

/// Keeps presets: the named requests of a source.
#[async_trait]
pub trait PresetStore: Send + Sync {
    /// Reads a preset, consistently.
    ///
    /// # Errors
    /// [`StoreErrorKind::Corrupt`] if it makes no sense; others as they come.
    async fn get(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<Option<Preset>, StoreError>;

    /// Lists the presets of a source by name, without their requests, consistently.
    ///
    /// # Errors
    /// As [`PresetStore::get`].
    async fn list(&self, org: &OrgId, source: &SourceId) -> Result<Vec<PresetHead>, StoreError>;

    /// Writes a preset, over one of its name; not, and the answer is false, if it were one more than `most` of its source. Writers
    /// at the same time may each find room for one: `most` keeps lists short, nothing depends on it.
    ///
    /// # Errors
    /// [`StoreError`]; the preset may have been written.
    async fn put(&self, preset: &Preset, most: usize) -> Result<bool, StoreError>;

    /// Deletes a preset; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`]; the preset may be gone.
    async fn remove(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<bool, StoreError>;
}

/// The idempotency row: which request was made under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// SHA-256 of path and body, as hex.
    pub fingerprint: String,
    /// The export it made.
    pub export: ExportId,
    /// Until when it counts.
    pub until: Instant,
}

/// The name of an idempotency row: unique by organization, user and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// The organization.
    pub org: OrgId,
    /// The user.
    pub user: String,
    /// The caller's key.
    pub key: String,
}

/// What [`ExportStore::create`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// The export is recorded.
    New,
    /// The key was used before and has not expired.
    Remembered(Remembered),
    /// The organization has as many active exports as it may; these.
    Full(Vec<ExportId>),
}

/// What became of a write that names the version it has seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// It is the record's state now.
    Done,
    /// Another write came first; the record's state now, if there still is one. It may be this very write, sent twice
    /// because its answer was lost: see [`Written::is_mine`].
    Lost(Option<Box<Export>>),
}

impl Written {
    /// Whether `mine` is the state now: written, or found to be what an earlier copy of the same call wrote.
    pub fn is_mine(&self, mine: &Export) -> bool {
        match self {
            Self::Done => true,
            Self::Lost(Some(now)) => now.version == mine.version && now.by == mine.by,
            Self::Lost(None) => false,
        }
    }
}

/// Which part of a source's history to list, newest first.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// The organization.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// Requested at this instant or later.
    pub from: Option<Instant>,
    /// Requested at this instant or earlier.
    pub to: Option<Instant>,
    /// Only exports in one of these states; all if empty.
    pub status: Vec<Status>,
    /// Only exports of this user.
    pub requested_by: Option<String>,
    /// Strictly older than this entry.
    pub after: Option<(Instant, ExportId)>,
    /// Entries at most.
    pub limit: usize,
}

/// A part of the history. It may be short, even empty, and not the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryPage {
    /// The exports.
    pub exports: Vec<Head>,
    /// Go on strictly after this entry; none at the end.
    pub next: Option<(Instant, ExportId)>,
}

/// An export that somebody must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The organization.
    pub org: OrgId,
    /// The export.
    pub id: ExportId,
    /// The due date seen.
    pub due_at: Instant,
}

/// Keeps the records of exports.
#[async_trait]
pub trait ExportStore: Send + Sync {
    /// R1: what is remembered under a key, read consistently; an expired row counts as none.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn remembered(
        &self,
        key: &RequestKey,
        now: Instant,
    ) -> Result<Option<Remembered>, StoreError>;

    /// R2: writes the record, the idempotency row if a key is given, and the place among the organization's active exports,
    /// all or nothing.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when others were at the same rows; nothing was written. Others as they come.
    async fn create(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError>;

    /// Reads a record consistently.
    ///
    /// # Errors
    /// [`StoreErrorKind::Corrupt`] if it makes no sense; others as they come.
    async fn get(&self, org: &OrgId, id: ExportId) -> Result<Option<Export>, StoreError>;

    /// Writes the record's next state: `IF version = export.version − 1`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked, or did not answer: the write may have happened.
    async fn replace(&self, export: &Export) -> Result<Written, StoreError>;

    /// Writes a terminal state, and gives the place among the active exports back: both or none.
    ///
    /// # Errors
    /// As [`ExportStore::replace`].
    async fn end(&self, export: &Export) -> Result<Written, StoreError>;

    /// Writes the record of an export that has ended as it begins, unless there is one of its id; it takes no place among the active
    /// ones.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] if there is another record of its id. Others as they come: the record may have been written.
    async fn add(&self, export: &Export) -> Result<(), StoreError>;

    /// Lists a source's history. May lag behind the records by seconds.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError>;

    /// Lists exports with `due_at ≤ now`, some `limit` of them, the longest due first. May lag.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn due(&self, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// X: moves the due date to `until`, if it still is the one seen, and says whether it was. The version stays: only the date moves.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked. A date that has moved is no error.
    async fn postpone(&self, due: &Due, until: Instant) -> Result<bool, StoreError>;

    /// The leads that a user's day counts, read consistently; those of the delivery `but` left out.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn volume(&self, key: &VolumeKey, but: Option<uuid::Uuid>) -> Result<u64, StoreError>;

    /// Adds a delivery's leads to its user's day, unless the day would count more than `most`. A delivery is counted once, however
    /// often and with whatever count this is called for it.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when others were at the same rows; nothing was counted. Others as they come.
    async fn charge(&self, charge: &Charge, most: u64) -> Result<Charged, StoreError>;
}

/// An audit row: who was given a link to which file, when. Written before the link is shown (D3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The organization.
    pub org: OrgId,
    /// The export.
    pub export: ExportId,
    /// The row's own name, drawn at random.
    pub id: uuid::Uuid,
    /// Who.
    pub by: Person,
    /// When.
    pub at: Instant,
}

/// Which links to files of a source were given away, the oldest first.
#[derive(Debug, Clone)]
pub struct GivenQuery {
    /// The organization.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// Given at this instant or later.
    pub from: Instant,
    /// Given at this instant or earlier.
    pub to: Instant,
    /// Strictly behind this row.
    pub after: Option<(Instant, uuid::Uuid)>,
    /// Rows at most.
    pub limit: usize,
}

/// A part of the links given away. It may be short, and not the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GivenPage {
    /// The rows.
    pub downloads: Vec<Download>,
    /// Go on strictly behind this row; none at the end.
    pub next: Option<(Instant, uuid::Uuid)>,
}

/// Keeps audit rows. It has no way to change or delete one.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Writes a row of an export of `source`, unless there is one of that name.
    ///
    /// # Errors
    /// [`StoreError`] if the row may not be there.
    async fn record(&self, source: &SourceId, download: &Download) -> Result<(), StoreError>;

    /// Lists the rows of a source's exports. May lag behind them by seconds.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn given(&self, query: &GivenQuery) -> Result<GivenPage, StoreError>;

    /// Reads the rows of an export, the oldest first, at most the newest 100.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn downloads(&self, org: &OrgId, export: ExportId) -> Result<Vec<Download>, StoreError>;
}

/// Carries hints that an export can be worked on. Losing one costs a minute.
#[async_trait]
pub trait ExportQueue: Send + Sync {
    /// Sends a hint.
    ///
    /// # Errors
    /// [`StoreError`]; the hint may have gone all the same.
    async fn send(&self, org: &OrgId, id: ExportId) -> Result<(), StoreError>;
}

/// The name of an object. Every key holds a run's id: nobody else writes it (A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// `work/{export}/{run}/{n}`: whole rows.
    Piece(ExportId, RunId, u32),
    /// `work/{export}/{run}/tail`: rows that fill no piece yet.
    Tail(ExportId, RunId),
    /// `files/{export}/{run}`: a file.
    File(ExportId, RunId),
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The object it will be.
    pub key: ObjectKey,
    /// The store's name of it.
    pub id: String,
}

/// A part of an open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10 000.
    pub number: u32,
    /// What the store calls its content.
    pub etag: String,
    /// Its checksum, where the store gave one.
    pub crc64nvme: Option<String>,
}

/// What a store knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its length.
    pub size_bytes: u64,
    /// CRC-64/NVME of the whole, as base64, if the store keeps it.
    pub crc64nvme: Option<String>,
}

/// What a file is written and served as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileKind {
    /// `text/csv; charset=utf-8` and the like.
    pub content_type: &'static str,
}

/// Keeps pieces, tails and files.
///
/// Checksums are CRC-64/NVME of the bytes (the number, not its text): the store refuses bytes that do not have it.
#[async_trait]
pub trait PieceStore: Send + Sync {
    /// P5, P7, P8a: writes an object. Repeating it is harmless: same key, same bytes.
    ///
    /// # Errors
    /// [`StoreError`]; the object may be there.
    async fn put(
        &self,
        key: ObjectKey,
        bytes: Bytes,
        crc: u64,
        kind: &FileKind,
    ) -> Result<(), StoreError>;

    /// P3: reads a whole object; only tails and pieces under a part's least size are read.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] if it is not there.
    async fn get(&self, key: ObjectKey) -> Result<Bytes, StoreError>;

    /// What is known of an object; none if it is not there.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn head(&self, key: ObjectKey) -> Result<Option<ObjectHead>, StoreError>;

    /// P8b: opens an upload with a full-object CRC-64/NVME.
    ///
    /// # Errors
    /// [`StoreError`]; an upload may have been opened.
    async fn open(&self, key: ObjectKey, kind: &FileKind) -> Result<Upload, StoreError>;

    /// P8b: makes a part of a stored piece, on the store's side.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] if the piece is not there.
    async fn copy_part(
        &self,
        upload: &Upload,
        number: u32,
        piece: ObjectKey,
    ) -> Result<Part, StoreError>;

    /// P8b: makes a part of these bytes.
    ///
    /// # Errors
    /// [`StoreError`] if the store refuses them or does not answer.
    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        crc: u64,
    ) -> Result<Part, StoreError>;

    /// P8b: makes the object of its parts, in order. The store refuses parts whose bytes do not have this checksum and size.
    ///
    /// # Errors
    /// [`StoreError`]; the object may be there: ask for its head.
    async fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: u64,
        size_bytes: u64,
    ) -> Result<(), StoreError>;

    /// P9b: deletes all objects and open uploads of an export, but its file of the run `keep`.
    ///
    /// # Errors
    /// [`StoreError`] if some may be left.
    async fn clean(&self, export: ExportId, keep: Option<RunId>) -> Result<(), StoreError>;

    /// Deletes an export's file. That it is gone is no error.
    ///
    /// # Errors
    /// [`StoreError`] if it may be left.
    async fn delete_file(&self, export: ExportId, run: RunId) -> Result<(), StoreError>;
}

/// Makes links to files.
#[async_trait]
pub trait UrlSigner: Send + Sync {
    /// A link to a file, for whoever holds it, for `ttl`: a GET, without any header, that downloads under `file_name`.
    ///
    /// # Errors
    /// [`StoreError`] if there is nothing to sign with.
    async fn sign(
        &self,
        export: ExportId,
        run: RunId,
        file_name: &str,
        kind: &FileKind,
        now: Instant,
        ttl: Duration,
    ) -> Result<String, StoreError>;
}

/// Tells the world that an export has reached a terminal state.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells it, at least once; [`Export::event_id`] names the telling.
    ///
    /// # Errors
    /// [`StoreError`] if it may not have been heard.
    async fn tell(&self, export: &Export) -> Result<(), StoreError>;

    /// Sends the mail about it that its requester asked for, at least once.
    ///
    /// # Errors
    /// [`StoreError`] if it may not have been sent.
    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError>;
}

/// Time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The instant now.
    fn now(&self) -> Instant;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// Randomness: ids that nobody else draws.
pub trait Dice: Send + Sync {
    /// A random UUID, version 4.
    fn uuid(&self) -> uuid::Uuid;
}
