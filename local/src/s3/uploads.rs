//! Multipart uploads in the storage: the rules of UploadPart, CompleteMultipartUpload and AbortMultipartUpload.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::blob::Written;
use super::conditions::Conditions;
use super::digest::{self, Algorithm, Kind, Sum};
use super::fault;
use super::record::{
    Finished, Headers, Object, ObjectRecord, Part, PartRecord, Upload, UploadRecord,
};
use super::storage::{Bucket, Storage, bucket};

/// Every part but the last has at least this many bytes ("Amazon S3 multipart upload limits").
const PART_MIN_BYTES: u64 = 5 * 1024 * 1024;

/// What CompleteMultipartUpload asks for.
pub(super) struct Completion {
    pub(super) parts: Vec<Named>,
    /// The checksum the object must have.
    pub(super) sum: Option<Sum>,
    pub(super) kind: Option<Kind>,
    /// The size the object must have, in bytes.
    pub(super) size: Option<u64>,
    pub(super) conditions: Conditions,
}

/// A part that CompleteMultipartUpload names.
pub(super) struct Named {
    pub(super) number: u16,
    pub(super) etag: String,
    pub(super) sums: Vec<Sum>,
}

impl Storage {
    /// Opens an upload and gives its id.
    pub(super) fn begin(
        &self,
        name: &str,
        key: &str,
        headers: Headers,
        named: Option<(Algorithm, Kind)>,
    ) -> S3Result<String> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, name)?;
        let initiated = self.now();
        // Ids sort by time, because ListMultipartUploads orders the uploads of one key so.
        let id = format!("{:013x}{}", initiated.0, Uuid::new_v4().simple());
        let record = UploadRecord {
            id: id.clone(),
            key: key.to_owned(),
            initiated,
            headers,
            named,
        };
        let dir = self.upload_dir(name, &id);
        fs::create_dir_all(&dir).map_err(fault::disk)?;
        self.write(&dir.join("upload.json"), &record)?;
        bucket.uploads.insert(
            (key.to_owned(), id.clone()),
            Upload {
                record,
                parts: BTreeMap::new(),
            },
        );
        Ok(id)
    }

    /// The record of an open upload.
    pub(super) fn upload(&self, name: &str, key: &str, id: &str) -> S3Result<UploadRecord> {
        Ok(upload(bucket(&mut self.buckets(), name)?, key, id)?
            .record
            .clone())
    }

    /// Makes `written` part `number` of the upload, in place of an older one.
    pub(super) fn put_part(
        &self,
        name: &str,
        key: &str,
        id: &str,
        number: u16,
        written: &Written,
    ) -> S3Result<PartRecord> {
        let mut buckets = self.buckets();
        let upload = upload(bucket(&mut buckets, name)?, key, id)?;
        let (algorithm, _) = upload.record.checksum();
        let sum = written
            .digests
            .sum(algorithm)
            .ok_or_else(|| s3_error!(InternalError))?;
        let record = PartRecord {
            number,
            blob: written.blob.id,
            size: written.digests.size,
            etag: hex::encode(written.digests.md5),
            sum: sum.clone(),
            modified: self.now(),
        };
        self.write(
            &self.upload_dir(name, id).join(format!("{number}.json")),
            &record,
        )?;
        written.blob.keep();
        let part = Part {
            record: record.clone(),
            blob: Arc::clone(&written.blob),
        };
        if let Some(old) = upload.parts.insert(number, part) {
            old.blob.discard();
        }
        Ok(record)
    }

    /// Makes the object out of the parts. A refusal leaves the upload as it was.
    ///
    /// S3 answers a repeated Complete as it did the first; so does this, as long as the object is there.
    pub(super) fn complete(
        &self,
        name: &str,
        key: &str,
        id: &str,
        completion: &Completion,
    ) -> S3Result<Arc<Object>> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, name)?;
        let asked = completion
            .parts
            .iter()
            .map(|part| (part.number, part.etag.clone()))
            .collect::<Vec<_>>();
        let Ok(open) = upload(bucket, key, id) else {
            let object = bucket.objects.get(key).filter(|object| {
                object
                    .record
                    .upload
                    .as_ref()
                    .is_some_and(|it| it.id == id && it.parts == asked)
            });
            return object.cloned().ok_or_else(no_such_upload);
        };
        let chosen = choose(open, completion)?;
        let (algorithm, kind) = open.record.checksum();
        let sizes = || chosen.iter().map(|part| part.record.size);
        let sums = chosen
            .iter()
            .map(|part| part.record.sum.value.as_str())
            .zip(sizes());
        let sum = digest::combine(algorithm, kind, sums)?;
        check_whole(
            completion,
            open.record.named.is_some(),
            &sum,
            kind,
            sizes().sum(),
        )?;
        let record = ObjectRecord {
            key: key.to_owned(),
            size: sizes().sum(),
            etag: digest::multipart_etag(chosen.iter().map(|part| part.record.etag.as_str()))?,
            modified: self.now(),
            headers: open.record.headers.clone(),
            sum,
            kind,
            blobs: chosen
                .iter()
                .map(|part| (part.record.blob, part.record.size))
                .collect(),
            upload: Some(Finished {
                id: id.to_owned(),
                parts: asked,
            }),
        };
        let blobs = chosen
            .iter()
            .map(|part| (Arc::clone(&part.blob), part.record.size))
            .collect();
        completion.conditions.check_write(bucket.objects.get(key))?;
        self.insert(bucket, name, Object { record, blobs })?;

        if let Some(upload) = bucket.uploads.remove(&(key.to_owned(), id.to_owned())) {
            for part in upload.parts.values() {
                if !completion
                    .parts
                    .iter()
                    .any(|it| it.number == part.record.number)
                {
                    part.blob.discard();
                }
            }
        }
        // The object is there whatever becomes of this directory, and the next start removes it.
        if let Err(error) = fs::remove_dir_all(self.upload_dir(name, id)) {
            tracing::warn!(%error, "the records of a completed upload stay behind until the next start");
        }
        bucket.object(key).cloned()
    }

    /// Ends an upload and drops its parts.
    pub(super) fn abort(&self, name: &str, key: &str, id: &str) -> S3Result<()> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, name)?;
        upload(bucket, key, id)?;
        let dir = self.upload_dir(name, id);
        fs::remove_file(dir.join("upload.json"))
            .and_then(|()| fs::remove_dir_all(dir))
            .map_err(fault::disk)?;
        if let Some(upload) = bucket.uploads.remove(&(key.to_owned(), id.to_owned())) {
            upload.parts.values().for_each(|part| part.blob.discard());
        }
        Ok(())
    }
}

