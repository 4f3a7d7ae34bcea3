//! DELETE: what it does to an export in each state, and that it stays done.

use std::time::{Duration, Instant};

use lead_export_core::lead::Value;
use lead_export_local::stack::Settings;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::util::{World, lead, small_world};

async fn delete(world: &World, id: &str) -> Json {
    let call = world.call("alice", Method::DELETE, &format!("/exports/{id}"));
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn cancelled_export_frees_its_place_at_once_and_stays_cancelled() {
    // One place, so that the next request tells whether it is free.
    let settings = Settings::default().with("MAX_ACTIVE_EXPORTS", "1");
    let world = World::start_with(settings).await;
    let source = small_world(&world).await;
    // Enough to be at work for a while: some 40 MB.
    let city = "x".repeat(20_000);
    let leads: Vec<_> = (0..2000)
        .map(|number| {
            lead(
                &format!("m-{number}"),
                10 + number,
                &[("city", Value::Text(city.clone()))],
            )
        })
        .collect();
    world.load(&source, &leads).await;
    let asked = world.request("alice", "home-insurance", &json!({})).await;
    let id = asked["id"].as_str().unwrap();
    let full = world.call("alice", Method::POST, "/sources/home-insurance/exports");
    let full = full.body("{}").send().await.unwrap();
    assert_eq!(full.status(), 429);
    assert!(full.headers().contains_key("retry-after"));
    let full: Json = full.json().await.unwrap();
    assert_eq!(full["type"], "/problems/quota");
    assert_eq!(full["export_ids"], json!([id]));

    let ended = delete(&world, id).await;
    assert_eq!(ended["status"], "cancelled", "{ended}");
    assert_eq!(ended["ended_by"]["id"], "alice");
    for member in ["file_expires_at", "lead_count", "size_bytes", "sha256"] {
        assert_eq!(ended[member], Json::Null, "{member}");
    }
    assert_eq!(ended["links"]["download"], Json::Null);
    let began = Instant::now();
    let small = world
        .request("alice", "home-insurance", &json!({"limit": 1}))
        .await;
    let small = world.ended("alice", small["id"].as_str().unwrap()).await;
    assert_eq!(small["status"], "completed");
    assert_eq!(
        delete(&world, id).await,
        ended,
        "repeating it changes nothing"
    );

    // The run meets it at its next commit: within 15 s nobody is at work, and nothing was made.
    let log = world.dir.path().join("data/logs/run-export.log");
    let met = |log: &str| {
        let of_it = |line: &&str| line.contains(id) && line.contains("run of export");
        log.lines().filter(of_it).count()
    };
    while met(&std::fs::read_to_string(&log).unwrap_or_default()) == 0 {
        assert!(began.elapsed() < Duration::from_secs(15), "still at work");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let download = world.get("alice", &format!("/exports/{id}/download")).await;
    assert_eq!(download.status(), 409);
    assert!(
        !download.headers().contains_key("retry-after"),
        "it is over"
    );
    let problem: Json = download.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("cancelled"));
    world.stop().await;
}
