//! Restarts and deaths: the history stays, an export in the middle of its work ends with the same bytes.

use std::time::Duration;

use lead_export_core::access::Role;
use lead_export_local::stack::{Stack, StackOptions};
use serde_json::json;

use crate::util::{World, client, lead, options, small_world, text};

#[tokio::test]
async fn data_survives_a_restart_and_fresh_forgets_it() {
    let world = World::start().await;
    small_world(&world).await;
    let (export, _) = world.export("alice", "home-insurance", &json!({})).await;
    let id = export["id"].as_str().unwrap().to_owned();
    let dir = world.stop().await;

    let stack = Stack::start(options(&dir)).await.unwrap();
    let world = World {
        stack,
        dir,
        client: client(),
    };
    let again = world.ended("alice", &id).await;
    assert_eq!(again["sha256"], export["sha256"]);
    assert!(!world.download("alice", &id).await.is_empty());
    let dir = world.stop().await;

    let stack = Stack::start(StackOptions {
        fresh: true,
        ..options(&dir)
    })
    .await
    .unwrap();
    let world = World {
        stack,
        dir,
        client: client(),
    };
    assert_eq!(
        world.get("alice", &format!("/exports/{id}")).await.status(),
        404
    );
    world.stop().await;
}

#[tokio::test]
async fn a_second_stack_over_the_same_data_is_refused_in_one_sentence() {
    let world = World::start().await;
    let error = match Stack::start(options(&world.dir)).await {
        Ok(_) => panic!("two stacks over one folder"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("is in use"), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn killed_workers_change_no_byte() {
    let world = World::start().await;
    let source = world
        .source("big", |source| source.lead_count = Some(20_000))
        .await;
    world.grant("acme", "alice", "big", Role::Exporter).await;
    let leads: Vec<_> = (0..20_000)
        .map(|at| {
            lead(
                &format!("l-{at}"),
                at / 7,
                &[("city", text(&"city ".repeat(200)))],
            )
        })
        .collect();
    world.load(&source, &leads).await;
    let asked = world.request("alice", "big", &json!({})).await;
    let calm = world.ended("alice", asked["id"].as_str().unwrap()).await;
    assert_eq!(calm["status"], "completed", "{calm}");

    let asked = world.request("alice", "big", &json!({})).await;
    let id = asked["id"].as_str().unwrap();
    // Kill every worker that is seen at work, three times at some point of its run.
    let mut killed = 0;
    for _ in 0..4000 {
        let pids = world.stack.lambdas().pids("run-export");
        let status = world
            .get("alice", &format!("/exports/{id}"))
            .await
            .json::<serde_json::Value>()
            .await
            .unwrap();
        if status["status"] == "completed" {
            break;
        }
        if status["status"] == "processing" && killed < 1 && !pids.is_empty() {
            for pid in pids {
                std::process::Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .status()
                    .unwrap();
            }
            killed += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(killed > 0, "the export was too quick to be killed");
    let died = std::time::Instant::now();
    let export = world.ended("alice", id).await;
    // Bound B: the lease's 90 s are waited for here, in real time.
    let took = died.elapsed();
    assert!(took < Duration::from_secs(170), "{took:?}");
    assert_eq!(export["status"], "completed", "{export}");
    assert_eq!(
        (&export["sha256"], &export["lead_count"]),
        (&calm["sha256"], &json!(20_000))
    );
    world.stop().await;
}
