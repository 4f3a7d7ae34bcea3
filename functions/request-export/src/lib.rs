//! `request-export`: takes requests for exports (R1 to R4), previews them, answers small ones with the CSV, saves and deletes presets.

use http::header::{HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use lambda_http::{Body, Request};
use lead_export_aws::answer::{Refused, csv, prefers_later};
use lead_export_aws::config::ConfigError;
use lead_export_aws::http::{Call, ClaimRules, finish, json, log_failure, with_id};
use lead_export_aws::ports::Ports;
use lead_export_aws::problem::{Problem, RETRY_SECONDS};
use lead_export_aws::queue::log_unhinted;
use lead_export_aws::trace::traced;
use lead_export_aws::{entry, log};
use lead_export_core::access::Principal;
use lead_export_core::answer::{AnswerError, AnswerExport};
use lead_export_core::limits;
use lead_export_core::presets::SavePreset;
use lead_export_core::preview::PreviewExport;
use lead_export_core::request::{self, Accepted, RequestError, RequestExport};
use lead_export_core::view;

/// The routes that the gateway sends here.
pub const ROUTES: &[&str] = &[
    "POST /sources/{source}/exports",
    "POST /sources/{source}/exports/preview",
    "POST /api/v1/operations/export",
    "PUT /sources/{source}/presets/{name}",
    "DELETE /sources/{source}/presets/{name}",
];

/// The variables of the environment that this function reads, besides Lambda's own.
pub const VARIABLES: &[&str] = &[
    "LEADS_TABLE",
    "SOURCES_TABLE",
    "EXPORTS_TABLE",
    "EXPORTS_QUEUE_URL",
    "MAX_ACTIVE_EXPORTS",
    "DAILY_VOLUME",
    "READ_CONSISTENCY",
    "MAIL_FROM",
    "ORG_CLAIM",
    "SINGLE_ORG",
    "TOKEN_USE",
    "REQUIRED_SCOPE",
];

/// What this function is made of.
pub struct App {
    /// Takes requests.
    pub request: RequestExport,
    /// Shows what a request would give.
    pub preview: PreviewExport,
    /// Answers with the CSV.
    pub answer: AnswerExport,
    /// Saves and deletes presets.
    pub presets: SavePreset,
    /// How claims are read.
    pub rules: ClaimRules,
}

impl App {
    /// Builds the function from its environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn new(ports: &Ports) -> Result<Self, ConfigError> {
        let (sources, exports, presets) = (ports.sources()?, ports.exports()?, ports.presets()?);
        let clock = ports.clock();
        let sends_mails = ports.config.mail_from()?.is_some();
        let request = RequestExport {
            sources: sources.clone(),
            exports: exports.clone(),
            presets: presets.clone(),
            queue: ports.queue()?,
            clock: clock.clone(),
            dice: ports.dice(),
            max_active: ports.config.max_active_exports()?,
            volume: ports.config.daily_volume()?,
            sends_mails,
        };
        Ok(Self {
            answer: AnswerExport {
                request: request.clone(),
                leads: ports.leads()?,
                index: ports.lead_index()?,
            },
            preview: PreviewExport {
                sources: sources.clone(),
                exports: exports.clone(),
                presets: presets.clone(),
                leads: ports.leads()?,
                sample: ports.sample()?,
                clock: clock.clone(),
                read_bytes: limits::PREVIEW_READ_BYTES,
                member_bytes: limits::GZIP_MEMBER_BYTES,
            },
            presets: SavePreset {
                sources,
                exports,
                presets,
                clock,
                sends_mails,
            },
            request,
            rules: ports.config.claim_rules()?,
        })
    }
}

/// Answers one event.
pub async fn handle(app: &App, event: Request) -> Response<Body> {
    let call = Call::new(event);
    if call.method == Method::POST && call.route() == ["api", "v1", "operations", "export"] {
        let operation = traced(call.trace(), Box::pin(operation(app, &call))).await;
        let answer = operation.unwrap_or_else(|refused| {
            if let Some(cause) = refused.cause() {
                log_failure(&call.request_id, refused.status(), cause);
            }
            refused.answer(&call.request_id)
        });
        return with_id(answer, &call.request_id);
    }
    let answer = traced(call.trace(), Box::pin(answer(app, &call))).await;
    finish(&call.request_id, answer)
}

