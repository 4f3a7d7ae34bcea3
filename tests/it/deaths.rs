//! T3 of `promises.md`: real function processes that are killed, stopped and woken while they work; the program itself killed; messages
//! delivered twice. Always the same bytes, nothing left, the right history.
//!
//! A lease lasts 90 s. Where a test need not see it end by itself it ends it in the record, with a write like any other: the protocol
//! must hold with any number of runs at once (§0.5).

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod frozen;
mod messages;
mod program;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use lead_export_aws::clock::SystemClock;
use lead_export_aws::exports::DynamoExports;
use lead_export_core::access::Role;
use lead_export_core::lead::OrgId;
use lead_export_core::ports::{Clock as _, ExportStore as _, Written};
use lead_export_core::record::{Export, ExportId, RunId, Status};
use lead_export_local::connection::StackFile;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::util::{World, lead, text};

const LEADS: u32 = 9_000;

/// One at a time: each is several processes at full speed, and time is a part of what they are about.
static ALONE: Mutex<()> = Mutex::const_new(());

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn records(file: &StackFile) -> DynamoExports {
    DynamoExports::new(
        file.clients().unwrap().dynamodb,
        file.tables.exports.clone(),
    )
}

/// The record as it is. A machine that is asked too much may let a call time out: it is asked again.
async fn record_of(store: &DynamoExports, id: ExportId) -> Export {
    for _ in 0..10 {
        if let Ok(seen) = store.get(&org(), id).await {
            return seen.unwrap();
        }
    }
    panic!("the record of {id} cannot be read");
}

/// A source whose file takes a run some seconds and is several pieces.
async fn big(world: &World) {
    let source = world
        .source("big", |source| source.lead_count = Some(u64::from(LEADS)))
        .await;
    world.grant("acme", "alice", "big", Role::Exporter).await;
    let leads: Vec<_> = (0..LEADS)
        .map(|at| {
            let words = text(&"city ".repeat(250));
            lead(&format!("l-{at}"), i64::from(at / 7), &[("city", words)])
        })
        .collect();
    world.load(&source, &leads).await;
}

/// An export that nobody disturbs.
async fn calm(world: &World) -> Json {
    let asked = world.request("alice", "big", &json!({})).await;
    let calm = world.ended("alice", asked["id"].as_str().unwrap()).await;
    assert_eq!(calm["status"], "completed", "{calm}");
    calm
}

fn signal(name: &str, pid: u32) {
    let done = Command::new("kill").args([name, &pid.to_string()]).status();
    // It may have ended meanwhile.
    let _ = done.unwrap();
}

/// Random numbers that come again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Writes what `change` makes of the record, as any run or sweep would; a record that moves on meanwhile is tried again.
async fn rewrite(file: &StackFile, id: ExportId, change: impl Fn(&Export) -> Option<Export>) {
    let store = records(file);
    loop {
        let seen = record_of(&store, id).await;
        let Some(next) = change(&seen) else { return };
        // Without an answer it may have been written: the next look tells.
        if matches!(store.replace(&next).await, Ok(Written::Done)) {
            return;
        }
    }
}

/// The lease ends now, as it would in 90 s.
async fn end_lease(file: &StackFile, id: ExportId) {
    rewrite(file, id, |seen| {
        let next = seen.released(RunId(Uuid::new_v4()), SystemClock.now());
        // The death counts: only a run that could speak gives its try back.
        let tries = seen.tries;
        seen.lease.map(|_| Export { tries, ..next })
    })
    .await;
}

