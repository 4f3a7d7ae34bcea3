//! What the queues answer instead of obeying.

use std::fmt;

/// Why a request was not carried out: the code SQS documents for it, and a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The documented code.
    pub code: Code,
    /// What was wrong and with which value.
    pub message: String,
}

impl Refusal {
    /// Creates a refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// `value` cannot be the value of `parameter`.
    pub(super) fn parameter(parameter: &str, value: impl fmt::Display, reason: &str) -> Self {
        Self::new(
            Code::InvalidParameterValue,
            format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"),
        )
    }

    /// `parameter` is not there, or is empty where it may not be.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(
            Code::MissingParameter,
            format!("The request must contain the parameter {parameter}."),
        )
    }

    /// No queue has this name.
    pub(super) fn no_such_queue() -> Self {
        Self::new(
            Code::QueueDoesNotExist,
            "The specified queue does not exist.",
        )
    }

    /// Ours to mend, not the caller's: the file that holds the queues failed.
    pub(super) fn storage(cause: &rusqlite::Error) -> Self {
        tracing::error!(%cause, "the queues' file failed");
        Self::new(
            Code::InternalFailure,
            format!("The file that holds the queues failed: {cause}"),
        )
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(cause: rusqlite::Error) -> Self {
        Self::storage(&cause)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $namespace:literal $shape:literal, $query:literal, $status:literal;)*) => {
        /// The codes of SQS that these queues use.
        ///
        /// SQS spoke the query protocol before it spoke JSON. An answer carries both names of an error: the shape's in
        /// `__type`, the older one in `x-amzn-query-error`, and the SDKs of today go by the older one where it is there
        /// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>, trait `awsQueryCompatible`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// The absolute name of the error's shape, for `__type`.
            pub fn shape(self) -> &'static str {
                match self { $(Self::$code => concat!($namespace, "#", $shape),)* }
            }

            /// The name in the query protocol.
            pub fn query(self) -> &'static str {
                match self { $(Self::$code => $query,)* }
            }

            /// The status of the HTTP answer.
            pub fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }
        }
    };
}

codes! {
    /// Two entries of one batch have the same id.
    BatchEntryIdsNotDistinct = "com.amazonaws.sqs" "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400;
    /// The messages of a batch are together over the limit.
    BatchRequestTooLong = "com.amazonaws.sqs" "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400;
    /// The batch has no entry.
    EmptyBatchRequest = "com.amazonaws.sqs" "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400;
    /// The `Authorization` header is not of Signature Version 4's form.
    IncompleteSignature = "com.amazon.coral.service" "IncompleteSignatureException", "IncompleteSignature", 400;
    /// The queues' own fault.
    InternalFailure = "com.amazon.coral.service" "InternalFailure", "InternalFailure", 500;
    /// The queue URL is not one.
    InvalidAddress = "com.amazonaws.sqs" "InvalidAddress", "InvalidAddress", 404;
    /// No queue attribute has this name.
    InvalidAttributeName = "com.amazonaws.sqs" "InvalidAttributeName", "InvalidAttributeName", 400;
    /// The queue attribute cannot have this value.
    InvalidAttributeValue = "com.amazonaws.sqs" "InvalidAttributeValue", "InvalidAttributeValue", 400;
    /// The id of an entry is not of the documented form.
    InvalidBatchEntryId = "com.amazonaws.sqs" "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400;
    /// The access key is not ours.
    InvalidClientTokenId = "com.amazon.coral.service" "UnrecognizedClientException", "InvalidClientTokenId", 403;
    /// A character that a message may not hold.
    InvalidMessageContents = "com.amazonaws.sqs" "InvalidMessageContents", "InvalidMessageContents", 400;
    /// A parameter's value is outside what is allowed.
    InvalidParameterValue = "com.amazon.coral.service" "InvalidParameterValueException", "InvalidParameterValue", 400;
    /// The message whose visibility was to change is not in flight.
    MessageNotInflight = "com.amazonaws.sqs" "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400;
    /// No `Authorization` header.
    MissingAuthenticationToken = "com.amazon.coral.service" "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403;
    /// A parameter is not there.
    MissingParameter = "com.amazon.coral.service" "MissingRequiredParameterException", "MissingParameter", 400;
    /// The queue was purged less than 60 seconds ago.
    PurgeQueueInProgress = "com.amazonaws.sqs" "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403;
    /// A queue of this name was deleted less than 60 seconds ago.
    QueueDeletedRecently = "com.amazonaws.sqs" "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", 400;
    /// No queue has this name.
    QueueDoesNotExist = "com.amazonaws.sqs" "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400;
    /// The queue exists with other attributes.
    QueueNameExists = "com.amazonaws.sqs" "QueueNameExists", "QueueAlreadyExists", 400;
    /// The text is no receipt handle of this queue.
    ReceiptHandleIsInvalid = "com.amazonaws.sqs" "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404;
    /// The body is not the operation's JSON.
    SerializationException = "com.amazon.coral.service" "SerializationException", "MalformedInput", 400;
    /// The batch has more than ten entries.
    TooManyEntriesInBatchRequest = "com.amazonaws.sqs" "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400;
    /// SQS has no operation of this name.
    UnknownOperation = "com.amazon.coral.service" "UnknownOperationException", "InvalidAction", 404;
    /// SQS can do this, these queues cannot.
    UnsupportedOperation = "com.amazonaws.sqs" "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400;
}

impl Code {
    /// Whether the caller is to blame.
    pub fn is_senders(self) -> bool {
        self.status() < 500
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.query())
    }
}
