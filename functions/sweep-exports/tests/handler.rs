//! `sweep-exports` as the schedule calls it.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../../../tests/handlers/log.rs"]
mod log;
#[path = "../../../tests/handlers/world.rs"]
mod world;

use std::time::Duration;

use insta::assert_snapshot;
use lambda_runtime::{Context, LambdaEvent};
use lead_export_core::limits;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::{Clock as _, ObjectKey, StoreErrorKind};
use lead_export_core::record::{FailureCode, Status};
use lead_export_core::sweep::SweepExports;
use serde_json::Value;
use sweep_exports::{App, handle};
use world::{ID, OTHER_ID, World, event, id, org};

const TOLD_ID: &str = "1b1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";
const CLEAN_ID: &str = "2b2c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";

async fn sweep(world: &World) -> Result<Value, String> {
    sweep_for(world, event("sweep-exports")).await
}

async fn sweep_for(world: &World, event: Value) -> Result<Value, String> {
    let app = App {
        sweep: SweepExports {
            exports: world.exports.clone(),
            queue: world.queue.clone(),
            pieces: world.pieces.clone(),
            notifier: world.notifier.clone(),
            clock: world.clock.clone(),
            dice: world.dice.clone(),
        },
    };
    let event = LambdaEvent::new(event, Context::default());
    let answer = world.log.of(handle(&app, event)).await;
    answer.map_err(|error| error.to_string())
}

/// Something of each kind: a file whose time has come, leftovers to clean, a terminal state untold, an export never begun.
async fn all_due(world: &World) {
    let completed = world.completed().await;
    world.write(&completed.cleaned(world.by())).await;
    world.clock.set(completed.head.file_expires_at.unwrap());
    let cleaned = world
        .create("acme", "home-insurance", "alice", CLEAN_ID)
        .await;
    let failed = cleaned.failed(world.by(), FailureCode::Internal, world.clock.now());
    world.write(&failed).await;
    world.write(&failed.told(world.by())).await;
    world.clock.advance(limits::CLEAN_AFTER);
    let untold = world.create("acme", "home-insurance", "bob", TOLD_ID).await;
    let untold = untold.failed(world.by(), FailureCode::TimeLimit, world.clock.now());
    world.write(&untold).await;
    world
        .create("acme", "home-insurance", "bob", OTHER_ID)
        .await;
    world.clock.advance(limits::FIRST_DUE);
    world.log.take();
}

