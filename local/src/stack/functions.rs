//! The functions: their processes, their environment, their routes – as the template deploys them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::{BUCKET, StackOptions};
use crate::connection::StackFile;
use crate::event_source::EventSource;
use crate::gateway::Route;
use crate::lambda::{FunctionSpec, LogSink};

/// The word that makes this program run a function: `lead-export function run-export`.
pub const FUNCTION_COMMAND: &str = "function";
/// The timeout of `run-export`: the slice and a minute.
pub(super) const RUN_TIMEOUT: Duration = Duration::from_mins(6);
/// Runs at once: as many as this machine can feed.
pub(super) const RUNS_AT_ONCE: usize = 4;

/// The template's parameters, by the names they have there, and their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, String>);

/// As in `template.yaml`, but for one; a test compares them.
const DEFAULTS: [(&str, &str); 17] = [
    ("RETENTION", "7d"),
    ("DOWNLOAD_TTL", "5m"),
    ("MAX_ACTIVE_EXPORTS", "20"),
    ("DAILY_VOLUME", "0"),
    ("SLICE", "300s"),
    ("READ_CONSISTENCY", "strong"),
    ("READ_UNITS", "0"),
    ("ORG_CLAIM", "org_id"),
    ("SINGLE_ORG", ""),
    ("TOKEN_USE", ""),
    ("REQUIRED_SCOPE", ""),
    ("PAGE_CLIENT_ID", ""),
    ("PAGE_SCOPE", "openid email"),
    ("PAGE_AUDIENCE", ""),
    ("PAGE_SIGN_IN_ORIGINS", ""),
    ("EVENT_BUS", "default"),
    // Not so in the template: here no mail goes anywhere but to `/local/outbox`.
    ("MAIL_FROM", "exports@lead-export.example"),
];

impl Default for Settings {
    fn default() -> Self {
        Self(
            DEFAULTS
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
        )
    }
}

impl Settings {
    /// Those that `up` takes from its environment.
    pub const NAMES: [&str; 8] = [
        "RETENTION",
        "DOWNLOAD_TTL",
        "MAX_ACTIVE_EXPORTS",
        "DAILY_VOLUME",
        "SLICE",
        "READ_CONSISTENCY",
        "READ_UNITS",
        "MAIL_FROM",
    ];

    /// The defaults, but for what `read` knows, such as the environment.
    pub fn from_fn(read: impl Fn(&str) -> Option<String>) -> Self {
        Self::NAMES
            .into_iter()
            .fold(Self::default(), |settings, name| match read(name) {
                Some(value) => settings.with(name, &value),
                None => settings,
            })
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Sets one parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.insert(name, value.to_owned());
        self
    }
}

/// Runs a function in this process, which a stack has started: until the stack is gone.
///
/// # Errors
/// An unknown name, a missing variable, or the runtime's own failure.
pub async fn run_function(name: &str) -> anyhow::Result<()> {
    crate::lambda::exit_when_parent_dies();
    let ended = match name {
        "request-export" => request_export::main().await,
        "run-export" => run_export::main().await,
        "download-export" => download_export::main().await,
        "sweep-exports" => sweep_exports::main().await,
        other => bail!("there is no function '{other}'"),
    };
    ended.map_err(|error| anyhow::anyhow!(error))
}

/// What the Lambda service would be told of each function.
pub(super) fn specs(
    options: &StackOptions,
    data: &Path,
    file: &StackFile,
) -> anyhow::Result<Vec<FunctionSpec>> {
    let command = match &options.command {
        Some(command) => command.clone(),
        None => std::env::current_exe().context("this program cannot find itself")?,
    };
    let logs = data.join("logs");
    std::fs::create_dir_all(&logs)?;
    let mut env: BTreeMap<String, String> = [
        ("AWS_REGION", file.region.as_str()),
        ("AWS_DEFAULT_REGION", &file.region),
        ("AWS_ACCESS_KEY_ID", &file.access_key),
        ("AWS_SECRET_ACCESS_KEY", &file.secret_key),
        ("AWS_ENDPOINT_URL_DYNAMODB", &file.dynamodb),
        ("AWS_ENDPOINT_URL_S3", &file.s3),
        ("AWS_ENDPOINT_URL_SQS", &file.sqs),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &file.events),
        ("AWS_ENDPOINT_URL_SESV2", &file.events),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("LEADS_TABLE", &file.tables.leads),
        ("SOURCES_TABLE", &file.tables.sources),
        ("EXPORTS_TABLE", &file.tables.exports),
        ("AUDIT_TABLE", &file.tables.audit),
        ("FILES_BUCKET", BUCKET),
        ("EXPORTS_QUEUE_URL", &file.queue_url),
        ("JWT_ISSUER", &file.issuer),
        ("PAGE_URL", &file.url),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    env.extend(
        options
            .settings
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    env.extend(options.function_env.clone());
    let spec = |name: &str, timeout: Duration, max_concurrency: usize| FunctionSpec {
        args: vec![FUNCTION_COMMAND.to_owned(), name.to_owned()],
        env: env.clone(),
        memory_mb: 512,
        timeout,
        max_concurrency,
        log: LogSink::File(logs.join(format!("{name}.log"))),
        ..FunctionSpec::new(name, command.clone())
    };
    // A machine has fewer cores than a region: callers wait for a place instead of starting a process each.
    let answering = |name: &str| FunctionSpec {
        queue_wait: Duration::from_secs(20),
        ..spec(name, Duration::from_secs(29), 4)
    };
    Ok(vec![
        answering("request-export"),
        answering("download-export"),
        spec("run-export", options.run_timeout, RUNS_AT_ONCE),
        // The minute, and the dead letters.
        spec("sweep-exports", Duration::from_mins(1), 2),
    ])
}

/// What the queues call: hints to `run-export`, hints that were given up to `sweep-exports`.
pub(super) fn event_sources() -> (EventSource, EventSource) {
    let hints = EventSource {
        queue: super::QUEUE.to_owned(),
        function: "run-export".to_owned(),
        batch_size: 1,
        batch_window: Duration::ZERO,
        max_concurrency: RUNS_AT_ONCE,
        report_batch_item_failures: true,
    };
    let letters = EventSource {
        queue: super::DEAD_LETTERS.to_owned(),
        function: "sweep-exports".to_owned(),
        batch_size: 10,
        max_concurrency: 2,
        ..hints.clone()
    };
    (hints, letters)
}

/// The gateway's routes: what the functions say they answer.
pub(super) fn routes() -> anyhow::Result<Vec<Route>> {
    let of = |function: &'static str, routes: &'static [&'static str], open: bool| {
        routes
            .iter()
            .map(move |key| Route::parse(key, function, open))
    };
    let download = "download-export";
    of("request-export", request_export::ROUTES, false)
        .chain(of(download, download_export::ROUTES, false))
        .chain(of(download, download_export::OPEN_ROUTES, true))
        .collect()
}
