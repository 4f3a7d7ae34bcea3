//! `download-export`: shows sources, fields, presets and history, hands out links, cancels and deletes (D1 to D5); serves the page.

mod page;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use lambda_http::{Body, Request};
use lead_export_aws::config::ConfigError;
use lead_export_aws::http::{Call, ClaimRules, finish, json};
use lead_export_aws::openapi;
use lead_export_aws::ports::Ports;
use lead_export_aws::problem::{Problem, RETRY_SECONDS};
use lead_export_aws::trace::traced;
use lead_export_aws::{entry, log};
use lead_export_core::access::Principal;
use lead_export_core::download::DownloadExport;
use lead_export_core::end::EndExport;
use lead_export_core::history::ReadHistory;
use lead_export_core::presets::ReadPresets;
use lead_export_core::record::ExportId;
use lead_export_core::usage::ReadUsage;
use lead_export_core::{listing, view};

pub use page::Page;

/// The routes that the gateway sends here.
pub const ROUTES: &[&str] = &[
    "GET /sources",
    "GET /sources/{source}/fields",
    "GET /sources/{source}/exports",
    "GET /sources/{source}/usage",
    "GET /sources/{source}/presets",
    "GET /sources/{source}/presets/{name}",
    "GET /exports/{id}",
    "GET /exports/{id}/download",
    "DELETE /exports/{id}",
];

/// The routes that ask for no token: the page, which asks the API for everything else as whoever signed in, and what describes the API.
pub const OPEN_ROUTES: &[&str] = &[
    "GET /",
    "GET /assets/{name}",
    "GET /config.json",
    "GET /openapi.json",
];

/// The variables of the environment that this function reads, besides Lambda's own.
pub const VARIABLES: &[&str] = &[
    "SOURCES_TABLE",
    "EXPORTS_TABLE",
    "AUDIT_TABLE",
    "FILES_BUCKET",
    "DOWNLOAD_TTL",
    "EVENT_BUS",
    "MAIL_FROM",
    "PAGE_URL",
    "ORG_CLAIM",
    "SINGLE_ORG",
    "TOKEN_USE",
    "REQUIRED_SCOPE",
    "JWT_ISSUER",
    "PAGE_CLIENT_ID",
    "PAGE_SCOPE",
    "PAGE_AUDIENCE",
    "PAGE_SIGN_IN_ORIGINS",
];

/// What this function is made of.
pub struct App {
    /// Shows what there is.
    pub history: ReadHistory,
    /// Counts what exports came to.
    pub usage: ReadUsage,
    /// Shows presets.
    pub presets: ReadPresets,
    /// Hands out links.
    pub download: DownloadExport,
    /// Cancels and deletes.
    pub end: EndExport,
    /// The page.
    pub page: Page,
    /// How claims are read.
    pub rules: ClaimRules,
}

impl App {
    /// Builds the function from its environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn new(ports: &Ports) -> Result<Self, ConfigError> {
        let (sources, exports, audit) = (ports.sources()?, ports.exports()?, ports.audit()?);
        let (clock, dice) = (ports.clock(), ports.dice());
        Ok(Self {
            history: ReadHistory {
                sources: sources.clone(),
                exports: exports.clone(),
                audit: audit.clone(),
                clock: clock.clone(),
            },
            usage: ReadUsage {
                sources: sources.clone(),
                exports: exports.clone(),
                audit: audit.clone(),
                clock: clock.clone(),
            },
            presets: ReadPresets {
                sources: sources.clone(),
                presets: ports.presets()?,
            },
            download: DownloadExport {
                sources: sources.clone(),
                exports: exports.clone(),
                audit: audit.clone(),
                signer: ports.signer()?,
                clock: clock.clone(),
                dice: dice.clone(),
                ttl: ports.config.download_ttl()?,
            },
            end: EndExport {
                sources,
                exports,
                audit,
                pieces: ports.pieces()?,
                notifier: ports.notifier()?,
                clock,
                dice,
            },
            page: Page::new(ports.config.sign_in()?),
            rules: ports.config.claim_rules()?,
        })
    }
}

/// Answers one event.
pub async fn handle(app: &App, event: Request) -> Response<Body> {
    let call = Call::new(event);
    let answer = traced(call.trace(), Box::pin(answer(app, &call))).await;
    finish(&call.request_id, answer)
}

