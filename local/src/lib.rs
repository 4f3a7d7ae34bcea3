//! local

pub mod s3;
