//! How refusals look: one shape, every bad field, an id on every answer, and readable for pages of other origins.

use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

const NOT_FOUND: &str = r#"{"type":"/problems/not-found","title":"Not found","status":404,"detail":"There is no such source or export, or you may not see it."}"#;
const EXPORTS: &str = "/sources/home-insurance/exports";

async fn send(
    world: &World,
    user: &str,
    method: Method,
    path: &str,
    body: &'static str,
) -> Response {
    let call = world.call(user, method, path).body(body);
    call.send().await.unwrap()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn every_refusal_is_a_problem_with_its_type_and_every_answer_has_an_id() {
    let world = World::start().await;
    small_world(&world).await;
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let usage = "/sources/home-insurance/usage";
    for (user, method, path, body, status, kind, fields) in [
        (
            "alice",
            &post,
            EXPORTS,
            "{",
            400,
            "invalid-request",
            vec![""],
        ),
        (
            "alice",
            &post,
            EXPORTS,
            "[]",
            400,
            "invalid-request",
            vec![""],
        ),
        (
            "alice",
            &post,
            EXPORTS,
            r#"{"limit": "1", "colour": 1}"#,
            400,
            "invalid-request",
            vec!["limit", "colour"],
        ),
        (
            "alice",
            &post,
            EXPORTS,
            r#"{"fields": ["email", {"key": "nope"}, {"key": "phone", "header": "M", "width": 3}], "format": {"bom": true}}"#,
            422,
            "invalid-request",
            vec![
                "format.bom",
                "fields[1].header",
                "fields[1].key",
                "fields[2].width",
            ],
        ),
        ("vera", &post, EXPORTS, "{}", 403, "forbidden", vec![]),
        ("vera", &get, "/exports/x", "", 404, "not-found", vec![]),
        ("mallory", &get, EXPORTS, "", 404, "not-found", vec![]),
        ("mallory", &get, usage, "", 404, "not-found", vec![]),
        (
            "mallory",
            &delete,
            "/exports/x",
            "",
            404,
            "not-found",
            vec![],
        ),
        (
            "vera",
            &get,
            "/sources/home-insurance/exports?page=2&limit=0",
            "",
            422,
            "invalid-request",
            vec!["limit", "page"],
        ),
        (
            "vera",
            &get,
            "/sources/home-insurance/usage?by=week&since=x",
            "",
            422,
            "invalid-request",
            vec!["by", "since"],
        ),
    ] {
        let what = format!("{user} {method} {path} {body}");
        let answer = send(&world, user, method.clone(), path, body).await;
        assert_eq!(answer.status(), status, "{what}");
        assert!(answer.headers().contains_key("x-request-id"), "{what}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let text = answer.text().await.unwrap();
        if status == 404 {
            assert_eq!(text, NOT_FOUND, "{what}");
            continue;
        }
        let problem: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{what}");
        assert_eq!(problem["status"], status, "{what}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().unwrap().len() > 3, "{what}");
        }
        assert_eq!(problem.get("request_id"), None, "only failures of ours");
        let errors = problem["errors"].as_array().into_iter().flatten();
        let named: Vec<&str> = errors
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        let mut sorted = named.clone();
        sorted.sort_unstable();
        let mut expected = fields.clone();
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{what}");
    }
    world.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_may_call_and_read_the_headers() {
    let world = World::start().await;
    small_world(&world).await;
    let origin = "https://app.example";
    let url = format!("{}{EXPORTS}", world.stack.file().url);
    let preflight = world
        .client
        .request(Method::OPTIONS, &url)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204, "without a token");
    let allowed = preflight.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap()
        .to_lowercase();
    for header in ["authorization", "content-type", "accept", "idempotency-key"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    for (user, status) in [("alice", 202), ("vera", 403), ("mallory", 404)] {
        let call = world.call(user, Method::POST, EXPORTS);
        let answer = call.header("origin", origin).json(&json!({})).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), status);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_lowercase();
        assert!(["*", origin].contains(&header("access-control-allow-origin").as_str()));
        for exposed in [
            "x-export-count",
            "content-disposition",
            "location",
            "retry-after",
            "idempotency-replayed",
            "x-request-id",
        ] {
            assert!(
                header("access-control-expose-headers").contains(exposed),
                "{exposed}"
            );
        }
    }
    world.stop().await;
}
