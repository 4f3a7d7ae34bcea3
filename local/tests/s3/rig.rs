//! A server on a port of its own, and clients for it.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lead_export_local::s3::{Keys, Storage, serve_storage};
use md5::{Digest as _, Md5};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "exports";
pub(crate) const MIB: usize = 1024 * 1024;

pub(crate) struct Rig {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// A fresh server with one bucket; the directory goes when the value does.
pub(crate) async fn fresh() -> (Rig, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let rig = on(dir.path()).await;
    (rig, dir)
}

pub(crate) async fn on(root: &Path) -> Rig {
    over(Storage::open(root).unwrap()).await
}

pub(crate) async fn over(storage: Storage) -> Rig {
    storage.create_bucket(BUCKET).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let keys = Keys {
        access_key: "local".to_owned(),
        secret_key: "secret".to_owned(),
    };
    let task = tokio::spawn(serve_storage(listener, Arc::new(storage), keys, async {
        let _ = stopped.await;
    }));
    let client = client(&url, "local", "secret");
    Rig {
        client,
        url,
        http: reqwest::Client::new(),
        stop,
        task,
    }
}

pub(crate) fn client(url: &str, access_key: &str, secret_key: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

impl Rig {
    /// Stops in good order: afterwards nothing holds the directory.
    pub(crate) async fn stop(self) {
        let Self {
            client,
            http,
            stop,
            task,
            ..
        } = self;
        drop((client, http));
        stop.send(()).unwrap();
        task.await.unwrap();
    }

    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) {
        let body = bytes.to_vec().into();
        self.client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let answer = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await;
        let answer = answer.map_err(|error| error.code().unwrap_or("?").to_owned())?;
        Ok(answer.body.collect().await.unwrap().to_vec())
    }
}

/// The error code of a refusal.
pub(crate) fn code<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(
    result: Result<T, SdkError<E, R>>,
) -> String {
    result.unwrap_err().code().unwrap_or("no code").to_owned()
}

/// The `<Code>` of a refusal over plain HTTP, behind its status.
pub(crate) async fn refusal(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    let code = body
        .split("<Code>")
        .nth(1)
        .and_then(|it| it.split("</Code>").next());
    (status, code.unwrap_or_default().to_owned())
}

/// Bytes that repeat nowhere near: a piece in the wrong place shows.
pub(crate) fn bytes(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    STANDARD.encode(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

pub(crate) fn crc32(bytes: &[u8]) -> String {
    STANDARD.encode(crc32fast::hash(bytes).to_be_bytes())
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

pub(crate) fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}
