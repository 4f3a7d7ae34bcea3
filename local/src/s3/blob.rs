//! Files that hold the bytes of objects and parts.
//!
//! A blob is written once under a random name and never changes. An object is a list of blobs, so completing an upload
//! moves no bytes. A blob lives on disk as long as a record names it *or* somebody reads it: overwriting or deleting an
//! object never cuts off a download that is under way.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use s3s::dto::StreamingBlob;
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use super::digest::{Algorithm, Digests, Hasher};
use super::fault;

/// How many bytes are handed to the disk, or read from it, at once.
const STEP_BYTES: usize = 1024 * 1024;

/// A file that goes when the last holder lets go of it, unless a record keeps it.
pub(super) struct Blob {
    pub(super) id: Uuid,
    path: PathBuf,
    kept: AtomicBool,
}

impl Blob {
    /// A blob that a record on disk names.
    pub(super) fn recorded(dir: &Path, id: Uuid) -> Arc<Self> {
        Arc::new(Self {
            id,
            path: path(dir, id),
            kept: AtomicBool::new(true),
        })
    }

    /// A record names it now.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// No record names it any more.
    pub(super) fn discard(&self) {
        self.kept.store(false, Ordering::Release);
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if !*self.kept.get_mut()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, blob = %self.id, "a file of the local S3 stays behind until its next start");
        }
    }
}

fn path(dir: &Path, id: Uuid) -> PathBuf {
    dir.join(id.simple().to_string())
}

/// A blob that was written to its end, named by no record yet.
pub(super) struct Written {
    pub(super) blob: Arc<Blob>,
    pub(super) digests: Digests,
}

/// Writes a new blob. Dropped before [`finish`](Self::finish), it leaves nothing.
pub(super) struct Writer {
    blob: Arc<Blob>,
    file: File,
    hasher: Hasher,
}

impl Writer {
    pub(super) fn create(dir: &Path, algorithms: &[Algorithm]) -> io::Result<Self> {
        let id = Uuid::new_v4();
        let path = path(dir, id);
        let file = File::create_new(&path)?;
        let blob = Arc::new(Blob {
            id,
            path,
            kept: AtomicBool::new(false),
        });
        Ok(Self {
            blob,
            file,
            hasher: Hasher::new(algorithms),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    pub(super) fn finish(self) -> Written {
        Written {
            blob: self.blob,
            digests: self.hasher.finish(),
        }
    }

    /// Stores a request's body, at most `limit` bytes of it, a megabyte in memory at a time.
    ///
    /// # Errors
    /// `EntityTooLarge` over the limit; what [`fault::body`] says of a body that breaks off.
    pub(super) async fn receive(
        self,
        body: Option<StreamingBlob>,
        limit: u64,
    ) -> S3Result<Written> {
        let mut writer = self;
        let mut pending: Vec<Bytes> = Vec::new();
        let mut pending_bytes = 0;
        let mut total = 0_u64;
        if let Some(mut body) = body {
            while let Some(frame) = body.next().await {
                let frame = frame.map_err(|error| fault::body(&error))?;
                total += frame.len() as u64;
                if total > limit {
                    return Err(s3_error!(
                        EntityTooLarge,
                        "Your proposed upload exceeds the maximum allowed object size."
                    ));
                }
                pending_bytes += frame.len();
                pending.push(frame);
                if pending_bytes >= STEP_BYTES {
                    writer = writer.write_all(std::mem::take(&mut pending)).await?;
                    pending_bytes = 0;
                }
            }
        }
        Ok(writer.write_all(pending).await?.finish())
    }

    async fn write_all(mut self, frames: Vec<Bytes>) -> S3Result<Self> {
        super::blocking(move || {
            frames
                .iter()
                .try_for_each(|frame| self.write(frame))
                .map_err(fault::disk)?;
            Ok(self)
        })
        .await
    }
}

/// Reads a range of bytes over a list of blobs.
pub(super) struct Reader {
    segments: std::vec::IntoIter<(Arc<Blob>, Range<u64>)>,
    open: Option<(Arc<Blob>, File, u64)>,
}

impl Reader {
    /// `blobs` with their sizes, in the object's order; `range` within the object.
    pub(super) fn new(blobs: &[(Arc<Blob>, u64)], range: &Range<u64>) -> Self {
        let mut start = 0;
        let mut segments = Vec::new();
        for (blob, size) in blobs {
            let end = start + size;
            if start < range.end.min(end) && range.start < range.end.min(end) {
                let from = range.start.max(start) - start;
                segments.push((Arc::clone(blob), from..range.end.min(end) - start));
            }
            start = end;
        }
        Self {
            segments: segments.into_iter(),
            open: None,
        }
    }

    /// The next bytes, at most `limit` of them; `None` at the end.
    pub(super) fn read(&mut self, limit: usize) -> io::Result<Option<Bytes>> {
        let (blob, mut file, left) = match self.open.take() {
            Some(open) => open,
            None => match self.segments.next() {
                None => return Ok(None),
                Some((blob, range)) => {
                    let mut file = File::open(&blob.path)?;
                    file.seek(SeekFrom::Start(range.start))?;
                    (blob, file, range.end - range.start)
                }
            },
        };
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(limit);
        let mut bytes = vec![0; size];
        file.read_exact(&mut bytes)?;
        let left = left - size as u64;
        if left > 0 {
            self.open = Some((blob, file, left));
        }
        Ok(Some(bytes.into()))
    }

    /// Copies everything into `writer`.
    pub(super) fn copy_to(mut self, writer: &mut Writer) -> io::Result<()> {
        while let Some(bytes) = self.read(STEP_BYTES)? {
            writer.write(&bytes)?;
        }
        Ok(())
    }

    /// The bytes as a body; a thread is held only while the disk is read, never while a client is slow.
    pub(super) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        stream::try_unfold(self, |mut reader| async move {
            let step = tokio::task::spawn_blocking(move || {
                reader.read(STEP_BYTES / 4).map(|it| (it, reader))
            });
            let (bytes, reader) = step.await.map_err(io::Error::other)??;
            Ok(bytes.map(|bytes| (bytes, reader)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(dir: &Path, bytes: &[u8]) -> (Arc<Blob>, u64) {
        let mut writer = Writer::create(dir, &[]).unwrap();
        writer.write(bytes).unwrap();
        let written = writer.finish();
        (written.blob, bytes.len() as u64)
    }

    #[test]
    fn every_range_over_several_blobs_reads_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let whole = b"abcdefghij";
        let blobs = [
            blob(dir.path(), b"abc"),
            blob(dir.path(), b""),
            blob(dir.path(), b"d"),
            blob(dir.path(), b"efghij"),
        ];
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                let mut reader = Reader::new(&blobs, &(start as u64..end as u64));
                let mut found = Vec::new();
                while let Some(bytes) = reader.read(2).unwrap() {
                    found.extend_from_slice(&bytes);
                }
                assert_eq!(found, whole[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn a_blob_that_no_record_names_goes_with_its_last_reader() {
        let dir = tempfile::tempdir().unwrap();
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        let (kept, size) = blob(dir.path(), b"abc");
        kept.keep();
        let mut reader = Reader::new(&[(Arc::clone(&kept), size)], &(0..size));
        kept.discard();
        drop(kept);
        assert_eq!(files(), 1);
        assert_eq!(reader.read(9).unwrap().unwrap(), "abc");
        drop(reader);
        assert_eq!(files(), 0);

        drop(Writer::create(dir.path(), &[]).unwrap());
        assert_eq!(files(), 0);
    }
}
