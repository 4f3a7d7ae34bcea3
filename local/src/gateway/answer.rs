//! From what a function returned, or why there is nothing, to the HTTP answer.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::authorizer::Denied;

/// Largest event and largest answer of a synchronous invocation: 6 MiB and 100 bytes, the number Lambda's own errors name.
pub(super) const INVOCATION_BYTES: usize = 6 * 1024 * 1024 + 100;

/// An answer the gateway gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The path, the host or the body cannot be read.
    BadRequest,
    /// No good token.
    Unauthorized(Denied),
    /// No route.
    NotFound,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is larger than 10 MB, or the event than Lambda takes.
    RequestTooLong,
    /// Request line and headers are larger than 10 240 bytes.
    HeadersTooLarge,
    /// The function is at its limit.
    TooManyRequests,
    /// The function failed, or its answer cannot be used.
    Internal,
    /// No answer in 30 s.
    Unavailable,
}

impl Refusal {
    fn status_and_message(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::RequestTooLong => (StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            ),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }

    /// The answer with AWS's body, `{"message": "…"}`.
    pub(super) fn response(self) -> Response {
        let (status, message) = self.status_and_message();
        let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::Unauthorized(denied) = self {
            headers.insert(WWW_AUTHENTICATE, challenge(denied));
        }
        response
    }
}

/// The shape is that of "Troubleshooting issues with HTTP API JWT authorizers".
fn challenge(denied: Denied) -> HeaderValue {
    let bare = HeaderValue::from_static("Bearer");
    match denied {
        Denied::Missing => bare,
        Denied::Invalid(why) => HeaderValue::from_str(&format!(
            r#"Bearer scope="" error="invalid_token" error_description="{why}""#
        ))
        .unwrap_or(bare),
    }
}

