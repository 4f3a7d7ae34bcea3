//! `request-export` as Lambda calls it: the events of the gateway in, answers out.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../../../../tests/handlers/http.rs"]
mod http_api;
#[path = "../../../../tests/handlers/log.rs"]
mod log;
#[path = "../../../../tests/handlers/world.rs"]
mod world;

mod answers;
mod preview;
mod refusals;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_api::{Http, body, listed, raw, shown, text};
use insta::assert_snapshot;
use std::sync::Arc;

use lambda_http::Body;
use lead_export_aws::http::ClaimRules;
use lead_export_core::access::{Grant, Role};
use lead_export_core::answer::AnswerExport;
use lead_export_core::lead::OrgId;
use lead_export_core::limits;
use lead_export_core::memory::MemoryPresets;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::StoreErrorKind;
use lead_export_core::presets::SavePreset;
use lead_export_core::preview::PreviewExport;
use lead_export_core::record::Status;
use lead_export_core::request::RequestExport;
use lead_export_core::volume::DailyVolume;
use request_export::{App, handle};
use world::{ID, OTHER_ID, World, id, org, source_id};

/// The most exports under way in these tests.
const MAX_ACTIVE: usize = 3;

fn app(world: &World) -> App {
    let presets = Arc::new(MemoryPresets::new());
    let request = RequestExport {
        sources: world.sources.clone(),
        exports: world.exports.clone(),
        presets: presets.clone(),
        queue: world.queue.clone(),
        clock: world.clock.clone(),
        dice: world.dice.clone(),
        max_active: MAX_ACTIVE,
        volume: DailyVolume::default(),
        sends_mails: false,
    };
    App {
        answer: AnswerExport {
            request: request.clone(),
            leads: world.leads.clone(),
            index: world.leads.clone(),
        },
        presets: SavePreset {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            presets: presets.clone(),
            clock: world.clock.clone(),
            sends_mails: false,
        },
        preview: PreviewExport {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            leads: world.leads.clone(),
            sample: world.leads.clone(),
            read_bytes: limits::PREVIEW_READ_BYTES,
            member_bytes: limits::GZIP_MEMBER_BYTES,
            presets,
            clock: world.clock.clone(),
        },
        request,
        rules: ClaimRules {
            org_claim: "org_id".into(),
            ..ClaimRules::default()
        },
    }
}

async fn answer(world: &World, event: &Http) -> Response<Body> {
    let app = app(world);
    world.log.of(Box::pin(handle(&app, event.request()))).await
}

fn event() -> Http {
    Http::of("request-export")
}

/// The event without its key: each is a request of its own.
fn keyless() -> Http {
    event().without_header("idempotency-key")
}

#[tokio::test]
async fn request_is_accepted_recorded_and_hinted() {
    let world = World::new();
    let answer = answer(&world, &event()).await;
    assert_snapshot!("accepted", shown(&answer));
    assert_snapshot!("accepted_log", world.log.take());
    let made = body(&answer)["id"].as_str().unwrap().to_owned();
    assert_eq!(world.export(&made).status(), Status::Pending);
    assert_eq!(world.queue.inner().sent(), [(org("acme"), id(&made))]);
    assert_eq!(world.exports.inner().active(&org("acme")).len(), 1);
}

#[tokio::test]
async fn replay_answers_the_same_export_as_it_is_now() {
    let world = World::new();
    let first = answer(&world, &event()).await;
    let made = body(&first)["id"].as_str().unwrap().to_owned();
    let seen = world.export(&made);
    let run = world.by();
    world.clock.advance(Duration::from_secs(3));
    world.write(&seen.leased(run, seen.head.requested_at)).await;
    // The quota is full by now: a replay wins over it.
    world.create("acme", "home-insurance", "alice", ID).await;
    world
        .create("acme", "home-insurance", "bob", OTHER_ID)
        .await;
    let second = answer(&world, &event()).await;
    assert_snapshot!("replayed", shown(&second));
    assert_eq!(world.exports.inner().all().len(), 3);
    assert_eq!(world.queue.inner().sent().len(), 1);

    // Another organization's user of the same name and key meets nothing of it; neither does the next day.
    let other = answer(
        &world,
        &event()
            .path("/sources/solar/exports")
            .user("globex", "gina")
            .body("{}"),
    )
    .await;
    assert_eq!(other.status(), 202, "{}", text(&other));
    assert!(!other.headers().contains_key("idempotency-replayed"));
    world.clock.advance(limits::IDEMPOTENCY);
    assert_eq!(answer(&world, &event()).await.status(), 429);
}

#[tokio::test]
async fn claims_are_read_by_the_parameters() {
    let world = World::new();
    let single = App {
        rules: ClaimRules {
            single_org: Some(OrgId::parse("acme").unwrap()),
            token_use: Some("access".into()),
            required_scope: Some("exports".into()),
            ..ClaimRules::default()
        },
        ..app(&world)
    };
    for (claims, status) in [
        (
            r#"{"sub": "alice", "token_use": "access", "scope": "openid exports"}"#,
            202,
        ),
        (
            r#"{"sub": "alice", "token_use": "access", "scope": "openid", "org_id": "acme"}"#,
            401,
        ),
        (
            r#"{"sub": "alice", "token_use": "id", "scope": "exports", "org_id": "acme"}"#,
            401,
        ),
    ] {
        let event = keyless().claims(serde_json::from_str(claims).unwrap());
        let answer = world.log.of(handle(&single, event.request())).await;
        assert_eq!(answer.status(), status, "{claims}");
    }
}

