//! A local S3 on a directory, for `aws-sdk-s3`, the `aws` command line, boto3 and browsers with presigned URLs.
//!
//! s3s speaks HTTP, SigV4 and XML; the rules of objects and of multipart uploads are ours, each as the AWS API
//! reference states it, because a test that passes against a lenient emulator promises nothing. What is not here
//! (versions, tags, access control lists, storage classes, KMS) answers `NotImplemented`.

mod blob;
mod claim;
mod conditions;
mod digest;
mod fault;
mod front;
mod guard;
mod page;
mod record;
mod server;
mod storage;
mod uploads;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use s3s::{S3Error, S3Result};
use tokio::net::TcpListener;

pub use storage::{Clock, Storage};

/// Where a local S3 keeps its files, and whom it lets in.
pub struct S3Options {
    /// The directory; created where it is missing.
    pub root: PathBuf,
    /// The only access key that works.
    pub access_key: String,
    /// Its secret key.
    pub secret_key: String,
}

/// The one pair of keys that a local S3 accepts.
pub struct Keys {
    /// The access key id.
    pub access_key: String,
    /// Its secret key.
    pub secret_key: String,
}

/// Serves the directory of `options` until `shutdown` is done, path-style (`/bucket/key`).
///
/// Requests under way when `shutdown` comes have ten seconds to end.
///
/// # Errors
/// The directory cannot be opened; see [`Storage::open`].
pub async fn serve(
    listener: TcpListener,
    options: S3Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let S3Options {
        root,
        access_key,
        secret_key,
    } = options;
    let storage = tokio::task::spawn_blocking(move || Storage::open(root)).await??;
    serve_storage(
        listener,
        Arc::new(storage),
        Keys {
            access_key,
            secret_key,
        },
        shutdown,
    )
    .await;
    Ok(())
}

/// As [`serve`], over a storage that is open already, say to create a bucket in it first.
pub async fn serve_storage(
    listener: TcpListener,
    storage: Arc<Storage>,
    keys: Keys,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    server::run(listener, storage, keys, shutdown).await;
}

/// Runs `work` where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(S3Error::internal_error)?
}