pub(super) fn upload<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket
        .uploads
        .get_mut(&(key.to_owned(), id.to_owned()))
        .ok_or_else(no_such_upload)
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

/// The parts in the order named, each rule in the order S3 checks it: order, then presence, then size.
fn choose<'a>(upload: &'a Upload, completion: &Completion) -> S3Result<Vec<&'a Part>> {
    let named = &completion.parts;
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    // "When an additional checksum is applied to each part, the PartNumber must start at 1 and the part numbers must be
    // consecutive" (API page of CompletedPart).
    let consecutive = || {
        named
            .iter()
            .zip(1..)
            .all(|(part, number)| part.number == number)
    };
    if named
        .windows(2)
        .any(|pair| pair[0].number >= pair[1].number)
        || (upload.record.named.is_some() && !consecutive())
    {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. Parts must be ordered by part number."
        ));
    }
    let chosen = named
        .iter()
        .map(|asked| {
            let part = upload.parts.get(&asked.number).filter(|part| {
                asked.etag == part.record.etag && asked.sums.iter().all(|sum| *sum == part.record.sum)
            });
            part.ok_or_else(|| {
                s3_error!(InvalidPart, "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
            })
        })
        .collect::<S3Result<Vec<_>>>()?;
    let (algorithm, kind) = upload.record.checksum();
    if kind == Kind::Composite
        && let Some(bare) = named.iter().find(|part| part.sums.is_empty())
    {
        return Err(s3_error!(
            InvalidRequest,
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
            algorithm.name().to_ascii_lowercase(),
            bare.number
        ));
    }
    if let Some((_, others)) = chosen.split_last()
        && others.iter().any(|part| part.record.size < PART_MIN_BYTES)
    {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    Ok(chosen)
}

/// What the request says of the whole object.
fn check_whole(
    completion: &Completion,
    named: bool,
    sum: &Sum,
    kind: Kind,
    size: u64,
) -> S3Result<()> {
    if completion.size.is_some_and(|asked| asked != size) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed: {size}"
        ));
    }
    if completion.kind.is_some_and(|asked| asked != kind) {
        return Err(s3_error!(
            BadDigest,
            "The checksum type does not match that of the upload."
        ));
    }
    let Some(asked) = &completion.sum else {
        return Ok(());
    };
    if asked.algorithm != sum.algorithm {
        let expected = if named { sum.algorithm.name() } else { "null" };
        return Err(mismatch(expected, asked.algorithm.name()));
    }
    // A composite value comes with or without the number of parts.
    let bare = sum.value.split('-').next().unwrap_or_default();
    if asked.value != sum.value && asked.value != bare {
        return Err(s3_error!(
            BadDigest,
            "The {} you specified did not match the calculated checksum.",
            sum.algorithm.name()
        ));
    }
    Ok(())
}

/// Two checksum algorithms where one was agreed on.
pub(super) fn mismatch(expected: &str, actual: &str) -> S3Error {
    s3_error!(
        InvalidRequest,
        "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
        expected.to_ascii_lowercase(),
        actual.to_ascii_lowercase()
    )
}
