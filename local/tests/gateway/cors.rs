//! What other origins may do.

use std::time::Duration;

use lead_export_local::gateway::{Cors, Route};
use reqwest::Response;
use serde_json::json;

use crate::api::{Api, Setup, answer, assert_refused, header, token};

const PAGE: &str = "https://app.example";

async fn with_cors(more_routes: Vec<Route>) -> Api {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let cors = Cors {
        origins: names(&[PAGE, "http://localhost:5173"]),
        methods: names(&["GET", "POST", "DELETE"]),
        headers: names(&["authorization", "content-type"]),
        expose: names(&["Location", "Retry-After"]),
        max_age: Some(Duration::from_mins(10)),
    };
    let setup = Setup {
        cors: Some(cors),
        more_routes,
        ..Setup::default()
    };
    setup
        .start(|_| {
            answer(&json!({ "statusCode": 200, "headers": {
                "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true", "Vary": "Accept",
            }}))
        })
        .await
}

async fn preflight(api: &Api, path: &str, origin: &str) -> Response {
    api.request("OPTIONS", path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization")
        .send()
        .await
        .unwrap()
}

fn cors_headers(response: &Response) -> Vec<String> {
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_or_a_function() {
    let api = with_cors(vec![]).await;
    let response = preflight(&api, "/sources/s/exports", PAGE).await;
    assert_eq!(response.status(), 204);
    assert_eq!(
        cors_headers(&response),
        [
            "access-control-allow-headers: authorization,content-type",
            "access-control-allow-methods: GET,POST,DELETE",
            "access-control-allow-origin: https://app.example",
            "access-control-expose-headers: Location,Retry-After",
            "access-control-max-age: 600",
        ]
    );
    assert_eq!(header(&response, "apigw-requestid").len(), 16);
    assert_eq!(header(&response, "vary"), "origin");
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_told_nothing() {
    let api = with_cors(vec![]).await;
    for origin in ["https://evil.example", "https://app.example.evil", "null"] {
        let response = preflight(&api, "/sources", origin).await;
        assert_eq!(response.status(), 204);
        assert_eq!(cors_headers(&response), [""; 0], "{origin}");
    }
}

#[tokio::test]
async fn an_answer_is_readable_for_configured_origins_only() {
    let api = with_cors(vec![]).await;
    let ask = async |origin: Option<&str>| {
        let mut request = api.request("GET", "/sources").bearer_auth(token());
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        request.send().await.unwrap()
    };
    let response = ask(Some(PAGE)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        cors_headers(&response),
        [
            "access-control-allow-origin: https://app.example",
            "access-control-expose-headers: Location,Retry-After",
        ]
    );
    let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept", "origin"]);
    for origin in [Some("https://evil.example"), None] {
        let response = ask(origin).await;
        assert_eq!(response.status(), 200);
        assert_eq!(cors_headers(&response), [""; 0], "{origin:?}");
    }
}

#[tokio::test]
async fn the_gateways_own_answers_are_readable_too() {
    let api = with_cors(vec![]).await;
    for (path, status, message) in [
        ("/sources", 401, "Unauthorized"),
        ("/nowhere", 404, "Not Found"),
    ] {
        let request = api.request("GET", path).header("Origin", PAGE);
        let response = request.send().await.unwrap();
        assert_eq!(header(&response, "access-control-allow-origin"), PAGE);
        assert_refused(response, status, message).await;
    }
}

#[tokio::test]
async fn a_route_for_options_is_asked_before() {
    let own = Route::parse("OPTIONS /sources", "page", true).unwrap();
    let api = with_cors(vec![own]).await;
    assert_eq!(preflight(&api, "/sources", PAGE).await.status(), 200);
    assert_eq!(api.event()["routeKey"], "OPTIONS /sources");
}

#[tokio::test]
async fn without_cors_a_function_speaks_for_itself() {
    let api = Setup::default()
        .start(|_| {
            answer(&json!({ "statusCode": 200, "headers": { "Access-Control-Allow-Origin": "x" } }))
        })
        .await;
    let response = preflight(&api, "/sources", PAGE).await;
    assert_eq!(cors_headers(&response), [""; 0]);
    assert_refused(response, 404, "Not Found").await;
    let response = api.request("GET", "/page").send().await.unwrap();
    assert_eq!(cors_headers(&response), ["access-control-allow-origin: x"]);
    assert_eq!(header(&response, "vary"), "");
}
