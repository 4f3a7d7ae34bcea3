//! `run-export` as SQS calls it: messages in, the ids of those to be given again out.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../../../tests/handlers/log.rs"]
mod log;
#[path = "../../../tests/handlers/world.rs"]
mod world;

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use lambda_runtime::{Context, LambdaEvent};
use lead_export_core::limits;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::{Clock as _, ObjectKey, StoreErrorKind};
use lead_export_core::record::Status;
use run_export::{App, handle};
use serde_json::{Value, json};
use world::{ID, OTHER_ID, World, event, id, org};

/// What is answered when every message has done its duty.
const ALL_DONE: &str = r#"{"batchItemFailures":[]}"#;

/// Hands an event over as Lambda does, to a function that has so much time; its answer as Lambda sees it.
async fn answer(world: &World, event: &Value, time: Duration) -> String {
    let app = App {
        run: world.run_export(),
        slice: limits::SLICE,
    };
    let mut context = Context::default();
    context.deadline = u64::try_from(world.clock.now().plus(time).millis()).unwrap();
    let event = LambdaEvent::new(serde_json::from_value(event.clone()).unwrap(), context);
    let response = world.log.of(handle(&app, event)).await;
    serde_json::to_string(&response).unwrap()
}

/// The function's timeout, as the template has it.
const TIMEOUT: Duration = Duration::from_mins(6);

/// The event with a message for each of these bodies, named `m-1`, `m-2` …
fn messages(bodies: &[Value]) -> Value {
    let mut event = event("run-export");
    let sample = event["Records"][0].clone();
    let records = bodies.iter().enumerate().map(|(index, body)| {
        let mut record = sample.clone();
        record["messageId"] = json!(format!("m-{}", index + 1));
        record["body"] = body.clone();
        record
    });
    event["Records"] = records.collect();
    event
}

fn hint(text: &str) -> Value {
    json!(json!({ "v": 1, "org": "acme", "export_id": text }).to_string())
}

