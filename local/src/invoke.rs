//! What the event source and the gateway need of the place where functions run: one synchronous call.

use async_trait::async_trait;
use bytes::Bytes;

/// Calls functions by name, as Lambda's `Invoke` with `RequestResponse` does.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Invokes `function` once, synchronously, and returns the bytes of its answer.
    ///
    /// Dropping the future does not promise that the invocation ends.
    ///
    /// # Errors
    /// One [`InvokeError`]: what the caller of a Lambda can tell apart.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError>;
}

/// Why an invocation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The handler returned an error, panicked, or its process ended.
    #[error("the function failed: {error_type}: {message}")]
    Function {
        /// The type named by the function (`errorType`), such as `Runtime.ExitError`.
        error_type: String,
        /// The message given with it (`errorMessage`).
        message: String,
    },
    /// The function was still running at its timeout and was killed.
    #[error("the function ran into its timeout")]
    TimedOut,
    /// No free place to run: the concurrency limit is reached. Nothing was run.
    #[error("the function is at its concurrency limit")]
    Throttled,
    /// No function has this name.
    #[error("there is no function named {0}")]
    Unknown(String),
    /// The place where functions run is shutting down. The invocation may or may not have run.
    #[error("functions are being stopped")]
    Stopped,
}