#[tokio::test]
async fn requester_is_named_by_claims_then_grant_then_id() {
    let claims = serde_json::json!({
        "sub": "alice", "org_id": "acme", "name": "Alice", "email": "alice@acme.example",
    });
    for (left_out, granted, name) in [
        (&[][..], Some("Alice of Sales"), "alice@acme.example"),
        (&["email"], Some("Alice of Sales"), "Alice"),
        (&["email", "name"], Some("Alice of Sales"), "Alice of Sales"),
        (&["email", "name"], None, "alice"),
    ] {
        let world = World::new();
        let grant = Grant {
            role: Role::Exporter,
            name: granted.map(str::to_owned),
        };
        let home = source_id("home-insurance");
        let sources = world.sources.inner();
        sources.put_grant(&org("acme"), "alice", Some(&home), grant);
        let mut claims = claims.clone();
        for claim in left_out {
            claims.as_object_mut().unwrap().remove(*claim);
        }
        let answer = answer(&world, &keyless().claims(claims)).await;
        let requested_by = serde_json::json!({"id": "alice", "name": name});
        assert_eq!(body(&answer)["requested_by"], requested_by);
    }
}

#[tokio::test]
async fn store_that_is_down_is_a_503_and_a_store_that_is_wrong_a_500() {
    let (mut down, mut wrong, mut log) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["sources.access", "exports.remembered", "exports.create"] {
        for (kind, is_retryable) in [
            (StoreErrorKind::Unavailable, true),
            (StoreErrorKind::Throttled, true),
            (StoreErrorKind::Denied, false),
            (StoreErrorKind::Corrupt, false),
            (StoreErrorKind::NotFound, false),
        ] {
            let world = World::with(FaultPlan::every(name, Fault::Before(kind)));
            let answer = raw(&answer(&world, &event()).await);
            if is_retryable { &mut down } else { &mut wrong }.push(answer);
            log.push((name, world.log.take()));
            assert!(world.queue.inner().sent().is_empty());
        }
    }
    for answers in [&mut down, &mut wrong] {
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:#?}");
    }
    assert_snapshot!(down[0], @r#"
    503 Service Unavailable
    content-type: application/problem+json
    retry-after: 5
    x-request-id: UZwNcjq8liAEPQA=

    {"type":"/problems/unavailable","title":"Unavailable","status":503,"detail":"The service cannot answer just now. Try again.","request_id":"UZwNcjq8liAEPQA="}
    "#);
    assert_snapshot!(wrong[0], @r#"
    500 Internal Server Error
    content-type: application/problem+json
    x-request-id: UZwNcjq8liAEPQA=

    {"type":"/problems/internal","title":"Internal error","status":500,"detail":"Something went wrong on our side. Quote the request id.","request_id":"UZwNcjq8liAEPQA="}
    "#);
    assert_snapshot!("failures_log", listed(log));
}

#[tokio::test]
async fn lost_hint_does_not_lose_the_request() {
    let fault = Fault::Before(StoreErrorKind::Unavailable);
    let world = World::with(FaultPlan::every("queue.send", fault));
    assert_eq!(answer(&world, &event()).await.status(), 202);
    world.tells_of_an_unsent_hint();
    let due = world.exports.inner().all()[0].due_at;
    assert_eq!(
        due,
        Some(
            world.exports.inner().all()[0]
                .head
                .requested_at
                .plus(limits::FIRST_DUE)
        )
    );
}

#[tokio::test]
async fn contention_that_lasts_is_a_503() {
    let clock = std::sync::Arc::new(std::sync::OnceLock::<
        std::sync::Arc<lead_export_core::memory::ManualClock>,
    >::new());
    let moved = clock.clone();
    let world = World::with(FaultPlan::new(move |call| {
        (call.name == "exports.create").then(|| {
            moved.get().unwrap().advance(limits::CONTENTION);
            Fault::Before(StoreErrorKind::Conflict)
        })
    }));
    clock.set(world.clock.clone()).unwrap();
    assert_snapshot!("contention", shown(&answer(&world, &event()).await));
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn encoding_and_stage_change_nothing() {
    let plain = raw(&answer(&World::new(), &event()).await);
    let mut encoded = event();
    encoded.0["body"] = STANDARD.encode(encoded.0["body"].as_str().unwrap()).into();
    encoded.0["isBase64Encoded"] = true.into();
    assert_eq!(raw(&answer(&World::new(), &encoded).await), plain);

    let mut staged = event().path("/prod/sources/home-insurance/exports");
    staged.0["requestContext"]["stage"] = "prod".into();
    assert_eq!(raw(&answer(&World::new(), &staged).await), plain);
    // The same request, whichever stage it came by.
    let world = World::new();
    answer(&world, &event()).await;
    assert!(
        answer(&world, &staged)
            .await
            .headers()
            .contains_key("idempotency-replayed")
    );
}

#[tokio::test]
async fn no_body_exports_the_source_as_it_stands() {
    let world = World::new();
    let mut bare = keyless();
    bare.0.as_object_mut().unwrap().remove("body");
    let answer = answer(&world, &bare).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(body(&answer)["filters"], serde_json::json!({}));
}

#[tokio::test]
async fn literals_of_filters_stay_out_of_the_log() {
    let world = World::new();
    let event = keyless().body(
        r#"{"filters": {"status": ["canary"], "search": "canary@x.example", "attributes": {"campaign": ["canary"]}},
            "fields": [{"key": "email", "header": "canary"}]}"#,
    );
    let answer = answer(&world, &event).await;
    assert_eq!(answer.status(), 202);
    assert!(
        text(&answer).contains("canary@x.example"),
        "the answer shows them"
    );
    assert!(world.log.take().contains(" accepted;"), "the log was read");
}
