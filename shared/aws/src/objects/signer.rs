//! Presigned links: whoever holds one may GET one file, for a while, without any header.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use lead_export_core::ports::{FileKind, ObjectKey, StoreError, StoreErrorKind, UrlSigner};
use lead_export_core::record::{ExportId, RunId};
use lead_export_core::time::Instant;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{STORE, object_key};
use crate::error::store_error;

/// What `filename*` must not hold bare: anything but the attr-char of RFC 8187 §3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Makes links to files in the bucket.
#[derive(Debug, Clone)]
pub struct S3Signer {
    client: Client,
    bucket: String,
}

impl S3Signer {
    /// Links to files in `bucket`, on the host that `client` asks.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

/// S-14: the header under which a browser stores a file, for any name: RFC 6266 §4.3 with the fallback of its appendix D.
fn disposition(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|c| match c {
            // A percent sign followed by hex digits is decoded by some browsers; slashes name folders.
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let encoded = utf8_percent_encode(file_name, NOT_ATTR_CHAR);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[async_trait]
impl UrlSigner for S3Signer {
    async fn sign(
        &self,
        export: ExportId,
        run: RunId,
        file_name: &str,
        kind: &FileKind,
        now: Instant,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let config = PresigningConfig::builder()
            .start_time(SystemTime::from(now.timestamp()))
            .expires_in(ttl)
            .build()
            .map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(object_key(ObjectKey::File(export, run)))
            .response_content_disposition(disposition(file_name))
            .response_content_type(kind.content_type)
            .response_cache_control("private, no-store")
            .presigned(config)
            .await
            .map_err(|error| store_error(STORE, error))?;
        Ok(signed.uri().to_owned())
    }
}
