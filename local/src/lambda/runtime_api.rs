//! The Runtime API of one process: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::RESPONSE_LIMIT_BYTES;
use crate::invoke::InvokeError;

/// What the process is asked to do.
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) payload: Bytes,
}

/// What the process did, in the order it did it.
pub(super) enum Event {
    /// It took the invocation: its time runs from here.
    Taken(Instant),
    /// It answered.
    Answered(Result<Bytes, InvokeError>),
    /// It says it cannot start.
    InitFailed(InvokeError),
}

enum Work {
    Nothing,
    Offered(Invocation),
    Running(String),
}

struct Books {
    /// The process has asked for work at least once: its start has succeeded.
    asked: bool,
    work: Work,
}

/// Where one process picks up its work and leaves its answers.
pub(super) struct Desk {
    timeout: Duration,
    arn: String,
    books: Mutex<Books>,
    offered: Notify,
    events: mpsc::UnboundedSender<Event>,
}

impl Desk {
    /// A desk of a function with this timeout and ARN, and the reports of what happens at it.
    pub(super) fn new(
        timeout: Duration,
        arn: String,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Event>) {
        let (events, reports) = mpsc::unbounded_channel();
        let desk = Self {
            timeout,
            arn,
            books: Mutex::new(Books {
                asked: false,
                work: Work::Nothing,
            }),
            offered: Notify::new(),
            events,
        };
        (Arc::new(desk), reports)
    }

    /// Lays out an invocation. The one before it must have been answered.
    pub(super) fn offer(&self, invocation: Invocation) {
        self.books().work = Work::Offered(invocation);
        self.offered.notify_one();
    }

    /// Takes the invocation, if there is one.
    fn take(&self) -> Result<Option<Invocation>, Refusal> {
        let mut books = self.books();
        books.asked = true;
        match std::mem::replace(&mut books.work, Work::Nothing) {
            Work::Nothing => Ok(None),
            Work::Offered(invocation) => {
                books.work = Work::Running(invocation.id.clone());
                self.report(Event::Taken(Instant::now()));
                Ok(Some(invocation))
            }
            running @ Work::Running(_) => {
                books.work = running;
                Err(Refusal::OutOfTurn)
            }
        }
    }

    fn is_running(&self, id: &str) -> bool {
        matches!(&self.books().work, Work::Running(running) if running == id)
    }

    /// Files the answer of the running invocation.
    fn answer(&self, id: &str, answer: Result<Bytes, InvokeError>) -> Result<(), Refusal> {
        let mut books = self.books();
        match &books.work {
            Work::Running(running) if running == id => {
                books.work = Work::Nothing;
                self.report(Event::Answered(answer));
                Ok(())
            }
            _ => Err(Refusal::UnknownInvocation),
        }
    }

    fn report(&self, event: Event) {
        // Nobody listens once the process is being killed; then nothing matters any more.
        let _ = self.events.send(event);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a desk on a port of its own until the tasks are dropped, and returns its address.
///
/// # Errors
/// If no port of the loopback interface can be had.
pub(super) async fn serve(desk: Arc<Desk>, tasks: &mut JoinSet<()>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|connection| {
        // Only speed is at stake.
        let _ = connection.set_nodelay(true);
    });
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(desk);
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "a Runtime API has stopped");
        }
    });
    Ok(address)
}

async fn next(State(desk): State<Arc<Desk>>) -> Result<Response, Refusal> {
    loop {
        if let Some(Invocation { id, payload }) = desk.take()? {
            let deadline = SystemTime::now() + desk.timeout;
            let deadline_ms = deadline
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis();
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("lambda-runtime-aws-request-id", id),
                ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
                ("lambda-runtime-invoked-function-arn", desk.arn.clone()),
                ("lambda-runtime-trace-id", trace_id()),
            ];
            return Ok((headers, payload).into_response());
        }
        desk.offered.notified().await;
    }
}

