//! What is taken, what is refused, and that it stays.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn outbox(dir: &TempDir) -> Outbox {
    Outbox::open(dir.path()).unwrap()
}

fn put(outbox: &Outbox, entries: &Value) -> Result<Value, Refusal> {
    put_events::run(outbox, json!({ "Entries": entries }).to_string().as_bytes())
}

fn send(outbox: &Outbox, mail: &Value) -> Result<Value, Refusal> {
    send_email::run(outbox, mail.to_string().as_bytes())
}

fn mail() -> Value {
    json!({
        "FromEmailAddress": "exports@example.com",
        "Destination": {"ToAddresses": ["alice@example.com"]},
        "Content": {"Simple": {
            "Subject": {"Data": "ready", "Charset": "UTF-8"},
            "Body": {"Text": {"Data": "ü", "Charset": "UTF-8"}, "Html": {"Data": "<p>", "Charset": "UTF-8"}},
        }},
    })
}

#[test]
fn entries_are_taken_each_for_itself() {
    let dir = TempDir::new().unwrap();
    let outbox = outbox(&dir);
    let good = json!({"Source": "s", "DetailType": "t", "Detail": "{\"a\":1}", "Time": 1_767_225_600.5, "EventBusName": "b"});
    let with = |name: &str, value: Value| {
        let mut entry = good.clone();
        entry[name] = value;
        entry
    };
    let done = put(
        &outbox,
        &json!([
            good,
            with("Detail", json!("[]")),
            with("Detail", json!("{")),
            with("Source", json!("")),
            with("DetailType", Value::Null),
            with("EventBusName", Value::Null)
        ]),
    )
    .unwrap();
    assert_eq!(done["FailedEntryCount"], 4);
    let codes: Vec<Option<&str>> = done["Entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["ErrorCode"].as_str())
        .collect();
    let (detail, argument) = (Some("MalformedDetail"), Some("InvalidArgument"));
    assert_eq!(codes, [None, detail, detail, argument, argument, None]);
    let events = outbox.shown()["events"].clone();
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!(events[0]["id"], done["Entries"][0]["EventId"]);
    assert_eq!(events[0]["time"], "2026-01-01T00:00:00.5Z");
    assert_eq!(
        (&events[0]["bus"], &events[1]["bus"]),
        (&json!("b"), &json!("default"))
    );
    assert_eq!(
        (&events[0]["detail-type"], &events[0]["detail"]),
        (&json!("t"), &json!({"a": 1}))
    );
}

#[test]
fn calls_beyond_the_quotas_are_refused_whole() {
    let dir = TempDir::new().unwrap();
    let outbox = outbox(&dir);
    let entry = |detail: &str| json!({"Source": "s", "DetailType": "t", "Detail": detail});
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(256 << 10));
    for entries in [
        json!([]),
        json!(vec![entry("{}"); 11]),
        json!([entry(&large)]),
    ] {
        assert_eq!(
            put(&outbox, &entries).unwrap_err().code,
            "ValidationException"
        );
    }
    assert!(put(&outbox, &json!([{"Sauce": 1}])).is_err());
    assert_eq!(outbox.shown(), json!({"events": [], "mails": []}));
}

#[test]
fn mails_are_taken_as_they_are_and_hostile_ones_refused() {
    let dir = TempDir::new().unwrap();
    let outbox = outbox(&dir);
    let id = send(&outbox, &mail()).unwrap()["MessageId"].clone();
    let shown = outbox.shown()["mails"][0].clone();
    assert_eq!((&shown["id"], &shown["text"]), (&id, &json!("ü")));
    assert_eq!(
        (&shown["from"], &shown["to"]),
        (&json!("exports@example.com"), &json!(["alice@example.com"]))
    );
    for (path, value) in [
        ("/FromEmailAddress", json!("not an address")),
        ("/FromEmailAddress", Value::Null),
        ("/Destination/ToAddresses", json!([])),
        ("/Destination/ToAddresses", json!(["a@b.c, d@e.f"])),
        ("/Content/Simple/Subject/Data", json!("a\r\nBcc: x@y.z")),
        ("/Content/Simple/Body/Text/Charset", json!("latin1")),
        ("/Content/Simple/Body/Text", json!({"Data": "ü"})),
        ("/Content", json!({"Raw": {"Data": ""}})),
        (
            "/Destination",
            json!({"ToAddresses": ["a@b.c"], "BccAddresses": ["x@y.z"]}),
        ),
    ] {
        let mut bad = mail();
        *bad.pointer_mut(path).unwrap() = value;
        assert_eq!(
            send(&outbox, &bad).unwrap_err().code,
            "BadRequestException",
            "{bad}"
        );
    }
    assert_eq!(outbox.shown()["mails"].as_array().unwrap().len(), 1);
}

#[test]
fn what_was_told_outlives_a_restart_and_a_line_cut_short() {
    use std::io::Write as _;
    let dir = TempDir::new().unwrap();
    let first = outbox(&dir);
    send(&first, &mail()).unwrap();
    put(
        &first,
        &json!([{"Source": "s", "DetailType": "t", "Detail": "{}"}]),
    )
    .unwrap();
    let told = first.shown();
    drop(first);
    let path = dir.path().join("logs/outbox.log");
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"mail\":{\"id\":").unwrap();
    assert_eq!(outbox(&dir).shown(), told);
}

#[test]
fn outbox_shows_the_newest() {
    let dir = TempDir::new().unwrap();
    let outbox = outbox(&dir);
    for number in 0..1001 {
        let detail = json!({ "number": number }).to_string();
        put(
            &outbox,
            &json!([{"Source": "s", "DetailType": "t", "Detail": detail}]),
        )
        .unwrap();
    }
    let shown = outbox.shown();
    let events = shown["events"].as_array().unwrap();
    assert_eq!(
        (events.len(), &events[0]["detail"]["number"]),
        (1000, &json!(1))
    );
}

#[test]
fn only_our_access_key_is_let_in() {
    let code = |value: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        authenticate(&headers, "local").map_err(|refusal| refusal.code)
    };
    let signed = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/events/aws4_request, SignedHeaders=host, Signature=0";
    assert_eq!(code(Some(signed)), Ok(()));
    assert_eq!(code(None), Err("MissingAuthenticationTokenException"));
    for other in [
        signed.replace("local", "other"),
        "Bearer x".into(),
        "AWS4-HMAC-SHA256 Signature=0".into(),
    ] {
        assert_eq!(code(Some(&other)), Err("UnrecognizedClientException"));
    }
}
