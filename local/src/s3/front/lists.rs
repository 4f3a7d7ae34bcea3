//! ListObjectsV2, ListObjects, ListMultipartUploads.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, EncodingType, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, MultipartUpload, Object as ListedObject, ObjectStorageClass, StorageClass,
};
use s3s::{S3Result, s3_error};

use super::input::refuse;
use super::multipart::limit;
use super::{Answer, Front, answer};
use crate::s3::page::{Query, page};
use crate::s3::record::{Object, UploadRecord};
use crate::s3::storage::bucket;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/')
    .remove(b'*');

/// How names are written in an answer: XML cannot hold every character a key may have.
#[derive(Clone, Copy)]
struct Names {
    encoded: bool,
}

impl Names {
    fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { encoded: false }),
            Some("url") => Ok(Self { encoded: true }),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    fn write(self, name: &str) -> String {
        if self.encoded {
            utf8_percent_encode(name, PLAIN).to_string()
        } else {
            name.to_owned()
        }
    }

    fn prefixes(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes
            .iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(self.write(prefix)),
            })
            .collect()
    }

    fn object(self, object: &Object) -> ListedObject {
        let record = &object.record;
        ListedObject {
            key: Some(self.write(&record.key)),
            e_tag: Some(object.etag()),
            size: i64::try_from(record.size).ok(),
            last_modified: Some(record.modified.timestamp()),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            checksum_algorithm: Some(vec![ChecksumAlgorithm::from(
                record.sum.algorithm.name().to_owned(),
            )]),
            checksum_type: Some(ChecksumType::from(record.kind.name().to_owned())),
            ..Default::default()
        }
    }

    fn upload(self, record: &UploadRecord) -> MultipartUpload {
        MultipartUpload {
            key: Some(self.write(&record.key)),
            upload_id: Some(record.id.clone()),
            initiated: Some(record.initiated.timestamp()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            checksum_algorithm: record
                .named
                .map(|(it, _)| ChecksumAlgorithm::from(it.name().to_owned())),
            checksum_type: record
                .named
                .map(|(_, it)| ChecksumType::from(it.name().to_owned())),
            ..Default::default()
        }
    }
}

/// A page of objects, written out.
struct Listed {
    contents: Vec<ListedObject>,
    prefixes: Vec<CommonPrefix>,
    next: Option<String>,
}

impl Front {
    async fn listed(
        &self,
        name: String,
        (prefix, delimiter, after): (Option<String>, Option<String>, Option<String>),
        max: usize,
        names: Names,
    ) -> S3Result<Listed> {
        self.on_disk(move |storage| {
            let mut buckets = storage.buckets();
            let query = Query {
                prefix: prefix.as_deref().unwrap_or_default(),
                delimiter: delimiter.as_deref().filter(|it| !it.is_empty()),
                after: after.as_deref().filter(|it| !it.is_empty()),
                max,
            };
            let found = page(&bucket(&mut buckets, &name)?.objects, &query);
            Ok(Listed {
                contents: found
                    .items
                    .iter()
                    .map(|(_, object)| names.object(object))
                    .collect(),
                prefixes: names.prefixes(&found.prefixes),
                next: found.next,
            })
        })
        .await
    }