#[tokio::test]
async fn everything_due_is_seen_to() {
    let world = World::new();
    all_due(&world).await;
    let run = world.export(ID).head.file.unwrap().run;
    let file = ObjectKey::File(id(ID), run);
    assert!(world.pieces.inner().objects().contains_key(&file));
    let told = world.notifier.inner().told().len();

    let swept = sweep(&world).await.unwrap();
    assert_snapshot!(swept, @r#"{"seen":4,"hinted":1,"told":1,"cleaned":1,"expired":1,"failed":0}"#);
    assert_snapshot!(world.log.take(), @"INFO sweep_exports: swept 4 exports; seen=4 hinted=1 told=1 cleaned=1 expired=1");
    assert_eq!(world.queue.inner().sent(), [(org("acme"), id(OTHER_ID))]);
    assert_eq!(world.export(ID).status(), Status::Expired);
    assert!(!world.pieces.inner().objects().contains_key(&file));
    let untold = &world.notifier.inner().told()[told..];
    assert_eq!(untold.len(), 1);
    assert_eq!(untold[0].event_id(), format!("{TOLD_ID}:failed"));
    assert!(!world.export(TOLD_ID).notify);
    assert_eq!(
        (
            world.export(CLEAN_ID).clean_at,
            world.export(CLEAN_ID).due_at
        ),
        (None, None)
    );

    // Nothing of it is due again at once, and a sweep that sees nothing says nothing.
    let swept = sweep(&world).await.unwrap();
    assert_snapshot!(swept, @r#"{"seen":0,"hinted":0,"told":0,"cleaned":0,"expired":0,"failed":0}"#);
    assert_snapshot!(world.log.take(), @"");
}

#[tokio::test]
async fn failure_with_one_export_leaves_the_others() {
    for (name, done) in [
        ("queue.send", "hinted"),
        ("notifier.tell", "told"),
        ("pieces.clean", "cleaned"),
        ("pieces.delete_file", "expired"),
    ] {
        let plan = FaultPlan::new(move |call| {
            // The run that makes the file tells its end: that one goes through.
            let nth = if name == "notifier.tell" { 2 } else { 1 };
            (call.name == name && call.nth == nth)
                .then_some(Fault::Before(StoreErrorKind::Unavailable))
        });
        let world = World::with(plan);
        all_due(&world).await;
        let swept = sweep(&world).await.unwrap();
        for kind in ["hinted", "told", "cleaned", "expired"] {
            assert_eq!(swept[kind], u64::from(kind != done), "{name}: {swept}");
        }
        assert_eq!((&swept["seen"], &swept["failed"]), (&4.into(), &1.into()));
        let log = world.log.take();
        assert_eq!(
            log.matches("ERROR sweep_exports: an export could not be swept")
                .count(),
            1,
            "{log}"
        );
        // It is due again when the back-off has passed, or, of a file, when leftovers are cleaned.
        world
            .clock
            .advance(limits::CLEAN_AFTER + Duration::from_secs(1));
        let again = sweep(&world).await.unwrap();
        assert_eq!(again["failed"], 0, "{again}");
        assert!(world.pieces.inner().objects().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn list_that_cannot_be_read_fails_the_invocation() {
    let fault = Fault::Before(StoreErrorKind::Unavailable);
    let world = World::with(FaultPlan::every("exports.due", fault));
    let error = sweep(&world).await.unwrap_err();
    assert_snapshot!(error, @"the store of exports did not answer");
}

/// An event of the dead-letter queue with a message for each of these exports, or of this text.
fn letters(bodies: &[Value]) -> Value {
    let mut event = event("sweep-exports-given-up");
    let sample = event["Records"][0].clone();
    let records = bodies.iter().enumerate().map(|(index, body)| {
        let mut record = sample.clone();
        record["messageId"] = format!("m-{index}").into();
        record["body"] = body.clone();
        record
    });
    event["Records"] = records.collect();
    event
}

fn hint(text: &str) -> Value {
    format!(r#"{{"v":1,"org":"acme","export_id":"{text}"}}"#).into()
}

#[tokio::test]
async fn given_up_hints_are_drained_and_their_exports_looked_at() {
    let world = World::new();
    let done = world.completed().await;
    let waiting = world
        .create("acme", "home-insurance", "bob", OTHER_ID)
        .await;
    world.log.take();
    let sent = world.queue.inner().sent().len();
    let event = letters(&[hint(ID), hint(OTHER_ID), hint(TOLD_ID), "canary".into()]);
    let answer = sweep_for(&world, event).await.unwrap();
    assert_snapshot!(answer, @r#"{"batchItemFailures":[]}"#);
    let log = world.log.take();
    for status in ["completed", "pending", "absent"] {
        assert_eq!(
            log.matches(&format!("status={status}\n")).count(),
            1,
            "{log}"
        );
    }
    assert_eq!(log.matches("unreadable and dropped").count(), 1, "{log}");
    assert_eq!(
        world.queue.inner().sent()[sent..],
        [(org("acme"), id(OTHER_ID))]
    );
    // Both records are as they were: the history tells where they stand.
    assert_eq!((world.export(ID), world.export(OTHER_ID)), (done, waiting));
}

#[tokio::test]
async fn a_given_up_hint_comes_again_if_its_export_cannot_be_looked_at() {
    let fault = Fault::Before(StoreErrorKind::Unavailable);
    let world = World::with(FaultPlan::every("queue.send", fault));
    world.completed().await;
    world
        .create("acme", "home-insurance", "bob", OTHER_ID)
        .await;
    let event = letters(&[hint(ID), hint(OTHER_ID)]);
    let answer = sweep_for(&world, event).await.unwrap();
    assert_snapshot!(answer, @r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#);
}
