//! What benches run against: a DynamoDB that answers from a template, an S3 that hashes and forgets, and a Lambda service of one
//! function, all in one process on loopback.
//!
//! Leads are made by repetition: a thousand different ones, each place in the table with a key of its own. So ten million leads need
//! no disk, and serving them costs less than reading them.

pub mod dynamodb;
pub mod job;
pub mod leads;
pub mod page;
pub mod s3;
pub mod serve;
pub mod service;
pub mod sink;
pub mod world;
