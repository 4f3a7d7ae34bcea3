//! The event of every end: its name, its members, and what must not be in it.

use std::time::Duration;

use super::*;
use crate::access::Person;
use crate::mail::{Address, Mail};
use crate::record::{FailureCode, RunId};
use crate::world::World;

/// An export in each state that is told, its filters and the address of its mail marked.
fn ended() -> Vec<Export> {
    let world = World::new(3);
    let body = r#"{"filters": {"search": "canary", "status": ["canary"], "created": {"from": "2011-11-11"}}, "fields": ["lead_id", {"key": "email", "header": "Mail"}]}"#;
    let pending = world.export(world.request(body));
    let now = pending.head.requested_at.plus(Duration::from_secs(9));
    let by = RunId(uuid::Uuid::from_u128(1));
    let person = Person {
        id: "u-9".into(),
        name: "Ann".into(),
    };
    let done = world.request(body);
    world.run(done, crate::world::LONG).unwrap().unwrap();
    let completed = world.export(done);
    let mut all = vec![
        completed.clone(),
        completed.expired(by, Some(person.clone()), now),
        pending.failed(by, FailureCode::TooLarge, now),
        pending.cancelled(by, person, now),
    ];
    for export in &mut all {
        let to = Address::parse("canary@example.com").unwrap();
        export.mail = Some(Mail { to, sent: false });
    }
    all
}

#[test]
fn every_end_has_its_event() {
    let told: Vec<(String, &str, Value)> = ended()
        .iter()
        .map(|export| {
            let detail = detail(export);
            let id = export.id().to_string();
            let status = detail["status"].as_str().unwrap().to_owned();
            assert_eq!(detail["event_id"], format!("{id}:{status}"));
            assert_eq!(detail["org_id"], "acme");
            assert_eq!(detail["id"], json!(id));
            (status, detail_type(export), detail["ended_by"].clone())
        })
        .collect();
    let ann = json!({"id": "u-9", "name": "Ann"});
    assert_eq!(
        told,
        [
            ("completed".to_owned(), "Export completed", Value::Null),
            // The file went before anybody was told.
            ("completed".to_owned(), "Export completed", Value::Null),
            ("failed".to_owned(), "Export failed", Value::Null),
            ("cancelled".to_owned(), "Export cancelled", ann),
        ]
    );
}

#[test]
fn no_filter_no_link_and_no_address_is_told() {
    for export in ended() {
        let detail = detail(&export);
        let text = detail.to_string();
        for word in [
            "canary",
            "2011",
            "http",
            "/exports/",
            "?export=",
            "\"filters\"",
        ] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert_eq!(
            detail["fields"],
            json!([{"key": "lead_id", "header": "lead_id"}, {"key": "email", "header": "Mail"}])
        );
    }
}

#[test]
fn event_is_never_larger_than_eventbridge_takes() {
    let mut export = ended().remove(0);
    let mut column = export.plan.columns[0].clone();
    column.header = "h".repeat(255);
    export.plan.columns = vec![column; 1024];
    assert!(detail(&export)["fields"].is_null());
    assert!(detail(&export).to_string().len() < limits::EVENT_DETAIL_BYTES);
    export.plan.columns.truncate(500);
    assert_eq!(detail(&export)["fields"].as_array().unwrap().len(), 500);
}

#[test]
fn every_event_is_as_its_schema_says_and_holds_no_more() {
    let closed = crate::schema::tests::closed(crate::schema::event());
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&closed)
        .unwrap();
    for export in ended() {
        let event = json!({
            "source": SOURCE,
            "detail-type": detail_type(&export),
            "time": export.head.completed_at,
            "detail": detail(&export),
        });
        let errors: Vec<String> = validator
            .iter_errors(&event)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}: {event}");
        // What somebody forgot, or added, is seen.
        for (path, value) in [
            ("/detail/status", json!("expired")),
            ("/detail/id", Value::Null),
            ("/detail/links", json!({})),
        ] {
            let mut bad = event.clone();
            match bad.pointer_mut(path) {
                Some(place) => *place = value,
                None => bad["detail"]["links"] = value,
            }
            assert!(!validator.is_valid(&bad), "{path}");
        }
    }
}
