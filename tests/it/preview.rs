//! The preview, over the real table: what it counts is what the file holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use reqwest::Method;
use serde_json::{Value, json};

use crate::util::{World, lead, small_world, text};

const PREVIEW: &str = "/sources/home-insurance/exports/preview";

/// Asks until the leads are counted: on a busy machine the time may not do, and an estimate is an answer too.
async fn preview(world: &World, body: &Value) -> Value {
    for _ in 0..20 {
        let found = once(world, body).await;
        if found["exact"] == true {
            return found;
        }
    }
    panic!("{body}: the leads are never counted");
}

async fn once(world: &World, body: &Value) -> Value {
    let asked = world.call("alice", Method::POST, PREVIEW).json(body);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{body}");
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn preview_is_what_the_file_turns_out_to_be() {
    let world = World::start().await;
    let source = small_world(&world).await;
    // Enough for several pages of each shard to be worth merging, and for a sparse filter.
    let many: Vec<_> = (0..600)
        .map(|number| {
            let status = if number % 50 == 0 { "rare" } else { "active" };
            lead(
                &format!("m-{number}"),
                10 + number,
                &[
                    ("status", text(status)),
                    ("first_name", text("=\"Ü\",\r\n")),
                ],
            )
        })
        .collect();
    world.load(&source, &many).await;
    let preset = world.call("alice", Method::PUT, "/sources/home-insurance/presets/rare");
    let rare = json!({"filters": {"status": ["rare"]}, "format": {"profile": "excel-semicolon", "header": "labels"}});
    assert_eq!(preset.json(&rare).send().await.unwrap().status(), 200);
    let (first, _) = world
        .export("alice", "home-insurance", &json!({"limit": 7}))
        .await;
    for (body, rows) in [
        (json!({}), 606),
        (json!({"preset": "rare", "order": "-created_at"}), 12),
        (json!({"again": first["id"]}), 7),
        (json!({"filters": {"created": {"from": "2027-01-01"}}}), 0),
        (
            json!({"filters": {"custom": {"annual_income": {"min": 1}}}, "format": {"compression": "gzip"}}),
            3,
        ),
    ] {
        let found = preview(&world, &body).await;
        let asked = world.request("alice", "home-insurance", &body).await;
        let export = world.ended("alice", asked["id"].as_str().unwrap()).await;
        assert_eq!(found["lead_count"], rows, "{body}");
        assert_eq!(found["exact"], true, "{body}");
        for member in ["lead_count", "size_bytes", "warnings"] {
            assert_eq!(found[member], export[member], "{body}: {member}");
        }
        assert_eq!(found["columns"], export["fields"], "{body}");
        assert_eq!(
            found["rows"].as_array().unwrap().len(),
            rows.min(5),
            "{body}"
        );
    }
    let forbidden = world
        .call("vera", Method::POST, PREVIEW)
        .send()
        .await
        .unwrap();
    assert_eq!(forbidden.status(), 403);
    world.stop().await;
}
