//! Export to CSV, in the answer: over HTTP, through real functions and the real SDK.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Instant;

use lead_export_core::access::Role;
use lead_export_core::lead::Lead;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::util::{World, lead, list, rows, text};

const PATH: &str = "/api/v1/operations/export";

/// Leads `n0000` and on, one a second, in turns in `aa` and `bb`; every fourth is a vp. Ann may export both, vic see one.
async fn world(count: i64) -> World {
    let world = World::start().await;
    for (number, name) in ["aa", "bb"].into_iter().enumerate() {
        let source = world.source(name, |source| source.people = true).await;
        let mine = (0..count).filter(|it| usize::try_from(it % 2).unwrap() == number);
        let leads: Vec<Lead> = mine.map(numbered).collect();
        world.load(&source, &leads).await;
        world.grant("acme", "ann", name, Role::Exporter).await;
    }
    world.grant("acme", "vic", "aa", Role::Viewer).await;
    world
}

fn id(number: i64) -> String {
    format!("n{number:04}")
}

fn numbered(number: i64) -> Lead {
    let seniority = if number % 4 == 0 { "VP" } else { "entry" };
    let name = id(number);
    let values = [
        ("first_name", text(&name)),
        ("last_name", text("=Hostile, \"quoted\"")),
        ("seniority", text(seniority)),
        ("skills", list(&["Rust", "SQL"])),
        ("company_headcount", text("201-500")),
    ];
    lead(&name, number, &values)
}

async fn ask(world: &World, user: &str, body: &Json) -> Response {
    let call = world.call(user, Method::POST, PATH).json(body);
    call.send().await.unwrap()
}

/// The first words of the rows behind the header: the numbers of the leads.
fn numbers(bytes: &[u8]) -> Vec<String> {
    let rows = rows(bytes);
    let first = |row: &Vec<String>| row[0].split(' ').next().unwrap().to_owned();
    rows[1..].iter().map(first).collect()
}

async fn selected(world: &World, selection: &Json) -> Vec<String> {
    let answer = ask(
        world,
        "ann",
        &json!({"selection": selection, "exportFields": ["name"]}),
    )
    .await;
    assert_eq!(answer.status(), 200);
    let count = answer.headers()["x-export-count"]
        .to_str()
        .unwrap()
        .to_owned();
    let numbers = numbers(&answer.bytes().await.unwrap());
    assert_eq!(count, numbers.len().to_string());
    numbers
}

