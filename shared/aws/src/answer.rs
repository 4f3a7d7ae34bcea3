//! The export in the answer, as callers see it: the published forms of contract §6.

use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use lambda_http::Body;
use lead_export_core::access::Refusal;
use lead_export_core::answer::{Answer, AnswerError};
use lead_export_core::limits;
use lead_export_core::ports::StoreError;
use lead_export_core::request::RequestError;
use lead_export_core::sink::Carried;
use serde_json::{Value, json};

use crate::problem::{QUOTA_SECONDS, UNAVAILABLE_SECONDS};

/// A refusal or failure of the operation.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    body: Box<Value>,
    retry_after: Option<u32>,
    /// For the log, once, at the edge.
    cause: Option<StoreError>,
}

impl Refused {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Box::new(json!({"error": {"code": code, "message": message.into()}})),
            retry_after: None,
            cause: None,
        }
    }

    /// 401: the event names nobody.
    pub fn unauthorized() -> Self {
        let message = "A valid bearer token is needed.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// 413: the request's body is too large.
    pub fn body_too_large() -> Self {
        let most = limits::ANSWER_BODY_BYTES >> 10;
        Self::too_large(format!("The body is larger than {most} KiB."))
    }

    fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
    }

    fn retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What went wrong inside, if anything did.
    pub fn cause(&self) -> Option<&StoreError> {
        self.cause.as_ref()
    }

    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer. Only failures of ours repeat the request's id in the body.
    pub fn answer(mut self, request_id: &str) -> Response<Body> {
        if self.status.is_server_error() {
            self.body["error"]["requestId"] = json!(request_id);
        }
        let mut answer = crate::http::json(self.status, &self.body);
        let headers = answer.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let message = "Something went wrong on our side. Quote the request id.";
        let mut refused = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message);
        if error.is_retryable() {
            refused = refused.retry(UNAVAILABLE_SECONDS);
        }
        refused.cause = Some(error);
        refused
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                "There is no such source, or you may not see it.",
            ),
            Refusal::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "FORBIDDEN",
                "Your grants do not allow an export. Ask an admin of the source.",
            ),
        }
    }
}

impl From<AnswerError> for Refused {
    fn from(error: AnswerError) -> Self {
        let invalid = |message| Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message);
        match error {
            AnswerError::NoData => Self {
                body: Box::new(json!({"error": "No data to export"})),
                ..invalid(String::new())
            },
            AnswerError::Invalid(message) => invalid(message),
            AnswerError::Refused(refusal) => refusal.into(),
            AnswerError::TooLarge => {
                Self::too_large("The answer would be too large: request an export instead.")
            }
            AnswerError::TooLate => {
                Self::too_large("The answer would take too long: request an export instead.")
            }
            AnswerError::Store(error) => error.into(),
            AnswerError::Plan(_) => Self::internal(),
            AnswerError::Request(error) => match error {
                RequestError::Quota(_) => Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "QUOTA",
                    "Your organization has as many exports under way as it may. Wait for one to end, or cancel one.",
                )
                .retry(QUOTA_SECONDS),
                RequestError::Volume(over) => {
                    let seconds = over.again_in.as_millis().div_ceil(1000).max(1);
                    let message = format!(
                        "You have taken {} of the {} leads that a user may export in a UTC day. Go on tomorrow, or ask the operator for more.",
                        over.used, over.most
                    );
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "DAILY_VOLUME", message)
                        .retry(u32::try_from(seconds).unwrap_or(u32::MAX))
                }
                RequestError::KeyReused => invalid(
                    "This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request."
                        .to_owned(),
                ),
                RequestError::Contention => Self::internal().retry(1),
                RequestError::Refused(refusal) => refusal.into(),
                RequestError::Invalid(error) => invalid(error.to_string()),
                RequestError::Store(error) => error.into(),
            },
        }
    }
}

impl Refused {
    fn internal() -> Self {
        let message = "Something went wrong on our side. Quote the request id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }
}

/// The CSV, whole.
///
/// # Errors
/// A problem of ours if the CSV is not UTF-8, which every value is.
pub fn csv(answer: Answer) -> Result<Response<Body>, Refused> {
    let body = match answer.carried {
        Carried::Text => {
            Body::Text(String::from_utf8(answer.bytes).map_err(|_| Refused::internal())?)
        }
        Carried::Base64 => Body::Binary(answer.bytes),
    };
    let mut response = Response::new(body);
    let disposition = format!("attachment; filename=\"{}\"", answer.file_name);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition).map_err(|_| Refused::internal())?,
    );
    headers.insert(
        HeaderName::from_static("x-export-count"),
        HeaderValue::from(answer.leads),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    Ok(response)
}

/// Whether the values of `Prefer` name `respond-async` (RFC 7240 §4.1), whose case does not count.
pub fn prefers_later(prefer: Option<&str>) -> bool {
    prefer.is_some_and(|values| {
        values.split(',').any(|value| {
            let name = value.split([';', '=']).next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("respond-async")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_a_list_with_parameters() {
        for (prefer, later) in [
            ("respond-async", true),
            ("Respond-Async", true),
            ("return=minimal, respond-async; wait=10", true),
            ("wait=10", false),
            ("respond-asynchronously", false),
            ("return=\"respond-async\"", false),
            ("", false),
        ] {
            assert_eq!(prefers_later(Some(prefer)), later, "{prefer}");
        }
        assert!(!prefers_later(None));
    }
}
