//! Bringing a file here, whole or not at all; and `download`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::StatusCode;
use reqwest::header::{ETAG, IF_RANGE, RANGE};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::Who;
use super::api::Api;
use super::output::{self, usage};
use super::session::{Remote, with_api};

/// Times in a row that a download may break off without having brought anything.
const TRIES: u32 = 5;

/// `download`: fetches the file of an export, once it is there.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lead-export download 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b -o leads.csv"
)]
pub(super) struct Download {
    /// The export.
    id: Uuid,
    /// The file, or a folder for it, or `-` for standard output; its own name if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replaces a file that is there.
    #[arg(long)]
    force: bool,
    /// Prints the export as JSON, with the file's path.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(who: &Who, args: &Download) -> anyhow::Result<()> {
    let target = Target::parse(args.output.as_deref(), args.force)?;
    if args.json && target == Target::Out {
        return usage("--json and -o - both want standard output");
    }
    let (export, path) = with_api(who, &args.remote, async |api: &Api| {
        let seen = api.get(&format!("exports/{}", args.id), &[]).await?;
        let id = args.id.to_string();
        // One that was interrupted may not be done yet.
        let export = super::export::wait(api, &id, seen.body, seen.retry_after).await?;
        super::export::finished(&export)?;
        let path = fetch(api, &export, &target).await?;
        Ok((export, path))
    })
    .await?;
    super::export::present(&export, path, args.json)
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// To standard output.
    Out,
    /// Into this folder, under the name that the service gives it.
    Folder(PathBuf, bool),
    /// Here; replacing what is there, or not.
    File(PathBuf, bool),
}

impl Target {
    /// Reads `-o`, and finds out early what could not be written.
    pub(super) fn parse(output: Option<&Path>, force: bool) -> anyhow::Result<Self> {
        let Some(path) = output else {
            return Ok(Self::Folder(PathBuf::from("."), force));
        };
        if path == Path::new("-") {
            return Ok(Self::Out);
        }
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned(), force));
        }
        ensure!(
            force || !path.exists(),
            "{} is there already; --force replaces it",
            path.display()
        );
        let folder = folder_of(path);
        ensure!(folder.is_dir(), "there is no folder {}", folder.display());
        Ok(Self::File(path.to_owned(), force))
    }

    /// The path of a file of this name.
    fn path(&self, file_name: &str) -> anyhow::Result<PathBuf> {
        match self {
            Self::Out => bail!("standard output is no file"),
            Self::File(path, _) => Ok(path.clone()),
            Self::Folder(folder, force) => {
                // The name comes from elsewhere: it must not lead out of the folder.
                let is_plain = !file_name.is_empty()
                    && !file_name.starts_with('.')
                    && !file_name.contains(['/', '\\', ':'])
                    && !file_name.contains(char::is_control);
                ensure!(
                    is_plain,
                    "the service gives the file no usable name; name one with -o"
                );
                let path = folder.join(file_name);
                ensure!(
                    *force || !path.exists(),
                    "{} is there already; --force replaces it, -o takes another name",
                    path.display()
                );
                // `./leads.csv` says no more than `leads.csv`.
                Ok(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path))
            }
        }
    }

    fn replaces(&self) -> bool {
        matches!(self, Self::Folder(_, true) | Self::File(_, true))
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What a file must be.
#[derive(Debug)]
struct Expected {
    size_bytes: u64,
    sha256: Option<String>,
    crc64nvme: Option<String>,
}

/// What has come of a file.
struct Came<'a> {
    to: &'a mut (dyn Write + Send),
    size_bytes: u64,
    sha256: Sha256,
    crc64nvme: Crc,
    etag: Option<String>,
    bar: ProgressBar,
}

