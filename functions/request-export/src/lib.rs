//! `request-export`: takes requests for exports (R1 to R4), previews them, saves and deletes presets.

use http::header::{HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use lambda_http::{Body, Request};
use lead_export_aws::config::ConfigError;
use lead_export_aws::http::{Call, ClaimRules, finish, json};
use lead_export_aws::ports::Ports;
use lead_export_aws::problem::{Problem, RETRY_SECONDS};
use lead_export_aws::trace::traced;
use lead_export_aws::{entry, log};
use lead_export_core::limits;
use lead_export_core::presets::SavePreset;
use lead_export_core::preview::PreviewExport;
use lead_export_core::request::{self, RequestError, RequestExport};
use lead_export_core::view;

/// The routes that the gateway sends here.
pub const ROUTES: &[&str] = &[
    "POST /sources/{source}/exports",
    "POST /sources/{source}/exports/preview",
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
        Ok(Self {
            presets: SavePreset {
                sources: sources.clone(),
                exports: exports.clone(),
                presets: presets.clone(),
                clock: clock.clone(),
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
            request: RequestExport {
                sources,
                exports,
                presets,
                queue: ports.queue()?,
                clock,
                dice: ports.dice(),
                max_active: ports.config.max_active_exports()?,
                volume: ports.config.daily_volume()?,
            },
            rules: ports.config.claim_rules()?,
        })
    }
}

/// Answers one event.
pub async fn handle(app: &App, event: Request) -> Response<Body> {
    let call = Call::new(event);
    let answer = traced(call.trace(), answer(app, &call)).await;
    finish(&call.request_id, answer)
}

async fn answer(app: &App, call: &Call) -> Result<Response<Body>, Problem> {
    let principal = call.principal(&app.rules)?;
    match (&call.method, call.route().as_slice()) {
        (&Method::POST, ["sources", source, "exports"]) => {
            bounded(call)?;
            let key = call.header(&HeaderName::from_static("idempotency-key"));
            let asked = request::Request {
                principal: &principal,
                source,
                path: &call.path,
                key: key.as_deref(),
                body: &call.body,
            };
            let accepted = app.request.request(asked).await;
            if let Err(RequestError::Volume(_)) = &accepted {
                // The template's alarm looks for this word.
                tracing::warn!(org.id = %principal.org, "{}: a request was refused", limits::DAILY_VOLUME_EVENT);
            }
            let accepted = accepted?;
            let export = &accepted.export;
            tracing::info!(export.id = %export.id(), org.id = %export.org, replayed = accepted.replayed, "export {} accepted", export.id());
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
            Ok(answer)
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
    entry::serve(|event| handle(&app, event)).await
}
