//! Workers that are stopped: one that wakes when another has done its work, one that never wakes.

use std::time::{Duration, Instant as Moment};

use lead_export_local::stack::{Stack, StackOptions};
use serde_json::json;
use tempfile::TempDir;

use super::{ALONE, big, calm, cleaned, end_lease, id_of, record_of, records, same_file, signal};
use crate::util::{World, client, options};

#[tokio::test]
async fn a_worker_that_is_frozen_and_woken_changes_no_byte() {
    // F11: its successor has ended the export when it goes on; what it writes then is lost on the record.
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    big(&world).await;
    let calm = calm(&world).await;
    let asked = world.request("alice", "big", &json!({})).await;
    let id = id_of(&asked);
    let store = records(world.stack.file());
    while record_of(&store, id).await.lease.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    let frozen = world.stack.lambdas().pids("run-export");
    for pid in &frozen {
        signal("-STOP", *pid);
    }
    end_lease(world.stack.file(), id).await;
    let export = world.ended("alice", &id.to_string()).await;
    same_file(&export, &calm);
    let before = record_of(&store, id).await;
    for pid in &frozen {
        signal("-CONT", *pid);
    }
    // Its invocation comes to an end, and the process is free for another.
    same_file(&super::calm(&world).await, &calm);
    let after = record_of(&store, id).await;
    assert_eq!(after.head, before.head);
    cleaned(world.stack.file(), &[id]).await;
    world.stop().await;
}

#[tokio::test]
async fn a_worker_that_runs_into_its_timeout_changes_no_byte() {
    let _alone = ALONE.lock().await;
    let dir = TempDir::new().unwrap();
    let stack = Stack::start(StackOptions {
        // A run stops 20 s before its function's timeout: this leaves it two.
        run_timeout: Duration::from_secs(22),
        ..options(&dir)
    });
    let world = World {
        stack: stack.await.unwrap(),
        dir,
        client: client(),
    };
    big(&world).await;
    let asked = world.request("alice", "big", &json!({})).await;
    let id = id_of(&asked);
    let store = records(world.stack.file());
    while record_of(&store, id).await.lease.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let frozen = world.stack.lambdas().pids("run-export");
    for pid in &frozen {
        signal("-STOP", *pid);
    }
    let began = Moment::now();
    while world
        .stack
        .lambdas()
        .pids("run-export")
        .iter()
        .any(|pid| frozen.contains(pid))
    {
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "its timeout kills it"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    end_lease(world.stack.file(), id).await;
    let export = world.ended("alice", &id.to_string()).await;
    // And two seconds a slice are pauses by themselves.
    same_file(&export, &calm(&world).await);
    cleaned(world.stack.file(), &[id]).await;
    world.stop().await;
}
