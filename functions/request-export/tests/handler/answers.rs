//! Export to CSV, in the answer: the published forms.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use lead_export_core::lead::{Lead, LeadId, SourceId, Value};
use lead_export_core::ports::Clock as _;
use serde_json::{Value as Json, json};

fn event() -> Http {
    Http::of("answer-export")
}

fn asking(body: &Json) -> Http {
    event().body(body.to_string())
}

async fn asked(world: &World, event: &Http) -> Response<Body> {
    world.log.of(handle(&app(world), event.request())).await
}

fn put(world: &World, id: &str, minutes: u64, values: &[(&str, Value)]) {
    let lead = Lead {
        id: LeadId::parse(id).unwrap(),
        created_at: world.clock.now().minus(Duration::from_mins(minutes)),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    };
    let source = SourceId::parse("home-insurance").unwrap();
    world.leads.inner().put(&org("acme"), &source, 2, lead);
}

/// Two vice presidents, one of them hostile, and somebody else.
fn world() -> World {
    let world = World::new();
    let vp = |name: &str| [("name", Value::from(name)), ("seniority", "VP".into())];
    put(&world, "canary-2", 1, &vp("=canary(\"x\")"));
    put(&world, "canary-1", 2, &vp("Zoë Canary"));
    put(&world, "canary-0", 3, &[("seniority", "entry".into())]);
    world
}

