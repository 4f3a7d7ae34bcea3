//! The local S3, driven by the real SDK and by plain HTTP.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod lists;
mod objects;
mod open_uploads;
mod presigned;
mod recovery;
mod rig;
mod upload_checksums;
mod uploads;
mod writes;
