//! `sweep-exports`: looks, each minute, at what is due (X).

use lambda_runtime::LambdaEvent;
use lead_export_aws::config::ConfigError;
use lead_export_aws::http::chain;
use lead_export_aws::ports::Ports;
use lead_export_core::sweep::SweepExports;
use serde_json::{Value, json};

/// The variables of the environment that this function reads, besides Lambda's own.
pub const VARIABLES: &[&str] = &["EXPORTS_TABLE", "FILES_BUCKET", "EXPORTS_QUEUE_URL"];

/// What this function is made of.
pub struct App {
    /// The use-case.
    pub sweep: SweepExports,
}

impl App {
    /// Builds the function from its environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn new(ports: &Ports) -> Result<Self, ConfigError> {
        Ok(Self {
            sweep: SweepExports {
                exports: ports.exports()?,
                queue: ports.queue()?,
                pieces: ports.pieces()?,
                notifier: ports.notifier(),
                clock: ports.clock(),
                dice: ports.dice(),
            },
        })
    }
}

/// Sweeps once, whatever the event says; answers with what was done.
///
/// # Errors
/// The list of what is due could not be read; the next minute tries again.
pub async fn handle(app: &App, _event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let swept = app.sweep.sweep().await?;
    for error in &swept.errors {
        tracing::error!(
            store = error.store,
            cause = chain(error),
            "an export could not be swept; it is due again"
        );
    }
    if swept.seen > 0 {
        tracing::info!(
            seen = swept.seen,
            hinted = swept.hinted,
            told = swept.told,
            cleaned = swept.cleaned,
            expired = swept.expired,
            "swept {} exports",
            swept.seen
        );
    }
    Ok(json!({
        "seen": swept.seen,
        "hinted": swept.hinted,
        "told": swept.told,
        "cleaned": swept.cleaned,
        "expired": swept.expired,
        "failed": swept.errors.len(),
    }))
}

/// Runs the function: the Lambda's `main`.
///
/// # Errors
/// A missing variable, or the runtime's own failure.
pub async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let app = App::new(&Ports::from_env()?)?;
    lambda_runtime::run(lambda_runtime::service_fn(async |event| {
        handle(&app, event).await
    }))
    .await
}
