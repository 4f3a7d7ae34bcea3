//! What a function is given.

use serde_json::{Value, json};

use crate::api::{Api, assert_refused, header, token};

const MB: usize = 1024 * 1024;

#[tokio::test]
async fn headers_queries_and_cookies_arrive_as_documented() {
    let api = Api::quiet().await;
    let response = api
        .request("GET", "/page?a=1&b=%C3%BC+x&a=2&%5B%5D=%26")
        .header("X-Probe", "first")
        .header("X-PROBE", "second")
        .header("Cookie", "a=1; b=2")
        .header("X-Amzn-Trace-Id", "mine")
        .send()
        .await
        .unwrap();
    let id = header(&response, "apigw-requestid").to_owned();
    let event = api.event();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["headers"]["x-probe"], "first,second");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["rawQueryString"], "a=1&b=%C3%BC+x&a=2&%5B%5D=%26");
    assert_eq!(
        event["queryStringParameters"],
        json!({ "a": "1,2", "b": "ü x", "[]": "&" })
    );
    assert_ne!(event["headers"]["x-amzn-trace-id"], "mine");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["requestContext"]["requestId"], id);
    assert_eq!(event.get("pathParameters"), None);
}

#[tokio::test]
async fn path_parameters_are_decoded() {
    let api = Api::quiet().await;
    for (path, expected) in [
        ("/exports/a%20b", Some("a b")),
        ("/exports/%C3%BC", Some("ü")),
        ("/exports/a+b", Some("a+b")),
        ("/exports/a%252Bb", Some("a+b")),
        ("/exports/a%23b", Some("a#b")),
        ("/exports/%2e%2e", Some("..")),
    ] {
        // Not by the client: it would normalize the path.
        let answer = api
            .raw(&format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
                token()
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{path}: {answer}");
        let event = api.event();
        assert_eq!(event["pathParameters"]["id"].as_str(), expected, "{path}");
        assert_eq!(event["routeKey"], "GET /exports/{id}");
    }
}

#[tokio::test]
async fn a_path_or_host_that_cannot_be_read_is_a_bad_request() {
    let api = Api::quiet().await;
    for head in [
        "GET /exports/%zz HTTP/1.1\r\nHost: x",
        "GET /exports/%FF HTTP/1.1\r\nHost: x",
        "GET /page HTTP/1.1\r\nHost: a b",
        "GET /page HTTP/1.1\r\nHost: user@x",
        "GET /page HTTP/1.1\r\nHost: x\r\nHost: y",
    ] {
        let answer = api
            .raw(&format!("{head}\r\nConnection: close\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
        assert!(answer.ends_with(r#"{"message":"Bad Request"}"#), "{answer}");
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn text_arrives_plain_and_bytes_in_base64() {
    let api = Api::quiet().await;
    for (content_type, body, given, encoded) in [
        (
            "application/json",
            &b"{\"a\":\"\xc3\xbc\"}"[..],
            "{\"a\":\"ü\"}",
            false,
        ),
        ("text/plain; charset=utf-8", b"hi\n", "hi\n", false),
        ("application/json", b"\xff\xfe", "//4=", true),
        ("application/x-www-form-urlencoded", b"a=1", "YT0x", true),
        ("application/octet-stream", b"\x00\x01", "AAE=", true),
    ] {
        let request = api
            .request("POST", "/page")
            .header("Content-Type", content_type);
        let response = request.body(body.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 204);
        let event = api.event();
        assert_eq!(event["body"], given, "{content_type}");
        assert_eq!(event["isBase64Encoded"], encoded, "{content_type}");
    }
    api.request("POST", "/page").send().await.unwrap();
    assert_eq!(api.event().get("body"), None);
}

#[tokio::test]
async fn routes_are_matched_by_method_and_path() {
    let api = Api::quiet().await;
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/page/"),
        ("HEAD", "/page"),
        ("OPTIONS", "/page"),
        ("PUT", "/page"),
        ("GET", "/files"),
        // Before the token is looked at.
        ("DELETE", "/sources"),
    ] {
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{method} {path}");
        if method != "HEAD" {
            assert_refused(response, 404, "Not Found").await;
        }
    }
    assert_eq!(api.calls(), 0);
    for (method, path) in [
        ("HEAD", "/files/a"),
        ("OPTIONS", "/files/a/b"),
        ("PROPFIND", "/files/c"),
    ] {
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), 204, "{method} {path}");
        assert_eq!(api.event()["routeKey"], "ANY /files/{proxy+}");
    }
}

#[tokio::test]
async fn a_head_of_10_240_bytes_is_the_largest() {
    let api = Api::quiet().await;
    // The request line and the two other values, `x` and `close`.
    let taken = "GET /page HTTP/1.1\r\n".len() + 6;
    for (over, status) in [(0, "204"), (1, "431")] {
        let head = format!(
            "GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Fill: {}\r\n\r\n",
            "f".repeat(10_240 - taken + over)
        );
        let answer = api.raw(&head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let many = "many: v\r\n".repeat(500);
    let head = format!("GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{many}\r\n");
    assert!(api.raw(&head).await.starts_with("HTTP/1.1 204 "));
    assert_eq!(api.calls(), 2);
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_refused_whole_or_streamed() {
    let api = Api::quiet().await;
    let whole = api.request("POST", "/page").body(vec![b'x'; 10 * MB + 1]);
    assert_refused(whole.send().await.unwrap(), 413, "Request Too Long").await;
    let chunks = (0..11).map(|_| Ok::<_, std::io::Error>(vec![b'x'; MB]));
    let streamed = api
        .request("POST", "/page")
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
            chunks,
        )));
    assert_refused(streamed.send().await.unwrap(), 413, "Request Too Long").await;
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn an_event_lambda_would_not_take_is_refused_too() {
    let api = Api::quiet().await;
    for (size, status) in [(6 * MB - 4096, 204), (6 * MB + 101, 413), (10 * MB, 413)] {
        let request = api
            .request("POST", "/page")
            .header("Content-Type", "text/plain");
        let response = request.body(vec![b'x'; size]).send().await.unwrap();
        assert_eq!(response.status(), status, "{size}");
    }
    assert_eq!(
        api.event()["body"].as_str().map(str::len),
        Some(6 * MB - 4096)
    );
}

#[tokio::test]
async fn the_token_counts_before_the_body() {
    let api = Api::quiet().await;
    let request = api
        .request("POST", "/sources/s/exports")
        .bearer_auth("garbage")
        .body(vec![b'x'; 10 * MB + 1]);
    assert_refused(request.send().await.unwrap(), 401, "Unauthorized").await;
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_a_body_nobody_wants() {
    let api = Api::quiet().await;
    let answer = api
        .raw("POST /sources/s/exports HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let api = Api::quiet().await;
    let mut ids = std::collections::HashSet::<String>::new();
    for path in ["/page", "/page", "/sources", "/nowhere"] {
        let response = api.request("GET", path).send().await.unwrap();
        ids.insert(header(&response, "apigw-requestid").to_owned());
    }
    assert_eq!(ids.len(), 4);
    let seen = api.functions.seen.lock().unwrap();
    let of = |event: &Value| {
        event["requestContext"]["requestId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(seen.iter().all(|(_, event)| ids.contains(&of(event))));
}
