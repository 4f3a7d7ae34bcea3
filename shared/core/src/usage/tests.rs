//! ReadUsage over in-memory ports: whose, when, how much.

use super::*;
use crate::access::Role;
use crate::input::Fault;
use crate::record::ExportId;
use crate::view;
use crate::world::{LONG, PATH, World, principal, source, user};
use serde_json::{Value, json};
use std::time::Duration;

fn read(world: &World, who: &Principal, parameters: &[(&str, &str)]) -> Result<Value, UsageError> {
    let owned: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let usage = world.read_usage();
    let answer = world.drive(usage.usage(who, "crm", &owned)).unwrap();
    answer.map(|usage| view::usage(&usage))
}

fn usage(world: &World, parameters: &[(&str, &str)]) -> Value {
    read(world, &principal(), parameters).unwrap()
}

fn requested_by(world: &World, name: &str, body: &str) -> ExportId {
    let asked = world.ask_as(&user(name), None, PATH, body);
    let id = asked.unwrap().unwrap().export.id();
    world.run(id, LONG).unwrap().unwrap();
    id
}

fn downloaded_by(world: &World, name: &str, id: ExportId) {
    let download = world.download_export();
    let link = world.drive(download.download(&user(name), Some(id)));
    link.unwrap().unwrap();
}

/// Two users, three days, one failure's worth of nothing; the source's days begin five hours after UTC's.
fn busy() -> (World, [u64; 3]) {
    let world = World::new(9);
    world.sources.put_source(Source {
        time_zone: "America/New_York".into(),
        ..source("crm")
    });
    world.grant("u-2", Some("crm"), Role::Exporter);
    // 2026-01-01T00:00Z: the last evening of 2025 in New York.
    let first = requested_by(&world, "u-1", "{}");
    let second = requested_by(&world, "u-2", r#"{"limit": 2}"#);
    downloaded_by(&world, "u-2", first);
    world.advance(Duration::from_hours(6));
    let third = requested_by(&world, "u-1", r#"{"limit": 1}"#);
    downloaded_by(&world, "u-1", third);
    downloaded_by(&world, "u-1", second);
    let pending = world.request("{}");
    let end = world.end_export();
    world
        .drive(end.end(&principal(), Some(pending)))
        .unwrap()
        .unwrap();
    let bytes = [first, second, third].map(|id| world.export(id).head.file.unwrap().size_bytes);
    (world, bytes)
}

#[test]
fn days_are_the_sources_and_hold_what_happened_in_them() {
    let (world, bytes) = busy();
    let expected = json!([
        {"day": "2025-12-31", "exports": 2, "leads": 11, "bytes": bytes[0] + bytes[1], "downloads": 1},
        {"day": "2026-01-01", "exports": 2, "leads": 1, "bytes": bytes[2], "downloads": 2},
    ]);
    let found = usage(&world, &[]);
    assert_eq!(found["usage"], expected);
    assert_eq!(
        found["total"],
        json!({"exports": 4, "leads": 12, "bytes": bytes.iter().sum::<u64>(), "downloads": 3})
    );
    assert_eq!(
        (&found["source_id"], &found["by"], &found["time_zone"]),
        (&json!("crm"), &json!("day"), &json!("America/New_York"))
    );
    // 30 days, of which today is the last.
    assert_eq!(found["from"], "2025-12-03T05:00:00.000Z");
    assert_eq!(found["to"], world.clock.now().to_string());
}

#[test]
fn users_are_those_who_did_it_the_most_leads_first() {
    let (world, bytes) = busy();
    let found = usage(&world, &[("by", "user")]);
    let expected = json!([
        {"user": {"id": "u-1", "name": "the u-1"}, "exports": 3, "leads": 10, "bytes": bytes[0] + bytes[2], "downloads": 2},
        {"user": {"id": "u-2", "name": "the u-2"}, "exports": 1, "leads": 2, "bytes": bytes[1], "downloads": 1},
    ]);
    assert_eq!(found["usage"], expected);
}

#[test]
fn range_is_as_asked_both_ends_included() {
    let (world, _) = busy();
    let exports = |parameters: &[(&str, &str)]| {
        let found = usage(&world, parameters);
        let total = &found["total"];
        (
            total["exports"].as_u64().unwrap(),
            total["downloads"].as_u64().unwrap(),
        )
    };
    assert_eq!(exports(&[("from", "2026-01-01")]), (2, 2));
    assert_eq!(exports(&[("to", "2025-12-31")]), (2, 1));
    assert_eq!(
        exports(&[("from", "2026-01-01"), ("to", "2026-01-01")]),
        (2, 2)
    );
    let at = "2026-01-01T00:00:00Z";
    assert_eq!(exports(&[("from", at), ("to", at)]), (2, 1));
    assert_eq!(exports(&[("to", "2025-12-30")]), (0, 0));
    assert_eq!(exports(&[("from", "2026-06-01")]), (0, 0), "the future");
}

#[test]
fn all_bad_parameters_are_named_and_long_ranges_are_refused() {
    let (world, _) = busy();
    let errors = |parameters: &[(&str, &str)]| match read(&world, &principal(), parameters) {
        Err(UsageError::Invalid(invalid)) => {
            assert_eq!(invalid.fault, Fault::Refused);
            let errors = invalid.errors.into_iter();
            errors.map(|error| error.field).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let bad = [("by", "week"), ("from", "x"), ("to", ""), ("page", "1")];
    assert_eq!(errors(&bad), ["by", "from", "to", "page"]);
    assert_eq!(
        errors(&[("from", "2026-02-01"), ("to", "2026-01-01")]),
        ["from"]
    );
    assert_eq!(
        errors(&[("from", "2024-12-31"), ("to", "2026-01-01")]),
        ["from"]
    );
    // A leap year, whole.
    usage(&world, &[("from", "2024-01-01"), ("to", "2024-12-31")]);
}

#[test]
fn more_than_an_answer_can_count_is_refused() {
    assert!(bounded(limits::USAGE_ENTRIES).is_ok());
    let refused = bounded(limits::USAGE_ENTRIES + 1).unwrap_err();
    assert_eq!(refused.errors[0].field, "from");
}

#[test]
fn viewers_see_it_and_others_do_not() {
    let (world, _) = busy();
    world.grant("viewer", Some("crm"), Role::Viewer);
    assert!(read(&world, &user("viewer"), &[]).is_ok());
    let nobody = read(&world, &user("nobody"), &[("by", "week")]);
    assert!(matches!(
        nobody,
        Err(UsageError::Refused(Refusal::NotFound))
    ));
}
