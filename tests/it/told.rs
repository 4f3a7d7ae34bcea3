//! Being told: events and mails as they reach EventBridge and SES, through the real SDK.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

use std::time::Duration;

use lead_export_core::access::Role;
use lead_export_local::identity::Claims;
use lead_export_local::stack::Settings;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::template::reading::root;
use crate::util::{World, lead, text};

mod adapter;

const CANARY: &str = "canary-7f3a";

/// The event's schema, as it is in the repository.
fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(root().join("events/export-ended.schema.json")).unwrap();
    let schema: Json = serde_json::from_str(&text).unwrap();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn assert_told(event: &Json, schema: &jsonschema::Validator) {
    let errors: Vec<String> = schema.iter_errors(event).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}: {event}");
    let detail = event["detail"].to_string();
    for word in [CANARY, "http", "/exports/", "?export=", "filters"] {
        assert!(!detail.contains(word), "{word}: {detail}");
    }
}

async fn outbox(world: &World) -> Json {
    let url = format!("{}/local/outbox", world.stack.file().url);
    world
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// The outbox once it holds so many events and mails.
async fn told(world: &World, events: usize, mails: usize) -> Json {
    for _ in 0..600 {
        let all = outbox(world).await;
        let count = |name: &str| all[name].as_array().unwrap().len();
        if count("events") >= events && count("mails") >= mails {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody is told");
}

async fn ask(world: &World, claims: &Claims, body: &Json) -> (u16, Json) {
    let url = format!("{}/sources/crm/exports", world.stack.file().url);
    let request = world.client.request(Method::POST, url);
    let request = request.bearer_auth(world.token_of(claims)).json(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn alice() -> Claims {
    Claims {
        sub: "alice".to_owned(),
        org: Some("acme".to_owned()),
        email: Some("alice@example.com".to_owned()),
        ..Claims::default()
    }
}

async fn crm(world: &World) {
    let source = world.source("crm", |_| ()).await;
    let leads = [
        lead(
            "l-1",
            1,
            &[("status", text(CANARY)), ("first_name", text(CANARY))],
        ),
        lead("l-2", 2, &[("status", text("sold"))]),
    ];
    world.load(&source, &leads).await;
    world.grant("acme", "alice", "crm", Role::Exporter).await;
}

#[tokio::test]
async fn who_asked_for_a_mail_gets_one_and_the_bus_its_event() {
    let world = World::start().await;
    crm(&world).await;
    let body =
        json!({"filters": {"status": [CANARY], "search": CANARY}, "notify": {"email": true}});
    let (status, asked) = ask(&world, &alice(), &body).await;
    assert_eq!(status, 202, "{asked}");
    let id = asked["id"].as_str().unwrap();
    let (status, quiet) = ask(&world, &alice(), &json!({})).await;
    assert_eq!(status, 202);

    let all = told(&world, 2, 1).await;
    let schema = schema();
    let events = all["events"].as_array().unwrap();
    let event = events
        .iter()
        .find(|event| event["detail"]["id"] == id)
        .unwrap();
    assert!(
        events
            .iter()
            .any(|event| event["detail"]["id"] == quiet["id"])
    );
    for event in events {
        assert_told(event, &schema);
    }
    let export = world.ended("alice", id).await;
    assert_eq!(event["detail-type"], "Export completed");
    assert_eq!(event["bus"], "default");
    let instant = |it: &Json| it.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(instant(&event["time"]), instant(&export["completed_at"]));
    let detail = &event["detail"];
    assert_eq!(detail["event_id"], format!("{id}:completed"));
    for member in [
        "id",
        "status",
        "lead_count",
        "size_bytes",
        "sha256",
        "completed_at",
        "requested_by",
        "fields",
        "format",
    ] {
        assert_eq!(detail[member], export[member], "{member}");
    }
    assert_eq!(detail["lead_count"], 1);

    let mails = all["mails"].as_array().unwrap();
    let [mail] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!(mail["to"], json!(["alice@example.com"]));
    assert_eq!(mail["from"], "exports@lead-export.example");
    assert_eq!(mail["subject"], "Your export of crm is ready");
    let link = format!("{}/?export={id}", world.stack.file().url);
    for part in ["text", "html"] {
        let words = mail[part].as_str().unwrap();
        assert!(words.contains(&link), "{words}");
        assert!(
            !words.contains(CANARY) && !words.contains("/download"),
            "{words}"
        );
        assert_eq!(words.matches("http").count(), 1, "{words}");
    }

    // The address is that of the claim at the request, and nobody is told twice.
    let again = json!({"again": id, "filters": {}});
    let later = Claims {
        email: Some("alice@new.example".to_owned()),
        ..alice()
    };
    assert_eq!(ask(&world, &later, &again).await.0, 202);
    let all = told(&world, 3, 2).await;
    assert_eq!(all["mails"][1]["to"], json!(["alice@new.example"]));
    // At least once: a sweep beside the run's end may tell it as well, under the same id.
    let events = all["events"].as_array().unwrap().iter();
    let ids: std::collections::BTreeSet<&str> = events
        .map(|event| event["detail"]["event_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);

    // A name that was made to lead here is not answered.
    let url = format!("{}/local/outbox", world.stack.file().url);
    let answer = world
        .client
        .get(url)
        .header("host", "evil.example")
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 403);
    let dir = world.stop().await;
    for entry in std::fs::read_dir(dir.path().join("data/logs")).unwrap() {
        let path = entry.unwrap().path();
        let log = std::fs::read_to_string(&path).unwrap();
        let hits = log.matches(CANARY).count();
        assert_eq!(hits, 0, "{}", path.display());
        let is_outbox = path.ends_with("outbox.log");
        assert!(is_outbox || !log.contains("alice@"), "{}", path.display());
    }
}

#[tokio::test]
async fn mail_that_could_reach_nobody_is_refused() {
    let world = World::start().await;
    crm(&world).await;
    let wish = json!({"notify": {"email": true}, "order": "up"});
    for (email, verified) in [
        (None, None),
        (Some("not an address"), None),
        (Some("alice@example.com"), Some("false")),
    ] {
        let mut claims = Claims {
            email: email.map(str::to_owned),
            ..alice()
        };
        if let Some(verified) = verified {
            claims
                .extra
                .insert("email_verified".to_owned(), (verified == "true").into());
        }
        let (status, problem) = ask(&world, &claims, &wish).await;
        let fields: Vec<&str> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["field"].as_str().unwrap())
            .collect();
        assert_eq!(
            (status, &fields[..]),
            (422, &["order", "notify.email"][..]),
            "{problem}"
        );
    }
    world.stop().await;

    let world = World::start_with(Settings::default().with("MAIL_FROM", "")).await;
    crm(&world).await;
    let (status, problem) = ask(&world, &alice(), &json!({"notify": {"email": true}})).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("notify.email"))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("MailFrom"),
        "{problem}"
    );
    assert_eq!(
        ask(&world, &alice(), &json!({"notify": {"email": false}}))
            .await
            .0,
        202
    );
    told(&world, 1, 0).await;
    world.stop().await;
}
