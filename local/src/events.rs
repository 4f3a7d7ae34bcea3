//! EventBridge and SES for one machine: what is told ends in an outbox, where it can be seen.
//!
//! Two calls, for the AWS SDKs, boto3 and the `aws` command line: `PutEvents`
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>) and `SendEmail` of SES v2
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>). Nothing is routed and no mail leaves the machine:
//! both are shown at `GET /local/outbox` and are lines of JSON in the file `logs/outbox.log` of the data folder.
//!
//! Where it is simpler than AWS: there is every event bus one names; the sender of a mail need not be verified; templates, raw
//! messages, attachments and lists are refused. A request must be signed with our access key; the signature is not verified.

mod outbox;
mod put_events;
mod send_email;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

pub use outbox::{Event, Mail, Outbox};

/// More than either service takes: SES v2 messages of 40 MB are for attachments, which are refused here.
const MAX_REQUEST_BYTES: usize = 2 << 20;

struct Server {
    outbox: Arc<Outbox>,
    access_key: String,
}

/// A refusal, as either protocol gives it: the code and a sentence; the status is always 400 but for who may call at all.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }
}

/// Serves both services until `shutdown`.
///
/// # Errors
/// The listener cannot be served.
pub async fn serve(
    listener: TcpListener,
    outbox: Arc<Outbox>,
    access_key: String,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let server = Arc::new(Server { outbox, access_key });
    let router = Router::new()
        .route("/", post(events))
        .route("/v2/email/outbound-emails", post(mails))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(server);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
        .context("events and mails cannot be taken")
}

/// The local-only route `GET /local/outbox`: `{"events": […], "mails": […]}`, the oldest first.
pub fn router(outbox: Arc<Outbox>) -> Router {
    let show = |State(outbox): State<Arc<Outbox>>, headers: HeaderMap| async move {
        // A page whose name was made to lead here must not read it: its requests name its own host.
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let is_local = host.is_some_and(|host| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        });
        if is_local {
            answer(StatusCode::OK, "application/json", &outbox.shown())
        } else {
            let body = json!({"message": "Ask for it as 127.0.0.1 or localhost."});
            answer(StatusCode::FORBIDDEN, "application/json", &body)
        }
    };
    Router::new()
        .route("/local/outbox", get(show))
        .with_state(outbox)
}

/// EventBridge speaks AWS JSON 1.1 (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>).
async fn events(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    let done = authenticate(&headers, &server.access_key).and_then(|()| match operation {
        Some("AWSEvents.PutEvents") => put_events::run(&server.outbox, &body),
        _ => Err(Refusal::new(
            "UnknownOperationException",
            "only PutEvents is here",
        )),
    });
    let kind = "application/x-amz-json-1.1";
    match done {
        Ok(done) => answer(StatusCode::OK, kind, &done),
        Err(refusal) => {
            let body = json!({"__type": refusal.code, "message": refusal.message});
            answer(refusal.status, kind, &body)
        }
    }
}

/// SES speaks REST JSON 1 (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html>): the code of an error is a header.
async fn mails(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let done = authenticate(&headers, &server.access_key)
        .and_then(|()| send_email::run(&server.outbox, &body));
    match done {
        Ok(done) => answer(StatusCode::OK, "application/json", &done),
        Err(refusal) => {
            let body = json!({"message": refusal.message});
            let mut response = answer(refusal.status, "application/json", &body);
            let name = HeaderName::from_static("x-amzn-errortype");
            let code = HeaderValue::from_static(refusal.code);
            response.headers_mut().insert(name, code);
            response
        }
    }
}

fn answer(status: StatusCode, kind: &'static str, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Checks that the request claims to be signed with our key.
fn authenticate(headers: &HeaderMap, access_key: &str) -> Result<(), Refusal> {
    let forbidden = |code, message: &str| Refusal {
        status: StatusCode::FORBIDDEN,
        ..Refusal::new(code, message)
    };
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Err(forbidden(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let key = header.to_str().ok().and_then(|header| {
        let mut fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?.split(',');
        let scope = fields.find_map(|field| field.trim().strip_prefix("Credential="))?;
        Some(scope.split_once('/')?.0)
    });
    match key {
        Some(key) if key == access_key => Ok(()),
        _ => Err(forbidden(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )),
    }
}
