//! P9b: what an export leaves behind goes, but its file.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use lead_export_core::ports::{ObjectKey, StoreError, StoreErrorKind};
use lead_export_core::record::{ExportId, RunId};

use super::{S3Pieces, STORE, files_prefix, object_key, work_prefix};
use crate::error::{kind_of_code, store_error};

/// Some of the objects that a batch was to delete are still there.
#[derive(Debug, thiserror::Error)]
#[error("{count} objects were not deleted, the first for the reason {code}")]
struct Undeleted {
    count: usize,
    code: String,
}

impl S3Pieces {
    pub(super) async fn clean_all(
        &self,
        export: ExportId,
        keep: Option<RunId>,
    ) -> Result<(), StoreError> {
        // Uploads first: one that is aborted cannot become an object behind the deletion's back.
        self.abort_uploads(&files_prefix(export)).await?;
        self.delete_all(&work_prefix(export), None).await?;
        let kept = keep.map(|run| object_key(ObjectKey::File(export, run)));
        self.delete_all(&files_prefix(export), kept.as_deref())
            .await
    }

    /// Deletes all objects under a prefix but one, a listing (1 000 keys, as many as one deletion takes) at a time.
    async fn delete_all(&self, prefix: &str, kept: Option<&str>) -> Result<(), StoreError> {
        let mut from = None;
        loop {
            let listing = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_continuation_token(from)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            let keys = listing.contents.unwrap_or_default().into_iter();
            let keys = keys.filter_map(|object| object.key);
            let keys: Vec<String> = keys.filter(|key| Some(key.as_str()) != kept).collect();
            if !keys.is_empty() {
                self.delete(keys).await?;
            }
            from = listing.next_continuation_token;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete(&self, keys: Vec<String>) -> Result<(), StoreError> {
        let objects: Result<Vec<_>, _> = keys
            .into_iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect();
        let delete = objects.and_then(|objects| {
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true);
            delete.build()
        });
        let delete =
            delete.map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
        let answer = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete)
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        // An answer of 200 lists what it did not delete.
        match answer.errors() {
            [] => Ok(()),
            [first, ..] => {
                let code = first.code().unwrap_or_default().to_owned();
                let kind = kind_of_code(&code).unwrap_or(StoreErrorKind::Unavailable);
                let count = answer.errors().len();
                Err(StoreError::caused(kind, STORE, Undeleted { count, code }))
            }
        }
    }

    async fn abort_uploads(&self, prefix: &str) -> Result<(), StoreError> {
        let (mut key, mut id) = (None, None);
        loop {
            let listing = self
                .client
                .list_multipart_uploads()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            for upload in listing.uploads() {
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) {
                    self.abort(key, id).await?;
                }
            }
            if listing.is_truncated != Some(true) {
                return Ok(());
            }
            (key, id) = (listing.next_key_marker, listing.next_upload_id_marker);
        }
    }

    async fn abort(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(id)
            .send()
            .await;
        match aborted.map_err(|error| store_error(STORE, error)) {
            // It was completed or aborted meanwhile.
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(()),
            answer => answer.map(drop),
        }
    }
}
