//! Failures of the SDK into the ports' errors, by what the caller can do about them.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lead_export_core::ports::{StoreError, StoreErrorKind};

/// The error of a call to `store` that failed, after the SDK's own retries.
///
/// The answer itself is left behind: the cause is logged, and an answer may hold leads.
pub fn store_error<E>(store: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let kind = kind(&error);
    match error.into_source() {
        Ok(cause) => StoreError::caused(kind, store, cause),
        // A kind of failure that this version of the SDK does not have.
        Err(_) => StoreError::new(kind, store),
    }
}

/// What can be done about a failed call.
///
/// By the error's code where the service gave one, else by the status. A call that got no whole answer may have been carried out:
/// it is [`StoreErrorKind::Unavailable`].
pub fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> StoreErrorKind {
    match error {
        SdkError::ServiceError(refusal) => {
            let by_code = refusal.err().code().and_then(kind_of_code);
            by_code.unwrap_or_else(|| kind_of_status(refusal.raw().status().as_u16()))
        }
        // No request was made of these arguments, and none would be the next time.
        SdkError::ConstructionFailure(_) => StoreErrorKind::Denied,
        _ => StoreErrorKind::Unavailable,
    }
}

/// The kind of an error code, of those whose status alone does not tell it.
///
/// Sources: the error lists of the DynamoDB and SQS API references and of S3 ("Error responses"), and the codes that the SDKs
/// take for throttling (SDKs and Tools Reference, "Retry behavior").
pub fn kind_of_code(code: &str) -> Option<StoreErrorKind> {
    use StoreErrorKind::{Conflict, Corrupt, Denied, NotFound, Throttled, Unavailable};
    // SQS still answers some codes with the prefix of its older protocol.
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    Some(match code {
        "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottledException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TooManyRequestsException"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException"
        | "KmsThrottled"
        | "OverLimit"
        | "SlowDown" => Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "KmsAccessDenied"
        | "NotAuthorized" => Denied,
        // The role's credentials are renewed on the next call.
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "InternalServerError"
        | "InternalError"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Unavailable,
        "ResourceNotFoundException"
        | "NoSuchKey"
        | "NoSuchBucket"
        | "NoSuchUpload"
        | "NoSuchVersion"
        | "NotFound"
        | "QueueDoesNotExist"
        | "NonExistentQueue" => NotFound,
        "ConditionalCheckFailedException"
        | "ConditionalCheckFailed"
        | "TransactionConflictException"
        | "TransactionConflict"
        | "TransactionCanceledException"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException"
        | "PreconditionFailed"
        | "ConditionalRequestConflict"
        | "OperationAborted" => Conflict,
        "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" => Corrupt,
        _ => return None,
    })
}

/// The kind of a refusal by its HTTP status.
pub fn kind_of_status(status: u16) -> StoreErrorKind {
    match status {
        404 | 410 => StoreErrorKind::NotFound,
        408 | 425 | 500.. => StoreErrorKind::Unavailable,
        409 | 412 => StoreErrorKind::Conflict,
        429 => StoreErrorKind::Throttled,
        // Any other is about the request itself, and would be refused again.
        400..500 => StoreErrorKind::Denied,
        _ => StoreErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn refused(status: u16, code: Option<&str>) -> StoreErrorKind {
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let error = GetItemError::generic(meta.build());
        let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        kind(&SdkError::service_error(error, raw))
    }

    #[test]
    fn a_code_says_more_than_its_status() {
        use StoreErrorKind::{Conflict, Corrupt, Denied, NotFound, Throttled, Unavailable};
        for (code, expected) in [
            ("ProvisionedThroughputExceededException", Throttled),
            ("ThrottlingException", Throttled),
            ("RequestLimitExceeded", Throttled),
            ("SlowDown", Throttled),
            ("AccessDeniedException", Denied),
            ("AccessDenied", Denied),
            ("ValidationException", Denied),
            ("SomethingNew", Denied),
            ("ResourceNotFoundException", NotFound),
            ("NoSuchKey", NotFound),
            ("NoSuchBucket", NotFound),
            ("QueueDoesNotExist", NotFound),
            ("AWS.SimpleQueueService.NonExistentQueue", NotFound),
            ("com.amazonaws.sqs#QueueDoesNotExist", NotFound),
            ("ConditionalCheckFailedException", Conflict),
            ("TransactionConflictException", Conflict),
            ("RequestTimeout", Unavailable),
            ("BadDigest", Corrupt),
        ] {
            assert_eq!(refused(400, Some(code)), expected, "{code}");
        }
    }

    #[test]
    fn without_a_known_code_the_status_counts() {
        for (status, expected) in [
            (301, StoreErrorKind::Unavailable),
            (400, StoreErrorKind::Denied),
            (403, StoreErrorKind::Denied),
            (404, StoreErrorKind::NotFound),
            (409, StoreErrorKind::Conflict),
            (412, StoreErrorKind::Conflict),
            (429, StoreErrorKind::Throttled),
            (500, StoreErrorKind::Unavailable),
            (503, StoreErrorKind::Unavailable),
        ] {
            assert_eq!(refused(status, None), expected, "{status}");
            assert_eq!(refused(status, Some("New")), expected, "{status}");
        }
    }

    #[test]
    fn a_call_without_a_whole_answer_may_have_been_carried_out() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let raw = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
        let failures: [SdkError<GetItemError, HttpResponse>; 3] = [
            SdkError::timeout_error(refused()),
            SdkError::dispatch_failure(ConnectorError::io(refused().into())),
            SdkError::response_error(refused(), raw),
        ];
        for failure in failures {
            let error = store_error("leads", failure);
            assert_eq!(error.kind, StoreErrorKind::Unavailable);
            assert_eq!(error.store, "leads");
            assert!(error.source.is_some());
        }
        let unmade: SdkError<GetItemError, HttpResponse> =
            SdkError::construction_failure("no table name");
        assert_eq!(store_error("leads", unmade).kind, StoreErrorKind::Denied);
    }
}
