//! TM14, I14: a canary in every lead's value, filter literal, token and link; the functions told to say all they can. None is in a
//! log, a message, a record or an answer beyond what the contract shows.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::path::{Path, PathBuf};

use lead_export_core::access::Role;
use lead_export_core::fields::Source;
use lead_export_local::stack::{Stack, StackOptions};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::util::{World, client, lead, list, options, small_world, text};

/// In every value of a lead.
const LEAD: &str = "canary-lead";
/// In every literal of a filter.
const FILTER: &str = "canary-filter";
/// In every other word of a caller's.
const WORD: &str = "canary-word";

/// Export to CSV, in the answer.
const OPERATION: &str = "/api/v1/operations/export";

async fn chatty() -> World {
    let dir = TempDir::new().unwrap();
    let loud = [("RUST_LOG", "trace"), ("AWS_LAMBDA_LOG_LEVEL", "TRACE")];
    let stack = Stack::start(StackOptions {
        function_env: loud
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..options(&dir)
    })
    .await
    .unwrap();
    World {
        stack,
        dir,
        client: client(),
    }
}

/// Leads whose every value is marked.
async fn marked_leads(world: &World, source: &Source) {
    let leads: Vec<_> = (0..40)
        .map(|number| {
            let value = || text(&format!("{LEAD} {number}"));
            lead(
                &format!("m-{number}"),
                100 + number,
                &[
                    ("first_name", value()),
                    ("last_name", text(&format!("={LEAD}"))),
                    ("email", text(&format!("{LEAD}@example.com"))),
                    ("phone", text(&format!("+1 555 {LEAD}"))),
                    ("status", value()),
                    ("homeowner", list(&[LEAD, "Yes"])),
                    ("roof_type", value()),
                    ("annual_income", value()),
                ],
            )
        })
        .collect();
    world.load(source, &leads).await;
}

/// Everything that a caller can do, right and wrong. Gives the answers that show no filter, and the links.
async fn everything(world: &World) -> (Vec<String>, Vec<String>) {
    let exports = "/sources/home-insurance/exports";
    let filtered = json!({
        "filters": {
            "status": [FILTER], "search": FILTER, "attributes": { "homeowner": [FILTER] },
            "created": { "from": "2026-01-01" },
        },
        "fields": ["lead_id", { "key": "email", "header": WORD }],
    });
    let (mut answers, mut links) = (Vec::new(), Vec::new());
    let mut ids = Vec::new();
    for (body, key) in [(&filtered, "k-1"), (&filtered, "k-1"), (&json!({}), "k-2")] {
        let answer = world
            .call("alice", Method::POST, exports)
            .header("idempotency-key", format!("{WORD}-{key}"))
            .header("user-agent", WORD)
            .header("cookie", WORD)
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 202);
        let export: Json = answer.json().await.unwrap();
        ids.push(export["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        assert_eq!(world.ended("alice", id).await["status"], "completed");
        for accept in ["application/json", "*/*"] {
            let path = format!("/exports/{id}/download");
            let answer = world
                .call("alice", Method::GET, &path)
                .header("accept", accept)
                .send()
                .await
                .unwrap();
            let link: Json = answer.json().await.unwrap();
            let url = link["url"].as_str().unwrap().to_owned();
            let file = reqwest::get(&url).await.unwrap();
            assert_eq!(file.status(), 200);
            links.push(url);
        }
    }
    let preset = format!("/sources/home-insurance/presets/{WORD}");
    let saved = world
        .call("alice", Method::PUT, &preset)
        .json(&filtered)
        .send()
        .await
        .unwrap();
    assert_eq!(saved.status(), 200);
    answered_at_once(world, &filtered).await;
    // Refusals of every kind.
    for (method, path, body) in [
        (
            Method::POST,
            OPERATION,
            json!({ "selection": { "mode": FILTER }, WORD: 1 }).to_string(),
        ),
        (
            Method::POST,
            OPERATION,
            json!({ "selection": { "mode": "bulk", "filters": { "contact": { WORD: FILTER } } } })
                .to_string(),
        ),
        (
            Method::POST,
            OPERATION,
            json!({ "source": "canary-word", "selection": { "includedIds": [FILTER] } })
                .to_string(),
        ),
        (
            Method::POST,
            exports,
            format!("{{\"{WORD}\": [\"{FILTER}\""),
        ),
        (
            Method::POST,
            exports,
            json!({ WORD: 1, "filters": { "search": [FILTER], "custom": { WORD: [FILTER] } } })
                .to_string(),
        ),
        (
            Method::POST,
            exports,
            json!({ "preset": WORD, "limit": FILTER }).to_string(),
        ),
        (
            Method::POST,
            exports,
            format!("{FILTER}{}", " ".repeat(70_000)),
        ),
        (
            Method::POST,
            "/sources/canary-word/exports",
            FILTER.to_owned(),
        ),
        (
            Method::PUT,
            "/sources/home-insurance/presets/%22canary-word",
            filtered.to_string(),
        ),
        (
            Method::GET,
            "/sources/home-insurance/exports?cursor=canary-word&status=canary-filter&x=canary-word",
            String::new(),
        ),
        (Method::GET, "/exports/canary-word", String::new()),
        (Method::GET, "/exports/canary-word/download", String::new()),
        (Method::DELETE, "/exports/canary-word", String::new()),
    ] {
        for user in ["alice", "vera", WORD] {
            let answer = world
                .call(user, method.clone(), path)
                .body(body.clone())
                .send()
                .await
                .unwrap();
            assert!(answer.status().is_client_error(), "{method} {path}");
        }
    }
    for path in [
        exports,
        "/sources",
        "/sources/home-insurance/presets",
        "/sources/home-insurance/fields",
    ] {
        answers.push(world.get("vera", path).await.text().await.unwrap());
    }
    let gone = world
        .call("alice", Method::DELETE, &format!("/exports/{}", ids[2]))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 200);
    // Messages that are no hints, of the wrong shape and for another organization.
    let file = world.stack.file();
    let sqs = file.clients().unwrap().sqs;
    for body in [
        "poison-message".to_owned(),
        json!({ "v": 1, "org": "nobody", "export_id": ids[0] }).to_string(),
    ] {
        sqs.send_message()
            .queue_url(&file.queue_url)
            .message_body(body)
            .send()
            .await
            .unwrap();
    }
    (answers, links)
}

