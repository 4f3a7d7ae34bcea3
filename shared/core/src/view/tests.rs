//! The JSON of contract §3, member by member.

use super::*;
use crate::memory::Fault;
use crate::ports::StoreErrorKind;
use crate::record::{ExportId, Progress, Warning};
use crate::world::{LONG, Where, World, principal};

/// The export as it is shown, its id replaced.
fn shown(world: &World, id: ExportId) -> Value {
    let read = world.beside().read_history();
    let (export, downloads) = world
        .drive(read.one(&principal(), Some(id)))
        .unwrap()
        .unwrap();
    let text = super::export(&export, &downloads).to_string();
    serde_json::from_str(&text.replace(&id.to_string(), "<id>")).unwrap()
}

/// What a pending export shows; `changes` are what is different.
fn with(changes: &Value) -> Value {
    let mut expected = json!({
        "id": "<id>", "source_id": "crm", "status": "pending", "delivery": "file",
        "file_name": "crm_2026-01-01T00-00-00Z.csv",
        "requested_by": {"id": "u-1", "name": "the u-1"}, "ended_by": null,
        "requested_at": "2026-01-01T00:00:00.000Z", "started_at": null, "completed_at": null, "file_expires_at": null,
        "filters": {"status": ["sold"]}, "fields": [{"key": "lead_id", "header": "lead_id"}, {"key": "status", "header": "State"}],
        "order": "created_at", "limit": 2,
        "format": {"profile": "standard", "header": "keys", "time_zone": "UTC", "compression": "none"},
        "progress": {"leads_read": 0, "leads_written": 0, "fraction": 0.0},
        "lead_count": null, "truncated": null, "size_bytes": null, "sha256": null, "crc64nvme": null,
        "failure": null, "warnings": [], "downloads": [],
        "links": {"self": "/exports/<id>", "download": null, "page": "/?export=<id>"},
    });
    for (name, value) in changes.as_object().unwrap() {
        assert!(expected.get(name).is_some(), "{name}");
        expected[name] = value.clone();
    }
    expected
}

const BODY: &str = r#"{"filters": {"status": ["sold"]}, "fields": ["lead_id", {"key": "status", "header": "State"}], "limit": 2}"#;
const THEN: &str = "2026-01-01T00:00:00.000Z";

fn end(world: &World, id: ExportId) {
    let end = world.beside().end_export();
    world
        .drive(end.end(&principal(), Some(id)))
        .unwrap()
        .unwrap();
}

#[test]
fn export_in_each_state_is_shown_as_the_contract_says() {
    let world = World::new(9);
    let id = world.request(BODY);
    assert_eq!(shown(&world, id), with(&json!({})));

    world
        .script
        .fail(Where::Nth("exports.replace", 1), Fault::CrashAfter);
    assert!(world.run(id, LONG).is_none());
    let processing = json!({"status": "processing", "started_at": THEN});
    assert_eq!(shown(&world, id), with(&processing));

    world.advance(crate::limits::LEASE);
    world.run(id, LONG).unwrap().unwrap();
    let file = b"lead_id,State\r\nl-0,sold\r\nl-3003,sold\r\n";
    assert_eq!(
        String::from_utf8_lossy(&world.file(id)),
        String::from_utf8_lossy(file)
    );
    let mut hashes = crate::piece::Hashes::default();
    hashes.take(file);
    let mut completed = json!({
        "status": "completed", "started_at": THEN,
        "completed_at": "2026-01-01T00:01:30.000Z", "file_expires_at": "2026-01-08T00:01:30.000Z",
        "progress": {"leads_read": 6, "leads_written": 2, "fraction": 1.0},
        "lead_count": 2, "truncated": true, "size_bytes": file.len(),
        "sha256": hashes.sha256(), "crc64nvme": crate::piece::crc64_text(hashes.crc()),
        "links": {"self": "/exports/<id>", "download": "/exports/<id>/download", "page": "/?export=<id>"},
    });
    assert_eq!(shown(&world, id), with(&completed));

    let download = world.download_export();
    world
        .drive(download.download(&principal(), Some(id)))
        .unwrap()
        .unwrap();
    end(&world, id);
    let by = json!({"id": "u-1", "name": "the u-1"});
    completed["status"] = "expired".into();
    completed["ended_by"] = by.clone();
    completed["file_expires_at"] = "2026-01-01T00:01:30.000Z".into();
    completed["downloads"] = json!([{"by": by, "at": "2026-01-01T00:01:30.000Z"}]);
    completed["links"]["download"] = Value::Null;
    assert_eq!(shown(&world, id), with(&completed));
}

