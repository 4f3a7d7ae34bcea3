//! Links to files, and the end of exports and files.

use insta::assert_snapshot;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::{Clock as _, StoreErrorKind};
use lead_export_core::record::{Delivery, Export, FailureCode};

use crate::http_api::{body, listed, raw, shown};
use crate::world::{ID, World, org};
use crate::{answer, delete, download};

#[tokio::test]
async fn link_is_given_once_its_audit_row_is_written() {
    let world = World::new();
    world.completed().await;
    let before = world.calls().len();
    world.log.take();
    let as_json = answer(&world, &download()).await;
    assert_snapshot!("link_as_json", shown(&as_json));
    assert_eq!(
        world.calls()[before..],
        [
            "exports.get",
            "sources.access",
            "audit.record",
            "signer.sign"
        ]
    );
    assert_snapshot!(world.log.take(), @"INFO download_export: a link to export 6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e was given; export.id=6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e org.id=acme");

    let redirect = answer(
        &world,
        &download().header("accept", "*/*").user("acme", "bob"),
    )
    .await;
    assert_snapshot!("link_as_redirect", shown(&redirect));
    let bare = answer(&world, &download().without_header("accept")).await;
    assert_eq!(bare.status(), 303);
    for answer in [&as_json, &redirect, &bare] {
        assert_eq!(body(answer)["url"], world.signer.inner().signed()[0].url);
    }
    let rows = world.audit.inner().all();
    let by: Vec<&str> = rows.iter().map(|row| row.by.id.as_str()).collect();
    assert_eq!(by, ["alice", "bob", "alice"], "a row for each link");
}

#[tokio::test]
async fn no_audit_row_no_link() {
    for name in ["audit.record", "signer.sign"] {
        let fault = Fault::Before(StoreErrorKind::Unavailable);
        let world = World::with(FaultPlan::every(name, fault));
        world.completed().await;
        world.log.take();
        let answer = answer(&world, &download()).await;
        assert_snapshot!("down", shown(&answer));
        assert!(world.signer.inner().signed().is_empty());
        assert!(
            world
                .log
                .take()
                .starts_with("ERROR lead_export_aws::http: request UZwNcjq8liAEPQA= failed")
        );
    }
}

#[tokio::test]
async fn what_has_no_file_says_why() {
    let mut answers = Vec::new();
    for name in [
        "pending",
        "processing",
        "failed",
        "cancelled",
        "inline",
        "deleted",
        "past retention",
    ] {
        let world = World::new();
        let seen = if matches!(name, "inline" | "deleted" | "past retention") {
            world.completed().await
        } else {
            world.pending().await
        };
        let (by, now) = (world.by(), world.clock.now());
        let next = match name {
            "pending" => None,
            "processing" => Some(seen.leased(by, now)),
            "failed" => Some(seen.failed(by, FailureCode::TooLarge, now)),
            "cancelled" => Some(seen.cancelled(by, seen.head.requested_by.clone(), now)),
            "inline" => {
                let mut next: Export = seen.told(by);
                next.head.delivery = Delivery::Inline;
                next.head.file = None;
                Some(next)
            }
            "deleted" => Some(seen.expired(by, None, now)),
            _ => {
                // The sweeper has not come by yet; the file is still there.
                world.clock.set(seen.head.file_expires_at.unwrap());
                None
            }
        };
        if let Some(next) = next {
            world.write(&next).await;
        }
        let answer = answer(&world, &download()).await;
        answers.push((name, shown(&answer)));
        assert!(world.audit.inner().all().is_empty());
        assert!(world.signer.inner().signed().is_empty());
    }
    assert_snapshot!("no_file", listed(answers));
}

#[tokio::test]
async fn delete_cancels_what_runs() {
    let world = World::new();
    world.pending().await;
    let first = answer(&world, &delete()).await;
    assert_snapshot!("cancelled", shown(&first));
    assert_snapshot!(world.log.take(), @"INFO download_export: export 6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e is cancelled; export.id=6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e org.id=acme");
    assert!(
        world.exports.inner().active(&org("acme")).is_empty(),
        "the quota is given back"
    );
    assert_eq!(world.notifier.inner().told().len(), 1);
    let again = answer(&world, &delete()).await;
    assert_eq!(raw(&again), raw(&first), "repeating it is harmless");
    assert_eq!(world.notifier.inner().told().len(), 1);
}

#[tokio::test]
async fn delete_takes_the_file_at_once() {
    let world = World::new();
    world.completed().await;
    assert_eq!(answer(&world, &download()).await.status(), 200);
    assert_eq!(world.pieces.inner().objects().len(), 1);
    let deleted = answer(&world, &delete().user("acme", "adam")).await;
    assert_snapshot!("deleted", shown(&deleted));
    assert!(world.pieces.inner().objects().is_empty());
    assert_eq!(answer(&world, &download()).await.status(), 410);
    assert_eq!(raw(&answer(&world, &delete()).await), raw(&deleted));
}

#[tokio::test]
async fn delete_leaves_what_has_failed_as_it_is() {
    let world = World::new();
    let seen = world.pending().await;
    let failed = seen.failed(world.by(), FailureCode::Internal, world.clock.now());
    world.write(&failed).await;
    let answer = answer(&world, &delete()).await;
    assert_eq!(
        (answer.status().as_u16(), &body(&answer)["status"]),
        (200, &"failed".into())
    );
    assert_eq!(world.export(ID), failed);
}