/// The file of a completed export.
fn file(world: &World, text: &str) -> String {
    let file = world.export(text).head.file.unwrap();
    let objects = world.pieces.inner().objects();
    let object = &objects[&ObjectKey::File(id(text), file.run)];
    assert_eq!(object.bytes.len() as u64, file.size_bytes);
    String::from_utf8(object.bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn message_completes_its_export() {
    let world = World::new();
    world.pending().await;
    world.put_leads(3);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        answer(&world, &event("run-export"), TIMEOUT).await,
        ALL_DONE
    );
    let csv = file(&world, ID);
    assert_eq!(csv.matches("\r\n").count(), 4, "a header and three rows");
    // Line ends apart: a snapshot has those of its own file.
    assert_snapshot!("completed", csv);
    assert_snapshot!("completed_log", world.log.take());
    let export = world.export(ID);
    assert_eq!(
        (export.status(), export.head.lead_count),
        (Status::Completed, Some(3))
    );
    assert_eq!(world.notifier.inner().told().len(), 1);

    // At least once is what SQS promises: the second copy finds nothing to do.
    assert_eq!(
        answer(&world, &event("run-export"), TIMEOUT).await,
        ALL_DONE
    );
    assert_eq!(world.export(ID), export);
    assert_snapshot!(world.log.take(), @"INFO run_export: run of export 6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e: ended before; export.id=6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e org.id=acme duration_ms=0 outcome=Ended(Completed)");
}

#[tokio::test]
async fn unreadable_message_is_logged_and_dropped() {
    let world = World::new();
    world.pending().await;
    let event = messages(&[
        Value::Null,
        json!(""),
        json!("canary"),
        json!(r#"{"v": 1}"#),
        json!(r#"{"v": 2, "org": "acme", "export_id": "canary"}"#),
        json!(json!({ "v": 1, "org": "canary#acme", "export_id": ID }).to_string()),
        json!(json!({ "v": 1, "org": "acme", "export_id": ID.to_uppercase() }).to_string()),
        json!(json!({ "v": 1, "org": "acme", "export_id": ID, "canary": 1 }).to_string()),
    ]);
    assert_eq!(answer(&world, &event, TIMEOUT).await, ALL_DONE);
    assert_eq!(world.calls(), [""; 0], "no store is touched");
    assert_snapshot!("unreadable_log", world.log.take());

    // A message without a body at all, and no messages.
    let mut bare = messages(&[Value::Null]);
    bare["Records"][0].as_object_mut().unwrap().remove("body");
    assert_eq!(answer(&world, &bare, TIMEOUT).await, ALL_DONE);
    assert_eq!(answer(&world, &messages(&[]), TIMEOUT).await, ALL_DONE);
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test]
async fn unknown_export_is_acknowledged() {
    let world = World::new();
    world.pending().await;
    let foreign = json!({ "v": 1, "org": "globex", "export_id": ID }).to_string();
    let event = messages(&[hint(OTHER_ID), json!(foreign)]);
    assert_eq!(answer(&world, &event, TIMEOUT).await, ALL_DONE);
    assert_eq!(world.calls(), ["exports.get", "exports.get"]);
    assert_eq!(world.export(ID).status(), Status::Pending);
    let log = world.log.take();
    assert_eq!(log.matches("outcome=Absent").count(), 2, "{log}");
}

#[tokio::test]
async fn only_the_message_whose_store_was_down_comes_again() {
    for (name, nth) in [("exports.get", 2), ("exports.replace", 3)] {
        for kind in [StoreErrorKind::Unavailable, StoreErrorKind::Throttled] {
            // The first export's run reads its record once and writes it twice: the lease, and that the end was told.
            let world = World::with(FaultPlan::at_nth(name, nth, Fault::Before(kind)));
            world.pending().await;
            world
                .create("acme", "home-insurance", "bob", OTHER_ID)
                .await;
            world.put_leads(3);
            let event = messages(&[hint(ID), hint(OTHER_ID), Value::Null]);
            let failed = r#"{"batchItemFailures":[{"itemIdentifier":"m-2"}]}"#;
            assert_eq!(answer(&world, &event, TIMEOUT).await, failed, "{name}");
            assert_eq!(world.export(ID).status(), Status::Completed);
            assert_eq!(world.export(OTHER_ID).status(), Status::Pending);
            let log = world.log.take();
            assert_eq!(
                log.matches("was broken off; it is due again").count(),
                1,
                "{log}"
            );

            assert_eq!(
                answer(&world, &messages(&[hint(OTHER_ID)]), TIMEOUT).await,
                ALL_DONE
            );
            assert_eq!(
                file(&world, OTHER_ID),
                file(&world, ID),
                "the same leads, the same bytes"
            );
        }
    }
}

#[tokio::test]
async fn busy_export_is_left_to_the_one_at_work() {
    let world = World::new();
    let seen = world.pending().await;
    let leased = seen.leased(world.by(), world.clock.now());
    world.write(&leased).await;
    assert_eq!(
        answer(&world, &event("run-export"), TIMEOUT).await,
        ALL_DONE
    );
    assert_eq!(world.export(ID), leased);
}

#[tokio::test]
async fn lost_grant_fails_the_export_and_the_message_is_done() {
    let world = World::new();
    world.create("acme", "home-insurance", "mallory", ID).await;
    assert_eq!(
        answer(&world, &event("run-export"), TIMEOUT).await,
        ALL_DONE
    );
    let failure = world.export(ID).head.failure.unwrap();
    assert_eq!(
        failure.code,
        lead_export_core::record::FailureCode::AccessRevoked
    );
}

#[tokio::test]
async fn run_pauses_before_the_deadline_and_the_next_goes_on() {
    let whole = World::new();
    whole.pending().await;
    whole.put_leads(50);
    answer(&whole, &event("run-export"), TIMEOUT).await;

    let world = World::new();
    world.pending().await;
    world.put_leads(50);
    world.leads.inner().set_page_leads(4);
    // No time but what is kept for the last upload and commit: each run looks at a page of each shard.
    let mut runs = 0;
    while world.export(ID).status() != Status::Completed {
        assert_eq!(
            answer(&world, &event("run-export"), limits::STOP_BEFORE_DEADLINE).await,
            ALL_DONE
        );
        runs += 1;
        assert!(runs < 20, "it never ends");
        if world.export(ID).status() == Status::Processing {
            assert_eq!(
                world.queue.inner().pop(),
                Some((org("acme"), id(ID))),
                "the next run has its hint"
            );
        }
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(file(&world, ID), file(&whole, ID));
    assert!(world.pieces.inner().overwritten().is_empty());
}

#[tokio::test]
async fn lost_hint_of_the_next_slice_is_told_and_loses_nothing() {
    let fault = Fault::Before(StoreErrorKind::Unavailable);
    let world = World::with(FaultPlan::every("queue.send", fault));
    world.pending().await;
    world.put_leads(50);
    world.leads.inner().set_page_leads(4);
    let answered = answer(&world, &event("run-export"), limits::STOP_BEFORE_DEADLINE).await;
    assert_eq!(answered, ALL_DONE);
    let export = world.export(ID);
    assert_eq!(export.status(), Status::Processing);
    assert!(export.due_at.is_some(), "the sweeper sees it");
    world.tells_of_an_unsent_hint();
}

#[tokio::test]
async fn unreadable_lead_stays_out_of_the_log() {
    let fault = Fault::Before(StoreErrorKind::Corrupt);
    let plan = FaultPlan::every("leads.page", fault);
    let world = World::with(Arc::clone(&plan));
    world.pending().await;
    world.put_leads(1);
    assert_eq!(
        answer(&world, &event("run-export"), TIMEOUT).await,
        ALL_DONE
    );
    assert_snapshot!("unreadable_lead_log", world.log.take());
}
