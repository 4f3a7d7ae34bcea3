//! T-GRANT, T-REVOKE (TM04, TM05): a grant that is gone counts at once, wherever an export stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lead_export_core::access::Role;
use lead_export_core::memory::FaultPlan;
use lead_export_core::ports::Clock as _;
use lead_export_core::record::{FailureCode, Status};
use lead_export_core::run::Done;

use crate::apps::Apps;
use crate::http_api::text;
use crate::model::{Needs, ROUTES, State};
use crate::world::{ID, World, id, org, source_id};

/// Ways to lose the right to export: the grant is gone, or smaller, or on another source.
const LOSSES: [(Option<Role>, Option<&str>); 4] = [
    (None, Some("home-insurance")),
    (Some(Role::Viewer), Some("home-insurance")),
    (None, Some("")),
    (None, Some("secret-source")),
];

fn lose(world: &World, loss: (Option<Role>, Option<&str>)) {
    let home = source_id("home-insurance");
    let sources = world.sources.inner();
    let grant = |role| lead_export_core::access::Grant { role, name: None };
    match loss {
        (Some(role), _) => sources.put_grant(&org("acme"), "alice", Some(&home), grant(role)),
        (None, place) => {
            sources.remove_grant(&org("acme"), "alice", Some(&home));
            if place == Some("secret-source") {
                let other = source_id("secret-source");
                sources.put_grant(&org("acme"), "alice", Some(&other), grant(Role::Admin));
                sources.put_grant(&org("globex"), "alice", None, grant(Role::Admin));
            }
        }
    }
}

async fn run(world: &World, slice: Duration) -> Done {
    let stop_at = world.clock.now().plus(slice);
    let run = world.run_export();
    let acme = org("acme");
    Box::pin(run.run(&acme, id(ID), stop_at))
        .await
        .unwrap()
        .done
}

fn reads(world: &World) -> usize {
    world
        .calls()
        .iter()
        .filter(|call| **call == "leads.page")
        .count()
}

#[tokio::test]
async fn queued_run_reads_no_lead() {
    for loss in LOSSES {
        let world = World::new();
        world.pending().await;
        world.put_leads(20);
        lose(&world, loss);
        let done = run(&world, Duration::from_mins(5)).await;
        assert_eq!(done, Done::Failed(FailureCode::AccessRevoked), "{loss:?}");
        assert_eq!(reads(&world), 0, "not one lead is read");
        assert!(world.pieces.inner().objects().is_empty());
        assert!(
            world.exports.inner().active(&org("acme")).is_empty(),
            "the quota is given back"
        );
    }
}

#[tokio::test]
async fn running_export_reads_no_further_slice() {
    for loss in LOSSES {
        // Each page takes a second, so a slice of one second ends behind it.
        let ticks = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&ticks);
        let plan = FaultPlan::new(move |call| {
            if call.name == "leads.page" {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            None
        });
        let world = World::with(plan);
        world.pending().await;
        world.put_leads(3000);
        let stop_at = world.clock.now();
        // A slice that is over when it begins still reads a page of each shard, and pauses.
        let first = Box::pin(world.run_export().run(&org("acme"), id(ID), stop_at))
            .await
            .unwrap();
        assert_eq!(first.done, Done::Paused);
        let read = ticks.load(Ordering::SeqCst);
        assert!(read > 0);
        lose(&world, loss);
        let next = run(&world, Duration::from_mins(5)).await;
        assert_eq!(next, Done::Failed(FailureCode::AccessRevoked), "{loss:?}");
        assert_eq!(
            ticks.load(Ordering::SeqCst),
            read,
            "nothing was read after the loss"
        );
        assert_eq!(world.export(ID).status(), Status::Failed);
    }
}

#[tokio::test]
async fn download_and_every_other_act_end_at_once() {
    let apps = Apps::plain().await;
    let exporter = Some(Role::Exporter);
    for (home, every, lost_home, lost_every, expected) in [
        (exporter, None, None, None, 404),
        (exporter, None, Some(Role::Viewer), None, 403),
        (None, exporter, None, None, 404),
        (None, exporter, None, Some(Role::Viewer), 403),
        (Some(Role::Viewer), exporter, Some(Role::Viewer), None, 403),
    ] {
        let grant = |home, every| {
            apps.grant("acme", "rita", Some("home-insurance"), home);
            apps.grant("acme", "rita", None, every);
        };
        grant(home, every);
        let id = apps
            .put(
                "acme",
                "home-insurance",
                "rita",
                State::Is(Status::Completed),
            )
            .await
            .to_string();
        let needing: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.status(Some(Role::Viewer), true, State::Overdue) == 403)
            .collect();
        assert!(needing.len() >= 7);
        for route in needing {
            let at = ("home-insurance", id.as_str());
            // A route over all sources forbids where others know nothing.
            let expected = match route.needs {
                Needs::Somewhere(_) => 403,
                _ => expected,
            };
            grant(lost_home, lost_every);
            let rows = apps.world.audit.inner().all().len();
            let refused = apps.call(route, at, ("acme", "rita")).await;
            assert_eq!(refused.status(), expected, "{}", route.key);
            if expected == 404 {
                assert_eq!(text(&refused), route.absent());
            }
            assert_eq!(apps.world.audit.inner().all().len(), rows);
            // And back as soon as it is granted again, so it was the grant.
            grant(home, every);
            if !route.key.starts_with("DELETE") {
                let again = apps.call(route, at, ("acme", "rita")).await;
                assert!(again.status().as_u16() < 400, "{}: {again:?}", route.key);
            }
        }
    }
}

/// An idempotency key does not outlive the grant.
#[tokio::test]
async fn replay_needs_the_grant_too() {
    let apps = Apps::plain().await;
    apps.grant("acme", "rita", Some("home-insurance"), Some(Role::Exporter));
    let post = ROUTES
        .iter()
        .find(|route| route.key == "POST /sources/{source}/exports")
        .unwrap();
    let event = crate::apps::event(post, "home-insurance", "")
        .header("idempotency-key", "k-1")
        .claims(apps.claims("acme", "rita"));
    for _ in 0..2 {
        assert_eq!(apps.answer(post.function, &event).await.status(), 202);
    }
    apps.grant("acme", "rita", Some("home-insurance"), Some(Role::Viewer));
    assert_eq!(apps.answer(post.function, &event).await.status(), 403);
    apps.grant("acme", "rita", Some("home-insurance"), None);
    assert_eq!(apps.answer(post.function, &event).await.status(), 404);
}