impl<'a> Came<'a> {
    fn new(to: &'a mut (dyn Write + Send), shown: ProgressDrawTarget) -> Self {
        Self {
            to,
            size_bytes: 0,
            sha256: Sha256::new(),
            crc64nvme: Crc::new(CrcAlgorithm::Crc64Nvme),
            etag: None,
            bar: bar(shown),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.to.write_all(bytes)?;
        self.sha256.update(bytes);
        self.crc64nvme.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.bar.set_position(self.size_bytes);
        Ok(())
    }

    fn check(self, expected: &Expected) -> anyhow::Result<()> {
        self.to.flush()?;
        let bytes = self.size_bytes;
        ensure!(
            bytes == expected.size_bytes,
            "the file came with {bytes} bytes instead of {}",
            expected.size_bytes
        );
        if let Some(sha256) = &expected.sha256 {
            let came = hex::encode(self.sha256.finalize());
            ensure!(
                came == sha256.to_lowercase(),
                "the file came damaged: its SHA-256 is {came} instead of {sha256}"
            );
        }
        if let Some(crc64nvme) = &expected.crc64nvme {
            let came = STANDARD.encode(self.crc64nvme.finalize().to_be_bytes());
            ensure!(
                came == *crc64nvme,
                "the file came damaged: its CRC-64/NVME is {came} instead of {crc64nvme}"
            );
        }
        Ok(())
    }
}

/// Downloads the file of an export, checks it, and puts it in its place; gives the path, none for standard output.
pub(super) async fn fetch(
    api: &Api,
    export: &Value,
    target: &Target,
) -> anyhow::Result<Option<PathBuf>> {
    let id = export["id"].as_str().context("the answer has no id")?;
    if *target == Target::Out {
        let mut out = std::io::stdout();
        copy(api, id, &mut out).await?;
        return Ok(None);
    }
    let path = target.path(export["file_name"].as_str().unwrap_or_default())?;
    let folder = folder_of(&path);
    let cannot = || format!("{} cannot be written", path.display());
    // Beside its place, so that it can be moved there in one step; readable by its owner alone, as leads should be.
    let mut part = NamedTempFile::with_prefix_in(".lead-export-", folder).with_context(cannot)?;
    copy(api, id, part.as_file_mut()).await?;
    part.as_file().sync_all().with_context(cannot)?;
    let moved = if target.replaces() {
        part.persist(&path)
    } else {
        part.persist_noclobber(&path)
    };
    moved.map_err(|error| error.error).with_context(cannot)?;
    Ok(Some(path))
}

/// Copies the file, with a fresh link whenever the last one broke off.
async fn copy(api: &Api, id: &str, to: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let mut came = Came::new(to, output::bars());
    let mut tries = 0;
    loop {
        let link = api.get(&format!("exports/{id}/download"), &[]).await?.body;
        let expected = Expected {
            size_bytes: link["size_bytes"]
                .as_u64()
                .context("the answer has no size_bytes")?,
            sha256: link["sha256"].as_str().map(str::to_owned),
            crc64nvme: link["crc64nvme"].as_str().map(str::to_owned),
        };
        came.bar.set_length(expected.size_bytes);
        let before = came.size_bytes;
        let url = link["url"].as_str().context("the answer has no url")?;
        match stream(api, url, &mut came).await {
            Ok(()) => {
                came.bar.finish_and_clear();
                return came.check(&expected);
            }
            Err(Broken::ForGood(error)) => return Err(error),
            Err(Broken::Off(error)) => {
                tries = if came.size_bytes > before {
                    0
                } else {
                    tries + 1
                };
                if tries >= TRIES {
                    return Err(error.without_url()).context("the download broke off");
                }
            }
        }
    }
}

/// How a download ended before its end.
enum Broken {
    /// It may go on.
    Off(reqwest::Error),
    /// It may not.
    ForGood(anyhow::Error),
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Off(error)
    }
}

/// Takes what is still missing from this address.
async fn stream(api: &Api, url: &str, came: &mut Came<'_>) -> Result<(), Broken> {
    let mut call = api.file(url);
    if came.size_bytes > 0 {
        call = call.header(RANGE, format!("bytes={}-", came.size_bytes));
        if let Some(etag) = &came.etag {
            call = call.header(IF_RANGE, etag);
        }
    }
    let mut answer = call.send().await?;
    let wanted = match came.size_bytes {
        0 => StatusCode::OK,
        _ => StatusCode::PARTIAL_CONTENT,
    };
    if answer.status().is_server_error() {
        return Err(Broken::Off(match answer.error_for_status() {
            Err(error) => error,
            Ok(_) => return Ok(()),
        }));
    }
    if answer.status() != wanted {
        let error = anyhow::anyhow!("the file's address answered {}", answer.status());
        return Err(Broken::ForGood(error));
    }
    let etag = answer
        .headers()
        .get(ETAG)
        .and_then(|etag| etag.to_str().ok());
    came.etag = etag.map(str::to_owned);
    while let Some(bytes) = answer.chunk().await? {
        came.take(&bytes)
            .map_err(|error| Broken::ForGood(error.into()))?;
    }
    Ok(())
}

fn bar(shown: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, shown);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}")
    {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests;
