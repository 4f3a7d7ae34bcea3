//! `download-export` as Lambda calls it: the events of the gateway in, answers out.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../../../../tests/handlers/http.rs"]
mod http_api;
#[path = "../../../../tests/handlers/log.rs"]
mod log;
#[path = "../../../../tests/handlers/world.rs"]
mod world;

mod files;
mod page;

use std::time::Duration;

use download_export::{App, Page, handle};
use http::Response;
use http_api::{Http, NOT_FOUND, body, listed, raw, shown, text};
use insta::assert_snapshot;
use std::sync::Arc;

use lambda_http::Body;
use lead_export_aws::http::ClaimRules;
use lead_export_core::download::DownloadExport;
use lead_export_core::end::EndExport;
use lead_export_core::history::ReadHistory;
use lead_export_core::limits;
use lead_export_core::memory::MemoryPresets;
use lead_export_core::memory::{Fault, FaultPlan};
use lead_export_core::ports::{Clock as _, StoreErrorKind};
use lead_export_core::presets::ReadPresets;
use lead_export_core::record::{FailureCode, Status};
use lead_export_core::usage::ReadUsage;
use world::{ID, OTHER_ID, World};

const THIRD_ID: &str = "9d9c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";

fn app(world: &World) -> App {
    App {
        history: ReadHistory {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            audit: world.audit.clone(),
            clock: world.clock.clone(),
        },
        usage: ReadUsage {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            audit: world.audit.clone(),
            clock: world.clock.clone(),
        },
        presets: ReadPresets {
            sources: world.sources.clone(),
            presets: Arc::new(MemoryPresets::new()),
        },
        download: DownloadExport {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            audit: world.audit.clone(),
            signer: world.signer.clone(),
            clock: world.clock.clone(),
            dice: world.dice.clone(),
            ttl: limits::DOWNLOAD_TTL,
        },
        end: EndExport {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            audit: world.audit.clone(),
            pieces: world.pieces.clone(),
            notifier: world.notifier.clone(),
            clock: world.clock.clone(),
            dice: world.dice.clone(),
        },
        page: Page::new(page::sign_in()),
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

fn sources() -> Http {
    Http::of("get-sources")
}

fn fields() -> Http {
    sources().path("/sources/home-insurance/fields")
}

fn list() -> Http {
    Http::of("list-exports")
}

fn usage() -> Http {
    sources().path("/sources/home-insurance/usage")
}

fn one() -> Http {
    sources().path(&format!("/exports/{ID}"))
}

fn download() -> Http {
    Http::of("download-export")
}

fn delete() -> Http {
    Http::of("delete-export")
}

/// Every route, as its event.
fn all() -> [Http; 7] {
    [
        sources(),
        fields(),
        list(),
        usage(),
        one(),
        download(),
        delete(),
    ]
}

#[tokio::test]
async fn nobody_touches_no_store() {
    let mut answers = Vec::new();
    for event in all().iter().flat_map(Http::of_nobody) {
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
async fn description_is_for_everybody_and_touches_no_store() {
    let mut events = sources().path("/openapi.json").of_nobody();
    events.push(sources().path("/openapi.json"));
    for event in events {
        let world = World::new();
        let answer = answer(&world, &event).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(body(&answer), lead_export_aws::openapi::document());
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(world.calls(), [""; 0]);
    }
    // Only there, and only to be read.
    let world = World::new();
    for event in [
        sources().path("/openapi.json/x"),
        sources().path("/openapi.json").method("POST"),
    ] {
        assert_eq!(text(&answer(&world, &event).await), NOT_FOUND);
    }
}

#[tokio::test]
async fn what_may_not_be_seen_does_not_exist() {
    let world = World::new();
    world.completed().await;
    world
        .create("acme", "secret-source", "adam", OTHER_ID)
        .await;
    let mut events = Vec::new();
    for event in all().into_iter().skip(1) {
        events.push(event.clone().user("acme", "mallory"));
        events.push(event.user("globex", "gina"));
    }
    for id in [OTHER_ID, THIRD_ID, "no-uuid", &ID.to_uppercase(), "", "%ff"] {
        events.push(one().path(&format!("/exports/{id}")));
        events.push(delete().path(&format!("/exports/{id}")));
        events.push(download().path(&format!("/exports/{id}/download")));
    }
    for path in [
        "/sources/secret-source/fields",
        "/sources/solar/exports",
        "/sources/HOME-INSURANCE/fields",
        "/sources/home-insurance",
        "/sources/",
        "/exports",
    ] {
        events.push(sources().path(path));
    }
    events.push(sources().method("POST"));
    events.push(
        list()
            .path("/sources/no-such/exports")
            .query("cursor=canary"),
    );
    world.log.take();
    let mut answers = Vec::new();
    for event in &events {
        let answer = answer(&world, event).await;
        assert_eq!(text(&answer), NOT_FOUND, "{event:?}");
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
    assert_eq!(world.log.take(), "");
    assert_eq!(world.export(ID).status(), Status::Completed);
    assert!(world.audit.inner().all().is_empty() && world.signer.inner().signed().is_empty());
}

#[tokio::test]
async fn sources_are_those_with_a_grant() {
    let world = World::new();
    let mut answers = Vec::new();
    for (of, user) in [
        ("acme", "alice"),
        ("acme", "adam"),
        ("globex", "gina"),
        ("globex", "alice"),
    ] {
        let answer = answer(&world, &sources().user(of, user)).await;
        answers.push((user, raw(&answer)));
    }
    assert_snapshot!("sources", listed(answers));
}

#[tokio::test]
async fn fields_are_in_the_order_of_the_columns() {
    let world = World::new();
    let answer = answer(&world, &fields().user("acme", "vera")).await;
    assert_eq!(answer.status(), 200);
    let fields = body(&answer);
    let lines: Vec<String> = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_snapshot!("fields", lines.join("\n"));
}

/// Three exports of `home-insurance`, a minute apart: failed, completed and downloaded, pending.
async fn history(world: &World) {
    let first = world
        .create("acme", "home-insurance", "bob", OTHER_ID)
        .await;
    let failed = first.failed(world.by(), FailureCode::TooLarge, world.clock.now());
    world.write(&failed).await;
    world.clock.advance(Duration::from_mins(1));
    world.completed().await;
    assert_eq!(answer(world, &download()).await.status(), 200);
    world.clock.advance(Duration::from_mins(1));
    world
        .create("acme", "home-insurance", "alice", THIRD_ID)
        .await;
    world
        .create(
            "acme",
            "secret-source",
            "adam",
            "1d9c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e",
        )
        .await;
}

#[tokio::test]
async fn history_lists_what_was_asked_for() {
    let world = World::new();
    history(&world).await;
    assert_snapshot!("history", shown(&answer(&world, &list()).await));

    let ids = async |query: &str| -> Vec<String> {
        let answer = answer(&world, &list().query(query).user("acme", "vera")).await;
        let exports = body(&answer)["exports"].take();
        exports
            .as_array()
            .unwrap()
            .iter()
            .map(|export| export["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("").await, [THIRD_ID, ID, OTHER_ID]);
    assert_eq!(
        ids("status=failed&status=pending").await,
        [THIRD_ID, OTHER_ID]
    );
    assert_eq!(ids("status=failed%2Cpending").await, [THIRD_ID, OTHER_ID]);
    assert_eq!(ids("requested_by=bob").await, [OTHER_ID]);
    assert_eq!(ids("from=2025-11-22T02:44:00Z").await, [THIRD_ID, ID]);
    assert_eq!(
        ids("from=2025-11-22").await,
        [""; 0],
        "the source's day: it is the evening before in New York"
    );
}

#[tokio::test]
async fn history_goes_on_where_its_cursor_says() {
    let world = World::new();
    history(&world).await;
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    for _ in 0..5 {
        let page = body(&answer(&world, &list().query(&query)).await);
        let exports = page["exports"].as_array().unwrap();
        seen.extend(
            exports
                .iter()
                .map(|export| export["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=1&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [THIRD_ID, ID, OTHER_ID]);
}

#[tokio::test]
async fn bad_query_is_refused_with_every_parameter() {
    let world = World::new();
    let mut answers = Vec::new();
    for query in [
        "cursor=canary",
        "limit=0&status=canary&from=canary&canary=1",
        "limit=101",
        "limit=1&limit=2",
        "limit=canary",
    ] {
        let answer = answer(&world, &list().query(query)).await;
        answers.push((query, shown(&answer)));
    }
    assert_snapshot!("bad_query", listed(answers));
}

#[tokio::test]
async fn export_is_shown_and_says_when_to_ask_again() {
    let world = World::new();
    let pending = world.pending().await;
    let first = answer(&world, &one().user("acme", "vera")).await;
    assert_eq!(first.headers()["retry-after"], "2");
    assert_eq!(body(&first)["status"], "pending");
    let leased = pending.leased(world.by(), world.clock.now());
    world.write(&leased).await;
    assert!(
        answer(&world, &one())
            .await
            .headers()
            .contains_key("retry-after")
    );

    let world = World::new();
    world.completed().await;
    answer(&world, &download()).await;
    assert_snapshot!(
        "completed",
        shown(&answer(&world, &one().user("acme", "vera")).await)
    );
}

#[tokio::test]
async fn viewer_may_look_and_no_more() {
    let world = World::new();
    world.completed().await;
    for event in [sources(), fields(), list(), one()] {
        assert_eq!(
            answer(&world, &event.user("acme", "vera")).await.status(),
            200
        );
    }
    for event in [download(), delete()] {
        let answer = answer(&world, &event.user("acme", "vera")).await;
        assert_snapshot!("forbidden", shown(&answer));
    }
    // An exporter may end what is their own.
    assert_eq!(
        answer(&world, &delete().user("acme", "bob")).await.status(),
        403
    );
    assert_eq!(world.export(ID).status(), Status::Completed);
    assert!(world.audit.inner().all().is_empty());
}

#[tokio::test]
async fn store_that_is_down_is_a_503_on_every_route() {
    let fault = Fault::Before(StoreErrorKind::Throttled);
    for event in all() {
        let world = World::with(FaultPlan::new(move |_| Some(fault)));
        let answer = answer(&world, &event).await;
        assert_snapshot!("down", shown(&answer));
        assert!(world.log.take().contains("is asked too much at once"));
    }
}

#[tokio::test]
async fn named_stage_is_no_part_of_the_path() {
    let world = World::new();
    world.completed().await;
    let plain = raw(&answer(&world, &one()).await);
    let mut staged = one().path(&format!("/prod/exports/{ID}"));
    staged.0["requestContext"]["stage"] = "prod".into();
    assert_eq!(raw(&answer(&world, &staged).await), plain);
}