/// The function's answer is not one of payload format 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the function's answer is malformed: {0}")]
pub(super) struct Malformed(&'static str);

/// Turns a function's answer into HTTP
/// ([response format 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)).
///
/// With a `statusCode`: `headers`, `cookies`, `body`, `isBase64Encoded` count, `multiValueHeaders` does not. Without:
/// 200, `application/json`, and the answer is the body (a string, its content).
pub(super) fn from_function(answer: &Bytes) -> Result<Response, Malformed> {
    if answer.len() > INVOCATION_BYTES {
        return Err(Malformed("it is larger than 6 MB"));
    }
    let value: Value = serde_json::from_slice(answer).map_err(|_| Malformed("it is not JSON"))?;
    match value {
        Value::Object(members) if members.contains_key("statusCode") => complete(members),
        Value::String(text) => Ok(inferred(text.into())),
        _ => Ok(inferred(answer.clone())),
    }
}

fn inferred(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn complete(mut members: Map<String, Value>) -> Result<Response, Malformed> {
    let status = status(members.get("statusCode"))?;
    let mut headers = headers(members.get("headers"))?;
    for cookie in match members.get("cookies") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(cookies)) => cookies,
        Some(_) => return Err(Malformed("cookies is no list")),
    } {
        let cookie = cookie
            .as_str()
            .and_then(|cookie| HeaderValue::from_str(cookie).ok())
            .ok_or(Malformed("a cookie cannot stand in a header"))?;
        headers.append(SET_COOKIE, cookie);
    }
    let encoded = match members.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(_) => return Err(Malformed("isBase64Encoded is no boolean")),
    };
    let body = match members.remove("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if encoded => STANDARD
            .decode(text)
            .map_err(|_| Malformed("the body is not base64"))?
            .into(),
        Some(Value::String(text)) => text.into(),
        Some(_) => return Err(Malformed("the body is no string")),
    };
    // A body here would be read as the next answer by some clients (RFC 9110 §6.4.1).
    let body = match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Bytes::new(),
        _ => body,
    };
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=UTF-8"),
        );
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn status(value: Option<&Value>) -> Result<StatusCode, Malformed> {
    let number = match value {
        Some(Value::Number(number)) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number
        .filter(|number| (200..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or(Malformed("statusCode is no status"))
}

fn headers(value: Option<&Value>) -> Result<HeaderMap, Malformed> {
    let members = match value {
        None | Some(Value::Null) => return Ok(HeaderMap::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(Malformed("headers is no object")),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in members {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| Malformed("a header's name"))?;
        let value = match value {
            Value::Null => continue,
            Value::String(text) => HeaderValue::from_str(text),
            Value::Bool(_) | Value::Number(_) => HeaderValue::from_str(&value.to_string()),
            Value::Array(_) | Value::Object(_) => return Err(Malformed("a header's value")),
        }
        .map_err(|_| Malformed("a header's value"))?;
        // These belong to one connection, and this one is ours.
        if ![
            CONNECTION,
            CONTENT_LENGTH,
            TE,
            TRAILER,
            TRANSFER_ENCODING,
            UPGRADE,
        ]
        .contains(&name)
            && name != "keep-alive"
        {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parts(answer: &Value) -> (u16, Vec<(String, String)>, Bytes) {
        let response = from_function(&answer.to_string().into()).unwrap();
        let (head, body) = response.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), headers, body)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_json() {
        let json = vec![pair("content-type", "application/json")];
        for (answer, body) in [
            (json!({ "a": 1 }), r#"{"a":1}"#),
            (json!("Hello from Lambda!"), "Hello from Lambda!"),
            (json!([1, 2]), "[1,2]"),
            (Value::Null, "null"),
        ] {
            assert_eq!(parts(&answer).await, (200, json.clone(), Bytes::from(body)));
        }
    }

    #[tokio::test]
    async fn a_complete_answer_is_given_as_it_is() {
        let answer = json!({
            "statusCode": 303,
            "headers": { "Location": "/x", "X-Count": 7, "x-none": null, "Content-Length": "999",
                         "Transfer-Encoding": "chunked", "Connection": "close", "content-type": "text/csv" },
            "multiValueHeaders": { "x-many": ["1", "2"] },
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "AAH/", "isBase64Encoded": true,
        });
        let (status, mut headers, body) = parts(&answer).await;
        headers.sort();
        assert_eq!(status, 303);
        assert_eq!(
            headers,
            [
                pair("content-type", "text/csv"),
                pair("location", "/x"),
                pair("set-cookie", "a=1; Path=/"),
                pair("set-cookie", "b=2"),
                pair("x-count", "7"),
            ]
        );
        assert_eq!(body, &[0u8, 1, 255][..]);
    }

    #[tokio::test]
    async fn a_body_without_a_type_is_text_and_none_has_none() {
        let text = vec![pair("content-type", "text/plain;charset=UTF-8")];
        assert_eq!(
            parts(&json!({ "statusCode": "201", "body": "hi" })).await,
            (201, text, Bytes::from("hi"))
        );
        let empty = (204, vec![], Bytes::new());
        assert_eq!(
            parts(&json!({ "statusCode": 204, "headers": null, "cookies": null, "body": null }))
                .await,
            empty
        );
        assert_eq!(
            parts(&json!({ "statusCode": 204, "body": "x" })).await,
            empty
        );
    }

    #[test]
    fn malformed_answers_are_told_apart_from_good_ones() {
        for answer in [
            "",
            "{",
            "not json",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":null}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":600}"#,
            r#"{"statusCode":200.5}"#,
            r#"{"statusCode":-1}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"body":"%%","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"isBase64Encoded":"yes"}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\r\nc: d"}}"#,
            r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
            r#"{"statusCode":200,"cookies":"a=b"}"#,
            r#"{"statusCode":200,"cookies":["a=b\n"]}"#,
        ] {
            assert!(from_function(&Bytes::from(answer)).is_err(), "{answer}");
        }
    }

    #[test]
    fn an_answer_over_six_megabytes_is_malformed() {
        let of = |bytes: usize| Bytes::from(format!("\"{}\"", "x".repeat(bytes - 2)));
        assert!(from_function(&of(INVOCATION_BYTES)).is_ok());
        assert_eq!(
            from_function(&of(INVOCATION_BYTES + 1)).unwrap_err(),
            Malformed("it is larger than 6 MB")
        );
    }
}