#[tokio::test]
async fn a_thousand_ids_are_answered_and_recorded() {
    let world = world(2400).await;
    let ids: Vec<String> = (0..1000)
        .rev()
        .map(|number| id(number * 2 + number % 2))
        .collect();
    let manual = json!({"mode": "manual", "includedIds": ids});
    // The function's process is there by now, as it is for all callers but the first.
    selected(&world, &json!({"mode": "manual", "includedIds": ["n0001"]})).await;
    let started = Instant::now();
    let names = selected(&world, &manual).await;
    // Told, not judged: machines are noisy.
    eprintln!("1 000 ids were answered in {:?}", started.elapsed());
    let mut expected = ids.clone();
    expected.sort();
    assert_eq!(names, expected);

    let answer = ask(
        &world,
        "ann",
        &json!({"selection": {"mode": "manual", "includedIds": ["n0003", "n0000", "x"]}}),
    )
    .await;
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    let disposition = headers["content-disposition"].to_str().unwrap();
    let day = &jiff::Timestamp::now().to_string()[..10];
    assert_eq!(
        disposition,
        format!("attachment; filename=\"lance-prospects-{day}.csv\"")
    );
    let bytes = answer.bytes().await.unwrap();
    let expected = "Name,Email(s),Phone(s),LinkedIn URL,City,Country,Job Title,Company Name\r\n\
        \"n0000 =Hostile, \"\"quoted\"\"\",,,,,,,\r\n\"n0003 =Hostile, \"\"quoted\"\"\",,,,,,,\r\n";
    assert_eq!(String::from_utf8(bytes.to_vec()).unwrap(), expected);
    for (source, joined) in [("aa", "n0000"), ("bb", "n0003")] {
        let history = world
            .get("ann", &format!("/sources/{source}/exports"))
            .await;
        let history: Json = history.json().await.unwrap();
        let newest = &history["exports"][0];
        assert_eq!(newest["delivery"], "inline");
        assert_eq!(newest["status"], "completed");
        assert_eq!(newest["lead_count"], 1);
        assert_eq!(newest["requested_by"]["id"], "ann");
        assert_eq!(newest["links"]["download"], Json::Null);
        let id = newest["id"].as_str().unwrap();
        let one: Json = world
            .get("ann", &format!("/exports/{id}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(
            one["selection"],
            json!({"mode": "manual", "includedIds": [joined]})
        );
        let file = world.get("ann", &format!("/exports/{id}/download")).await;
        assert_eq!(file.status(), 409);
    }
    world.stop().await;
}

#[tokio::test]
async fn ranges_are_counted_over_all_sources_and_later_is_the_same() {
    let world = world(2000).await;
    let vps = json!({"contact": {"seniority": {"any": {"include": ["vp"]}}}, "account": {"employeeSize": {"type": "RANGE", "range": [{"start": 500}]}}});
    let all = |from: i64, to: i64, step: i64| -> Vec<String> {
        (from..to).filter(|it| it % step == 0).map(id).collect()
    };
    let bulk = json!({"mode": "bulk", "startIndex": 1500, "targetCount": 300, "filters": {}});
    assert_eq!(selected(&world, &bulk).await, all(1500, 1800, 1));
    let bulk = json!({"mode": "bulk", "startIndex": 100, "targetCount": 50, "filters": vps});
    assert_eq!(selected(&world, &bulk).await, all(400, 600, 4));
    let joined = json!({"mode": "bulk", "startIndex": 100, "targetCount": 2, "filters": vps,
        "excludedIds": ["n0404"], "includedIds": ["n1999", "n0001", "n0400", "n0404"]});
    assert_eq!(selected(&world, &joined).await, ["n0001", "n0400", "n1999"]);

    // The same of one source, as a file.
    let later = async |selection: &Json| {
        let body = json!({"selection": selection, "source": "aa", "exportFields": ["name"]});
        let call = world.call("ann", Method::POST, PATH).json(&body);
        let answer = call.header("prefer", "respond-async").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let export: Json = answer.json().await.unwrap();
        assert!(
            export["file_name"]
                .as_str()
                .unwrap()
                .starts_with("lance-prospects-")
        );
        let id = export["id"].as_str().unwrap().to_owned();
        let ended = world.ended("ann", &id).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        let file = world.download("ann", &id).await;
        let now = ask(&world, "ann", &body).await;
        (file, now)
    };
    for selection in [
        json!({"mode": "bulk", "startIndex": 90, "targetCount": 20, "filters": vps}),
        json!({"mode": "bulk", "startIndex": 900, "targetCount": 99, "filters": {}, "excludedIds": ["n1810"], "includedIds": ["n0002", "n0003"]}),
        json!({"mode": "manual", "includedIds": ["n1000", "n0010", "n0011"]}),
    ] {
        let (file, now) = later(&selection).await;
        assert_eq!(now.status(), 200);
        assert_eq!(file, now.bytes().await.unwrap(), "{selection}");
    }
    let more = json!({"mode": "bulk", "targetCount": 100_000, "filters": {}});
    let (file, now) = later(&more).await;
    assert_eq!(now.status(), 400);
    assert_eq!(numbers(&file), all(0, 2000, 2));
    // And by the filters of a request for a file.
    let (_, rows) = world
        .export("ann", "aa", &json!({"filters": vps, "fields": ["lead_id"]}))
        .await;
    assert_eq!(rows.len() - 1, 500);
    world.stop().await;
}

#[tokio::test]
async fn who_may_not_is_told_so_and_what_is_wrong_is_named() {
    let world = world(4).await;
    let selection = json!({"mode": "bulk", "filters": {}});
    for (org, user, body, status, code) in [
        (
            "acme",
            "vic",
            json!({"selection": selection}),
            403,
            "FORBIDDEN",
        ),
        (
            "acme",
            "vic",
            json!({"selection": selection, "source": "aa"}),
            403,
            "FORBIDDEN",
        ),
        (
            "acme",
            "vic",
            json!({"selection": selection, "source": "bb"}),
            404,
            "NOT_FOUND",
        ),
        (
            "globex",
            "ann",
            json!({"selection": selection, "source": "aa"}),
            404,
            "NOT_FOUND",
        ),
        (
            "globex",
            "ann",
            json!({"selection": selection}),
            403,
            "FORBIDDEN",
        ),
        (
            "acme",
            "ann",
            json!({"selection": {"mode": "some"}}),
            400,
            "VALIDATION_ERROR",
        ),
    ] {
        let call = world.call_as(org, user, Method::POST, PATH).json(&body);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), status, "{user} {body}");
        let told: Json = answer.json().await.unwrap();
        assert_eq!(told["error"]["code"], code, "{user} {body}");
    }
    let nothing = ask(&world, "ann", &json!({"selection": {"mode": "manual"}})).await;
    assert_eq!(nothing.status(), 400);
    let told: Json = nothing.json().await.unwrap();
    assert_eq!(told, json!({"error": "No data to export"}));
    let large = world
        .call("ann", Method::POST, PATH)
        .body(vec![b' '; 256 * 1024 + 1]);
    assert_eq!(large.send().await.unwrap().status(), 413);
    world.stop().await;
}

/// Whatever the cells hold, 4 MiB of CSV come through Lambda's 6 MB; more than that is to be requested as a file.
#[tokio::test]
async fn four_megabytes_fit_whatever_they_hold() {
    let world = World::start().await;
    let source = world.source("big", |_| ()).await;
    world.grant("acme", "ann", "big", Role::Exporter).await;
    // A quote is two bytes of CSV, and would be four of JSON; DynamoDB takes 400 KB for an item.
    let quotes = "\"".repeat(190_000);
    let leads: Vec<Lead> = (0..16)
        .map(|number| lead(&id(number), number, &[("name", text(&quotes))]))
        .collect();
    world.load(&source, &leads).await;
    let body = |count: i64| {
        let ids: Vec<String> = (0..count).map(id).collect();
        json!({"selection": {"mode": "manual", "includedIds": ids}, "exportFields": ["name"]})
    };
    let answer = ask(&world, "ann", &body(11)).await;
    assert_eq!(answer.status(), 200);
    let bytes = answer.bytes().await.unwrap();
    assert!(
        bytes.len() > 11 * 2 * 190_000 && bytes.len() < 4 << 20,
        "{}",
        bytes.len()
    );
    let found = rows(&bytes);
    assert_eq!(found.len(), 12);
    assert!(found[1..].iter().all(|row| row[0] == quotes));
    let answer = ask(&world, "ann", &body(16)).await;
    assert_eq!(answer.status(), 413);
    let told: Json = answer.json().await.unwrap();
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("request an export instead"), "{message}");
    let history: Json = world
        .get("ann", "/sources/big/exports")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(history["exports"].as_array().unwrap().len(), 1);
    world.stop().await;
}
