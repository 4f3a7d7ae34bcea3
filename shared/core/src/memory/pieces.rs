//! Objects and multipart uploads in memory, with the checks of S3 that the protocol leans on.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::lock;
use crate::limits;
use crate::ports::{
    FileKind, ObjectHead, ObjectKey, Part, PieceStore, StoreError, StoreErrorKind, Upload,
};
use crate::record::{ExportId, RunId};

const STORE: &str = "pieces";

/// An object as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Bytes,
    /// What it is served as.
    pub kind: FileKind,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The object it will be.
    pub key: ObjectKey,
    /// What it will be served as.
    pub kind: FileKind,
    /// The parts by number.
    pub parts: BTreeMap<u32, Bytes>,
}

/// Objects and open uploads.
#[derive(Debug)]
pub struct MemoryPieces {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    objects: BTreeMap<ObjectKey, StoredObject>,
    uploads: BTreeMap<String, OpenUpload>,
    overwritten: Vec<ObjectKey>,
    opened: u64,
    min_part: u64,
}

impl Default for MemoryPieces {
    fn default() -> Self {
        Self::new()
    }
}

fn crc(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

fn crc_text(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

fn refused(why: impl Into<String>) -> StoreError {
    StoreError::caused(StoreErrorKind::Corrupt, STORE, why.into())
}

fn missing(what: impl Into<String>) -> StoreError {
    StoreError::caused(StoreErrorKind::NotFound, STORE, what.into())
}

fn check_crc(bytes: &[u8], given: u64) -> Result<(), StoreError> {
    let found = crc(bytes);
    if found == given {
        Ok(())
    } else {
        Err(refused(format!(
            "the bytes have the checksum {found:016x}, not {given:016x}"
        )))
    }
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Which part it is, by its content, as S3 compares it at completion.
fn part_of(number: u32, bytes: &Bytes) -> Part {
    let crc = crc(bytes);
    Part {
        number,
        etag: format!("\"{crc:016x}-{}\"", bytes.len()),
        crc64nvme: Some(crc_text(crc)),
    }
}

fn owner(key: ObjectKey) -> ExportId {
    match key {
        ObjectKey::Piece(export, ..) | ObjectKey::Tail(export, _) | ObjectKey::File(export, _) => {
            export
        }
    }
}

impl Inner {
    fn store(&mut self, key: ObjectKey, bytes: Bytes, kind: FileKind) {
        let before = self.objects.get(&key).map(|object| &object.bytes);
        if before.is_some_and(|before| *before != bytes) {
            self.overwritten.push(key);
        }
        self.objects.insert(key, StoredObject { bytes, kind });
    }

    fn open_upload(&mut self, upload: &Upload) -> Result<&mut OpenUpload, StoreError> {
        self.uploads
            .get_mut(&upload.id)
            .filter(|open| open.key == upload.key)
            .ok_or_else(|| missing(format!("no open upload {}", upload.id)))
    }

    fn put_part(&mut self, upload: &Upload, number: u32, bytes: Bytes) -> Result<Part, StoreError> {
        let open = self.open_upload(upload)?;
        if number == 0 || usize::try_from(number).is_ok_and(|number| number > limits::MAX_PARTS) {
            return Err(refused(format!(
                "part {number} is not between 1 and {}",
                limits::MAX_PARTS
            )));
        }
        let part = part_of(number, &bytes);
        open.parts.insert(number, bytes);
        Ok(part)
    }
}

impl MemoryPieces {
    /// No objects; parts but the last have 5 MiB at least.
    pub fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                objects: BTreeMap::new(),
                uploads: BTreeMap::new(),
                overwritten: Vec::new(),
                opened: 0,
                min_part: limits::MIN_PART_BYTES,
            }),
        }
    }

    /// From now on parts but the last have so many bytes at least.
    pub fn set_min_part(&self, bytes: u64) {
        lock(&self.inner).min_part = bytes;
    }

    /// All objects.
    pub fn objects(&self) -> BTreeMap<ObjectKey, StoredObject> {
        lock(&self.inner).objects.clone()
    }

    /// All open uploads by their id.
    pub fn uploads(&self) -> BTreeMap<String, OpenUpload> {
        lock(&self.inner).uploads.clone()
    }

    /// Objects that were written again with other bytes. The protocol never does (A): for a right one this stays empty.
    pub fn overwritten(&self) -> Vec<ObjectKey> {
        lock(&self.inner).overwritten.clone()
    }
}