async fn answer(app: &App, call: &Call) -> Result<Response<Body>, Problem> {
    if let Some(answer) = app.page.answer(call) {
        return answer;
    }
    if let (&Method::GET, ["openapi.json"]) = (&call.method, call.route().as_slice()) {
        return Ok(description());
    }
    let principal = call.principal(&app.rules)?;
    match (&call.method, call.route().as_slice()) {
        (&Method::GET, ["sources"]) => Ok(json(
            StatusCode::OK,
            &view::sources(&app.history.sources(&principal).await?),
        )),
        (&Method::GET, ["sources", source, "fields"]) => {
            let source = app.history.source(&principal, source).await?;
            Ok(json(StatusCode::OK, &view::fields(&source)))
        }
        (&Method::GET, ["sources", source, "exports"]) => {
            let source = app.history.source(&principal, source).await?;
            let query = listing::parse(&call.query, &source)?;
            let (page, downloads) = app.history.list(&query).await?;
            let cursor = page.next.map(listing::cursor);
            Ok(json(
                StatusCode::OK,
                &view::history(&page, &downloads, cursor.as_deref()),
            ))
        }
        (&Method::GET, ["sources", source, "usage"]) => {
            let usage = app.usage.usage(&principal, source, &call.query).await?;
            Ok(json(StatusCode::OK, &view::usage(&usage)))
        }
        (&Method::GET, ["sources", source, "presets"]) => {
            let presets = app.presets.list(&principal, source).await?;
            Ok(json(StatusCode::OK, &view::presets(&presets)))
        }
        (&Method::GET, ["sources", source, "presets", name]) => {
            let preset = app.presets.one(&principal, source, name).await?;
            Ok(json(StatusCode::OK, &view::preset(&preset)))
        }
        (&Method::GET, ["exports", id]) => {
            let (export, downloads) = app.history.one(&principal, ExportId::parse(id)).await?;
            let mut answer = json(StatusCode::OK, &view::export(&export, &downloads));
            if !export.status().is_terminal() {
                answer
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            Ok(answer)
        }
        (&Method::GET, ["exports", id, "download"]) => download(app, call, &principal, id).await,
        (&Method::DELETE, ["exports", id]) => {
            let (export, downloads) = app.end.end(&principal, ExportId::parse(id)).await?;
            tracing::info!(export.id = %export.id(), org.id = %export.org, "export {} is {}", export.id(), export.status().as_str());
            Ok(json(StatusCode::OK, &view::export(&export, &downloads)))
        }
        _ => Err(Problem::not_found()),
    }
}

/// The description of the API: the same for everybody, and until the next deployment.
fn description() -> Response<Body> {
    let mut answer = Response::new(Body::Text(openapi::text().to_owned()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    answer
}

async fn download(
    app: &App,
    call: &Call,
    principal: &Principal,
    id: &str,
) -> Result<Response<Body>, Problem> {
    let link = app
        .download
        .download(principal, ExportId::parse(id))
        .await?;
    tracing::info!(export.id = %link.export.id(), org.id = %link.export.org, "a link to export {} was given", link.export.id());
    let as_json = call
        .header(&ACCEPT)
        .is_some_and(|accept| names_json(&accept));
    let status = if as_json {
        StatusCode::OK
    } else {
        StatusCode::SEE_OTHER
    };
    let mut answer = json(status, &view::link(&link));
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !as_json && let Ok(url) = HeaderValue::from_str(&link.url) {
        headers.insert(LOCATION, url);
    }
    Ok(answer)
}

/// Whether an `Accept` header names `application/json` itself, and does not refuse it by `q=0` (RFC 9110 §12.5.1).
fn names_json(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
        let refused = parts.any(|parameter| {
            let weight = parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        named && !refused
    })
}

/// Runs the function: the Lambda's `main`.
///
/// # Errors
/// A missing variable, or the runtime's own failure.
pub async fn main() -> Result<(), lambda_http::Error> {
    log::start();
    let app = App::new(&Ports::from_env()?)?;
    // Boxed: an answer holds what it reads across its awaits.
    entry::serve(|event| Box::pin(handle(&app, event))).await
}

#[cfg(test)]
mod tests {
    use super::names_json;

    #[test]
    fn json_is_given_to_those_who_name_it() {
        for accept in [
            "application/json",
            "text/html, Application/JSON;q=0.5",
            "application/json ; charset=utf-8",
        ] {
            assert!(names_json(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/json;q=0",
            "application/jsonp",
            "application/*",
        ] {
            assert!(!names_json(accept), "{accept}");
        }
    }
}
