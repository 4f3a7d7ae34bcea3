//! TM16: what hostile bodies cost a real process of request-export. Run by `make security`; that they are refused before any work
//! is `tests/security/limits.rs`, in every run of the suite.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lead_export_core::limits;
use reqwest::Method;

use crate::util::{World, small_world};

#[path = "../security/hostile.rs"]
mod hostile;

use hostile::{KINDS, hostile};

/// Calls under way at once; each may meet a process of its own.
const AT_ONCE: usize = 4;

/// The most memory that each process of this stack's for a function has had since it began, in KiB, by the process's id.
fn most_memory(function: &str) -> BTreeMap<u32, u64> {
    let parent = format!("PPid:\t{}\n", std::process::id());
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).into_owned();
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        if !command.contains(function) || !status.contains(&parent) {
            continue;
        }
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let Some(kib) = line.and_then(|line| line.split_whitespace().nth(1)) else {
            continue;
        };
        all.insert(id, kib.parse().unwrap());
    }
    all
}

/// Where bodies are read, and the most that one may have.
const ROUTES: [(Method, &str, usize); 4] = [
    (
        Method::POST,
        "/sources/home-insurance/exports",
        limits::BODY_BYTES,
    ),
    (
        Method::POST,
        "/sources/home-insurance/exports/preview",
        limits::BODY_BYTES,
    ),
    (
        Method::PUT,
        "/sources/home-insurance/presets/weekly",
        limits::BODY_BYTES,
    ),
    (
        Method::POST,
        "/api/v1/operations/export",
        limits::ANSWER_BODY_BYTES,
    ),
];

/// Sends every kind to every route so many times; gives the number of calls and the slowest.
async fn send(world: &World, rounds: usize) -> (usize, Duration) {
    let token = world.token("acme", "alice");
    let all: Vec<_> = (0..rounds)
        .flat_map(|_| {
            ROUTES
                .iter()
                .flat_map(|route| KINDS.map(|kind| (route, kind)))
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for some in all.chunks(AT_ONCE) {
        let calls = some.iter().map(|((method, path, most), kind)| {
            let call = world
                .client
                .request(method.clone(), format!("{}{path}", world.stack.file().url))
                .bearer_auth(&token)
                .body(hostile(kind, *most))
                .send();
            async move {
                let started = Instant::now();
                let answer = call.await.unwrap();
                let (status, bytes) = (answer.status().as_u16(), answer.bytes().await.unwrap());
                assert!(matches!(status, 400 | 413 | 422), "{path} {kind}: {status}");
                assert!(
                    bytes.len() < 512 << 10,
                    "{path} {kind}: {} bytes",
                    bytes.len()
                );
                started.elapsed()
            }
        });
        for took in futures_util::future::join_all(calls).await {
            slowest = slowest.max(took);
        }
    }
    (all.len(), slowest)
}

#[tokio::test]
#[ignore = "measures for minutes: make security"]
async fn memory_stays_flat_under_hostile_bodies() {
    let world = World::start().await;
    small_world(&world).await;
    // What a process needs at all, and what its allocator keeps from then on: as many rounds as later, so that each process has met
    // about every kind.
    send(&world, 12).await;
    let warm = most_memory("request-export");
    assert!(!warm.is_empty(), "the function's processes are found");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (calls, slowest) = send(&world, 12).await;
        let memory = most_memory("request-export");
        println!(
            "after {calls} more hostile bodies at most {memory:?} KiB; the slowest took {slowest:?}"
        );
        seen.push(memory);
    }
    println!("warm {warm:?} KiB");
    for (id, last) in seen.last().unwrap() {
        // A process that was begun later was warmed by the first round of the three.
        let Some(first) = warm.get(id).or_else(|| seen[0].get(id)) else {
            continue;
        };
        assert!(*last < first + (8 << 10), "{id}: {first:?}, {last:?}");
        // What a function of 128 MB, Lambda's smallest, has room for.
        assert!(*last < 112 << 10, "{id}: {last:?}");
    }
    let shown = world.get("alice", "/sources/home-insurance/exports").await;
    let shown = shown.text().await.unwrap();
    assert_eq!(shown, r#"{"exports":[],"next_cursor":null}"#);
    world.stop().await;
}
