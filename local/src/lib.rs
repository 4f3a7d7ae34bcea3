//! The whole system on one machine: functions, DynamoDB, S3, SQS and gateway in one program on loopback. Never deployed.

pub mod bulk;
pub mod cli;
pub mod connection;
pub mod deployed;
pub mod depot;
pub mod event_source;
pub mod events;
pub mod folder;
pub mod gateway;
pub mod generate;
pub mod identity;
pub mod import;
pub mod invoke;
pub mod lambda;
pub mod load;
pub mod page;
pub mod s3;
pub mod schedule;
pub mod seed;
pub mod sqs;
pub mod stack;

pub use cli::main;
