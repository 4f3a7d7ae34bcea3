//! Objects and multipart uploads over S3, each under the checksum of its bytes.
//!
//! Their requests are signed without the SHA-256 of the body (`UNSIGNED-PAYLOAD`): the CRC is a signed header, S3 holds the bytes against it,
//! and the bucket refuses what does not come by TLS. A SHA-256 more would be an eighth of a run's CPU.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use bytes::Bytes;
use lead_export_core::piece::crc64_text;
use lead_export_core::ports::{
    FileKind, ObjectHead, ObjectKey, Part, PieceStore, StoreError, StoreErrorKind, Upload,
};
use lead_export_core::record::{ExportId, RunId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{STORE, object_key, owner};
use crate::error::store_error;

/// The name of the metadata that tells whose an object is.
const EXPORT_ID: &str = "export-id";
/// Reads of an object whose bytes did not arrive whole: the SDK's retries end with the answer's head.
const READS: usize = 3;
/// How long S3 may put an object of up to 10 000 parts together (S-7: "can take several minutes"; the connection is kept alive
/// by blanks). A run that gives up finds its object at the next try, or none and its pieces still there.
const COMPLETE: Duration = Duration::from_mins(2);

/// What a copy's source must not hold bare: anything but unreserved characters and the parts' slashes.
const NOT_IN_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The bucket of pieces, tails and files.
#[derive(Debug, Clone)]
pub struct S3Pieces {
    pub(super) client: Client,
    pub(super) bucket: String,
}

impl S3Pieces {
    /// The objects in `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// The SDK asks for the checksum of what it reads, and compares, unless it is told not to.
    async fn get_once(&self, key: ObjectKey) -> Result<Bytes, StoreError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(object_key(key))
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        let body = answer.body.collect().await;
        body.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes)
            .map_err(|error| Cut(Box::new(error)).into())
    }
}

/// An object's bytes did not arrive whole, or not as they were stored.
#[derive(Debug, thiserror::Error)]
#[error("the object's bytes did not arrive whole")]
struct Cut(#[source] Box<dyn Error + Send + Sync>);

impl From<Cut> for StoreError {
    fn from(cut: Cut) -> Self {
        Self::caused(StoreErrorKind::Unavailable, STORE, cut)
    }
}

/// S3's answer lacks what the protocol goes on with (S-17: an answer of 200 may be a failure).
fn incomplete(what: &'static str) -> StoreError {
    StoreError::caused(StoreErrorKind::Unavailable, STORE, what)
}

fn number(number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))
}

/// Where a copy comes from, as its header wants it.
fn copy_source(bucket: &str, key: ObjectKey) -> String {
    let source = format!("{bucket}/{}", object_key(key));
    utf8_percent_encode(&source, NOT_IN_SOURCE).to_string()
}

#[async_trait]
impl PieceStore for S3Pieces {
    async fn put(
        &self,
        key: ObjectKey,
        bytes: Bytes,
        crc: u64,
        kind: &FileKind,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(object_key(key))
            .content_type(kind.content_type)
            .metadata(EXPORT_ID, owner(key).to_string())
            .checksum_crc64_nvme(crc64_text(crc))
            .body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await;
        put.map(drop).map_err(|error| store_error(STORE, error))
    }

    async fn get(&self, key: ObjectKey) -> Result<Bytes, StoreError> {
        let mut reads = 1;
        loop {
            match self.get_once(key).await {
                Err(error)
                    if reads < READS && error.source.as_ref().is_some_and(|e| e.is::<Cut>()) =>
                {
                    reads += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn head(&self, key: ObjectKey) -> Result<Option<ObjectHead>, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(object_key(key))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        match head {
            Ok(head) => Ok(Some(ObjectHead {
                size_bytes: head
                    .content_length
                    .and_then(|length| u64::try_from(length).ok())
                    .ok_or_else(|| incomplete("a head without a length"))?,
                crc64nvme: head.checksum_crc64_nvme,
            })),
            // S-16: who may list the bucket is told 404. 403 may be anything, so it is no answer.
            Err(error) => match store_error(STORE, error) {
                error if error.kind == StoreErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn open(&self, key: ObjectKey, kind: &FileKind) -> Result<Upload, StoreError> {
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(object_key(key))
            .content_type(kind.content_type)
            .metadata(EXPORT_ID, owner(key).to_string())
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        let id = answer
            .upload_id
            .ok_or_else(|| incomplete("an upload without a name"))?;
        Ok(Upload { key, id })
    }

    async fn copy_part(
        &self,
        upload: &Upload,
        number: u32,
        piece: ObjectKey,
    ) -> Result<Part, StoreError> {
        let answer = self
            .client
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(object_key(upload.key))
            .upload_id(&upload.id)
            .part_number(self::number(number)?)
            .copy_source(copy_source(&self.bucket, piece))
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        let part = answer
            .copy_part_result
            .ok_or_else(|| incomplete("a copied part without a result"))?;
        Ok(Part {
            number,
            etag: part
                .e_tag
                .ok_or_else(|| incomplete("a copied part without an ETag"))?,
            crc64nvme: part.checksum_crc64_nvme,
        })
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        crc: u64,
    ) -> Result<Part, StoreError> {
        let answer = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(object_key(upload.key))
            .upload_id(&upload.id)
            .part_number(self::number(number)?)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_crc64_nvme(crc64_text(crc))
            .body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        Ok(Part {
            number,
            etag: answer
                .e_tag
                .ok_or_else(|| incomplete("a part without an ETag"))?,
            crc64nvme: Some(crc64_text(crc)),
        })
    }

    async fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: u64,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        let parts: Result<Vec<CompletedPart>, StoreError> = parts
            .iter()
            .map(|part| {
                Ok(CompletedPart::builder()
                    .part_number(number(part.number)?)
                    .e_tag(&part.etag)
                    .set_checksum_crc64_nvme(part.crc64nvme.clone())
                    .build())
            })
            .collect();
        let size = i64::try_from(size_bytes)
            .map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
        let patience = TimeoutConfig::builder()
            .read_timeout(COMPLETE)
            .operation_attempt_timeout(COMPLETE)
            .operation_timeout(COMPLETE)
            .build();
        let done = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(object_key(upload.key))
            .upload_id(&upload.id)
            .checksum_crc64_nvme(crc64_text(crc))
            .checksum_type(ChecksumType::FullObject)
            .mpu_object_size(size)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts?))
                    .build(),
            )
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(patience))
            .send()
            .await;
        done.map(drop).map_err(|error| store_error(STORE, error))
    }

    async fn clean(&self, export: ExportId, keep: Option<RunId>) -> Result<(), StoreError> {
        self.clean_all(export, keep).await
    }

    async fn delete_file(&self, export: ExportId, run: RunId) -> Result<(), StoreError> {
        let gone = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(object_key(ObjectKey::File(export, run)))
            .send()
            .await;
        gone.map(drop).map_err(|error| store_error(STORE, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn copy_sources_are_encoded_but_for_their_slashes() {
        let (export, run) = (ExportId(Uuid::nil()), RunId(Uuid::nil()));
        let source = copy_source("a.b-c d+ü", ObjectKey::Piece(export, run, 3));
        let zeros = "0".repeat(32);
        let expected =
            format!("a.b-c%20d%2B%C3%BC/work/00000000-0000-0000-0000-000000000000/{zeros}/3");
        assert_eq!(source, expected);
    }
}
