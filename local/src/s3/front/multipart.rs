//! CreateMultipartUpload, UploadPart, CompleteMultipartUpload, ListParts.

use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListPartsInput,
    ListPartsOutput, Part, ServerSideEncryption, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::input::{headers_of, refuse_unknown, set_sum, sums_of};
use super::objects::PUT_MAX_BYTES;
use super::{Answer, Front, answer};
use crate::s3::claim::Claim;
use crate::s3::conditions::Conditions;
use crate::s3::digest::{Algorithm, Kind};
use crate::s3::record::{PartRecord, part_number};
use crate::s3::storage::bucket;
use crate::s3::uploads::{Completion, Named, mismatch, upload};

/// The most entries of one page of parts or uploads.
pub(super) const PAGE_MAX: i32 = 1000;

impl Front {
    pub(super) async fn begin(
        &self,
        input: CreateMultipartUploadInput,
    ) -> Answer<CreateMultipartUploadOutput> {
        refuse_unknown!(input)?;
        let headers = headers_of!(input)?;
        let kind = input
            .checksum_type
            .as_ref()
            .map(|it| Kind::parse(it.as_str()))
            .transpose()?;
        let named = match &input.checksum_algorithm {
            Some(name) => {
                let algorithm = Algorithm::parse(name.as_str())?;
                Some((algorithm, algorithm.kind(kind)?))
            }
            None if kind.is_some() => {
                return Err(s3_error!(
                    InvalidRequest,
                    "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
                ));
            }
            None => None,
        };
        let (name, key) = (input.bucket.clone(), input.key.clone());
        let id = self
            .on_disk(move |storage| storage.begin(&name, &key, headers, named))
            .await?;
        Ok(answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: named.map(|(algorithm, _)| algorithm.name().to_owned().into()),
            checksum_type: named.map(|(_, kind)| kind.name().to_owned().into()),
            server_side_encryption: Some(ServerSideEncryption::from_static(
                ServerSideEncryption::AES256,
            )),
            ..Default::default()
        }))
    }

    pub(super) async fn part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let S3Request {
            input,
            headers,
            trailing_headers,
            ..
        } = req;
        let number = part_number(input.part_number)?;
        let claim = Claim::of(&headers)?;
        let (name, key, id) = (
            input.bucket.clone(),
            input.key.clone(),
            input.upload_id.clone(),
        );
        let open = self
            .on_disk(move |storage| storage.upload(&name, &key, &id))
            .await?;
        match (open.named, claim.algorithm()) {
            (Some((expected, _)), Some(actual)) if expected != actual => {
                return Err(mismatch(expected.name(), actual.name()));
            }
            // A full-object checksum is checked at the end; a composite one is made of these.
            (Some((expected, Kind::Composite)), None) => {
                return Err(mismatch(expected.name(), "null"));
            }
            _ => {}
        }
        let mut algorithms = vec![open.checksum().0];
        algorithms.extend(claim.algorithm().filter(|it| *it != algorithms[0]));
        let writer = self
            .on_disk(move |storage| storage.writer(&algorithms))
            .await?;
        let written = writer.receive(input.body, PUT_MAX_BYTES).await?;
        claim.verify(&written.digests, trailing_headers.as_ref())?;
        let shown = claim
            .algorithm()
            .or(open.named.map(|(algorithm, _)| algorithm));
        let shown = shown
            .and_then(|algorithm| written.digests.sum(algorithm))
            .cloned();
        let part = self
            .on_disk(move |storage| {
                storage.put_part(
                    &input.bucket,
                    &input.key,
                    &input.upload_id,
                    number,
                    &written,
                )
            })
            .await?;
        let mut output = UploadPartOutput {
            e_tag: Some(ETag::Strong(part.etag)),
            server_side_encryption: Some(ServerSideEncryption::from_static(
                ServerSideEncryption::AES256,
            )),
            ..Default::default()
        };
        if let Some(sum) = shown {
            set_sum!(output, &sum);
        }
        Ok(answer(output))
    }

    pub(super) async fn complete(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = req.input;
        let mut sums = sums_of!(input);
        if sums.len() > 1 {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        let parts = input
            .multipart_upload
            .and_then(|it| it.parts)
            .unwrap_or_default();
        let completion = Completion {
            parts: parts.into_iter().map(named).collect::<S3Result<_>>()?,
            sum: sums.pop(),
            kind: input
                .checksum_type
                .as_ref()
                .map(|it| Kind::parse(it.as_str()))
                .transpose()?,
            size: input
                .mpu_object_size
                .map(|size| u64::try_from(size).unwrap_or(u64::MAX)),
            conditions: Conditions::of_write(input.if_match, input.if_none_match)?,
        };
        let (name, key) = (input.bucket.clone(), input.key.clone());
        let object = self
            .on_disk(move |storage| storage.complete(&name, &key, &input.upload_id, &completion))
            .await?;
        let mut output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.etag()),
            checksum_type: Some(ChecksumType::from(object.record.kind.name().to_owned())),
            server_side_encryption: Some(ServerSideEncryption::from_static(
                ServerSideEncryption::AES256,
            )),
            ..Default::default()
        };
        set_sum!(output, &object.record.sum);
        Ok(answer(output))
    }

    pub(super) async fn parts(&self, input: ListPartsInput) -> Answer<ListPartsOutput> {
        let max = limit(input.max_parts, "max-parts")?;
        let after = input.part_number_marker.unwrap_or_default();
        let (name, key, id) = (
            input.bucket.clone(),
            input.key.clone(),
            input.upload_id.clone(),
        );
        let (record, mut parts) = self
            .on_disk(move |storage| {
                let mut buckets = storage.buckets();
                let upload = upload(bucket(&mut buckets, &name)?, &key, &id)?;
                let parts = upload.parts.values().map(|part| &part.record);
                let later = parts
                    .filter(|part| i32::from(part.number) > after)
                    .take(max + 1)
                    .cloned();
                Ok((upload.record.clone(), later.collect::<Vec<_>>()))
            })
            .await?;
        let truncated = parts.len() > max;
        parts.truncate(max);
        let sums = record.named.is_some();
        Ok(answer(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(after),
            next_part_number_marker: parts.last().map(|part| i32::from(part.number)),
            max_parts: i32::try_from(max).ok(),
            is_truncated: Some(truncated),
            checksum_algorithm: record
                .named
                .map(|(it, _)| ChecksumAlgorithm::from(it.name().to_owned())),
            checksum_type: record
                .named
                .map(|(_, it)| ChecksumType::from(it.name().to_owned())),
            parts: Some(parts.iter().map(|part| described(part, sums)).collect()),
            ..Default::default()
        }))
    }
}

fn described(record: &PartRecord, sums: bool) -> Part {
    let mut part = Part {
        part_number: Some(i32::from(record.number)),
        e_tag: Some(ETag::Strong(record.etag.clone())),
        last_modified: Some(record.modified.timestamp()),
        size: i64::try_from(record.size).ok(),
        ..Default::default()
    };
    if sums {
        set_sum!(part, &record.sum);
    }
    part
}

/// A part named at Complete; the page wants both its number and its ETag.
fn named(part: CompletedPart) -> S3Result<Named> {
    let sums = sums_of!(part);
    let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    };
    Ok(Named {
        number: part_number(number)?,
        etag: etag.into_value(),
        sums,
    })
}

/// How many entries a page has.
///
/// # Errors
/// `InvalidArgument` for a negative number.
pub(super) fn limit(asked: Option<i32>, name: &str) -> S3Result<usize> {
    let asked = asked.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    usize::try_from(asked).map_err(|_| {
        s3_error!(
            InvalidArgument,
            "Argument {name} must be an integer between 0 and 2147483647"
        )
    })
}
