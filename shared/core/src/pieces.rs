//! The sink of a run: rows into immutable pieces under the run's own id, and the commits that name them (P5 to P7).

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::csv::RowFacts;
use crate::export::{Decided, Flow, Sink, SinkError};
use crate::gzip::Members;
use crate::lead::LeadKey;
use crate::limits;
use crate::piece::Hashes;
use crate::ports::{Clock, ExportStore, FileKind, ObjectKey, PieceStore, StoreError, Written};
use crate::record::{Checkpoint, Export, Progress, RunId, RunPieces, Tail, Warning};
use crate::time::Instant;

/// The version of the bytes that the encoder writes. Another version's checkpoint is not taken up: its pieces would not fit.
///
/// What a gzip member looks like is part of it: [`limits::GZIP_MEMBER_BYTES`], the level and the compressor, which `Cargo.toml` pins
/// (a test of [`crate::gzip`] knows a member's bytes). Who changes one of them counts this up.
pub const ENCODER_VERSION: u32 = 1;

/// What the sink works with.
#[derive(Clone)]
pub struct Tools {
    /// Where commits go.
    pub exports: Arc<dyn ExportStore>,
    /// Where pieces go.
    pub pieces: Arc<dyn PieceStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A piece whose upload is under way, and the checkpoint that becomes true once it and all before it are stored.
struct Cut {
    number: u32,
    stored: bool,
    checkpoint: Checkpoint,
    /// The piece itself, for its room.
    bytes: Bytes,
}

/// A commit under way: the state it writes, and the write.
type Commit = (Box<Export>, BoxFuture<'static, Result<Written, StoreError>>);

/// The rows of one run: what is stored, what travels, what is being filled.
pub struct Pieces {
    tools: Tools,
    run: RunId,
    kind: FileKind,
    /// The record as this run last wrote it.
    record: Export,
    stop_at: Instant,
    /// Whether the cursor has moved in this run: a slice that stopped before would never end a sparse selection.
    moved: bool,
    piece_bytes: usize,

    buffer: Members,
    buffer_rows: u64,
    hashes: Hashes,
    /// What is true of all bytes in pieces that were cut, stored or not.
    cut: Checkpoint,
    /// The cursor up to which `buffer` holds all rows.
    cursor: Option<LeadKey>,
    leads_read: u64,
    matched: u64,
    warnings: Vec<Warning>,

    /// Room of a piece that is stored, for the next one.
    spare: Vec<u8>,
    under_way: VecDeque<Cut>,
    uploads: FuturesUnordered<BoxFuture<'static, (u32, Result<(), StoreError>)>>,
    /// The newest checkpoint that is true and not yet committed.
    ready: Option<Checkpoint>,
    commit: Option<Commit>,
    committed_at: Instant,
}

/// What a run holds at its end: the rows in pieces, and the rest in memory.
pub struct Filled {
    /// The record as this run last wrote it.
    pub record: Export,
    /// What is true of the pieces, all stored.
    pub checkpoint: Checkpoint,
    /// The hashes over pieces and rest.
    pub hashes: Hashes,
    /// The rows that no piece holds.
    pub rest: Bytes,
    /// CRC-64/NVME of the rest.
    pub rest_crc: u64,
    /// Data rows in all.
    pub rows: u64,
    /// How far the reading went.
    pub progress: Progress,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
}

/// The state of an export before its first lead.
pub fn beginning() -> Checkpoint {
    let (sha_state, crc) = Hashes::default().save();
    Checkpoint {
        encoder: ENCODER_VERSION,
        cursor: None,
        runs: Vec::new(),
        tail: None,
        leads_read: 0,
        rows: 0,
        bytes: 0,
        sha_state,
        crc,
        warnings: Vec::new(),
        matched: 0,
    }
}

/// Whether this encoder can go on behind `known`: its bytes are this encoder's, its hash state can be taken up, its counts agree.
pub fn can_take_up(known: &Checkpoint) -> bool {
    known.encoder == ENCODER_VERSION
        && Hashes::load(&known.sha_state, &known.crc).is_some()
        && known.tail.is_none_or(|tail| tail.rows <= known.rows)
}

impl Pieces {
    /// A sink that takes up `from`, whose tail, if it has one, is `buffer`; a fresh export's buffer holds its header.
    ///
    /// `record` is the record as this run leased it. None if the checkpoint's hash state is malformed.
    pub fn new(
        tools: Tools,
        record: Export,
        run: RunId,
        from: Checkpoint,
        buffer: Members,
        kind: FileKind,
        stop_at: Instant,
    ) -> Option<Self> {
        let hashes = Hashes::load(&from.sha_state, &from.crc)?;
        let now = tools.clock.now();
        let buffer_rows = from.tail.map_or(0, |tail| tail.rows);
        Some(Self {
            tools,
            run,
            kind,
            record,
            stop_at,
            moved: false,
            piece_bytes: limits::PIECE_BYTES,
            buffer,
            buffer_rows,
            hashes,
            cursor: from.cursor.clone(),
            leads_read: from.leads_read,
            matched: from.matched,
            warnings: from.warnings.clone(),
            cut: Checkpoint {
                tail: None,
                rows: from.rows - buffer_rows,
                ..from
            },
            spare: Vec::new(),
            under_way: VecDeque::new(),
            uploads: FuturesUnordered::new(),
            ready: None,
            commit: None,
            committed_at: now,
        })
    }

    /// Cuts pieces of another size: tests need not fill megabytes.
    #[must_use]
    pub fn with_piece_bytes(mut self, piece_bytes: usize) -> Self {
        self.piece_bytes = piece_bytes;
        self
    }

    /// Data rows written so far, earlier runs' included.
    pub fn rows(&self) -> u64 {
        self.cut.rows + self.buffer_rows
    }

    fn progress(&self) -> Progress {
        Progress {
            leads_read: self.leads_read,
            leads_written: self.rows(),
            known_leads: None,
        }
    }

    fn must_stop(&self, now: Instant) -> bool {
        self.moved && now >= self.stop_at
    }

    fn is_full(&self) -> bool {
        self.buffer.holds(self.piece_bytes)
    }

    /// Whether a full buffer may travel now: within the budget of memory.
    fn may_send(&self) -> bool {
        let travelling: usize = self.under_way.iter().map(|cut| cut.bytes.len()).sum();
        self.uploads.len() < limits::UPLOADS_AT_ONCE
            && (travelling == 0 || travelling + self.piece_bytes <= limits::UPLOAD_BYTES)
    }

    fn cut_piece(&mut self) {
        let mut room = std::mem::take(&mut self.spare);
        room.reserve(self.piece_bytes + self.piece_bytes / 8);
        let bytes = Bytes::from(self.buffer.cut(room));
        let crc = self.hashes.take(&bytes);
        let number = match self.cut.runs.last_mut() {
            Some(last) if last.run == self.run => {
                last.pieces += 1;
                last.pieces - 1
            }
            _ => {
                self.cut.runs.push(RunPieces {
                    run: self.run,
                    pieces: 1,
                });
                0
            }
        };
        let (sha_state, crc_state) = self.hashes.save();
        self.cut.rows += std::mem::take(&mut self.buffer_rows);
        self.cut.bytes += bytes.len() as u64;
        self.cut.sha_state = sha_state;
        self.cut.crc = crc_state;
        self.cut.cursor.clone_from(&self.cursor);
        self.cut.leads_read = self.leads_read;
        self.cut.matched = self.matched;
        self.cut.warnings.clone_from(&self.warnings);
        self.under_way.push_back(Cut {
            number,
            stored: false,
            checkpoint: self.cut.clone(),
            bytes: bytes.clone(),
        });
        let (pieces, kind, key) = (
            Arc::clone(&self.tools.pieces),
            self.kind.clone(),
            ObjectKey::Piece(self.record.id(), self.run, number),
        );
        self.uploads
            .push(async move { (number, pieces.put(key, bytes, crc, &kind).await) }.boxed());
    }

    fn stored(&mut self, number: u32) {
        if let Some(cut) = self.under_way.iter_mut().find(|cut| cut.number == number) {
            cut.stored = true;
        }
        // A checkpoint is true once its piece and all before it are stored.
        while self.under_way.front().is_some_and(|cut| cut.stored) {
            let Some(cut) = self.under_way.pop_front() else {
                break;
            };
            self.ready = Some(cut.checkpoint);
            // Whoever sent it may still hold it; then its room is not to be had.
            if cut.bytes.is_unique() {
                self.spare = cut.bytes.into();
                self.spare.clear();
            }
        }
    }

    /// Begins a commit if one is called for: a checkpoint waits and the last commit is some time ago, or the heartbeat is due.
    fn begin_commit(&mut self, now: Instant) {
        let waited = now.since(self.committed_at);
        let called_for =
            (self.ready.is_some() && waited >= limits::COMMIT_EVERY) || waited >= limits::HEARTBEAT;
        if self.commit.is_none() && called_for {
            // Nothing buffered and nothing travelling: all that was read is decided, however sparse the selection.
            if self.buffer_rows == 0 && self.under_way.is_empty() {
                self.ready = Some(Checkpoint {
                    cursor: self.cursor.clone(),
                    leads_read: self.leads_read,
                    matched: self.matched,
                    ..self.cut.clone()
                });
            }
            let next = self
                .record
                .committed(self.run, self.ready.take(), self.progress(), now);
            let (exports, written) = (Arc::clone(&self.tools.exports), next.clone());
            self.commit = Some((
                Box::new(next),
                async move { exports.replace(&written).await }.boxed(),
            ));
            self.committed_at = now;
        }
    }

    fn settle(&mut self, next: Export, written: &Written) -> Result<(), SinkError> {
        if !written.is_mine(&next) {
            return Err(SinkError::Lost);
        }
        self.record = next;
        Ok(())
    }

    /// Waits for all that is under way: uploads and commit.
    async fn rest(&mut self) -> Result<(), SinkError> {
        while let Some((number, stored)) = self.uploads.next().await {
            stored.map_err(SinkError::Pieces)?;
            self.stored(number);
        }
        if let Some((next, commit)) = self.commit.take() {
            let written = commit.await.map_err(SinkError::Record)?;
            self.settle(*next, &written)?;
        }
        Ok(())
    }

    /// Ends the filling: everything but the rest is stored.
    ///
    /// # Errors
    /// [`SinkError`] if an upload failed or the record has moved on.
    pub async fn fill(mut self) -> Result<Filled, SinkError> {
        self.rest().await?;
        let progress = self.progress();
        let rows = self.rows();
        let rest = Bytes::from(self.buffer.into_end(self.cut.runs.is_empty()));
        let rest_crc = self.hashes.take(&rest);
        Ok(Filled {
            record: self.record,
            checkpoint: self.cut,
            hashes: self.hashes,
            rest,
            rest_crc,
            rows,
            progress,
            warnings: self.warnings,
        })
    }

    /// P7: stores the rows of no piece as the tail, and commits the checkpoint with it; the lease is given back. The record, paused.
    ///
    /// # Errors
    /// [`SinkError`] if an upload failed or the record has moved on.
    pub async fn pause(mut self) -> Result<Export, SinkError> {
        self.rest().await?;
        let mut checkpoint = Checkpoint {
            cursor: self.cursor.clone(),
            leads_read: self.leads_read,
            matched: self.matched,
            rows: self.rows(),
            warnings: self.warnings.clone(),
            ..self.cut.clone()
        };
        // A buffer without rows holds the header at most, which the next run writes again.
        if self.buffer_rows > 0 {
            let (bytes, open_bytes) = self.buffer.take_tail();
            let tail = Tail {
                run: self.run,
                size_bytes: bytes.len() as u64,
                open_bytes,
                rows: self.buffer_rows,
            };
            let bytes = Bytes::from(bytes);
            let crc = crate::piece::crc64(&bytes);
            self.tools
                .pieces
                .put(
                    ObjectKey::Tail(self.record.id(), self.run),
                    bytes,
                    crc,
                    &self.kind,
                )
                .await
                .map_err(SinkError::Pieces)?;
            checkpoint.tail = Some(tail);
        }
        let next = self.record.paused(
            self.run,
            checkpoint,
            self.progress(),
            self.tools.clock.now(),
        );
        let written = self
            .tools
            .exports
            .replace(&next)
            .await
            .map_err(SinkError::Record)?;
        self.settle(next, &written)?;
        Ok(self.record)
    }

    fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

#[async_trait]
impl Sink for Pieces {
    fn row(&mut self, row: &[u8], facts: RowFacts) {
        self.buffer.row(|bytes| bytes.extend_from_slice(row));
        self.buffer_rows += 1;
        if facts.excel_cell {
            self.warn(Warning::ExcelCell);
        }
        if self.rows() > limits::EXCEL_ROWS {
            self.warn(Warning::ExcelRows);
        }
    }

    fn has_room(&self) -> bool {
        // A full buffer may be filled no further: pieces are cut at the first row or member end behind their size, whatever else
        // goes on.
        !self.is_full()
    }

    fn decided(&mut self, decided: Decided) -> Flow {
        self.moved |= decided.cursor != self.cursor;
        self.cursor = decided.cursor;
        self.leads_read += decided.read;
        self.matched = decided.matched;
        if self.is_full() && self.may_send() {
            self.cut_piece();
        }
        let now = self.tools.clock.now();
        self.begin_commit(now);
        if self.must_stop(now) {
            Flow::Stop
        } else {
            Flow::Go
        }
    }

    async fn work(&mut self) -> Result<Flow, SinkError> {
        loop {
            let now = self.tools.clock.now();
            if self.must_stop(now) {
                return Ok(Flow::Stop);
            }
            self.begin_commit(now);
            // A commit under way brings its own news; the next one begins after it.
            let commit_in = match (&self.commit, &self.ready) {
                (Some(_), _) => limits::HEARTBEAT,
                (None, Some(_)) => self.committed_at.plus(limits::COMMIT_EVERY).since(now),
                (None, None) => self.committed_at.plus(limits::HEARTBEAT).since(now),
            };
            let wait = if self.moved {
                commit_in.min(self.stop_at.since(now))
            } else {
                commit_in
            };
            let clock = Arc::clone(&self.tools.clock);
            let timer = clock.sleep(wait.max(std::time::Duration::from_millis(1)));
            let news = {
                let Self {
                    uploads, commit, ..
                } = &mut *self;
                let uploads = async {
                    if uploads.is_empty() {
                        std::future::pending().await
                    } else {
                        uploads.next().await
                    }
                };
                let commit = async {
                    match commit {
                        Some((_, commit)) => commit.await,
                        None => std::future::pending().await,
                    }
                };
                let (uploads, commit) = (std::pin::pin!(uploads), std::pin::pin!(commit));
                match select(select(uploads, commit), timer).await {
                    Either::Left((Either::Left((upload, _)), _)) => News::Upload(upload),
                    Either::Left((Either::Right((written, _)), _)) => News::Commit(written),
                    Either::Right(_) => News::Time,
                }
            };
            match news {
                News::Upload(Some((number, stored))) => {
                    stored.map_err(SinkError::Pieces)?;
                    self.stored(number);
                    if self.is_full() && self.may_send() {
                        self.cut_piece();
                    }
                    return Ok(Flow::Go);
                }
                News::Commit(written) => {
                    if let Some((next, _)) = self.commit.take() {
                        self.settle(*next, &written.map_err(SinkError::Record)?)?;
                    }
                }
                News::Upload(None) | News::Time => {}
            }
        }
    }
}

enum News {
    Upload(Option<(u32, Result<(), StoreError>)>),
    Commit(Result<Written, StoreError>),
    Time,
}
