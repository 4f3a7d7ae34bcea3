//! CopyObject and UploadPartCopy.

use std::ops::Range;

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Result, s3_error};

use super::input::{headers_of, refuse, refuse_unknown, refuse_version, set_sum};
use super::objects::PUT_MAX_BYTES;
use super::{Answer, Front, answer};
use crate::s3::blob::{Reader, Written};
use crate::s3::conditions::Conditions;
use crate::s3::digest::{Algorithm, Kind};
use crate::s3::fault;
use crate::s3::record::{Object, ObjectRecord, part_number};
use crate::s3::storage::Storage;

macro_rules! source_conditions_of {
    ($input:expr) => {
        Conditions {
            if_match: $input.copy_source_if_match.clone(),
            if_none_match: $input.copy_source_if_none_match.clone(),
            modified_since: $input.copy_source_if_modified_since.clone(),
            unmodified_since: $input.copy_source_if_unmodified_since.clone(),
        }
    };
}

impl Front {
    pub(super) async fn copy(&self, input: CopyObjectInput) -> Answer<CopyObjectOutput> {
        refuse_unknown!(input)?;
        refuse(&[(
            "encrypted copy sources",
            input.copy_source_sse_customer_key.is_some(),
        )])?;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let replace = input
            .metadata_directive
            .as_ref()
            .is_some_and(|it| it.as_str() == "REPLACE");
        if !replace && from_bucket == input.bucket && from_key == input.key {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let given = headers_of!(input)?;
        let named = input
            .checksum_algorithm
            .as_ref()
            .map(|it| Algorithm::parse(it.as_str()))
            .transpose()?;
        let conditions = source_conditions_of!(input);
        let record = self
            .on_disk(move |storage| {
                let from = storage.object(&from_bucket, &from_key)?;
                conditions.check_source(&from)?;
                // A copy keeps its source's algorithm, but never a composite value: it has no parts.
                let algorithm = named.unwrap_or(from.record.sum.algorithm);
                let written = duplicate(storage, &from, 0..from.record.size, algorithm)?;
                let sum = written
                    .digests
                    .sum(algorithm)
                    .ok_or_else(|| s3_error!(InternalError))?
                    .clone();
                let size = written.digests.size;
                let record = ObjectRecord {
                    key: input.key,
                    size,
                    etag: hex::encode(written.digests.md5),
                    modified: storage.now(),
                    headers: if replace {
                        given
                    } else {
                        from.record.headers.clone()
                    },
                    sum,
                    kind: Kind::FullObject,
                    blobs: vec![(written.blob.id, size)],
                    upload: None,
                };
                let object = Object {
                    record: record.clone(),
                    blobs: vec![(written.blob, size)],
                };
                storage.put(&input.bucket, object, &Conditions::default())?;
                Ok(record)
            })
            .await?;
        let mut result = CopyObjectResult {
            e_tag: Some(ETag::Strong(record.etag)),
            last_modified: Some(record.modified.timestamp()),
            checksum_type: Some(record.kind.name().to_owned().into()),
            ..Default::default()
        };
        set_sum!(result, &record.sum);
        Ok(answer(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        }))
    }

    pub(super) async fn part_copy(
        &self,
        input: UploadPartCopyInput,
    ) -> Answer<UploadPartCopyOutput> {
        refuse(&[(
            "encrypted copy sources",
            input.copy_source_sse_customer_key.is_some(),
        )])?;
        let number = part_number(input.part_number)?;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let asked = input.copy_source_range.as_deref().map(range).transpose()?;
        let conditions = source_conditions_of!(input);
        let part = self
            .on_disk(move |storage| {
                let upload = storage.upload(&input.bucket, &input.key, &input.upload_id)?;
                let from = storage.object(&from_bucket, &from_key)?;
                conditions.check_source(&from)?;
                let size = from.record.size;
                let range = asked.unwrap_or(0..size);
                if range.end > size {
                    return Err(s3_error!(
                        InvalidArgument,
                        "Range specified is not valid for source object of size: {size}"
                    ));
                }
                let written = duplicate(storage, &from, range, upload.checksum().0)?;
                let part = storage.put_part(
                    &input.bucket,
                    &input.key,
                    &input.upload_id,
                    number,
                    &written,
                )?;
                Ok((part, upload.named.is_some()))
            })
            .await?;
        let (part, named) = part;
        let mut result = CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(part.modified.timestamp()),
            ..Default::default()
        };
        if named {
            set_sum!(result, &part.sum);
        }
        Ok(answer(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..Default::default()
        }))
    }
}

fn duplicate(
    storage: &Storage,
    from: &Object,
    range: Range<u64>,
    algorithm: Algorithm,
) -> S3Result<Written> {
    if range.end - range.start > PUT_MAX_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: {PUT_MAX_BYTES}"
        ));
    }
    let mut writer = storage.writer(&[algorithm])?;
    Reader::new(&from.blobs, &range)
        .copy_to(&mut writer)
        .map_err(fault::disk)?;
    Ok(writer.finish())
}

fn source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket {
            bucket,
            key,
            version_id,
        } => {
            refuse_version(version_id.as_deref())?;
            Ok((bucket.to_string(), key.to_string()))
        }
        _ => Err(s3_error!(
            NotImplemented,
            "The local S3 copies from buckets alone."
        )),
    }
}

/// `bytes=first-last`, both ends there (API page of UploadPartCopy).
fn range(text: &str) -> S3Result<Range<u64>> {
    let ends = text
        .strip_prefix("bytes=")
        .and_then(|ends| ends.split_once('-'));
    let number = |text: &str| {
        text.bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    ends.and_then(|(first, last)| Some(number(first)?..number(last)?.checked_add(1)?))
        .filter(|range| !range.is_empty())
        .ok_or_else(|| {
            s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_range_has_two_ends() {
        assert_eq!(range("bytes=0-9").unwrap(), 0..10);
        for bad in [
            "",
            "bytes=",
            "bytes=5-",
            "bytes=-5",
            "bytes=5-4",
            "0-9",
            "bytes=+1-2",
            "bytes=0-18446744073709551615",
        ] {
            assert_eq!(
                range(bad).unwrap_err().code().as_str(),
                "InvalidArgument",
                "{bad}"
            );
        }
    }
}