async fn response(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    if !desk.is_running(&id) {
        return Err(Refusal::UnknownInvocation);
    }
    let upload = read(body).await?;
    if upload.size_bytes > RESPONSE_LIMIT_BYTES {
        let error = InvokeError::Function {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            message: format!(
                "Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
            ),
        };
        desk.answer(&id, Err(error))?;
        return Err(Refusal::TooLarge);
    }
    let answer = match failure_in(&upload.trailers) {
        Some(error) => Err(error),
        None => Ok(upload.bytes),
    };
    desk.answer(&id, answer)?;
    Ok(accepted())
}

async fn error(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if !desk.is_running(&id) {
        return Err(Refusal::UnknownInvocation);
    }
    let failure = failure_of(&headers, &read(body).await?.bytes);
    desk.answer(&id, Err(failure))?;
    Ok(accepted())
}

async fn init_error(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let failure = failure_of(&headers, &read(body).await?.bytes);
    if desk.books().asked {
        return Err(Refusal::OutOfTurn);
    }
    desk.report(Event::InitFailed(failure));
    Ok(accepted())
}

/// Why the process is refused, in the Runtime API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    OutOfTurn,
    UnknownInvocation,
    TooLarge,
    BrokenOff,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error_type, message) = match self {
            Self::OutOfTurn => (
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "This is not the time to ask for that.",
            ),
            Self::UnknownInvocation => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "This is not the invocation that is running.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "Exceeded maximum allowed payload size.",
            ),
            Self::BrokenOff => (
                StatusCode::BAD_REQUEST,
                "InvalidRequest",
                "The body broke off.",
            ),
        };
        let body = json!({"errorType": error_type, "errorMessage": message});
        (status, axum::Json(body)).into_response()
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

struct Upload {
    /// Of what was kept, which is nothing once the limit is passed.
    bytes: Bytes,
    size_bytes: usize,
    trailers: HeaderMap,
}

/// Reads a body, chunked or not, to its end. What is over the limit is read and thrown away: an answer given before the end
/// would reach a client that still writes as a broken connection, and `lambda_runtime` would end over it.
async fn read(mut body: Body) -> Result<Upload, Refusal> {
    let mut kept = BytesMut::new();
    let mut size_bytes = 0;
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        // No answer is filed for it: the process's end or its deadline will tell what happened.
        match frame.map_err(|_| Refusal::BrokenOff)?.into_data() {
            Ok(data) => {
                size_bytes += data.len();
                if size_bytes > RESPONSE_LIMIT_BYTES {
                    kept = BytesMut::new();
                } else {
                    kept.extend_from_slice(&data);
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(Upload {
        bytes: kept.freeze(),
        size_bytes,
        trailers,
    })
}

/// The failure a function tells of, by the JSON in the body, or else by the header.
fn failure_of(headers: &HeaderMap, body: &[u8]) -> InvokeError {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let header = || {
        Some(
            headers
                .get("lambda-runtime-function-error-type")?
                .to_str()
                .ok()?
                .to_owned(),
        )
    };
    InvokeError::Function {
        error_type: text("errorType")
            .or_else(header)
            .unwrap_or_else(|| "Runtime.Unknown".to_owned()),
        message: text("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
    }
}

/// The failure in the trailers of a streamed answer that broke in the middle
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>, "Implementing response streaming").
fn failure_in(trailers: &HeaderMap) -> Option<InvokeError> {
    trailers.get("lambda-runtime-function-error-type")?;
    let told = trailers
        .get("lambda-runtime-function-error-body")
        .map(axum::http::HeaderValue::as_bytes);
    let body = BASE64.decode(told.unwrap_or_default()).unwrap_or_default();
    Some(failure_of(trailers, &body))
}

/// A fresh trace, not sampled, in X-Ray's form.
fn trace_id() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let parent = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "Root=1-{seconds:08x}-{};Parent={};Sampled=0",
        &trace[..24],
        &parent[..16]
    )
}

#[cfg(test)]
mod tests;