/// The cleaning comes now, as it would in 20 minutes, and is waited for; then nothing of the export is there but its file (I6).
async fn cleaned(file: &StackFile, ids: &[ExportId]) {
    for id in ids {
        rewrite(file, *id, |seen| {
            let now = SystemClock.now();
            let by = RunId(Uuid::new_v4());
            let due = |export: Export| Export {
                clean_at: Some(now),
                due_at: Some(now),
                ..export
            };
            assert!(seen.status().is_terminal());
            seen.clean_at.map(|_| due(seen.rested(by)))
        })
        .await;
    }
    let store = records(file);
    for id in ids {
        for turn in 0.. {
            assert!(turn < 600, "nobody cleans {id}");
            let seen = record_of(&store, *id).await;
            if seen.clean_at.is_none() && !seen.notify {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let s3 = file.clients().unwrap().s3;
    for id in ids {
        let seen = record_of(&store, *id).await;
        let kept = seen
            .head
            .file
            .filter(|_| seen.head.status == Status::Completed);
        for (prefix, most) in [("work", 0), ("files", usize::from(kept.is_some()))] {
            let listing = s3
                .list_objects_v2()
                .bucket(&file.bucket)
                .prefix(format!("{prefix}/{id}/"));
            let listing = listing.send().await.unwrap();
            assert_eq!(listing.contents().len(), most, "{prefix} of {id}");
        }
        let uploads = s3
            .list_multipart_uploads()
            .bucket(&file.bucket)
            .prefix(format!("files/{id}/"));
        assert!(
            uploads.send().await.unwrap().uploads().is_empty(),
            "an open upload of {id}"
        );
    }
}

fn id_of(export: &Json) -> ExportId {
    ExportId::parse(export["id"].as_str().unwrap()).unwrap()
}

fn same_file(export: &Json, calm: &Json) {
    assert_eq!(export["status"], "completed", "{export}");
    for member in ["sha256", "crc64nvme", "size_bytes", "lead_count"] {
        assert_eq!(export[member], calm[member], "{member}: {export}");
    }
}

/// Workers that died at their work: the messages of their invocations are neither visible nor deleted, and nobody is at work.
async fn deaths(file: &StackFile) -> u32 {
    let sqs = file.clients().unwrap().sqs;
    let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let asked = sqs.get_queue_attributes().queue_url(&file.queue_url);
    let answer = asked.attribute_names(name.clone()).send().await.unwrap();
    answer.attributes.unwrap()[&name].parse().unwrap()
}

/// One round: exports at work, workers killed at random moments, until all have ended.
async fn round(world: &World, at_once: usize, dice: &mut Dice) -> Vec<ExportId> {
    let (file, store) = (world.stack.file(), records(world.stack.file()));
    let mut ids = Vec::new();
    for _ in 0..at_once {
        ids.push(id_of(&world.request("alice", "big", &json!({})).await));
    }
    loop {
        tokio::time::sleep(Duration::from_millis(dice.below(900))).await;
        let mut left = Vec::new();
        for id in &ids {
            let seen = record_of(&store, *id).await;
            if !seen.status().is_terminal() {
                left.push(seen);
            }
        }
        if left.is_empty() {
            return ids;
        }
        let pids = world.stack.lambdas().pids("run-export");
        // One that has died four times without progress is left in peace, and so are all: five are the end (TM17).
        if pids.is_empty() || left.iter().any(|seen| seen.tries >= 4) {
            continue;
        }
        let index = usize::try_from(dice.below(pids.len() as u64)).unwrap();
        signal("-9", pids[index]);
        // Whose worker died is not known, and need not be: all leases end, and successors run beside the living.
        for seen in left {
            end_lease(file, seen.id()).await;
        }
    }
}

/// Kills workers until so many have died at their work, and checks everything.
async fn kill_workers(kills: u32, at_once: usize) {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    big(&world).await;
    let calm = calm(&world).await;
    let dice = &mut Dice(0x5eed_0000_0000_0007);
    let mut ids: Vec<ExportId> = Vec::new();
    let mut died = 0;
    while died < kills {
        let round = round(&world, at_once, dice).await;
        for id in &round {
            same_file(&world.ended("alice", &id.to_string()).await, &calm);
        }
        ids.extend(round);
        // Those that were overtaken come to their end as well.
        tokio::time::sleep(Duration::from_secs(2)).await;
        died = deaths(world.stack.file()).await;
        eprintln!(
            "{died} workers died at their work under {} exports",
            ids.len()
        );
        assert!(ids.len() < 20 + 2 * kills as usize, "kills hit nobody");
    }
    cleaned(world.stack.file(), &ids).await;
    // The history tells of each export once, whatever it went through.
    let path = "/sources/big/exports?limit=100";
    let listed: Json = world.get("alice", path).await.json().await.unwrap();
    let listed = listed["exports"].as_array().unwrap();
    let names: BTreeSet<_> = listed
        .iter()
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), listed.len());
    assert!(listed.len() >= (ids.len() + 1).min(100));
    for entry in listed {
        same_file(entry, &calm);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_dozen_killed_workers_change_no_byte() {
    kill_workers(12, 3).await;
}

/// `KILLS` says how many.
#[tokio::test]
#[ignore = "by command: make deaths"]
async fn two_hundred_killed_workers_change_no_byte() {
    let kills = std::env::var("KILLS").map_or(200, |kills| kills.parse().unwrap());
    kill_workers(kills, 4).await;
}
