//! If-Match and its kin, on reading, copying and writing (RFC 9110 §13; "Conditional requests" of the S3 guide).

use http::HeaderMap;
use http::header::{ETAG, LAST_MODIFIED};
use s3s::dto::{ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use std::sync::Arc;
use time::OffsetDateTime;

use super::record::Object;

/// The conditions of one request.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) modified_since: Option<Timestamp>,
    pub(super) unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// The conditions a write may carry.
    ///
    /// # Errors
    /// `NotImplemented` for an If-None-Match other than `*`, as S3 says.
    pub(super) fn of_write(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<Self> {
        if if_none_match.as_ref().is_some_and(|it| !it.is_any()) {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented: If-None-Match"
            ));
        }
        Ok(Self {
            if_match,
            if_none_match,
            ..Self::default()
        })
    }

    /// Lets a GET or HEAD pass.
    ///
    /// # Errors
    /// `PreconditionFailed` (412) or `NotModified` (304, with the ETag).
    pub(super) fn check_read(&self, object: &Object) -> S3Result<()> {
        match self.refusal(object) {
            None => Ok(()),
            Some(Refusal::Failed) => Err(failed()),
            Some(Refusal::NotModified) => {
                let mut error = S3Error::new(S3ErrorCode::NotModified);
                let mut headers = HeaderMap::new();
                headers.insert(
                    ETAG,
                    object
                        .etag()
                        .to_http_header()
                        .map_err(S3Error::internal_error)?,
                );
                let mut date = Vec::new();
                let modified = object.record.modified.timestamp();
                modified
                    .format(TimestampFormat::HttpDate, &mut date)
                    .map_err(S3Error::internal_error)?;
                headers.insert(
                    LAST_MODIFIED,
                    date.as_slice()
                        .try_into()
                        .map_err(S3Error::internal_error)?,
                );
                error.set_headers(headers);
                Err(error)
            }
        }
    }

    /// Lets the source of a copy pass: there, every refusal is a 412.
    ///
    /// # Errors
    /// `PreconditionFailed`.
    pub(super) fn check_source(&self, object: &Object) -> S3Result<()> {
        self.refusal(object).map_or(Ok(()), |_| Err(failed()))
    }

    /// Lets a write over `existing` pass.
    ///
    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` for an If-Match with nothing there.
    pub(super) fn check_write(&self, existing: Option<&Arc<Object>>) -> S3Result<()> {
        if self.if_none_match.is_some() && existing.is_some() {
            return Err(failed());
        }
        match (&self.if_match, existing) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (Some(condition), Some(object)) if matches(condition, object) => Ok(()),
            _ => Err(failed()),
        }
    }

    fn refusal(&self, object: &Object) -> Option<Refusal> {
        let modified = object.record.modified.seconds();
        let later_than =
            |at: &Timestamp| modified > OffsetDateTime::from(at.clone()).unix_timestamp();
        match (&self.if_match, &self.unmodified_since) {
            (Some(condition), _) if !matches(condition, object) => return Some(Refusal::Failed),
            (None, Some(at)) if later_than(at) => return Some(Refusal::Failed),
            _ => {}
        }
        match (&self.if_none_match, &self.modified_since) {
            (Some(condition), _) if matches(condition, object) => Some(Refusal::NotModified),
            (None, Some(at)) if !later_than(at) => Some(Refusal::NotModified),
            _ => None,
        }
    }
}

enum Refusal {
    Failed,
    NotModified,
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition
        .as_etag()
        .is_none_or(|etag| etag.value() == object.record.etag)
}

fn failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}
