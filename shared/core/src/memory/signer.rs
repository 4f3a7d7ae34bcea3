//! Links in memory: they lead nowhere and tell what was signed.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use super::lock;
use crate::ports::{FileKind, StoreError, UrlSigner};
use crate::record::{ExportId, RunId};
use crate::time::Instant;

/// A link that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The export.
    pub export: ExportId,
    /// The run whose file it is.
    pub run: RunId,
    /// The name it is downloaded under.
    pub file_name: String,
    /// What it is served as.
    pub kind: FileKind,
    /// When the link dies.
    pub expires_at: Instant,
    /// The link.
    pub url: String,
}

/// Makes links and remembers them.
#[derive(Debug, Default)]
pub struct MemorySigner {
    signed: Mutex<Vec<Signed>>,
}

impl MemorySigner {
    /// Nothing signed.
    pub fn new() -> Self {
        Self::default()
    }

    /// All links made, in order.
    pub fn signed(&self) -> Vec<Signed> {
        lock(&self.signed).clone()
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[async_trait]
impl UrlSigner for MemorySigner {
    async fn sign(
        &self,
        export: ExportId,
        run: RunId,
        file_name: &str,
        kind: &FileKind,
        now: Instant,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let expires_at = now.plus(ttl);
        // RFC 6761 §6.4: no name under `.invalid` is ever answered.
        let url = format!(
            "https://files.invalid/files/{export}/{run}?name={}&type={}&expires={}",
            encode(file_name),
            encode(kind.content_type),
            encode(&expires_at.to_string()),
        );
        lock(&self.signed).push(Signed {
            export,
            run,
            file_name: file_name.to_owned(),
            kind: kind.clone(),
            expires_at,
            url: url.clone(),
        });
        Ok(url)
    }
}