/// Export to CSV: in the answer, or later as a file.
async fn operation(app: &App, call: &Call) -> Result<Response<Body>, Refused> {
    let Ok(principal) = call.principal(&app.rules) else {
        return Err(Refused::unauthorized());
    };
    if call.body.len() > limits::ANSWER_BODY_BYTES {
        return Err(Refused::body_too_large());
    }
    let prefer = call.header(&HeaderName::from_static("prefer"));
    if prefers_later(prefer.as_deref()) {
        let key = call.header(&IDEMPOTENCY_KEY);
        let later = app
            .answer
            .later(&principal, &call.path, key.as_deref(), &call.body);
        let mut answer = accepted(&told(&principal, later.await)?);
        answer.headers_mut().insert(
            HeaderName::from_static("preference-applied"),
            HeaderValue::from_static("respond-async"),
        );
        return Ok(answer);
    }
    // Boxed: the state of an answer is too large to be a part of its callers' states.
    let answer = Box::pin(app.answer.answer(&principal, &call.body)).await;
    let answer = told(&principal, answer)?;
    for id in &answer.exports {
        tracing::info!(export.id = %id, org.id = %principal.org, leads = answer.leads, size_bytes = answer.bytes.len(), "export {id} answered");
    }
    csv(answer)
}

/// Tells the log of a daily volume that was met.
fn told<T>(principal: &Principal, result: Result<T, AnswerError>) -> Result<T, AnswerError> {
    if let Err(AnswerError::Request(RequestError::Volume(_))) = &result {
        over_volume(principal);
    }
    result
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

async fn answer(app: &App, call: &Call) -> Result<Response<Body>, Problem> {
    let principal = call.principal(&app.rules)?;
    match (&call.method, call.route().as_slice()) {
        (&Method::POST, ["sources", source, "exports"]) => {
            bounded(call)?;
            let key = call.header(&IDEMPOTENCY_KEY);
            let asked = request::Request {
                principal: &principal,
                source,
                path: &call.path,
                key: key.as_deref(),
                body: &call.body,
            };
            let answered = app.request.request(asked).await;
            if let Err(RequestError::Volume(_)) = &answered {
                over_volume(&principal);
            }
            Ok(accepted(&answered?))
        }
        (&Method::POST, ["sources", source, "exports", "preview"]) => {
            bounded(call)?;
            let preview = app.preview.preview(&principal, source, &call.body).await;
            Ok(json(StatusCode::OK, &view::preview(&preview?)))
        }
        (&Method::PUT, ["sources", source, "presets", name]) => {
            bounded(call)?;
            let saved = app.presets.save(&principal, source, name, &call.body).await;
            Ok(json(StatusCode::OK, &view::preset(&saved?)))
        }
        (&Method::DELETE, ["sources", source, "presets", name]) => {
            app.presets.delete(&principal, source, name).await?;
            let mut answer = Response::new(Body::Empty);
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
        _ => Err(Problem::not_found()),
    }
}

/// The template's alarm looks for this word.
fn over_volume(principal: &Principal) {
    tracing::warn!(org.id = %principal.org, "{}: a request was refused", limits::DAILY_VOLUME_EVENT);
}

/// 202, the export, and where to look for it.
fn accepted(accepted: &Accepted) -> Response<Body> {
    let export = &accepted.export;
    tracing::info!(export.id = %export.id(), org.id = %export.org, replayed = accepted.replayed, "export {} accepted", export.id());
    if let Some(cause) = &accepted.unhinted {
        log_unhinted(&export.org, export.id(), cause);
    }
    let mut answer = json(StatusCode::ACCEPTED, &view::export(export, &[]));
    let headers = answer.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/exports/{}", export.id())) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    if accepted.replayed {
        headers.insert(
            HeaderName::from_static("idempotency-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    answer
}

fn bounded(call: &Call) -> Result<(), Problem> {
    if call.body.len() > limits::BODY_BYTES {
        return Err(Problem::body_too_large(limits::BODY_BYTES));
    }
    Ok(())
}

/// Runs the function: the Lambda's `main`.
///
/// # Errors
/// A missing variable, or the runtime's own failure.
pub async fn main() -> Result<(), lambda_http::Error> {
    log::start();
    let app = App::new(&Ports::from_env()?)?;
    entry::serve(|event| Box::pin(handle(&app, event))).await
}
