//! local
pub mod event_source;
pub mod invoke;
pub mod sqs;
