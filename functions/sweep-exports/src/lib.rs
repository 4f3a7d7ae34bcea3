//! `sweep-exports`: looks, each minute, at what is due (X), and at the hints that were given up.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use lead_export_aws::config::ConfigError;
use lead_export_aws::entry::contained;
use lead_export_aws::http::chain;
use lead_export_aws::log;
use lead_export_aws::metrics::{count, tell};
use lead_export_aws::ports::Ports;
use lead_export_aws::queue::parse_hint;
use lead_export_core::record::Status;
use lead_export_core::sweep::SweepExports;
use serde_json::{Value, json};

/// The variables of the environment that this function reads, besides Lambda's own.
pub const VARIABLES: &[&str] = &[
    "EXPORTS_TABLE",
    "FILES_BUCKET",
    "EXPORTS_QUEUE_URL",
    "EVENT_BUS",
    "MAIL_FROM",
    "PAGE_URL",
];

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
                notifier: ports.notifier()?,
                clock: ports.clock(),
                dice: ports.dice(),
            },
        })
    }
}

/// Answers messages of the dead-letter queue with those that are to come again; any other event is a minute: sweeps once and answers
/// with what was done.
///
/// # Errors
/// The list of what is due could not be read; the next minute tries again.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    if event.payload.get("Records").is_some() {
        let event: SqsEvent = serde_json::from_value(event.payload)?;
        return Ok(serde_json::to_value(Box::pin(drain(app, &event)).await)?);
    }
    let swept = Box::pin(app.sweep.sweep()).await?;
    let figure = |name, value: usize| count(name, u64::try_from(value).unwrap_or(u64::MAX));
    let figures = [
        figure("Due", swept.seen),
        figure("Hinted", swept.hinted),
        figure("SweepErrors", swept.errors.len()),
    ];
    tell(app.sweep.clock.now(), None, &figures);
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

/// Looks at the exports that given-up hints name. The history tells where each stands; the log, that it was given up.
async fn drain(app: &App, event: &SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in &event.records {
        if !look(app, message).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.clone().unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// Whether the message has done its duty.
async fn look(app: &App, message: &SqsMessage) -> bool {
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let (org, id) = match parse_hint(message.body.as_deref().unwrap_or_default()) {
        Ok(hint) => hint,
        Err(error) => {
            tracing::error!(message.id = message_id, cause = %error, "given-up message {message_id} is unreadable and dropped");
            return true;
        }
    };
    match app.sweep.given_up(&org, id).await {
        Ok(status) => {
            let status = status.map_or("absent", Status::as_str);
            tracing::error!(export.id = %id, org.id = %org, status, "a hint of export {id} was given up; the export is {status}");
            true
        }
        Err(error) => {
            tracing::error!(export.id = %id, org.id = %org, store = error.store, cause = chain(&error), "export {id} of a given-up hint cannot be looked at");
            false
        }
    }
}

/// Runs the function: the Lambda's `main`.
///
/// # Errors
/// A missing variable, or the runtime's own failure.
pub async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::new(&Ports::from_env()?)?;
    lambda_runtime::run(lambda_runtime::service_fn(async |event| {
        contained(handle(&app, event)).await?
    }))
    .await
}
