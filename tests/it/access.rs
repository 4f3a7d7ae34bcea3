//! Roles, tenants, tokens, and the words of every refusal.

use lead_export_core::access::Role;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

const NOT_FOUND: &str = r#"{"type":"/problems/not-found","title":"Not found","status":404,"detail":"There is no such source or export, or you may not see it."}"#;

#[tokio::test]
async fn roles_and_tenants_see_and_do_what_they_may() {
    let world = World::start().await;
    small_world(&world).await;
    world.grant("acme", "adam", "*", Role::Admin).await;
    let id = world.request("alice", "home-insurance", &json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.ended("alice", &id).await;
    let (one, download) = (format!("/exports/{id}"), format!("/exports/{id}/download"));
    let exports = "/sources/home-insurance/exports";
    for (method, path, viewer, exporter, admin, stranger) in [
        (Method::GET, "/sources", 200, 200, 200, 200),
        (
            Method::GET,
            "/sources/home-insurance/fields",
            200,
            200,
            200,
            404,
        ),
        (Method::GET, exports, 200, 200, 200, 404),
        (Method::POST, exports, 403, 202, 202, 404),
        (Method::GET, &one, 200, 200, 200, 404),
        (Method::GET, &download, 403, 303, 303, 404),
        (Method::GET, "/exports/not-an-id", 404, 404, 404, 404),
        (
            Method::GET,
            "/exports/00000000-0000-4000-8000-000000000000",
            404,
            404,
            404,
            404,
        ),
        (Method::GET, "/sources/other/exports", 404, 404, 404, 404),
        (
            Method::GET,
            "/sources/NOT%20A%20SLUG/fields",
            404,
            404,
            404,
            404,
        ),
        (Method::POST, "/sources/other/exports", 404, 404, 404, 404),
    ] {
        for (org, user, expected) in [
            ("acme", "vera", viewer),
            ("acme", "alice", exporter),
            ("acme", "adam", admin),
            ("acme", "nobody", stranger),
            ("globex", "alice", stranger),
        ] {
            let answer = world
                .call_as(org, user, method.clone(), path)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), expected, "{org}/{user} {method} {path}");
            assert!(answer.headers().contains_key("x-request-id"));
            if expected == 404 {
                assert_eq!(answer.headers()["content-type"], "application/problem+json");
                assert_eq!(
                    answer.text().await.unwrap(),
                    NOT_FOUND,
                    "{org}/{user} {method} {path}"
                );
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn without_a_good_token_the_gateway_answers() {
    let world = World::start().await;
    let url = &world.stack.file().url;
    let none = world
        .client
        .get(format!("{url}/sources"))
        .send()
        .await
        .unwrap();
    assert_eq!(none.status(), 401);
    assert!(
        none.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    assert_eq!(none.text().await.unwrap(), r#"{"message":"Unauthorized"}"#);
    let bad = world
        .client
        .get(format!("{url}/sources"))
        .bearer_auth("a.b.c")
        .send()
        .await
        .unwrap();
    assert_eq!(bad.status(), 401);
    // A token without an organization passes the gateway and names nobody.
    let unknown = world
        .client
        .get(format!("{url}/nowhere"))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.text().await.unwrap(), r#"{"message":"Not Found"}"#);
    let nobody = world
        .call_as("[acme globex]", "alice", Method::GET, "/sources")
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 401);
    world.stop().await;
}

#[tokio::test]
async fn all_bad_fields_are_named_at_once() {
    let world = World::start().await;
    small_world(&world).await;
    let body = json!({
        "filters": {
            "status": [], "created": {"from": "yesterday"}, "search": "", "custom": {"annual_income": {"min": 2, "max": 1}, "nope": ["x"]},
            "has": ["no_such_field"], "surprise": 1,
        },
        "fields": ["lead_id", "lead_id", {"key": "unknown", "header": "X"}],
        "limit": 0, "order": "name", "format": {"profile": "word"}, "colour": "red",
    });
    let answer = world
        .call("alice", Method::POST, "/sources/home-insurance/exports")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Json = answer.json().await.unwrap();
    assert_eq!(
        (&problem["type"], &problem["status"]),
        (&json!("/problems/invalid-request"), &json!(422))
    );
    let mut fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "colour",
            "fields[1]",
            "fields[2].key",
            "filters.created.from",
            "filters.custom.annual_income.min",
            "filters.custom.nope",
            "filters.has[0]",
            "filters.search",
            "filters.status",
            "filters.surprise",
            "format.profile",
            "limit",
            "order",
        ]
    );
    world.stop().await;
}

#[tokio::test]
async fn errors_come_in_their_order() {
    let world = World::start().await;
    small_world(&world).await;
    let post = async |user: &str, source: &str, body: Vec<u8>| {
        let request = world.call(user, Method::POST, &format!("/sources/{source}/exports"));
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let large = vec![b' '; 64 * 1024 + 1];
    assert_eq!(
        post("alice", "nowhere", large.clone()).await,
        413,
        "413 before 404"
    );
    assert_eq!(
        post("vera", "nowhere", b"{".to_vec()).await,
        404,
        "404 before 403"
    );
    assert_eq!(
        post("vera", "home-insurance", b"{".to_vec()).await,
        403,
        "403 before 400"
    );
    assert_eq!(post("alice", "home-insurance", b"{".to_vec()).await, 400);
    assert_eq!(
        post(
            "alice",
            "home-insurance",
            br#"{"limit": "1", "order": "x"}"#.to_vec()
        )
        .await,
        400,
        "400 before 422"
    );
    assert_eq!(
        post("alice", "home-insurance", br#"{"order": "x"}"#.to_vec()).await,
        422
    );
    assert_eq!(
        post(
            "alice",
            "home-insurance",
            br#"{"limit": 1, "limit": 2}"#.to_vec()
        )
        .await,
        400
    );
    let mut padded = vec![b' '; 64 * 1024 - 2];
    padded.extend(b"{}");
    assert_eq!(
        post("alice", "home-insurance", padded).await,
        202,
        "64 KiB are taken"
    );
    world.stop().await;
}
