//! What is kept of buckets, objects and uploads beside their bytes: JSON on disk, the same values in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use s3s::dto::{ETag, Timestamp};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::blob::Blob;
use super::digest::{Algorithm, Kind, Sum};

/// An instant in milliseconds since 1970, as finely as S3 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Millis(pub(super) u64);

impl Millis {
    pub(super) fn of(at: SystemTime) -> Self {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn timestamp(self) -> Timestamp {
        (SystemTime::UNIX_EPOCH + Duration::from_millis(self.0)).into()
    }

    /// Whole seconds: HTTP dates know no more.
    pub(super) fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }
}

/// The headers a client gave an object, returned as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<Millis>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// An object, as its file on disk has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ObjectRecord {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified: Millis,
    pub(super) headers: Headers,
    pub(super) sum: Sum,
    pub(super) kind: Kind,
    /// The blobs and their sizes in bytes; one for each part.
    pub(super) blobs: Vec<(Uuid, u64)>,
    /// The upload that made it. After a crash between the object's birth and the upload's end, this tells that the
    /// upload is over; and a repeated Complete is answered from it.
    pub(super) upload: Option<Finished>,
}

/// A completed upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) id: String,
    /// Number and ETag of each part.
    pub(super) parts: Vec<(u16, String)>,
}

/// An object and a hold on its bytes.
pub(super) struct Object {
    pub(super) record: ObjectRecord,
    pub(super) blobs: Vec<(Arc<Blob>, u64)>,
}

impl Object {
    pub(super) fn etag(&self) -> ETag {
        ETag::Strong(self.record.etag.clone())
    }

    pub(super) fn keep(&self) {
        self.blobs.iter().for_each(|(blob, _)| blob.keep());
    }

    pub(super) fn discard(&self) {
        self.blobs.iter().for_each(|(blob, _)| blob.discard());
    }
}

/// An open upload, as its file on disk has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) initiated: Millis,
    pub(super) headers: Headers,
    /// The checksum named at Create. None named: the object gets a full-object CRC64NVME.
    pub(super) named: Option<(Algorithm, Kind)>,
}

impl UploadRecord {
    pub(super) fn checksum(&self) -> (Algorithm, Kind) {
        self.named
            .unwrap_or((Algorithm::Crc64Nvme, Kind::FullObject))
    }
}

/// A part, as its file on disk has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub(super) number: u16,
    pub(super) blob: Uuid,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) sum: Sum,
    pub(super) modified: Millis,
}

/// A part and a hold on its bytes.
pub(super) struct Part {
    pub(super) record: PartRecord,
    pub(super) blob: Arc<Blob>,
}

/// An open upload and its parts, by number.
pub(super) struct Upload {
    pub(super) record: UploadRecord,
    pub(super) parts: BTreeMap<u16, Part>,
}

/// The number of a part.
///
/// # Errors
/// `InvalidArgument` out of 1..=10 000 ("Amazon S3 multipart upload limits").
pub(super) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            )
        })
}
