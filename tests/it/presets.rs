//! Presets and `again`, from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lead_export_core::access::Role;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

const PRESETS: &str = "/sources/home-insurance/presets";

async fn put(world: &World, user: &str, name: &str, body: &Json) -> Response {
    let call = world.call(user, Method::PUT, &format!("{PRESETS}/{name}"));
    call.json(body).send().await.unwrap()
}

async fn saved(world: &World, name: &str, body: &Json) -> Json {
    let answer = put(world, "alice", name, body).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn refused(world: &World, body: &Json) -> Vec<String> {
    let path = "/sources/home-insurance/exports";
    let call = world.call("alice", Method::POST, path).json(body);
    fields(call.send().await.unwrap()).await
}

async fn fields(answer: Response) -> Vec<String> {
    assert_eq!(answer.status(), 422);
    let problem: Json = answer.json().await.unwrap();
    let errors = problem["errors"].as_array().unwrap().iter();
    let field = |error: &Json| error["field"].as_str().unwrap().to_owned();
    let mut fields: Vec<String> = errors.map(field).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn presets_are_saved_shown_listed_and_deleted() {
    let world = World::start().await;
    small_world(&world).await;
    world.grant("acme", "adam", "*", Role::Admin).await;
    let body = json!({"filters": {"status": ["sold"]}, "fields": ["lead_id", {"key": "status", "header": "State"}], "limit": 5});
    let first = saved(&world, "weekly", &body).await;
    assert_eq!(first["name"], "weekly");
    assert_eq!(first["request"], body);
    assert_eq!(first["saved_by"]["id"], "alice");
    let at = first["saved_at"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.len() == 24, "{at}");
    saved(&world, "A%20month.v1", &json!({})).await;

    for user in ["vera", "alice", "adam"] {
        let one = world.get(user, &format!("{PRESETS}/weekly")).await;
        assert_eq!(one.status(), 200, "{user}");
        assert_eq!(one.json::<Json>().await.unwrap(), first, "{user}");
        let list: Json = world.get(user, PRESETS).await.json().await.unwrap();
        let list = list["presets"].as_array().unwrap();
        let names: Vec<&Json> = list.iter().map(|entry| &entry["name"]).collect();
        assert_eq!(names, ["A month.v1", "weekly"]);
        assert_eq!(list[1]["saved_at"], first["saved_at"]);
    }
    let status = async |org: &str, user: &str, method: Method, name: &str| {
        let path = format!("{PRESETS}/{name}");
        let call = world.call_as(org, user, method, &path).body("{}");
        let answer = call.send().await.unwrap();
        assert!(answer.headers().contains_key("x-request-id"));
        answer.status().as_u16()
    };
    for method in [Method::PUT, Method::DELETE] {
        let name = "weekly";
        assert_eq!(status("acme", "vera", method.clone(), name).await, 403);
        assert_eq!(status("acme", "nobody", method.clone(), name).await, 404);
        assert_eq!(status("globex", "alice", method, name).await, 404);
    }
    assert_eq!(status("globex", "alice", Method::GET, "weekly").await, 404);
    assert_eq!(status("acme", "alice", Method::GET, "monthly").await, 404);
    assert_eq!(status("acme", "alice", Method::DELETE, "weekly").await, 204);
    assert_eq!(status("acme", "alice", Method::GET, "weekly").await, 404);
    assert_eq!(status("acme", "alice", Method::DELETE, "weekly").await, 404);

    let bad = json!({"filters": {"search": ""}, "limit": 0, "colour": "red"});
    let answer = put(&world, "alice", "a!b", &bad).await;
    let named = ["colour", "filters.search", "limit", "name"];
    assert_eq!(fields(answer).await, named);
    let large = world.call("alice", Method::PUT, &format!("{PRESETS}/x"));
    let large = large.body(vec![b' '; 64 * 1024 + 1]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let broken = world.call("alice", Method::PUT, &format!("{PRESETS}/x"));
    let broken = broken.body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    world.stop().await;
}

#[tokio::test]
async fn preset_stands_for_a_body_and_what_it_held_is_frozen() {
    let world = World::start().await;
    small_world(&world).await;
    let body = json!({"filters": {"status": ["sold"]}, "fields": ["lead_id", {"key": "status", "header": "State"}]});
    saved(&world, "weekly", &body).await;
    let (plain, plain_rows) = world.export("alice", "home-insurance", &body).await;
    assert!(plain_rows.len() > 2, "{plain_rows:?}");

    let asked = world
        .request("alice", "home-insurance", &json!({"preset": "weekly"}))
        .await;
    assert_eq!(asked["filters"], body["filters"]);
    // What becomes of the preset changes nothing.
    let path = format!("{PRESETS}/weekly");
    let gone = world
        .call("alice", Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    let id = asked["id"].as_str().unwrap();
    let ended = world.ended("alice", id).await;
    assert_eq!(ended["sha256"], plain["sha256"]);
    assert_eq!(ended["filters"], body["filters"]);

    saved(&world, "weekly", &body).await;
    let limited = json!({"preset": "weekly", "limit": 1, "fields": ["lead_id"]});
    let (_, rows) = world.export("alice", "home-insurance", &limited).await;
    assert_eq!(rows, [["lead_id"], [plain_rows[1][0].as_str()]]);
    world.stop().await;
}

#[tokio::test]
async fn again_gives_the_same_file_while_the_leads_are_the_same() {
    let world = World::start().await;
    small_world(&world).await;
    let body = json!({
        "filters": {"created": {"from": "2025-12-31", "to": "2026-12-31"}, "lacks": ["zip"], "custom": {"annual_income": {"min": 0.10}}},
        "fields": ["*", {"key": "email", "header": "Mail"}],
        "order": "-created_at", "limit": 2, "format": {"header": "labels", "profile": "excel"},
    });
    let (first, rows) = world.export("alice", "home-insurance", &body).await;
    assert!(rows.len() > 1, "{rows:?}");
    let again = json!({"again": first["id"]});
    let (second, _) = world.export("alice", "home-insurance", &again).await;
    assert_ne!(second["id"], first["id"]);
    for member in [
        "sha256",
        "lead_count",
        "filters",
        "fields",
        "order",
        "limit",
        "format",
    ] {
        assert_eq!(second[member], first[member], "{member}");
    }
    let whole = json!({"again": second["id"], "filters": {}, "limit": null});
    let (third, rows) = world.export("alice", "home-insurance", &whole).await;
    assert_eq!((third["lead_count"].as_u64(), rows.len()), (Some(6), 7));
    assert_eq!(third["fields"], first["fields"]);
    world.stop().await;
}

#[tokio::test]
async fn what_names_nothing_here_is_refused() {
    let world = World::start().await;
    small_world(&world).await;
    world.source("other", |_| ()).await;
    world.grant("acme", "alice", "other", Role::Exporter).await;
    saved(&world, "weekly", &json!({})).await;
    let elsewhere = world.request("alice", "other", &json!({})).await;
    let here = world.request("alice", "home-insurance", &json!({})).await;
    let nowhere = "00000000-0000-4000-8000-000000000000";
    for (body, expected) in [
        (json!({"preset": "monthly"}), vec!["preset"]),
        (json!({"again": elsewhere["id"]}), vec!["again"]),
        (json!({"again": nowhere}), vec!["again"]),
        (
            json!({"again": here["id"], "preset": "weekly"}),
            vec!["again", "preset"],
        ),
        (
            json!({"preset": "monthly", "limit": 0}),
            vec!["limit", "preset"],
        ),
    ] {
        assert_eq!(refused(&world, &body).await, expected, "{body}");
    }
    world.stop().await;
}
