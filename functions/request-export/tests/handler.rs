//! `request-export` as Lambda calls it: the events of the gateway in, answers out.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../../../tests/handlers/http.rs"]
mod http_api;
#[path = "../../../tests/handlers/log.rs"]
mod log;
#[path = "../../../tests/handlers/world.rs"]
mod world;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_api::{Http, NOT_FOUND, body, listed, raw, shown, text};
use insta::assert_snapshot;
use lambda_http::Body;
use lead_export_aws::http::ClaimRules;
use lead_export_core::lead::OrgId;
use lead_export_core::limits;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::StoreErrorKind;
use lead_export_core::record::Status;
use lead_export_core::request::RequestExport;
use request_export::{App, handle};
use world::{ID, OTHER_ID, World, id, org};

/// The most exports under way in these tests.
const MAX_ACTIVE: usize = 3;

fn app(world: &World) -> App {
    App {
        request: RequestExport {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            queue: world.queue.clone(),
            clock: world.clock.clone(),
            dice: world.dice.clone(),
            max_active: MAX_ACTIVE,
        },
        rules: ClaimRules {
            org_claim: "org_id".into(),
            ..ClaimRules::default()
        },
    }
}

async fn answer(world: &World, event: &Http) -> Response<Body> {
    let app = app(world);
    world.log.of(handle(&app, event.request())).await
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
async fn key_of_another_request_is_refused() {
    let world = World::new();
    assert_eq!(answer(&world, &event()).await.status(), 202);
    assert_snapshot!(
        "key_reused",
        shown(&answer(&world, &event().body("{}")).await)
    );
    assert_eq!(world.exports.inner().all().len(), 1);
}

#[tokio::test]
async fn viewer_is_forbidden() {
    let world = World::new();
    let answer = answer(&world, &event().user("acme", "vera")).await;
    assert_snapshot!("forbidden", shown(&answer));
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn what_may_not_be_seen_does_not_exist() {
    let mut answers = Vec::new();
    for event in [
        event().user("acme", "mallory"),
        event().user("globex", "gina"),
        event().path("/sources/solar/exports"),
        event().path("/sources/secret-source/exports"),
        event().path("/sources/no-such-source/exports"),
        event().path("/sources/Home-Insurance/exports"),
        event().path("/sources/home%2Dinsurance%00/exports"),
        event().path("/sources/%ff/exports"),
        event().path("/sources//exports"),
        event().path("/sources/home-insurance/exports/"),
        event().path("/exports"),
        event().path(""),
        event().method("GET"),
        event().user("acme", "mallory").body("no json"),
    ] {
        let world = World::new();
        let answer = answer(&world, &event).await;
        assert_eq!(text(&answer), NOT_FOUND, "{event:?}");
        assert!(
            !world
                .calls()
                .iter()
                .any(|call| call.starts_with("exports."))
        );
        answers.push(raw(&answer));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all look the same: {answers:#?}");
    assert_snapshot!(answers[0], @r#"
    404 Not Found
    content-type: application/problem+json
    x-request-id: UZwNcjq8liAEPQA=

    {"type":"/problems/not-found","title":"Not found","status":404,"detail":"There is no such source or export, or you may not see it."}
    "#);
}

#[tokio::test]
async fn nobody_touches_no_store() {
    let mut answers = Vec::new();
    for event in event().of_nobody() {
        let world = World::new();
        answers.push(raw(&answer(&world, &event).await));
        assert_eq!(world.calls(), [""; 0], "{event:?}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_snapshot!(answers[0], @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer
    x-request-id: UZwNcjq8liAEPQA=

    {"type":"/problems/unauthorized","title":"Unauthorized","status":401,"detail":"A valid bearer token is needed."}
    "#);
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
async fn body_may_have_64_kib_and_no_more() {
    let world = World::new();
    let largest = format!("{{{}}}", " ".repeat(limits::BODY_BYTES - 2));
    assert_eq!(
        answer(&world, &keyless().body(&*largest)).await.status(),
        202
    );
    let mut encoded = keyless().body(STANDARD.encode(&largest));
    encoded.0["isBase64Encoded"] = true.into();
    assert_eq!(
        answer(&world, &encoded).await.status(),
        202,
        "the body counts, not its encoding"
    );

    let before = world.calls().len();
    for event in [
        keyless().body(largest.clone() + " "),
        keyless()
            .body(largest.clone() + " ")
            .user("acme", "mallory"),
        keyless().body("ü".repeat(limits::BODY_BYTES / 2 + 1)),
    ] {
        let refused = answer(&world, &event).await;
        assert_snapshot!("too_large", shown(&refused));
    }
    assert_eq!(world.calls().len(), before, "no store is touched");
}

#[tokio::test]
async fn what_is_no_json_object_or_of_the_wrong_type_is_a_400() {
    let world = World::new();
    let mut answers = Vec::new();
    for body in [
        r#"{"filters": "canary"#,
        r#"["canary"]"#,
        "null",
        r#"{"limit": 1} "canary""#,
        r#"{"limit": "canary", "filters": {"status": ["canary"], "canary": 1}}"#,
        r#"{"limit": 1, "limit": 2}"#,
    ] {
        let answer = answer(&world, &keyless().body(body)).await;
        assert_eq!(answer.status(), 400, "{body}");
        answers.push((body, shown(&answer)));
    }
    assert_snapshot!("malformed", listed(answers));
    assert!(world.exports.inner().all().is_empty());
    assert_eq!(
        world.log.take(),
        "",
        "a caller's fault is nothing for the log"
    );
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let world = World::new();
    let event = keyless().body(
        r#"{
            "filters": {
                "status": [],
                "created": {"from": "2025-13-01", "to": "canary"},
                "updated": {"from": "2025-03-02", "to": "2025-03-01"},
                "attributes": {"canary": ["Yes"]},
                "custom": {"annual_income": {"min": 2, "max": 1}, "roof_type": ["canary"]},
                "search": "",
                "has": ["canary"],
                "since_export": "canary",
                "contact": {},
                "canary": true
            },
            "fields": ["lead_id", "canary", {"key": "phone", "header": ""}, "lead_id"],
            "order": "canary",
            "limit": 0,
            "format": {"profile": "canary", "time_zone": "Mars/Canary", "compression": "gzip"},
            "preset": "canary",
            "notify": {"email": true},
            "canary": {}
        }"#,
    );
    assert_snapshot!("refused", shown(&answer(&world, &event).await));
    assert!(world.exports.inner().all().is_empty());
    assert_eq!(world.log.take(), "");
}

#[tokio::test]
async fn idempotency_key_is_checked() {
    let world = World::new();
    let long = "k".repeat(limits::IDEMPOTENCY_KEY_CHARS);
    let longer = format!("{long}k");
    // Two headers of one name arrive joined by a comma; nobody must believe that a key was heard that was not.
    for key in [
        "one,one",
        "one, two",
        "",
        " ",
        "two words",
        "schl\u{fc}ssel",
        "\u{20ac}",
        &longer,
    ] {
        let answer = answer(&world, &event().header("idempotency-key", key)).await;
        assert_snapshot!("bad_key", shown(&answer));
    }
    let mut twice = event();
    twice.0["headers"]["idempotency-key"] = serde_json::json!(["one", "one"]);
    assert_eq!(answer(&world, &twice).await.status(), 400);
    assert!(world.exports.inner().all().is_empty());
    for key in ["!", &long] {
        let answer = answer(&world, &event().header("idempotency-key", key)).await;
        assert_eq!(answer.status(), 202, "{key}");
    }
}

#[tokio::test]
async fn full_quota_names_the_exports_that_the_caller_may_see() {
    let world = World::new();
    world.create("acme", "home-insurance", "bob", ID).await;
    world
        .create("acme", "secret-source", "adam", OTHER_ID)
        .await;
    assert_eq!(answer(&world, &keyless()).await.status(), 202);
    let refused = answer(&world, &keyless()).await;
    assert_snapshot!("quota", shown(&refused));
    let adams = answer(&world, &keyless().user("acme", "adam")).await;
    assert_eq!(body(&adams)["export_ids"].as_array().unwrap().len(), 3);
    // Another organization has a quota of its own.
    let other = keyless()
        .user("globex", "gina")
        .path("/sources/solar/exports")
        .body("{}");
    assert_eq!(answer(&world, &other).await.status(), 202);
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
