//! Ports whose writes may arrive after their callers have given them up (F7).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;

use super::Script;
use crate::lead::OrgId;
use crate::mail::Address;
use crate::memory::{MemoryExports, MemoryNotifier, MemoryPieces, MemoryQueue};
use crate::piece::crc64;
use crate::ports::{
    Charge, Charged, Created, Due, ExportQueue, ExportStore, FileKind, HistoryPage, HistoryQuery,
    Notifier, ObjectHead, ObjectKey, Part, PieceStore, Remembered, RequestKey, StoreError,
    StoreErrorKind, Upload, VolumeKey, Written,
};
use crate::record::{Export, ExportId, RunId};
use crate::time::Instant;

/// A port; the script says which call is late.
pub(crate) struct Late<T> {
    inner: Arc<T>,
    script: Arc<Script>,
}

impl<T> Late<T> {
    pub(super) fn new(inner: Arc<T>, script: Arc<Script>) -> Self {
        Self { inner, script }
    }
}

/// The bytes with one of them changed.
fn flipped(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x20;
    }
    bytes.into()
}

impl Late<MemoryPieces> {
    /// The bytes as they arrive (F17).
    fn carried(&self, bytes: Bytes) -> Bytes {
        if self.script.flips() {
            flipped(&bytes)
        } else {
            bytes
        }
    }
}

fn no_answer<R>() -> Result<R, StoreError> {
    Err(StoreError::new(StoreErrorKind::Unavailable, "late"))
}

#[async_trait]
impl ExportStore for Late<MemoryExports> {
    async fn remembered(
        &self,
        key: &RequestKey,
        now: Instant,
    ) -> Result<Option<Remembered>, StoreError> {
        self.inner.remembered(key, now).await
    }

    async fn create(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), export.clone());
        let row = request.map(|(key, row)| (key.clone(), row.clone()));
        let apply = move || {
            let row = row.as_ref().map(|(key, row)| (key, row));
            let _ = inner.create(&copy, row, max_active).now_or_never();
        };
        if self.script.is_late(apply) {
            return no_answer();
        }
        self.inner.create(export, request, max_active).await
    }

    async fn get(&self, org: &OrgId, id: ExportId) -> Result<Option<Export>, StoreError> {
        self.inner.get(org, id).await
    }

    async fn replace(&self, export: &Export) -> Result<Written, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), export.clone());
        if self.script.is_late(move || {
            let _ = inner.replace(&copy).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.replace(export).await
    }

    async fn end(&self, export: &Export) -> Result<Written, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), export.clone());
        if self.script.is_late(move || {
            let _ = inner.end(&copy).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.end(export).await
    }

    async fn add(&self, export: &Export) -> Result<(), StoreError> {
        self.inner.add(export).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.inner.history(query).await
    }

    async fn due(&self, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn postpone(&self, due: &Due, until: Instant) -> Result<bool, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), due.clone());
        if self.script.is_late(move || {
            let _ = inner.postpone(&copy, until).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.postpone(due, until).await
    }

    async fn volume(&self, key: &VolumeKey, but: Option<uuid::Uuid>) -> Result<u64, StoreError> {
        self.inner.volume(key, but).await
    }

    async fn charge(&self, charge: &Charge, most: u64) -> Result<Charged, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), charge.clone());
        if self.script.is_late(move || {
            let _ = inner.charge(&copy, most).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.charge(charge, most).await
    }
}

#[async_trait]
impl PieceStore for Late<MemoryPieces> {
    async fn put(
        &self,
        key: ObjectKey,
        bytes: Bytes,
        crc: u64,
        kind: &FileKind,
    ) -> Result<(), StoreError> {
        let (inner, copy, as_kind) = (Arc::clone(&self.inner), bytes.clone(), kind.clone());
        if self.script.is_late(move || {
            let _ = inner.put(key, copy.clone(), crc, &as_kind).now_or_never();
        }) {
            return no_answer();
        }
        let bytes = self.carried(bytes);
        self.inner.put(key, bytes, crc, kind).await
    }

    async fn get(&self, key: ObjectKey) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }

    async fn head(&self, key: ObjectKey) -> Result<Option<ObjectHead>, StoreError> {
        self.inner.head(key).await
    }

    async fn open(&self, key: ObjectKey, kind: &FileKind) -> Result<Upload, StoreError> {
        let (inner, as_kind) = (Arc::clone(&self.inner), kind.clone());
        if self.script.is_late(move || {
            let _ = inner.open(key, &as_kind).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.open(key, kind).await
    }

    async fn copy_part(
        &self,
        upload: &Upload,
        number: u32,
        piece: ObjectKey,
    ) -> Result<Part, StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), upload.clone());
        if self.script.is_late(move || {
            let _ = inner.copy_part(&copy, number, piece).now_or_never();
        }) {
            return no_answer();
        }
        if self.script.flips() {
            // The store itself spoils the copy and believes it: only the checksum of the whole tells.
            let bytes = flipped(&self.inner.get(piece).await?);
            let crc = crc64(&bytes);
            return self.inner.put_part(upload, number, bytes, crc).await;
        }
        self.inner.copy_part(upload, number, piece).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        crc: u64,
    ) -> Result<Part, StoreError> {
        let (inner, copy, as_bytes) = (Arc::clone(&self.inner), upload.clone(), bytes.clone());
        if self.script.is_late(move || {
            let _ = inner
                .put_part(&copy, number, as_bytes.clone(), crc)
                .now_or_never();
        }) {
            return no_answer();
        }
        let bytes = self.carried(bytes);
        self.inner.put_part(upload, number, bytes, crc).await
    }

    async fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: u64,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        let (inner, upload_copy, parts_copy) =
            (Arc::clone(&self.inner), upload.clone(), parts.to_vec());
        if self.script.is_late(move || {
            let _ = inner
                .complete(&upload_copy, &parts_copy, crc, size_bytes)
                .now_or_never();
        }) {
            return no_answer();
        }
        self.inner.complete(upload, parts, crc, size_bytes).await
    }

    async fn clean(&self, export: ExportId, keep: Option<RunId>) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        if self.script.is_late(move || {
            let _ = inner.clean(export, keep).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.clean(export, keep).await
    }

    async fn delete_file(&self, export: ExportId, run: RunId) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        if self.script.is_late(move || {
            let _ = inner.delete_file(export, run).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.delete_file(export, run).await
    }
}

#[async_trait]
impl ExportQueue for Late<MemoryQueue> {
    async fn send(&self, org: &OrgId, id: ExportId) -> Result<(), StoreError> {
        let (inner, of) = (Arc::clone(&self.inner), org.clone());
        if self.script.is_late(move || {
            let _ = inner.send(&of, id).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.send(org, id).await
    }
}

#[async_trait]
impl Notifier for Late<MemoryNotifier> {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        let (inner, copy) = (Arc::clone(&self.inner), export.clone());
        if self.script.is_late(move || {
            let _ = inner.tell(&copy).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.tell(export).await
    }

    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError> {
        let (inner, copy, reader) = (Arc::clone(&self.inner), export.clone(), to.clone());
        if self.script.is_late(move || {
            let _ = inner.mail(&copy, &reader).now_or_never();
        }) {
            return no_answer();
        }
        self.inner.mail(export, to).await
    }
}
