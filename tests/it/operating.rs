//! What an operator sees: one trace from the request to the file, figures for CloudWatch.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

/// The lines that a function wrote.
fn lines(data: &Path, function: &str) -> Vec<String> {
    let log = data.join("data/logs").join(format!("{function}.log"));
    let text =
        fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    text.lines().map(str::to_owned).collect()
}

fn naming<'a>(lines: &'a [String], id: &str) -> Vec<&'a str> {
    let of = lines.iter().filter(|line| line.contains(id));
    of.map(String::as_str).collect()
}

#[tokio::test]
async fn a_run_carries_the_trace_of_its_request_and_tells_its_figures() {
    let world = World::start().await;
    small_world(&world).await;
    let (export, _) = world.export("alice", "home-insurance", &json!({})).await;
    let id = export["id"].as_str().unwrap().to_owned();
    let dir = world.stop().await;

    let (asked, ran) = (
        lines(dir.path(), "request-export"),
        lines(dir.path(), "run-export"),
    );
    let accepted = naming(&asked, &id);
    let (_, rest) = accepted[0].split_once("trace.id").expect(accepted[0]);
    let trace = &rest[rest.find("1-").unwrap()..][..35];
    let run = naming(&ran, &id);
    assert!(!run.is_empty());
    for line in run {
        assert!(line.contains(trace), "{line}");
    }

    let figures: Vec<Json> = ran
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Json| line["_aws"].is_object())
        .collect();
    let of = |member: &str| {
        let told: Vec<_> = figures
            .iter()
            .filter(|line| line[member].is_u64())
            .collect();
        assert_eq!(told.len(), 1, "{member}: {figures:?}");
        told[0].clone()
    };
    let ended = of("Exports");
    assert_eq!(ended["Status"], "completed");
    assert_eq!(ended["Leads"], export["lead_count"]);
    assert_eq!(ended["Bytes"], export["size_bytes"]);
    assert_eq!(of("Runs")["Outcome"], "completed");
}
