//! The whole system on one machine: functions, DynamoDB, S3, SQS and gateway in one program on loopback. Never deployed.

pub mod event_source;
pub mod gateway;
pub mod identity;
pub mod invoke;
pub mod lambda;
pub mod s3;
pub mod schedule;
pub mod sqs;
