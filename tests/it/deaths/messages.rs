//! Messages that come more than once, callers that ask more than once, hints that were given up.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use lead_export_aws::clock::SystemClock;
use lead_export_aws::queue::SqsQueue;
use lead_export_core::access::Role;
use lead_export_core::lead::SourceId;
use lead_export_core::ports::{Clock as _, Created, ExportQueue as _, ExportStore as _};
use lead_export_core::record::{ExportId, FailureCode, Status};
use reqwest::Method;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{ALONE, big, calm, cleaned, end_lease, id_of, org, record_of, records, same_file};
use crate::util::World;

#[tokio::test]
async fn messages_delivered_many_times_at_once_change_no_byte() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    big(&world).await;
    let calm = calm(&world).await;
    let file = world.stack.file();
    let queue = SqsQueue::new(file.clients().unwrap().sqs, file.queue_url.clone());
    let asked = world.request("alice", "big", &json!({})).await;
    let id = id_of(&asked);
    // Fewer rounds than the tries an export has without progress.
    for _ in 0..3 {
        // The lease would hold them off: without it they all work at once.
        for _ in 0..3 {
            queue.send(&org(), id).await.unwrap();
        }
        end_lease(file, id).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    same_file(&world.ended("alice", &id.to_string()).await, &calm);
    queue.send(&org(), id).await.unwrap();
    cleaned(file, &[id]).await;
    world.stop().await;
}

#[tokio::test]
async fn fifty_callers_with_one_key_make_one_export() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    world.source("crm", |_| ()).await;
    world.grant("acme", "alice", "crm", Role::Exporter).await;
    let call = || {
        let call = world.call("alice", Method::POST, "/sources/crm/exports");
        let call = call.header("idempotency-key", "one").json(&json!({}));
        async move {
            loop {
                let answer = call.try_clone().unwrap().send().await.unwrap();
                match answer.status().as_u16() {
                    202 => return answer.json::<Json>().await.unwrap()["id"].clone(),
                    // Contention: asked again, as Retry-After says.
                    503 | 429 => tokio::time::sleep(Duration::from_millis(300)).await,
                    other => panic!("{other}"),
                }
            }
        }
    };
    let ids = futures_util::future::join_all((0..50).map(|_| call())).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let listed: Json = world
        .get("alice", "/sources/crm/exports")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(listed["exports"].as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn given_up_hints_are_drained() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    world.source("crm", |_| ()).await;
    world.grant("acme", "alice", "crm", Role::Exporter).await;
    let asked = world.request("alice", "crm", &json!({})).await;
    let export = world.ended("alice", asked["id"].as_str().unwrap()).await;
    assert_eq!(export["status"], "completed");
    let file = world.stack.file();
    let letters = file
        .queue_url
        .replace("lead-export-exports", "lead-export-exports-dead");
    let sqs = file.clients().unwrap().sqs;
    let queue = SqsQueue::new(sqs.clone(), letters.clone());
    queue.send(&org(), id_of(&export)).await.unwrap();
    queue.send(&org(), ExportId(Uuid::new_v4())).await.unwrap();
    sqs.send_message()
        .queue_url(&letters)
        .message_body("nothing we know")
        .send()
        .await
        .unwrap();
    for turn in 0.. {
        assert!(turn < 300, "nobody drains the dead letters");
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
        ];
        let all = sqs
            .get_queue_attributes()
            .queue_url(&letters)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .unwrap();
        let all = all.attributes.unwrap();
        if names.iter().all(|name| all[name] == "0") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log =
        std::fs::read_to_string(world.dir.path().join("data/logs/sweep-exports.log")).unwrap();
    assert_eq!(
        log.matches("was given up; the export is completed").count(),
        1,
        "{log}"
    );
    assert_eq!(
        log.matches("was given up; the export is absent").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("unreadable and dropped").count(), 1, "{log}");
    world.stop().await;
}

#[tokio::test]
async fn a_source_that_vanished_ends_its_export_and_the_history_keeps_it() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    // Asked for while the source was there; by now it is not.
    let mut export = crate::wire::record(&world).await;
    let gone = SourceId::parse("gone").unwrap();
    export.head.requested_at = SystemClock.now();
    export.plan.requested_at = export.head.requested_at;
    export.plan.source = gone.clone();
    export.head.source = gone;
    let file = world.stack.file();
    let store = records(file);
    for _ in 0..2 {
        // The second finds the place of the first, and one place is all there is.
        export.head.id = ExportId(Uuid::new_v4());
        let created = store.create(&export, None, 1).await.unwrap();
        assert_eq!(created, Created::New);
        let queue = SqsQueue::new(file.clients().unwrap().sqs, file.queue_url.clone());
        queue.send(&org(), export.id()).await.unwrap();
        for turn in 0.. {
            assert!(turn < 600, "it does not end");
            if record_of(&store, export.id()).await.status().is_terminal() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = record_of(&store, export.id()).await;
        assert_eq!(ended.status(), Status::Failed);
        let failure = ended.head.failure.unwrap();
        assert_eq!(failure.code, FailureCode::SourceGone);
        let sentence = "The source is no longer there. Check its name, then export again.";
        assert!(failure.message.starts_with(sentence), "{}", failure.message);
        cleaned(file, &[export.id()]).await;
    }
    // Who may see everything sees it in the history when the source is there again.
    world.source("gone", |_| ()).await;
    world.grant("acme", "alice", "gone", Role::Viewer).await;
    let answer = world.get("alice", "/sources/gone/exports?status=failed");
    let listed: Json = answer.await.json().await.unwrap();
    let listed = listed["exports"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["failure"]["code"], "source_gone", "{listed:?}");
    world.stop().await;
}