#[async_trait]
impl PieceStore for MemoryPieces {
    async fn put(
        &self,
        key: ObjectKey,
        bytes: Bytes,
        crc: u64,
        kind: &FileKind,
    ) -> Result<(), StoreError> {
        check_crc(&bytes, crc)?;
        lock(&self.inner).store(key, bytes, kind.clone());
        Ok(())
    }

    async fn get(&self, key: ObjectKey) -> Result<Bytes, StoreError> {
        lock(&self.inner)
            .objects
            .get(&key)
            .map(|object| object.bytes.clone())
            .ok_or_else(|| missing(format!("no object {key:?}")))
    }

    async fn head(&self, key: ObjectKey) -> Result<Option<ObjectHead>, StoreError> {
        let inner = lock(&self.inner);
        Ok(inner.objects.get(&key).map(|object| ObjectHead {
            size_bytes: size(&object.bytes),
            crc64nvme: Some(crc_text(crc(&object.bytes))),
        }))
    }

    async fn open(&self, key: ObjectKey, kind: &FileKind) -> Result<Upload, StoreError> {
        let mut inner = lock(&self.inner);
        inner.opened += 1;
        let id = format!("upload-{}", inner.opened);
        let open = OpenUpload {
            key,
            kind: kind.clone(),
            parts: BTreeMap::new(),
        };
        inner.uploads.insert(id.clone(), open);
        Ok(Upload { key, id })
    }

    async fn copy_part(
        &self,
        upload: &Upload,
        number: u32,
        piece: ObjectKey,
    ) -> Result<Part, StoreError> {
        let mut inner = lock(&self.inner);
        let bytes = inner
            .objects
            .get(&piece)
            .map(|object| object.bytes.clone())
            .ok_or_else(|| missing(format!("no piece {piece:?}")))?;
        inner.put_part(upload, number, bytes)
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        crc: u64,
    ) -> Result<Part, StoreError> {
        check_crc(&bytes, crc)?;
        lock(&self.inner).put_part(upload, number, bytes)
    }

    async fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: u64,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        let min_part = inner.min_part;
        let open = inner.open_upload(upload)?;
        if parts.is_empty() {
            return Err(refused("an upload without parts"));
        }
        let mut whole = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if usize::try_from(part.number).is_ok_and(|number| number != index + 1) {
                return Err(refused(format!(
                    "part {} stands in place {}",
                    part.number,
                    index + 1
                )));
            }
            let bytes = open
                .parts
                .get(&part.number)
                .filter(|bytes| part_of(part.number, bytes) == *part)
                .ok_or_else(|| refused(format!("no such part {}", part.number)))?;
            if index + 1 < parts.len() && size(bytes) < min_part {
                return Err(refused(format!(
                    "part {} has {} bytes, fewer than {min_part}",
                    part.number,
                    bytes.len()
                )));
            }
            whole.extend_from_slice(bytes);
        }
        check_crc(&whole, crc)?;
        if size(&whole) != size_bytes {
            return Err(refused(format!(
                "the parts have {} bytes, not {size_bytes}",
                whole.len()
            )));
        }
        let kind = open.kind.clone();
        inner.store(upload.key, whole.into(), kind);
        inner.uploads.remove(&upload.id);
        Ok(())
    }

    async fn clean(&self, export: ExportId, keep: Option<RunId>) -> Result<(), StoreError> {
        let kept = keep.map(|run| ObjectKey::File(export, run));
        let mut inner = lock(&self.inner);
        inner
            .objects
            .retain(|key, _| owner(*key) != export || Some(*key) == kept);
        inner.uploads.retain(|_, open| owner(open.key) != export);
        Ok(())
    }

    async fn delete_file(&self, export: ExportId, run: RunId) -> Result<(), StoreError> {
        lock(&self.inner)
            .objects
            .remove(&ObjectKey::File(export, run));
        Ok(())
    }
}
