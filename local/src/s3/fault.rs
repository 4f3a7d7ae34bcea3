//! Errors that s3s has no word for.

use std::io;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, StdError, s3_error};

/// An S3 error by its name on the wire.
pub(super) fn named(code: &str, status: u16, message: &'static str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, message);
    if let Ok(status) = StatusCode::from_u16(status) {
        error.set_status_code(status);
    }
    error
}

/// The disk refused: the caller's request was in order.
pub(super) fn disk(error: io::Error) -> S3Error {
    tracing::error!(%error, "the local S3 could not use its disk");
    s3_error!(
        error,
        InternalError,
        "We encountered an internal error. Please try again."
    )
}

/// What was wrong with a body that could not be read to its end.
///
/// s3s keeps its error types to itself, so their printed form is all there is to tell them apart.
pub(super) fn body(error: &StdError) -> S3Error {
    let text = error.to_string();
    let fault = if text.contains("Sha256Mismatch") {
        named(
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch)
    } else if text.contains("FormatError") || text.contains("TooLarge") || text.contains("TooMany")
    {
        s3_error!(
            InvalidRequest,
            "The body is not well-formed aws-chunked content."
        )
    } else {
        s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )
    };
    tracing::debug!(%error, "a body could not be read");
    fault
}
