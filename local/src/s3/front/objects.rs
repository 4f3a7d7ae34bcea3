//! PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects.

use std::ops::Range;
use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, IF_RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::dto::{
    ChecksumType, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, ServerSideEncryption, StreamingBlob,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::input::{
    has_digest, headers_of, millis, refuse, refuse_unknown, refuse_version, set_sum,
};
use super::{Answer, Front, answer};
use crate::s3::blob::Reader;
use crate::s3::claim::Claim;
use crate::s3::conditions::Conditions;
use crate::s3::digest::{Algorithm, Kind};
use crate::s3::record::{Object, ObjectRecord};

/// The most that one PutObject or one part takes: 5 GiB ("Amazon S3 multipart upload limits").
pub(super) const PUT_MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The most keys of one DeleteObjects.
const DELETE_MAX: usize = 1000;

/// What S3 calls bytes of which nobody said what they are.
const UNTYPED: &str = "binary/octet-stream";

/// Which bytes of an object to send.
struct Cut {
    range: Range<u64>,
    partial: bool,
    parts: Option<i32>,
}

/// The parameters of a presigned URL that replace headers of the answer.
struct Overrides([(HeaderName, Option<String>); 5]);

macro_rules! overrides_of {
    ($input:expr) => {
        Overrides([
            (CONTENT_TYPE, $input.response_content_type.clone()),
            (CONTENT_LANGUAGE, $input.response_content_language.clone()),
            (CACHE_CONTROL, $input.response_cache_control.clone()),
            (
                CONTENT_DISPOSITION,
                $input.response_content_disposition.clone(),
            ),
            (CONTENT_ENCODING, $input.response_content_encoding.clone()),
        ])
    };
}

macro_rules! conditions_of {
    ($input:expr) => {
        Conditions {
            if_match: $input.if_match.clone(),
            if_none_match: $input.if_none_match.clone(),
            modified_since: $input.if_modified_since.clone(),
            unmodified_since: $input.if_unmodified_since.clone(),
        }
    };
}

/// Fills the fields that GET and HEAD share.
macro_rules! describe {
    ($output:expr, $object:expr, $cut:expr, $sums:expr) => {{
        let record = &$object.record;
        $output.accept_ranges = Some("bytes".to_owned());
        $output.content_length = i64::try_from($cut.range.end - $cut.range.start).ok();
        if $cut.partial {
            let last = $cut.range.end.saturating_sub(1);
            $output.content_range =
                Some(format!("bytes {}-{last}/{}", $cut.range.start, record.size));
        }
        $output.parts_count = $cut.parts;
        $output.e_tag = Some($object.etag());
        $output.last_modified = Some(record.modified.timestamp());
        $output.content_type = Some(
            record
                .headers
                .content_type
                .clone()
                .unwrap_or_else(|| UNTYPED.to_owned()),
        );
        $output.content_disposition = record.headers.content_disposition.clone();
        $output.content_encoding = record.headers.content_encoding.clone();
        $output.content_language = record.headers.content_language.clone();
        $output.cache_control = record.headers.cache_control.clone();
        $output.expires = record.headers.expires.map(|at| at.timestamp());
        $output.metadata = Some(record.headers.metadata.clone().into_iter().collect());
        $output.server_side_encryption = Some(ServerSideEncryption::from_static(
            ServerSideEncryption::AES256,
        ));
        // The checksum is of the whole object: beside a part of it, a client would find it wrong.
        if $sums && !$cut.partial {
            set_sum!($output, &record.sum);
            $output.checksum_type = Some(ChecksumType::from(record.kind.name().to_owned()));
        }
    }};
}

impl Front {
    pub(super) async fn put(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let S3Request {
            input,
            headers,
            trailing_headers,
            ..
        } = req;
        refuse_unknown!(input)?;
        refuse(&[("appending", input.write_offset_bytes.is_some())])?;
        let conditions = Conditions::of_write(input.if_match.clone(), input.if_none_match.clone())?;
        let kept = headers_of!(input)?;
        let claim = Claim::of(&headers)?;
        let algorithm = claim.algorithm().unwrap_or(Algorithm::Crc64Nvme);
        let name = input.bucket.clone();
        self.bucket_exists(name).await?;
        let writer = self
            .on_disk(move |storage| storage.writer(&[algorithm]))
            .await?;
        let written = writer.receive(input.body, PUT_MAX_BYTES).await?;
        claim.verify(&written.digests, trailing_headers.as_ref())?;
        let sum = written
            .digests
            .sum(algorithm)
            .ok_or_else(|| s3_error!(InternalError))?
            .clone();
        let record = ObjectRecord {
            key: input.key,
            size: written.digests.size,
            etag: hex::encode(written.digests.md5),
            modified: self.storage.now(),
            headers: kept,
            sum,
            kind: Kind::FullObject,
            blobs: vec![(written.blob.id, written.digests.size)],
            upload: None,
        };
        let object = Object {
            blobs: vec![(written.blob, written.digests.size)],
            record,
        };
        let mut output = PutObjectOutput {
            e_tag: Some(object.etag()),
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            server_side_encryption: Some(ServerSideEncryption::from_static(
                ServerSideEncryption::AES256,
            )),
            ..Default::default()
        };
        set_sum!(output, &object.record.sum);
        self.on_disk(move |storage| storage.put(&input.bucket, object, &conditions))
            .await?;
        Ok(answer(output))
    }

    pub(super) async fn get(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let S3Request { input, headers, .. } = req;
        refuse_version(input.version_id.as_deref())?;
        let overridden = overrides_of!(input).headers()?;
        let sums = input
            .checksum_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == "ENABLED");
        let conditions = conditions_of!(input);
        let object = self
            .on_disk(move |storage| storage.object(&input.bucket, &input.key))
            .await?;
        conditions.check_read(&object)?;
        let cut = cut(
            &object,
            ranged(&object, input.range, &headers),
            input.part_number,
        )?;
        let body = Reader::new(&object.blobs, &cut.range).stream();
        let mut output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(body)),
            ..Default::default()
        };
        describe!(output, object, cut, sums);
        Ok(S3Response::with_headers(output, overridden))
    }

    pub(super) async fn head(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let S3Request { input, headers, .. } = req;
        refuse_version(input.version_id.as_deref())?;
        let overridden = overrides_of!(input).headers()?;
        let sums = input
            .checksum_mode
            .as_ref()
            .is_some_and(|mode| mode.as_str() == "ENABLED");
        let conditions = conditions_of!(input);
        let object = self
            .on_disk(move |storage| storage.object(&input.bucket, &input.key))
            .await?;
        conditions.check_read(&object)?;
        let cut = cut(
            &object,
            ranged(&object, input.range, &headers),
            input.part_number,
        )?;
        let mut output = HeadObjectOutput::default();
        describe!(output, object, cut, sums);
        let mut response = S3Response::with_headers(output, overridden);
        response.status = cut.partial.then_some(StatusCode::PARTIAL_CONTENT);
        Ok(response)
    }

    pub(super) async fn delete(&self, input: DeleteObjectInput) -> Answer<DeleteObjectOutput> {
        refuse_version(input.version_id.as_deref())?;
        self.on_disk(move |storage| {
            storage.delete(&input.bucket, &input.key, |object| {
                let Some(object) = object else { return Ok(()) };
                let wrong = input
                    .if_match
                    .is_some_and(|it| it.as_etag().is_some_and(|etag| *etag != object.etag()))
                    || input
                        .if_match_size
                        .is_some_and(|size| u64::try_from(size) != Ok(object.record.size))
                    || input.if_match_last_modified_time.is_some_and(|at| {
                        millis(&at).seconds() != object.record.modified.seconds()
                    });
                if wrong {
                    return Err(s3_error!(
                        PreconditionFailed,
                        "At least one of the pre-conditions you specified did not hold"
                    ));
                }
                Ok(())
            })
        })
        .await?;
        Ok(answer(DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_many(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        if !has_digest(&req.headers) {
            return Err(s3_error!(
                InvalidRequest,
                "Missing required header for this request: Content-MD5"
            ));
        }
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        if delete.objects.is_empty() || delete.objects.len() > DELETE_MAX {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        self.bucket_exists(bucket.clone()).await?;
        let quiet = delete.quiet.unwrap_or_default();
        let (deleted, errors) = self
            .on_disk(move |storage| {
                let (mut deleted, mut errors) = (Vec::new(), Vec::new());
                for object in delete.objects {
                    let done = refuse_version(object.version_id.as_deref())
                        .and_then(|()| storage.delete(&bucket, &object.key, |_| Ok(())));
                    match done {
                        Ok(()) if quiet => {}
                        Ok(()) => deleted.push(DeletedObject {
                            key: Some(object.key),
                            ..Default::default()
                        }),
                        Err(error) => errors.push(Error {
                            code: Some(error.code().as_str().to_owned()),
                            key: Some(object.key),
                            message: error.message().map(str::to_owned),
                            version_id: object.version_id,
                        }),
                    }
                }
                Ok((deleted, errors))
            })
            .await?;
        Ok(answer(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..Default::default()
        }))
    }
}

/// The range to honour: none, where If-Range says that the client's part is of another object (RFC 9110 §13.1.5).
fn ranged(
    object: &Arc<Object>,
    range: Option<s3s::dto::Range>,
    headers: &HeaderMap,
) -> Option<s3s::dto::Range> {
    let same = headers.get(IF_RANGE).is_none_or(|value| {
        value.to_str().is_ok_and(|value| {
            value.trim_matches('"') == object.record.etag && value.starts_with('"')
        })
    });
    range.filter(|_| same)
}

fn cut(object: &Object, range: Option<s3s::dto::Range>, part: Option<i32>) -> S3Result<Cut> {
    let size = object.record.size;
    match (range, part) {
        (None, None) => Ok(Cut {
            range: 0..size,
            partial: false,
            parts: None,
        }),
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter"
        )),
        (Some(range), None) => {
            let range = range.check(size).ok().filter(|it| !it.is_empty());
            let range = range
                .ok_or_else(|| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
            Ok(Cut {
                range,
                partial: true,
                parts: None,
            })
        }
        (None, Some(part)) => {
            let number = usize::from(crate::s3::record::part_number(part)?);
            let Some((_, length)) = object.blobs.get(number - 1) else {
                return Err(crate::s3::fault::named(
                    "InvalidPartNumber",
                    416,
                    "The requested partnumber is not satisfiable",
                ));
            };
            let start: u64 = object.blobs[..number - 1]
                .iter()
                .map(|(_, size)| size)
                .sum();
            let parts = object
                .record
                .upload
                .as_ref()
                .and_then(|it| i32::try_from(it.parts.len()).ok());
            Ok(Cut {
                range: start..start + length,
                partial: size > 0,
                parts,
            })
        }
    }
}

impl Overrides {
    /// The headers as bytes of Latin-1, which is all that a header of HTTP can carry.
    fn headers(self) -> S3Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.0 {
            let Some(value) = value else { continue };
            let bytes = value
                .chars()
                .map(u8::try_from)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| {
                    s3_error!(
                        InvalidArgument,
                        "Header value cannot be represented using ISO-8859-1."
                    )
                })?;
            let value = HeaderValue::from_bytes(&bytes).map_err(|_| {
                s3_error!(
                    InvalidArgument,
                    "Header value contains a control character."
                )
            })?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}
