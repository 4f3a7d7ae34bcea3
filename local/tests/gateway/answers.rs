//! What a client is given.

use bytes::Bytes;
use lead_export_local::invoke::InvokeError;
use serde_json::json;

use crate::api::{Setup, answer, assert_refused, header};

#[tokio::test]
async fn failures_of_a_function_are_answered_as_aws_does() {
    let failed = InvokeError::Function {
        error_type: "Runtime.ExitError".to_owned(),
        message: "secret".to_owned(),
    };
    for (result, status, message) in [
        (Err(failed), 500, "Internal Server Error"),
        (Err(InvokeError::TimedOut), 500, "Internal Server Error"),
        (
            Err(InvokeError::Unknown("page".to_owned())),
            500,
            "Internal Server Error",
        ),
        (Err(InvokeError::Throttled), 429, "Too Many Requests"),
        (Err(InvokeError::Stopped), 503, "Service Unavailable"),
        (Ok(Bytes::from("not json")), 500, "Internal Server Error"),
        (
            answer(&json!({ "statusCode": 1 })),
            500,
            "Internal Server Error",
        ),
        (
            answer(&json!("x".repeat(6 * 1024 * 1024 + 99))),
            500,
            "Internal Server Error",
        ),
    ] {
        let api = Setup::default().start(move |_| result.clone()).await;
        let response = api.request("GET", "/page").send().await.unwrap();
        assert_refused(response, status, message).await;
        assert_eq!(api.calls(), 1, "nothing is tried twice");
    }
}

#[tokio::test]
async fn an_answer_of_six_megabytes_arrives_whole() {
    let size = 6 * 1024 * 1024 + 98;
    let api = Setup::default()
        .start(move |_| answer(&json!("x".repeat(size))))
        .await;
    let response = api.request("GET", "/page").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().await.unwrap().len(), size);
}

#[tokio::test]
async fn a_complete_answer_arrives_as_it_was_given() {
    let api = Setup::default()
        .start(|_| {
            answer(&json!({
                "statusCode": 404,
                "headers": { "Content-Type": "application/problem+json", "X-Request-Id": "r", "apigw-requestid": "mine" },
                "cookies": ["a=1", "b=2"],
                "body": "eyJhIjoxfQ==", "isBase64Encoded": true,
            }))
        })
        .await;
    let response = api.request("GET", "/page").send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    assert_eq!(header(&response, "x-request-id"), "r");
    assert_eq!(header(&response, "apigw-requestid").len(), 16);
    assert_eq!(header(&response, "content-length"), "7");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.text().await.unwrap(), r#"{"a":1}"#);
}

#[tokio::test]
async fn an_answer_without_a_status_is_json() {
    let api = Setup::default()
        .start(|_| answer(&json!({ "a": [1] })))
        .await;
    let response = api.request("GET", "/page").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(response.text().await.unwrap(), r#"{"a":[1]}"#);
}

#[tokio::test]
async fn head_has_the_headers_of_an_answer_and_no_body() {
    let api = Setup::default()
        .start(|_| answer(&json!({ "statusCode": 200, "body": "four" })))
        .await;
    let response = api.request("HEAD", "/files/x").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), "4");
    assert_eq!(response.text().await.unwrap(), "");
}
