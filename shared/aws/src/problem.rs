//! Refusals and failures as callers see them: RFC 9457 problem details, written in this one place.

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::Body;
use lead_export_core::access::Refusal;
use lead_export_core::download::DownloadError;
use lead_export_core::end::EndError;
use lead_export_core::history::HistoryError;
use lead_export_core::input::{Fault, InvalidRequest};
use lead_export_core::ports::{StoreError, StoreErrorKind};
use lead_export_core::presets::PresetError;
use lead_export_core::preview::PreviewError;
use lead_export_core::record::{Delivery, Status};
use lead_export_core::request::RequestError;
use lead_export_core::usage::UsageError;
use lead_export_core::volume::OverVolume;
use serde_json::{Value, json};

/// Seconds after which a caller may ask again about an export at work.
pub const RETRY_SECONDS: u32 = 2;
/// Seconds after which a caller over the quota may try again.
pub(crate) const QUOTA_SECONDS: u32 = 10;
/// Seconds after which a caller may try again when a store was not there.
pub(crate) const UNAVAILABLE_SECONDS: u32 = 5;

/// Every kind of problem: what stands behind `/problems/` in its type.
pub const KINDS: [&str; 12] = [
    "invalid-request",
    "unauthorized",
    "not-found",
    "forbidden",
    "not-ready",
    "gone",
    "too-large",
    "key-reused",
    "quota",
    "daily-volume",
    "unavailable",
    "internal",
];

/// A refusal or failure.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    more: Vec<(&'static str, Value)>,
    retry_after: Option<u32>,
    /// For the log, once, at the edge.
    cause: Option<StoreError>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        debug_assert!(KINDS.contains(&kind), "{kind}");
        Self(Box::new(Details {
            status,
            kind,
            title,
            detail: detail.into(),
            more: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    /// 401: the event names nobody. The gateway has let it pass, so it is misconfigured; nothing has been read.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Unauthorized",
            "A valid bearer token is needed.",
        )
    }

    /// 404, for what is absent and what may not be seen alike.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            "There is no such source or export, or you may not see it.",
        )
    }

    /// 400: the event makes no sense as a request; nothing of it can be named.
    pub fn malformed() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            "Invalid request",
            "The request cannot be read.",
        )
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "Too large",
            format!("The body is larger than {} KiB.", limit >> 10),
        )
    }

    /// What went wrong inside, if anything did.
    pub fn cause(&self) -> Option<&StoreError> {
        self.0.cause.as_ref()
    }

    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The answer. Only failures of ours repeat the request's id in the body.
    pub fn answer(&self, request_id: &str) -> Response<Body> {
        let mut body = json!({
            "type": format!("/problems/{}", self.0.kind),
            "title": self.0.title,
            "status": self.0.status.as_u16(),
            "detail": self.0.detail,
        });
        for (name, value) in &self.0.more {
            body[*name] = value.clone();
        }
        if self.0.status.is_server_error() {
            body["request_id"] = json!(request_id);
        }
        let mut answer = Response::new(Body::Text(body.to_string()));
        *answer.status_mut() = self.0.status;
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }

    fn caused(mut self, cause: StoreError) -> Self {
        self.0.cause = Some(cause);
        self
    }

    fn retry(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "Forbidden",
                "Your grant on this source does not allow it. Ask an admin of the source.",
            ),
        }
    }
}

impl From<InvalidRequest> for Problem {
    fn from(invalid: InvalidRequest) -> Self {
        let status = match invalid.fault {
            Fault::Malformed => StatusCode::BAD_REQUEST,
            Fault::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let detail = match invalid.errors.as_slice() {
            [one] => invalid_detail(&one.field, &one.message),
            many => format!("{} fields are bad; see errors.", many.len()),
        };
        let mut problem = Self::new(status, "invalid-request", "Invalid request", detail);
        problem.0.more.push(("errors", json!(invalid.errors)));
        problem
    }
}

fn invalid_detail(field: &str, message: &str) -> String {
    if field.is_empty() {
        format!("{message}.")
    } else {
        format!("{field}: {message}.")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = match error.kind {
            StoreErrorKind::Unavailable | StoreErrorKind::Throttled | StoreErrorKind::Conflict => {
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "Unavailable",
                    "The service cannot answer just now. Try again.",
                )
                .retry(UNAVAILABLE_SECONDS)
            }
            StoreErrorKind::NotFound | StoreErrorKind::Denied | StoreErrorKind::Corrupt => {
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Internal error",
                    "Something went wrong on our side. Quote the request id.",
                )
            }
        };
        problem.caused(error)
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Refused(refusal) => refusal.into(),
            HistoryError::Store(error) => error.into(),
        }
    }
}

impl From<EndError> for Problem {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Refused(refusal) => refusal.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Invalid(invalid) => invalid.into(),
            RequestError::Store(error) => error.into(),
            RequestError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-reused",
                "Key reused",
                "This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.",
            ),
            RequestError::Quota(ids) => {
                let mut problem = Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "quota",
                    "Quota reached",
                    "Your organization has as many exports under way as it may. Wait for one to end, or cancel one.",
                )
                .retry(QUOTA_SECONDS);
                problem.0.more.push(("export_ids", json!(ids)));
                problem
            }
            RequestError::Volume(over) => over.into(),
            RequestError::Contention => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Unavailable",
                "Too many requests at the same time. Try again.",
            )
            .retry(1),
        }
    }
}

impl From<OverVolume> for Problem {
    fn from(over: OverVolume) -> Self {
        let seconds = over.again_in.as_millis().div_ceil(1000).max(1);
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "daily-volume",
            "Daily volume reached",
            format!(
                "You have taken {} of the {} leads that a user may export in a UTC day. Go on tomorrow, or ask the operator for more.",
                over.used, over.most
            ),
        )
        .retry(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Refused(refusal) => refusal.into(),
            UsageError::Invalid(invalid) => invalid.into(),
            UsageError::Store(error) => error.into(),
        }
    }
}

impl From<PresetError> for Problem {
    fn from(error: PresetError) -> Self {
        match error {
            PresetError::Refused(refusal) => refusal.into(),
            PresetError::Invalid(invalid) => invalid.into(),
            PresetError::Store(error) => error.into(),
        }
    }
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Refused(refusal) => refusal.into(),
            PreviewError::Invalid(invalid) => invalid.into(),
            PreviewError::Store(error) => error.into(),
        }
    }
}

impl From<DownloadError> for Problem {
    fn from(error: DownloadError) -> Self {
        let conflict =
            |detail: &str| Self::new(StatusCode::CONFLICT, "not-ready", "Not ready", detail);
        match error {
            DownloadError::Refused(refusal) => refusal.into(),
            DownloadError::Store(error) => error.into(),
            DownloadError::NotReady => {
                conflict("The export is still at work. Ask again soon.").retry(RETRY_SECONDS)
            }
            DownloadError::NoFile(_, Delivery::Inline) => {
                conflict("The export was delivered in the answer to its request; there is no file.")
            }
            DownloadError::NoFile(Status::Cancelled, _) => {
                conflict("The export was cancelled; there is no file.")
            }
            DownloadError::NoFile(..) => {
                conflict("The export failed; there is no file. Its failure says what to do.")
            }
            DownloadError::Gone => Self::new(
                StatusCode::GONE,
                "gone",
                "Gone",
                "The file is no longer there: its time has passed, or it was deleted. Export again.",
            ),
        }
    }
}