#[test]
fn export_that_ended_without_a_file_is_shown_with_its_reason() {
    let world = World::new(9);
    let id = world.request(BODY);
    end(&world, id);
    let cancelled = json!({
        "status": "cancelled", "ended_by": {"id": "u-1", "name": "the u-1"}, "completed_at": THEN,
    });
    assert_eq!(shown(&world, id), with(&cancelled));

    let id = world.request(BODY);
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(Where::Nth("pieces.put", 1), denied);
    world.run(id, LONG).unwrap().unwrap();
    let failed = json!({
        "status": "failed", "started_at": THEN, "completed_at": THEN,
        "failure": {
            "code": "storage_denied",
            "message": "The file store refused the file. Tell the operator. Quote the export <id>.",
        },
    });
    assert_eq!(shown(&world, id), with(&failed));
}

#[test]
fn list_shows_all_but_filters_and_fields() {
    let world = World::new(3);
    let id = world.request(BODY);
    let export = world.export(id);
    let page = HistoryPage {
        exports: vec![export.head.clone()],
        next: None,
    };
    let mut entry = super::export(&export, &[]);
    for member in ["filters", "fields"] {
        entry.as_object_mut().unwrap().remove(member).unwrap();
    }
    let expected = json!({"exports": [entry], "next_cursor": null});
    assert_eq!(history(&page, &[vec![]], None), expected);
    assert_eq!(history(&page, &[vec![]], Some("c"))["next_cursor"], "c");
}

#[test]
fn answer_in_the_response_has_no_link() {
    let world = World::new(3);
    let mut head = world.export(world.request("{}")).head;
    head.delivery = Delivery::Inline;
    head.status = Status::Completed;
    let view = entry(&head, &[]);
    assert_eq!(
        (&view["delivery"], &view["links"]["download"]),
        (&json!("inline"), &Value::Null)
    );
    assert_eq!(view["limit"], Value::Null);
    head.warnings = vec![Warning::ExcelRows, Warning::ExcelCell];
    assert_eq!(
        entry(&head, &[])["warnings"],
        json!(["excel_rows", "excel_cell"])
    );
}

#[test]
fn link_is_shown_with_what_to_check_the_file_by() {
    let world = World::new(3);
    let id = world.completed();
    let download = world.download_export();
    let link = world
        .drive(download.download(&principal(), Some(id)))
        .unwrap()
        .unwrap();
    let file = link.file.clone();
    let expected = json!({
        "url": link.url, "url_expires_at": "2026-01-01T00:05:00.000Z", "file_name": "crm_2026-01-01T00-00-00Z.csv",
        "size_bytes": file.size_bytes, "lead_count": 3, "sha256": file.sha256, "crc64nvme": file.crc64nvme,
    });
    assert_eq!(super::link(&link), expected);
}

#[test]
fn sources_and_their_fields_are_shown() {
    let source = crate::world::source("crm");
    assert_eq!(
        sources(&[(source.clone(), Role::Exporter)]),
        json!({"sources": [{"source_id": "crm", "name": "CRM", "role": "exporter", "time_zone": "UTC"}]})
    );
    let shown = fields(&source);
    assert_eq!(
        shown["fields"][0],
        json!({"key": "lead_id", "label": "Lead ID", "kind": "id", "group": "system"})
    );
}

#[test]
fn fraction_is_below_one_before_completion_and_one_after() {
    let at = |leads_read, known_leads, status| {
        let progress = Progress {
            leads_read,
            leads_written: 0,
            known_leads,
        };
        progress.fraction(status)
    };
    for status in [
        Status::Pending,
        Status::Processing,
        Status::Failed,
        Status::Cancelled,
    ] {
        for (read, known, expected) in [
            (0, 100, 0.0),
            (29, 100, 0.29),
            (42, 100, 0.42),
            (57, 100, 0.57),
            (1, 3, 0.3333),
            (99, 100, 0.99),
            (100, 100, 0.99),
            (999, 1000, 0.99),
            (500, 100, 0.99),
            (0, u64::MAX, 0.0),
            (u64::MAX, u64::MAX, 0.99),
            (u64::MAX, 1, 0.99),
            (0, 0, 0.99),
        ] {
            assert_eq!(
                at(read, Some(known), status),
                Some(expected),
                "{read} of {known}"
            );
        }
        assert_eq!(at(5, None, status), None, "null without a known count");
    }
    for status in [Status::Completed, Status::Expired] {
        assert_eq!(at(1, Some(100), status), Some(1.0));
        assert_eq!(at(1, None, status), Some(1.0));
    }
    for percent in 0..99 {
        let text = at(percent, Some(100), Status::Processing)
            .unwrap()
            .to_string();
        assert!(text.len() <= 4, "{percent} of 100 is {text}");
    }
}
