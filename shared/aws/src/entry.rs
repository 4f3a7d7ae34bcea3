//! How events get into a function: from the Lambda runtime to its handler and back.
//!
//! lambda_http would do the same, but takes events apart with `unwrap`: a query that is no URI, a host that is no host or a body that
//! is no base64 would be a panic. Here each is an answer (BI6).

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use http::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use crate::http::finish;
use crate::problem::Problem;

/// A handler that panicked. What it said stays out of the answer and the log: it may quote what it stumbled over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler panicked; the log says where")]
pub struct Panicked;

/// Serves events of the HTTP API until the sandbox ends.
///
/// # Errors
/// The runtime's own failure.
pub async fn serve<A>(answer: impl Fn(Request) -> A) -> Result<(), Error>
where
    A: Future<Output = Response<Body>>,
{
    let answer = &answer;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let answered = match request(event.payload) {
            Ok(request) => contained(answer(request)).await?,
            Err(refused) => refused,
        };
        Ok::<_, Error>(response(answered))
    }))
    .await
}

/// Waits for a handler, and takes its panic, if it comes to that.
///
/// # Errors
/// [`Panicked`]: the runtime reports the invocation as failed.
pub async fn contained<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let worked = AssertUnwindSafe(work).catch_unwind().await;
    worked.map_err(|_| Panicked)
}

/// The request that an event of the HTTP API (payload format 2.0) stands for; its URI is its path.
///
/// # Errors
/// The answer 400 to what is no such event, or whose body is not the base64 it says it is.
#[expect(
    clippy::result_large_err,
    reason = "the answer is as large as any, and is moved once"
)]
pub fn request(event: Value) -> Result<Request, Response<Body>> {
    let event: ApiGatewayV2httpRequest =
        serde_json::from_value(event).map_err(|_| refused("", "the event"))?;
    let id = event.request_context.request_id.clone().unwrap_or_default();
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Body::Empty,
        (Some(text), false) => Body::Text(text),
        (Some(text), true) => match STANDARD.decode(text) {
            Ok(bytes) => Body::Binary(bytes),
            Err(_) => return Err(refused(&id, "the body's base64")),
        },
    };
    let query = match &event.raw_query_string {
        // The map joins what comes several times by commas; the text tells it apart.
        Some(query) => query.parse().unwrap_or_default(),
        None => event.query_string_parameters,
    };
    let mut request = Request::new(body);
    *request.method_mut() = event.request_context.http.method.clone();
    *request.headers_mut() = event.headers;
    Ok(request
        .with_raw_http_path(event.raw_path.unwrap_or_default())
        .with_query_string_parameters(query)
        .with_request_context(RequestContext::ApiGatewayV2(event.request_context)))
}

fn refused(id: &str, what: &str) -> Response<Body> {
    tracing::warn!(
        request.id = id,
        "request {id} is refused: {what} is malformed"
    );
    finish(id, Err(Problem::malformed()))
}

/// The answer as the gateway takes it.
pub fn response(answer: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = answer.into_parts();
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(parts.status.as_u16());
    response.headers = parts.headers;
    response.is_base64_encoded = matches!(body, Body::Binary(_));
    response.body = match body {
        Body::Empty => None,
        body => Some(body),
    };
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Call;
    use http::header::HeaderName;
    use serde_json::json;

    fn event() -> Value {
        serde_json::from_str(include_str!("../../../events/request-export.json")).unwrap()
    }

    #[test]
    fn event_is_taken_apart() {
        let mut event = event();
        event["rawQueryString"] = json!("a=1&b=x%20y+z&a=2");
        event["queryStringParameters"] = json!({"a": "1,2", "b": "x y z"});
        let call = Call::new(request(event.clone()).unwrap());
        assert_eq!(call.method, "POST");
        assert_eq!(call.route(), ["sources", "home-insurance", "exports"]);
        let query: Vec<_> = call.query.iter().map(|(a, b)| (&a[..], &b[..])).collect();
        assert_eq!(query, [("a", "1,2"), ("b", "x y z")]);
        assert_eq!(call.request_id, "UZwNcjq8liAEPQA=");
        assert_eq!(call.claims.as_ref().unwrap()["sub"], "alice");
        let key = HeaderName::from_static("idempotency-key");
        assert_eq!(call.header(&key).as_deref(), Some("5e0c7a52-quarterly"));
        assert_eq!(call.body, event["body"].as_str().unwrap().as_bytes());

        event["body"] = json!(STANDARD.encode(b"{\xff"));
        event["isBase64Encoded"] = json!(true);
        assert_eq!(Call::new(request(event).unwrap()).body, b"{\xff");
    }

    /// Each of these is a panic of lambda_http's.
    #[test]
    fn hostile_event_is_a_request_or_a_400() {
        for (name, value) in [
            ("rawQueryString", "status=<x>"),
            ("rawQueryString", "a b\"\u{7f}\n|^`{}"),
            ("rawQueryString", "%ff%"),
            ("rawQueryString", "é=ü"),
            ("rawPath", ""),
            ("rawPath", ":99999"),
            ("rawPath", "//[::1"),
            ("rawPath", "/\\\\..//\u{0}é %"),
        ] {
            let mut event = event();
            event[name] = json!(value);
            assert!(request(event).is_ok(), "{name} {value}");
        }
        let long = "a".repeat(70_000);
        for (name, value) in [
            ("host", "[::1"),
            ("host", "a b"),
            ("host", ""),
            ("host", "a:99999999"),
            ("x-forwarded-proto", "not a scheme"),
            ("x-forwarded-proto", ""),
            ("x-long", long.as_str()),
        ] {
            let mut event = event();
            event["headers"][name] = json!(value);
            assert!(request(event).is_ok(), "{name} {value}");
        }
        let mut event = event();
        event["body"] = json!("no base64!");
        event["isBase64Encoded"] = json!(true);
        for bad in [
            event,
            json!(null),
            json!([]),
            json!({}),
            json!("canary"),
            json!({"headers": {"a\nb": 5}}),
        ] {
            let answer = request(bad).unwrap_err();
            assert_eq!(answer.status(), 400);
            let Body::Text(body) = answer.body() else {
                panic!("no text")
            };
            assert_eq!(
                body,
                r#"{"type":"/problems/invalid-request","title":"Invalid request","status":400,"detail":"The request cannot be read."}"#
            );
        }
    }

    #[test]
    fn answer_is_what_the_gateway_takes() {
        let mut answer = Response::new(Body::Text("{}".into()));
        *answer.status_mut() = http::StatusCode::CREATED;
        answer
            .headers_mut()
            .insert("x-a", http::HeaderValue::from_static("1"));
        let json = serde_json::to_value(response(answer)).unwrap();
        assert_eq!(
            json,
            json!({"statusCode": 201, "headers": {"x-a": "1"}, "multiValueHeaders": {}, "body": "{}", "isBase64Encoded": false, "cookies": []})
        );
        let bytes = Response::new(Body::Binary(vec![0xff]));
        let json = serde_json::to_value(response(bytes)).unwrap();
        assert_eq!(
            (&json["body"], &json["isBase64Encoded"]),
            (&json!("/w=="), &json!(true))
        );
        let none = serde_json::to_value(response(Response::new(Body::Empty))).unwrap();
        assert_eq!(none.get("body"), None);
    }

    #[tokio::test]
    async fn panic_is_an_error_that_quotes_nothing() {
        let error: Result<(), Panicked> = contained(async { panic!("canary") }).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "the handler panicked; the log says where"
        );
        assert_eq!(contained(async { 1 }).await, Ok(1));
    }
}
