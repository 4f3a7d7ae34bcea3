//! Bodies of the export in the answer (BI4, contract §6), through the function that reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use lambda_http::Body;
use lead_export_core::lead::{Lead, LeadId, Value};
use lead_export_core::limits;
use lead_export_core::plan::Plan;
use lead_export_core::ports::{Clock as _, ObjectKey};
use lead_export_core::record::{Delivery, Export, ExportId};
use lead_export_core::run::Done;
use serde_json::{Value as Json, json};

use crate::apps::Apps;
use crate::done;
use crate::guard_model;
use crate::http_api::{self, Http};
use crate::model::Function;
use crate::world::{org, source};

/// What no answer to alice may hold: the names of the other sources' leads.
const OTHERS: [&str; 2] = ["secret-source", "globex"];

/// Leads of every shape that the filters look at, hostile ones among them.
fn fill(apps: &Apps) {
    let of = source("acme", "home-insurance");
    let leads = apps.world.leads.inner();
    for number in 0..8_u16 {
        let text = |text: &str| Value::from(text);
        let list = |text: &str| Value::List(vec![text.into(), Value::Null, "b".into()]);
        let map =
            |key: &str| Value::List(vec![Value::Map([(key.to_owned(), "PhD".into())].into())]);
        let mut values = BTreeMap::from([
            (
                "first_name",
                text(["Zoë", "=1+1", "\"q\"", ""][usize::from(number % 4)]),
            ),
            (
                "seniority",
                text(["VP", "c_suite", "Mid-Level"][usize::from(number % 3)]),
            ),
            ("skills", list("machine learning")),
            ("city", text("Boston")),
            ("state", text("MA")),
            (
                "company_headcount",
                text(["201-500", "10,001+", "?"][usize::from(number % 3)]),
            ),
            ("company_revenue", text("$10M - $50M")),
            ("company_website", text("https://www.example.com/x\r\n")),
            ("company_type", text("PRIVATELY_HELD")),
            ("job_title", text("Sales; Assistant, \t")),
            ("educations", map("degree")),
        ]);
        if number % 2 == 0 {
            values.remove("seniority");
        }
        let lead = Lead {
            id: LeadId::parse(format!("l-{number}")).unwrap(),
            created_at: apps
                .world
                .clock
                .now()
                .minus(Duration::from_mins(u64::from(number))),
            values: values
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        };
        leads.put(&of.org, &of.id, of.shards, lead);
    }
}

fn ask(apps: &Apps, bytes: &[u8], later: bool) -> Response<Body> {
    let mut event = Http::of("answer-export").claims(apps.claims("acme", "alice"));
    event.0["body"] = json!(STANDARD.encode(bytes));
    event.0["isBase64Encoded"] = json!(true);
    if later {
        event = event.header("prefer", "respond-async");
    }
    done(apps.answer(Function::Request, &event))
}

/// A refusal has one of the published forms, and says something.
fn refused(answer: &Response<Body>) {
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body = http_api::body(answer);
    match &body["error"] {
        Json::String(text) => assert_eq!(text, "No data to export"),
        error => {
            assert!(error["code"].is_string() && !error["message"].as_str().unwrap().is_empty());
            assert_eq!(error.as_object().unwrap().len(), 2);
        }
    }
    let text = http_api::text(answer);
    assert!(text.len() < 4 << 20, "{} bytes of errors", text.len());
}

/// The CSV: every row as wide as the first, as many as were told, of the caller's leads.
fn read(bytes: &[u8], profile: &str, told: usize) {
    let delimiter = match profile {
        "tsv" => b'\t',
        "excel-semicolon" => b';',
        _ => b',',
    };
    let rows = guard_model::parse(
        bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes),
        delimiter,
    );
    assert_eq!(rows.len(), told + 1);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    for other in OTHERS {
        assert!(!String::from_utf8_lossy(bytes).contains(other), "{other}");
    }
}

fn recorded(apps: &Apps) -> Vec<Export> {
    apps.world.exports.inner().all()
}

/// Refused with nothing read or recorded; or a CSV of the caller's leads, its record, and, asked for later, a file of the same bytes.
pub(crate) fn answer(bytes: &[u8]) {
    let apps = done(Apps::plain());
    fill(&apps);
    let now = ask(&apps, bytes, false);
    let status = now.status().as_u16();
    if bytes.len() > limits::ANSWER_BODY_BYTES {
        assert_eq!(status, 413);
    }
    let records = recorded(&apps);
    if status == 200 {
        let given: Json = serde_json::from_slice(bytes).unwrap();
        let told = now.headers()["x-export-count"].to_str().unwrap();
        let told: usize = told.parse().unwrap();
        assert!((1..=limits::ANSWER_LEADS).contains(&told));
        read(
            http_api::text(&now).as_bytes(),
            given["profile"].as_str().unwrap_or_default(),
            told,
        );
        let [record] = records.as_slice() else {
            panic!("{} records", records.len())
        };
        assert_eq!(record.head.delivery, Delivery::Inline);
        assert_eq!(
            (&record.org, record.plan.source.as_str()),
            (&org("acme"), "home-insurance")
        );
    } else {
        assert!(matches!(status, 400 | 404 | 413), "{status}");
        refused(&now);
        assert!(records.is_empty());
    }
    // The same, asked for later: it may have no upper bound, and is found to hold nothing only when it is read.
    let later = ask(&apps, bytes, true);
    if later.status() != 202 {
        assert_ne!(status, 200, "{later:?}");
        refused(&later);
        assert_eq!(recorded(&apps).len(), records.len());
        return;
    }
    let id = http_api::body(&later)["id"].as_str().unwrap().to_owned();
    let id = ExportId::parse(&id).unwrap();
    let export = |apps: &Apps| {
        let mut all = recorded(apps).into_iter();
        all.find(|export| export.id() == id).unwrap()
    };
    let plan = export(&apps).plan;
    let kept: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(plan, kept, "what is recorded is what was asked");
    let stop_at = apps.world.clock.now().plus(limits::SLICE);
    let run = apps.world.run_export();
    let ran = done(Box::pin(run.run(&org("acme"), id, stop_at)));
    assert_eq!(ran.unwrap().done, Done::Completed);
    let file = export(&apps).head.file.unwrap();
    let key = ObjectKey::File(id, file.run);
    let objects = apps.world.pieces.inner().objects();
    let stored = &objects[&key];
    if status == 200 {
        assert_eq!(stored.bytes, http_api::text(&now), "the file is the answer");
    }
}
