//! What is refused, in the words of the contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use lead_export_core::limits;
use lead_export_core::ports::{Clock as _, Dice as _, VolumeKey};
use lead_export_core::volume::DailyVolume;
use request_export::handle;

use crate::http_api::{NOT_FOUND, body, listed, raw, shown, text};
use crate::world::{ID, OTHER_ID, World, org};
use crate::{answer, app, event, keyless};

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
async fn the_first_refusal_of_the_contracts_order_wins() {
    let world = World::new();
    let large = " ".repeat(limits::BODY_BYTES + 1);
    let nobody = serde_json::json!({});
    for (status, event) in [
        (401, keyless().claims(nobody).body(&*large)),
        (413, keyless().path("/sources/solar/exports").body(&*large)),
        (
            404,
            event()
                .path("/sources/solar/exports")
                .header("idempotency-key", "a,b"),
        ),
        (
            403,
            event()
                .user("acme", "vera")
                .header("idempotency-key", "a,b")
                .body("["),
        ),
        (
            400,
            event()
                .header("idempotency-key", "a,b")
                .body(r#"{"limit": 0}"#),
        ),
        (400, keyless().body(r#"{"limit": 0, "order": 1}"#)),
        (422, keyless().body(r#"{"limit": 0}"#)),
        (202, keyless()),
        (202, keyless()),
        (202, keyless()),
        (422, keyless().body(r#"{"limit": 0}"#)),
        (429, keyless()),
    ] {
        assert_eq!(answer(&world, &event).await.status(), status, "{event:?}");
    }
}

/// 401, 413, 404, 403, 400, 422, 429: whatever else is wrong, the first in this order is answered.
#[tokio::test]
async fn of_several_faults_the_first_in_the_contracts_order_is_answered() {
    const ORDER: [u16; 7] = [401, 413, 404, 403, 400, 422, 429];
    for by_volume in [false, true] {
        for faults in 0..1_u8 << ORDER.len() {
            let has = |status: u16| {
                let place = ORDER.iter().position(|known| *known == status).unwrap();
                faults & (1 << place) != 0
            };
            let world = World::new();
            let mut app = app(&world);
            let user = if has(403) { "vera" } else { "alice" };
            if has(429) && by_volume {
                app.request.volume = DailyVolume::new(1);
                let now = world.clock.now();
                let key = VolumeKey::new(&org("acme"), user, now);
                let (exports, id) = (world.exports.inner(), world.dice.uuid());
                let (clock, dice) = (&*world.clock, &*world.dice);
                let charge = app
                    .request
                    .volume
                    .charge(&**exports, clock, dice, &key, id, 1);
                charge.await.unwrap();
            } else if has(429) {
                for id in [ID, OTHER_ID, "9d9c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e"] {
                    world.create("acme", "home-insurance", "bob", id).await;
                }
            }
            let mut body = match (has(400), has(422)) {
                (false, false) => "{}",
                (false, true) => r#"{"order": "name"}"#,
                (true, false) => "{",
                (true, true) => r#"{"order": "name", "limit": "1"}"#,
            }
            .to_owned();
            if has(413) {
                body += &" ".repeat(limits::BODY_BYTES);
            }
            let mut event = keyless().user("acme", user).body(body);
            if has(404) {
                event = event.path("/sources/no-such-source/exports");
            }
            if has(401) {
                event = event.of_nobody().remove(0);
            }
            let first = ORDER.into_iter().find(|status| has(*status));
            let answer = world.log.of(handle(&app, event.request())).await;
            let what = format!("{faults:07b} {by_volume}");
            assert_eq!(answer.status(), first.unwrap_or(202), "{what}");
            assert!(answer.headers().contains_key("x-request-id"), "{what}");
        }
    }
}