/// Leads in the answer itself: a preview's rows, a CSV at once, the same later.
async fn answered_at_once(world: &World, filtered: &Json) {
    let preview = "/sources/home-insurance/exports/preview";
    let some = json!({ "filters": { "search": LEAD }, "fields": ["email"] });
    let people = json!({ "contact": { "fullName": { "any": { "exclude": [FILTER] } } } });
    let csv = json!({ "selection": { "mode": "bulk", "includedIds": [WORD], "filters": people } });
    for (path, prefer, body, status, shows) in [
        (preview, "", filtered, 200, ""),
        (preview, "", &some, 200, LEAD),
        (OPERATION, "", &csv, 200, LEAD),
        (OPERATION, "respond-async", &csv, 202, ""),
    ] {
        let answer = world
            .call("alice", Method::POST, path)
            .header("prefer", prefer)
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{path} {prefer}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(shows), "{path} shows no lead: {text}");
        if status == 202 {
            let export: Json = serde_json::from_str(&text).unwrap();
            let id = export["id"].as_str().unwrap();
            assert_eq!(world.ended("alice", id).await["status"], "completed");
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files_below(&path));
        } else {
            all.push(path);
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one place after the other")]
async fn no_canary_leaves_its_place() {
    let world = chatty().await;
    let source = small_world(&world).await;
    marked_leads(&world, &source).await;
    world
        .grant("acme", WORD, "home-insurance", Role::Viewer)
        .await;
    let token = world.token("acme", "alice");
    let (answers, links) = everything(&world).await;
    for answer in &answers {
        assert!(
            !answer.contains(FILTER) && !answer.contains(LEAD),
            "{answer}"
        );
    }

    // Records: filters stand in the plan and in presets, as the contract shows them, and nowhere else.
    let dynamodb = world.stack.file().clients().unwrap().dynamodb;
    let tables = &world.stack.file().tables;
    let mut looked_at = 0;
    for table in [&tables.exports, &tables.audit, &tables.sources] {
        let items = dynamodb
            .scan()
            .table_name(table)
            .send()
            .await
            .unwrap()
            .items
            .unwrap();
        for item in items {
            looked_at += 1;
            for (name, value) in &item {
                let shown = format!("{value:?}");
                assert!(!shown.contains(LEAD), "{name}: {shown}");
                assert!(!shown.contains("X-Amz-Signature"), "{name}: {shown}");
                if !matches!(name.as_str(), "plan" | "request") {
                    assert!(!shown.contains(FILTER), "{name}: {shown}");
                }
            }
        }
    }
    assert!(looked_at > 10, "{looked_at}");

    // The event source takes what is in the queue, and the log of it is written, before the stack has ended.
    let run_log = world.dir.path().join("data/logs/run-export.log");
    for _ in 0..400 {
        let log = std::fs::read_to_string(&run_log).unwrap();
        if log.contains("unreadable and dropped") && log.contains(": absent") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let dir = world.stop().await;
    let data = dir.path().join("data");

    // Logs.
    let mut written = 0;
    let logs = files_below(&data.join("logs"));
    // Of the four functions, and of what was told and mailed.
    assert_eq!(logs.len(), 5, "{logs:?}");
    for path in &logs {
        let log = std::fs::read_to_string(path).unwrap();
        assert!(
            path.ends_with("outbox.log") || log.contains("the log takes all lines of ours"),
            "{} was not asked for all",
            path.display()
        );
        for line in log.lines() {
            written += 1;
            for secret in [
                LEAD,
                FILTER,
                WORD,
                "poison-message",
                "X-Amz-",
                "http://",
                "https://",
                "Bearer",
                &token[..40],
            ] {
                // What is told and mailed names columns and links to the page, as the contract says; it is no log.
                let told =
                    path.ends_with("outbox.log") && [WORD, "http://", "https://"].contains(&secret);
                assert!(
                    told || !line.contains(secret),
                    "{secret} is in {}: {line}",
                    path.display()
                );
            }
        }
    }
    assert!(written > 10, "{written}");

    // The queue and its dead letters hold ids alone, deleted messages among them; nothing at all holds a token or a link.
    let signatures: Vec<&str> = links
        .iter()
        .map(|url| {
            url.split("X-Amz-Signature=")
                .nth(1)
                .unwrap()
                .split('&')
                .next()
                .unwrap()
        })
        .collect();
    let mut seen = 0;
    for path in files_below(&data) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("sqs.sqlite") {
            seen += 1;
            for secret in [LEAD, FILTER, WORD] {
                assert!(!holds(&bytes, secret), "{secret} is in {name}");
            }
        }
        // The payload and the signature of the token; its header is the same in every token.
        assert!(
            !holds(&bytes, token.rsplit('.').next().unwrap()),
            "the token is in {name}"
        );
        for signature in &signatures {
            assert!(!holds(&bytes, signature), "a link is in {name}");
        }
    }
    assert!(seen > 0);
}
