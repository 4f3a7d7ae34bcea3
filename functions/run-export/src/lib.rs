//! `run-export`: works on exports, fed by SQS (P1 to P9a).

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context, LambdaEvent};
use lead_export_aws::config::ConfigError;
use lead_export_aws::entry::contained;
use lead_export_aws::http::chain;
use lead_export_aws::log;
use lead_export_aws::metrics::{Figure, count, tell};
use lead_export_aws::ports::Ports;
use lead_export_aws::queue::{log_unhinted, parse_hint};
use lead_export_aws::trace::{TraceId, traced};
use lead_export_core::lead::OrgId;
use lead_export_core::limits;
use lead_export_core::ports::Clock;
use lead_export_core::record::ExportId;
use lead_export_core::run::{Done, Ran, RunExport};
use lead_export_core::time::Instant;

/// The variables of the environment that this function reads, besides Lambda's own.
pub const VARIABLES: &[&str] = &[
    "LEADS_TABLE",
    "SOURCES_TABLE",
    "EXPORTS_TABLE",
    "FILES_BUCKET",
    "EXPORTS_QUEUE_URL",
    "RETENTION",
    "DAILY_VOLUME",
    "SLICE",
    "READ_CONSISTENCY",
    "READ_UNITS",
    "EVENT_BUS",
    "MAIL_FROM",
    "PAGE_URL",
];

/// What this function is made of.
pub struct App {
    /// The use-case.
    pub run: RunExport,
    /// How long one invocation reads.
    pub slice: Duration,
}

impl App {
    /// Builds the function from its environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn new(ports: &Ports) -> Result<Self, ConfigError> {
        Ok(Self {
            run: RunExport {
                leads: ports.paced_leads()?,
                sources: ports.sources()?,
                exports: ports.exports()?,
                queue: ports.queue()?,
                pieces: ports.pieces()?,
                notifier: ports.notifier()?,
                clock: ports.clock(),
                dice: ports.dice(),
                retention: ports.config.retention()?,
                volume: ports.config.daily_volume()?,
                piece_bytes: limits::PIECE_BYTES,
                member_bytes: limits::GZIP_MEMBER_BYTES,
            },
            slice: ports.config.slice()?,
        })
    }

    /// When a run must stop: its slice over, and time left to store what it holds.
    fn stop_at(&self, clock: &Arc<dyn Clock>, context: &Context) -> Instant {
        let deadline = Instant::from_millis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        clock
            .now()
            .plus(self.slice)
            .min(deadline.minus(limits::STOP_BEFORE_DEADLINE))
    }
}

/// Works on the exports that the messages name. The record carries the duty: a busy, finished or unreadable message is done; only a
/// store that could not be asked gives its message back.
pub async fn handle(app: &App, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in &event.payload.records {
        // Boxed: a run holds buffers across its awaits, and the runtime moves the handler's future about.
        let work = Box::pin(work(app, message, &event.context));
        if !traced(TraceId::of_message(&message.attributes), work).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.clone().unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// Whether the message has done its duty.
async fn work(app: &App, message: &SqsMessage, context: &Context) -> bool {
    let message_id = message.message_id.as_deref().unwrap_or_default();
    let (org, id) = match parse_hint(message.body.as_deref().unwrap_or_default()) {
        Ok(hint) => hint,
        Err(error) => {
            // Retrying it for ever helps nobody (TM17); what it may have meant is due by its record.
            tracing::error!(message.id = message_id, cause = %error, "message {message_id} is unreadable and dropped");
            return true;
        }
    };
    let stop_at = app.stop_at(&app.run.clock, context);
    let started = app.run.clock.now();
    let outcome = app.run.run(&org, id, stop_at).await;
    let now = app.run.clock.now();
    let duration_ms = u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX);
    let word = outcome.as_ref().map_or("broken off", |ran| name(ran.done));
    measure(now, duration_ms, word);
    match outcome {
        Ok(ran) => {
            report(&org, id, &ran, duration_ms);
            true
        }
        Err(error) => {
            tracing::error!(export.id = %id, org.id = %org, cause = chain(&error), "export {id} was broken off; it is due again");
            false
        }
    }
}

/// What a run came to, in a word.
fn name(done: Done) -> &'static str {
    match done {
        Done::Absent => "absent",
        Done::Ended(_) => "ended before",
        Done::Busy => "busy",
        Done::Lost => "taken over",
        Done::Completed => "completed",
        Done::Failed(_) => "failed",
        Done::OverVolume => "failed, over the daily volume",
        Done::Paused => "paused",
    }
}

/// Counts runs by what they came to: `paused` are slices, `broken off` retries.
fn measure(now: Instant, duration_ms: u64, outcome: &str) {
    let took = Figure {
        name: "RunDuration",
        unit: "Milliseconds",
        value: duration_ms,
    };
    tell(now, Some(("Outcome", outcome)), &[count("Runs", 1), took]);
}

fn report(org: &OrgId, id: ExportId, ran: &Ran, duration_ms: u64) {
    let what = name(ran.done);
    if ran.done == Done::OverVolume {
        // The template's alarm looks for this word.
        tracing::warn!(export.id = %id, org.id = %org, "{}: export {id} holds more than is left of the day", limits::DAILY_VOLUME_EVENT);
    }
    if let Some(cause) = &ran.cause {
        // The record tells the code alone: this line is where the operator finds why.
        tracing::error!(export.id = %id, org.id = %org, store = cause.store, cause = chain(cause), "export {id} failed for good");
    }
    if let Some(cause) = &ran.unhinted {
        log_unhinted(org, id, cause);
    }
    tracing::info!(export.id = %id, org.id = %org, duration_ms, outcome = ?ran.done, "run of export {id}: {what}");
}

/// Runs the function: the Lambda's `main`.
///
/// # Errors
/// A missing variable, or the runtime's own failure.
pub async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::new(&Ports::from_env()?)?;
    let handler =
        async |event| Ok::<_, lambda_runtime::Error>(contained(handle(&app, event)).await?);
    lambda_runtime::run(lambda_runtime::service_fn(handler)).await
}
