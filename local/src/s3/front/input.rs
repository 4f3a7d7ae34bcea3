//! What several operations read from a request, and what they refuse because the local S3 has no such thing.

use http::HeaderMap;
use s3s::dto::Timestamp;
use s3s::{S3Result, s3_error};
use time::OffsetDateTime;

use crate::s3::digest::{Algorithm, Sum};
use crate::s3::record::{Headers, Millis};

/// User metadata is at most 2 KB, names and values together ("Working with object metadata").
const METADATA_MAX_BYTES: usize = 2 * 1024;

/// The headers to keep with an object, out of any input that creates one.
macro_rules! headers_of {
    ($input:expr) => {
        $crate::s3::front::input::checked($crate::s3::record::Headers {
            content_type: $input.content_type.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::s3::front::input::without_framing(
                $input.content_encoding.as_deref(),
            ),
            content_language: $input.content_language.clone(),
            cache_control: $input.cache_control.clone(),
            expires: $input
                .expires
                .as_ref()
                .map($crate::s3::front::input::millis),
            metadata: $input
                .metadata
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
        })
    };
}

/// The checksum fields of any output, all empty but the one of `sum`.
macro_rules! set_sum {
    ($output:expr, $sum:expr) => {{
        let sum: &$crate::s3::digest::Sum = $sum;
        let value = Some(sum.value.clone());
        match sum.algorithm {
            $crate::s3::digest::Algorithm::Crc32 => $output.checksum_crc32 = value,
            $crate::s3::digest::Algorithm::Crc32c => $output.checksum_crc32c = value,
            $crate::s3::digest::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
            $crate::s3::digest::Algorithm::Sha1 => $output.checksum_sha1 = value,
            $crate::s3::digest::Algorithm::Sha256 => $output.checksum_sha256 = value,
        }
    }};
}

/// The checksums that any input names.
macro_rules! sums_of {
    ($input:expr) => {
        $crate::s3::front::input::given([
            &$input.checksum_crc32,
            &$input.checksum_crc32c,
            &$input.checksum_crc64nvme,
            &$input.checksum_sha1,
            &$input.checksum_sha256,
        ])
    };
}

/// Refuses what would need a feature that is not here: silence would be a lie about the stored object.
macro_rules! refuse_unknown {
    ($input:expr) => {{
        let unknown = [
            (
                "server-side encryption with customer keys",
                $input.sse_customer_key.is_some(),
            ),
            ("tags", $input.tagging.is_some()),
            (
                "object lock",
                $input.object_lock_mode.is_some() || $input.object_lock_legal_hold_status.is_some(),
            ),
            (
                "website redirects",
                $input.website_redirect_location.is_some(),
            ),
            (
                "storage classes",
                $input
                    .storage_class
                    .as_ref()
                    .is_some_and(|it| it.as_str() != "STANDARD"),
            ),
            (
                "encryption other than AES256",
                $input
                    .server_side_encryption
                    .as_ref()
                    .is_some_and(|it| it.as_str() != "AES256"),
            ),
            (
                "access control lists",
                $input.acl.as_ref().is_some_and(|it| {
                    !matches!(it.as_str(), "private" | "bucket-owner-full-control")
                }) || $input.grant_full_control.is_some()
                    || $input.grant_read.is_some()
                    || $input.grant_read_acp.is_some()
                    || $input.grant_write_acp.is_some(),
            ),
        ];
        $crate::s3::front::input::refuse(&unknown)
    }};
}

pub(super) use {headers_of, refuse_unknown, set_sum, sums_of};

pub(super) fn refuse(unknown: &[(&str, bool)]) -> S3Result<()> {
    match unknown.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => Err(s3_error!(NotImplemented, "The local S3 has no {name}.")),
    }
}

/// Versioning is off: the one version there is, is called `null`.
pub(super) fn refuse_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist."
        )),
    }
}

pub(super) fn checked(headers: Headers) -> S3Result<Headers> {
    let bytes: usize = headers
        .metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > METADATA_MAX_BYTES {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size"
        ));
    }
    Ok(headers)
}

/// The content encoding without `aws-chunked`, which is of the transfer and not of the object.
pub(super) fn without_framing(encoding: Option<&str>) -> Option<String> {
    let kept = encoding?
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty() && *it != "aws-chunked");
    let kept = kept.collect::<Vec<_>>().join(",");
    (!kept.is_empty()).then_some(kept)
}

pub(super) fn millis(at: &Timestamp) -> Millis {
    Millis::of(OffsetDateTime::from(at.clone()).into())
}

/// The checksums given, in the order of the macro's fields.
pub(super) fn given(values: [&Option<String>; 5]) -> Vec<Sum> {
    let named = Algorithm::ALL.into_iter().zip(values);
    named
        .filter_map(|(algorithm, value)| {
            Some(Sum {
                algorithm,
                value: value.clone()?,
            })
        })
        .collect()
}

/// Whether a request proves its body: S3 takes DeleteObjects only so.
pub(super) fn has_digest(headers: &HeaderMap) -> bool {
    headers.contains_key("content-md5")
        || headers.contains_key("x-amz-trailer")
        || Algorithm::ALL
            .iter()
            .any(|algorithm| headers.contains_key(algorithm.header()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_framing_of_the_transfer_is_not_kept() {
        assert_eq!(without_framing(Some("aws-chunked")), None);
        assert_eq!(
            without_framing(Some("gzip, aws-chunked")).as_deref(),
            Some("gzip")
        );
        assert_eq!(without_framing(None), None);
    }
}