#[tokio::test]
async fn csv_is_the_answer() {
    let world = world();
    let answer = asked(&world, &event()).await;
    let expected = "200 OK
cache-control: private, no-store
content-disposition: attachment; filename=\"lance-prospects-2025-11-22.csv\"
content-type: text/csv; charset=utf-8
x-export-count: 2
x-request-id: UZwNcjq8liAEPQA=

Name,Email(s),Job Title,Company Name\r
Zoë Canary,,,\r
\"'=canary(\"\"x\"\")\",,,\r
";
    assert_eq!(raw(&answer), expected);
    let all = world.exports.inner().all();
    let record = &all[0].head;
    assert_eq!((all.len(), record.lead_count), (1, Some(2)));
    let log = world.log.take();
    assert!(
        log.contains(&format!("export {} answered", record.id)),
        "{log}"
    );
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "one table")]
async fn every_refusal_has_the_published_form() {
    let world = world();
    let selection = json!({"mode": "manual", "includedIds": ["canary-1"]});
    let bulk = |more: Json| {
        let mut selection = json!({"mode": "bulk", "filters": {}});
        for (key, value) in more.as_object().unwrap() {
            selection[key] = value.clone();
        }
        json!({ "selection": selection })
    };
    let validation =
        |message: &str| json!({"error": {"code": "VALIDATION_ERROR", "message": message}});
    for (name, event, status, body) in [
        (
            "nothing",
            asking(&json!({"selection": {"mode": "manual", "includedIds": []}})),
            400,
            json!({"error": "No data to export"}),
        ),
        (
            "nobody",
            asking(&json!({"selection": {"mode": "manual", "includedIds": ["x"]}})),
            400,
            json!({"error": "No data to export"}),
        ),
        (
            "beyond",
            asking(&bulk(json!({"startIndex": 3}))),
            400,
            json!({"error": "No data to export"}),
        ),
        (
            "no mode",
            asking(&json!({"selection": {}})),
            400,
            validation("Invalid selection mode"),
        ),
        (
            "no selection",
            asking(&json!({})),
            400,
            validation("selection is required"),
        ),
        (
            "no body",
            event().body(""),
            400,
            validation("selection is required"),
        ),
        (
            "no fields",
            asking(&json!({"selection": selection, "exportFields": []})),
            400,
            validation("No valid export fields specified"),
        ),
        (
            "bad fields",
            asking(&json!({"selection": selection, "exportFields": ["x", "y"]})),
            400,
            validation("No valid export fields specified"),
        ),
        (
            "a bad field",
            asking(&json!({"selection": selection, "exportFields": ["name", "foo"]})),
            400,
            validation("Unknown export field: foo"),
        ),
        (
            "twice",
            asking(&json!({"selection": selection, "exportFields": ["name", "name"]})),
            400,
            validation("Export field given twice: name"),
        ),
        ("not JSON", event().body("["), 400, Json::Null),
        (
            "no object",
            event().body("[]"),
            400,
            validation("the body must be a JSON object"),
        ),
        (
            "over the maximum",
            asking(&bulk(json!({"targetCount": 1001}))),
            400,
            validation("selection.targetCount: must be a whole number from 1 to 1000"),
        ),
        (
            "unknown filter",
            asking(&bulk(json!({"filters": {"contact": {"senority": {}}}}))),
            400,
            Json::Null,
        ),
        (
            "source that is not seen",
            asking(&json!({"source": "secret-source"})),
            404,
            json!({"error": {"code": "NOT_FOUND", "message": "There is no such source, or you may not see it."}}),
        ),
        (
            "viewer",
            event().user("acme", "vera"),
            403,
            json!({"error": {"code": "FORBIDDEN", "message": "Your grants do not allow an export. Ask an admin of the source."}}),
        ),
        (
            "nobody's",
            event().user("acme", "nobody"),
            403,
            json!({"error": {"code": "FORBIDDEN", "message": "Your grants do not allow an export. Ask an admin of the source."}}),
        ),
        (
            "large body",
            event().body(" ".repeat(limits::ANSWER_BODY_BYTES + 1)),
            413,
            json!({"error": {"code": "TOO_LARGE", "message": "The body is larger than 256 KiB."}}),
        ),
    ] {
        let answer = asked(&world, &event).await;
        assert_eq!(answer.status(), status, "{name}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/json",
            "{name}"
        );
        assert_eq!(
            answer.headers()["x-request-id"],
            "UZwNcjq8liAEPQA=",
            "{name}"
        );
        let told = super::body(&answer);
        match body {
            Json::Null => {
                assert_eq!(told["error"]["code"], "VALIDATION_ERROR", "{name}");
                let message = told["error"]["message"].as_str().unwrap();
                let expected = if name == "not JSON" {
                    "the body is not JSON"
                } else {
                    "filters.contact.senority: is unknown"
                };
                assert!(message.starts_with(expected), "{message}");
            }
            body => assert_eq!(told, body, "{name}"),
        }
    }
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn nobody_is_answered_without_a_claim() {
    let world = world();
    for event in event().of_nobody() {
        let answer = asked(&world, &event).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(super::body(&answer)["error"]["code"], "UNAUTHORIZED");
    }
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn failures_of_ours_are_one_sentence_and_leave_no_lead() {
    let manual = json!({"selection": {"mode": "manual", "includedIds": ["canary-1"]}});
    for (call, event) in [
        ("sources.visible", event()),
        ("leads.page", event()),
        ("exports.add", event()),
        ("index.find", asking(&manual)),
        ("index.read", asking(&manual)),
    ] {
        for (kind, retry) in [
            (StoreErrorKind::Unavailable, true),
            (StoreErrorKind::Denied, false),
        ] {
            let world = World::with(FaultPlan::every(call, Fault::Before(kind)));
            put(&world, "canary-1", 1, &[("seniority", "vp".into())]);
            let answer = asked(&world, &event).await;
            assert_eq!(answer.status(), 500, "{call}");
            let expected = json!({"error": {"code": "INTERNAL_ERROR", "message": "Something went wrong on our side. Quote the request id.", "requestId": "UZwNcjq8liAEPQA="}});
            assert_eq!(super::body(&answer), expected, "{call}");
            assert_eq!(
                answer.headers().contains_key("retry-after"),
                retry,
                "{call}"
            );
            assert!(world.log.take().contains("failed"), "{call}");
        }
    }
}

#[tokio::test]
async fn what_is_too_large_for_an_answer_is_to_be_requested_instead() {
    let world = World::new();
    // As a text these would be twice as long: they are carried as base64.
    let quotes = "\"".repeat(300_000);
    for number in 0..8 {
        put(
            &world,
            &format!("q-{number}"),
            number,
            &[("name", quotes.as_str().into())],
        );
    }
    let ask = |ids: u64| {
        let ids: Vec<String> = (0..ids).map(|number| format!("q-{number}")).collect();
        asking(
            &json!({"selection": {"mode": "manual", "includedIds": ids}, "exportFields": ["name"]}),
        )
    };
    let answer = asked(&world, &ask(7)).await;
    assert_eq!(answer.status(), 200);
    let Body::Binary(bytes) = answer.body() else {
        panic!("a text would pass 6 MB");
    };
    assert_eq!(bytes.len(), "Name\r\n".len() + 7 * (2 * 300_000 + 4));
    let answer = asked(&world, &ask(8)).await;
    assert_eq!(answer.status(), 413);
    let message = "The answer would be too large: request an export instead.";
    assert_eq!(
        super::body(&answer),
        json!({"error": {"code": "TOO_LARGE", "message": message}})
    );
}

#[tokio::test]
async fn what_takes_too_long_for_an_answer_is_to_be_requested_instead() {
    // A read that never comes back.
    let world = World::with(FaultPlan::every("leads.page", Fault::CrashBefore));
    put(&world, "q-1", 1, &[]);
    let event = event();
    let late = async {
        while world.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        world.clock.advance(limits::ANSWER_TIME);
    };
    let (answer, ()) = tokio::join!(asked(&world, &event), late);
    assert_eq!(answer.status(), 413);
    let message = "The answer would take too long: request an export instead.";
    assert_eq!(
        super::body(&answer),
        json!({"error": {"code": "TOO_LARGE", "message": message}})
    );
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn profiles_keep_their_byte_order_mark() {
    let world = world();
    let body = json!({"selection": {"mode": "manual", "includedIds": ["canary-1"]}, "exportFields": ["name"], "profile": "excel"});
    let answer = asked(&world, &asking(&body)).await;
    assert_eq!(text(&answer), "\u{feff}Name\r\nZoë Canary\r\n");
    let mut tabs = body.clone();
    tabs["profile"] = json!("tsv");
    let answer = asked(&world, &asking(&tabs)).await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/tab-separated-values; charset=utf-8"
    );
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"lance-prospects-2025-11-22.tsv\""
    );
}

#[tokio::test]
async fn respond_async_makes_an_export() {
    let world = world();
    let later = event()
        .header("prefer", "respond-async, wait=5")
        .header("idempotency-key", "k-1");
    let answer = asked(&world, &later).await;
    assert_eq!(answer.status(), 202);
    let export = super::body(&answer);
    let id = export["id"].as_str().unwrap();
    assert_eq!(answer.headers()["location"], format!("/exports/{id}"));
    assert_eq!(answer.headers()["preference-applied"], "respond-async");
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(export["file_name"], "lance-prospects-2025-11-22.csv");
    assert_eq!(export["delivery"], "file");
    assert_eq!(export["selection"]["targetCount"], 100);
    assert_eq!(
        export["fields"][2],
        json!({"key": "job_title", "header": "Job Title"})
    );
    let again = asked(&world, &later).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(world.queue.inner().sent().len(), 1);
    // Three are under way at most.
    for _ in 0..2 {
        assert_eq!(
            asked(&world, &event().header("prefer", "respond-async"))
                .await
                .status(),
            202
        );
    }
    let full = asked(&world, &event().header("prefer", "respond-async")).await;
    assert_eq!(
        (
            full.status().as_u16(),
            super::body(&full)["error"]["code"].as_str()
        ),
        (429, Some("QUOTA"))
    );
    let other = asking(&json!({"selection": {"mode": "manual", "includedIds": ["x"]}}))
        .header("prefer", "respond-async")
        .header("idempotency-key", "k-1");
    assert_eq!(asked(&world, &other).await.status(), 400);
}
