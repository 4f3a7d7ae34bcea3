//! The daily volume, over the deployed functions' own settings.

use lead_export_core::access::Role;
use lead_export_local::stack::Settings;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

async fn ask(world: &World, user: &str, key: &str, body: &Json) -> Response {
    let call = world.call(user, Method::POST, "/sources/home-insurance/exports");
    let call = call.header("idempotency-key", key).json(body);
    call.send().await.unwrap()
}

async fn ended(world: &World, answer: Response) -> Json {
    assert_eq!(answer.status(), 202);
    let asked: Json = answer.json().await.unwrap();
    world.ended("alice", asked["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn user_gets_the_leads_of_a_day_and_no_more() {
    let world = World::start_with(Settings::default().with("DAILY_VOLUME", "8")).await;
    small_world(&world).await;
    world
        .grant("acme", "bob", "home-insurance", Role::Exporter)
        .await;
    let all = json!({});
    let first = ended(&world, ask(&world, "alice", "k-1", &all).await).await;
    assert_eq!(first["lead_count"], 6);
    // Two are left: six do not fit, two do.
    let over = ended(&world, ask(&world, "alice", "k-2", &all).await).await;
    assert_eq!(over["status"], "failed", "{over}");
    assert_eq!(over["failure"]["code"], "too_large");
    let small = json!({"limit": 2});
    let second = ended(&world, ask(&world, "alice", "k-3", &small).await).await;
    assert_eq!(second["lead_count"], 2);

    let refused = ask(&world, "alice", "k-4", &small).await;
    assert_eq!(refused.status(), 429);
    let wait = refused.headers()["retry-after"].to_str().unwrap();
    let wait: u32 = wait.parse().unwrap();
    assert!((1..=86_400).contains(&wait), "until midnight: {wait}");
    let problem: Json = refused.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/daily-volume");
    assert!(problem["detail"].as_str().unwrap().contains("8 of the 8"));

    // Nor is there an answer with the leads in it.
    let call = world.call("alice", Method::POST, "/api/v1/operations/export");
    let one = json!({"selection": {"mode": "manual", "includedIds": ["l-1"]}});
    let refused = call.json(&one).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let told: Json = refused.json().await.unwrap();
    assert_eq!(told["error"]["code"], "DAILY_VOLUME");

    // Replay wins over it, so does what is wrong with a request; others have days of their own.
    let again = ask(&world, "alice", "k-1", &all).await;
    assert_eq!(again.status(), 202);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again: Json = again.json().await.unwrap();
    assert_eq!(again["id"], first["id"]);
    assert_eq!(ask(&world, "alice", "k-1", &small).await.status(), 422);
    let bad = json!({"limit": 0});
    assert_eq!(ask(&world, "alice", "k-5", &bad).await.status(), 422);
    let theirs = ended(&world, ask(&world, "bob", "k-1", &all).await).await;
    assert_eq!(theirs["lead_count"], 6);

    // The alarm's word is in both logs, once for each refusal.
    let dir = world.stop().await;
    for (function, count) in [("request-export", 2), ("run-export", 1)] {
        let log = dir.path().join(format!("data/logs/{function}.log"));
        let log = std::fs::read_to_string(log).unwrap();
        let event = lead_export_core::limits::DAILY_VOLUME_EVENT;
        assert_eq!(log.matches(event).count(), count, "{function}");
    }
}