    pub(super) async fn list_v2(&self, input: ListObjectsV2Input) -> Answer<ListObjectsV2Output> {
        let names = Names::of(input.encoding_type.as_ref())?;
        let max = limit(input.max_keys, "max-keys")?;
        let after = match &input.continuation_token {
            Some(token) => Some(opened(token)?),
            None => input.start_after.clone(),
        };
        let asked = (input.prefix.clone(), input.delimiter.clone(), after);
        let found = self.listed(input.bucket.clone(), asked, max, names).await?;
        let write = |name: Option<String>| name.map(|name| names.write(&name));
        Ok(answer(ListObjectsV2Output {
            key_count: i32::try_from(found.contents.len() + found.prefixes.len()).ok(),
            name: Some(input.bucket),
            prefix: Some(write(input.prefix).unwrap_or_default()),
            delimiter: write(input.delimiter),
            start_after: write(input.start_after),
            max_keys: i32::try_from(max).ok(),
            is_truncated: Some(found.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: found.next.map(|next| URL_SAFE_NO_PAD.encode(next)),
            contents: Some(found.contents),
            common_prefixes: Some(found.prefixes),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }

    pub(super) async fn list_v1(&self, input: ListObjectsInput) -> Answer<ListObjectsOutput> {
        let names = Names::of(input.encoding_type.as_ref())?;
        let max = limit(input.max_keys, "max-keys")?;
        let asked = (
            input.prefix.clone(),
            input.delimiter.clone(),
            input.marker.clone(),
        );
        let found = self.listed(input.bucket.clone(), asked, max, names).await?;
        let write = |name: Option<String>| name.map(|name| names.write(&name));
        Ok(answer(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(write(input.prefix).unwrap_or_default()),
            marker: Some(write(input.marker).unwrap_or_default()),
            max_keys: i32::try_from(max).ok(),
            is_truncated: Some(found.next.is_some()),
            // "This element is returned only if you have the delimiter request parameter specified."
            next_marker: write(found.next.filter(|_| input.delimiter.is_some())),
            delimiter: write(input.delimiter),
            contents: Some(found.contents),
            common_prefixes: Some(found.prefixes),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }

    pub(super) async fn uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> Answer<ListMultipartUploadsOutput> {
        let names = Names::of(input.encoding_type.as_ref())?;
        let max = limit(input.max_uploads, "max-uploads")?;
        // Others could be found inside the ids that the entries below carry.
        let odd = input
            .delimiter
            .as_deref()
            .is_some_and(|it| !it.is_empty() && it != "/");
        refuse(&[("delimiter but / in lists of uploads", odd)])?;
        let name = input.bucket.clone();
        let records = self
            .on_disk(move |storage| {
                let mut buckets = storage.buckets();
                let uploads = bucket(&mut buckets, &name)?.uploads.values();
                Ok(uploads
                    .map(|upload| upload.record.clone())
                    .collect::<Vec<_>>())
            })
            .await?;
        // One list for all: a key may have several uploads, and \0 sorts before any character of a longer key.
        let entries: BTreeMap<String, UploadRecord> = records
            .into_iter()
            .map(|record| (format!("{}\0{}", record.key, record.id), record))
            .collect();
        let key_marker = input.key_marker.clone().filter(|it| !it.is_empty());
        let after = key_marker
            .as_ref()
            .map(|key| match input.upload_id_marker.as_deref() {
                Some(id) if !id.is_empty() => format!("{key}\0{id}"),
                _ if is_folder(key, input.delimiter.as_deref()) => key.clone(),
                _ => format!("{key}\0\u{10ffff}"),
            });
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().filter(|it| !it.is_empty()),
            after: after.as_deref(),
            max,
        };
        let found = page(&entries, &query);
        let (next_key, next_id) = match found
            .next
            .as_deref()
            .map(|next| next.split_once('\0').unwrap_or((next, "")))
        {
            None => (None, None),
            Some((key, id)) => (Some(names.write(key)), Some(id.to_owned())),
        };
        let write = |name: Option<String>| name.map(|name| names.write(&name));
        Ok(answer(ListMultipartUploadsOutput {
            uploads: Some(
                found
                    .items
                    .iter()
                    .map(|(_, record)| names.upload(record))
                    .collect(),
            ),
            common_prefixes: Some(names.prefixes(&found.prefixes)),
            is_truncated: Some(next_key.is_some()),
            next_key_marker: next_key,
            next_upload_id_marker: next_id,
            bucket: Some(input.bucket),
            prefix: Some(write(input.prefix).unwrap_or_default()),
            delimiter: write(input.delimiter),
            key_marker: Some(write(input.key_marker).unwrap_or_default()),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            max_uploads: i32::try_from(max).ok(),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }
}

/// Whether a marker is a common prefix of the page before, rather than a key.
fn is_folder(marker: &str, delimiter: Option<&str>) -> bool {
    delimiter.is_some_and(|delimiter| !delimiter.is_empty() && marker.ends_with(delimiter))
}

/// The place that a continuation token of ours stands for.
fn opened(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|place| !place.is_empty())
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "The continuation token provided is incorrect"
            )
        })
}
