//! RequestExport over in-memory ports: one export a key, a quota that never leaks, an accepted request that is never lost.

use super::*;
use crate::access::Role;
use crate::lead::OrgId;
use crate::memory::Fault;
use crate::record::Status;
use crate::world::{LONG, PATH, What, Where, World, principal, source, source_id, user};
use std::time::Duration;

/// What ends an export.
type Ending = fn(&World, ExportId);

#[test]
fn key_stands_for_one_request_of_one_user() {
    let world = World::new(0);
    world.grant("u-2", Some("crm"), Role::Exporter);
    world.sources.put_source(source("hr"));
    world.grant("u-1", Some("hr"), Role::Exporter);
    let first = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert!(!first.replayed);
    let ask =
        |name: &str, key, path: &str, body| world.ask_as(&user(name), key, path, body).unwrap();

    let again = ask("u-1", Some("k"), PATH, "{}").unwrap();
    assert_eq!((again.export, again.replayed), (first.export, true));
    for (what, path, body) in [
        ("other body", PATH, r#"{"limit": 1}"#),
        ("same meaning, other bytes", PATH, "{ }"),
        ("other path", "/sources/hr/exports", "{}"),
    ] {
        let answer = ask("u-1", Some("k"), path, body);
        assert!(matches!(answer, Err(RequestError::KeyReused)), "{what}");
    }
    for (what, name, key) in [
        ("other user", "u-2", Some("k")),
        ("other key", "u-1", Some("K")),
        ("no key", "u-1", None),
    ] {
        assert!(!ask(name, key, PATH, "{}").unwrap().replayed, "{what}");
    }
    assert_eq!(world.exports.all().len(), 4);
}

#[test]
fn path_and_body_do_not_run_into_each_other() {
    let pairs = [
        ("/a", "b"),
        ("/ab", ""),
        ("/", "ab"),
        ("", "/ab"),
        ("/b", "b"),
    ];
    let prints: std::collections::BTreeSet<String> = pairs
        .iter()
        .map(|(path, body)| fingerprint(path, body.as_bytes()))
        .collect();
    assert_eq!(prints.len(), pairs.len());
}

#[test]
fn replay_shows_the_export_as_it_is_now() {
    let world = World::new(5);
    let first = world.ask(Some("k"), "{}").unwrap().unwrap().export;
    world.settle(LONG);
    let again = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert_eq!((again.export.id(), again.replayed), (first.id(), true));
    assert_eq!(again.export.status(), Status::Completed);
}

#[test]
fn replay_of_a_file_whose_time_has_passed_shows_it_gone() {
    let mut world = World::new(5);
    world.retention = Duration::from_hours(1);
    let first = world.ask(Some("k"), "{}").unwrap().unwrap().export;
    world.run(first.id(), LONG).unwrap().unwrap();
    world.advance(world.retention);
    assert_eq!(world.export(first.id()).status(), Status::Completed);
    let again = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert_eq!(again.export.status(), Status::Expired);
}

#[test]
fn a_key_that_another_request_takes_first_is_refused() {
    // Both have looked the key up before either was recorded.
    let world = World::new(0);
    let beside = world.beside();
    let first = move || {
        beside.ask(Some("k"), "{}").unwrap().unwrap();
    };
    let place = Where::Nth("exports.create", 1);
    world.script.at(place, What::Do(Box::new(first)));
    let answer = world.ask(Some("k"), r#"{"limit": 1}"#).unwrap();
    assert!(matches!(answer, Err(RequestError::KeyReused)), "{answer:?}");
    assert_eq!(world.exports.all().len(), 1);
}

#[test]
fn a_key_that_is_known_is_answered_whatever_would_be_said_today() {
    // D-8: its row alone decides.
    let mut world = World::new(5);
    world.volume = DailyVolume::new(5);
    let first = world.ask(Some("k"), "{}").unwrap().unwrap();
    let id = first.export.id();
    world.run(id, LONG).unwrap().unwrap();
    let over = world.ask(None, "{}").unwrap();
    assert!(matches!(over, Err(RequestError::Volume(_))), "{over:?}");
    let again = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert_eq!((again.export.id(), again.replayed), (id, true));
}

#[test]
fn fingerprint_tells_where_the_path_ends() {
    assert_ne!(fingerprint("/a", b"bc"), fingerprint("/ab", b"c"));
    assert_ne!(fingerprint("/a", b"bc"), fingerprint("/a", b"cb"));
    assert_eq!(fingerprint("/a", b"bc"), fingerprint("/a", b"bc"));
}

#[test]
fn key_is_forgotten_after_exactly_a_day() {
    for (is_over, replayed) in [(false, true), (true, false)] {
        let world = World::new(0);
        let first = world.ask(Some("k"), "{}").unwrap().unwrap();
        world.advance_short_of(limits::IDEMPOTENCY);
        world.advance(Duration::from_millis(is_over.into()));
        let again = world.ask(Some("k"), "{}").unwrap().unwrap();
        assert_eq!(again.replayed, replayed);
        assert_eq!(again.export.id() == first.export.id(), replayed);
    }
}

#[test]
fn replay_comes_before_the_quota() {
    let mut world = World::new(0);
    world.max_active = 1;
    let first = world.ask(Some("k"), "{}").unwrap().unwrap();
    let again = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert_eq!(again.export.id(), first.export.id());
    let other = world.ask(Some("k"), r#"{"limit": 2}"#).unwrap();
    assert!(matches!(other, Err(RequestError::KeyReused)));
    for key in [None, Some("l")] {
        let full = world.ask(key, "{}").unwrap();
        assert!(matches!(full, Err(RequestError::Quota(_))));
    }
    // The key of a refused request stands for nothing.
    assert_eq!(world.exports.requests().len(), 1);
}

#[test]
fn full_names_only_exports_that_the_user_may_see() {
    let mut world = World::new(0);
    world.max_active = 3;
    world.sources.put_source(source("hr"));
    world.grant("u-2", Some("hr"), Role::Exporter);
    world.grant("u-3", Some("crm"), Role::Viewer);
    world.grant("u-3", Some("hr"), Role::Exporter);
    let hr = "/sources/hr/exports";
    let crm = world.ask(None, "{}").unwrap().unwrap().export.id();
    let mut theirs: Vec<ExportId> = (0..2)
        .map(|_| world.ask_as(&user("u-2"), None, hr, "{}"))
        .map(|answer| answer.unwrap().unwrap().export.id())
        .collect();
    theirs.sort_unstable();
    let mut all = [vec![crm], theirs.clone()].concat();
    all.sort_unstable();
    for (name, path, expected) in [
        ("u-1", PATH, vec![crm]),
        ("u-2", hr, theirs),
        ("u-3", hr, all),
    ] {
        let answer = world.ask_as(&user(name), None, path, "{}").unwrap();
        let Err(RequestError::Quota(mut ids)) = answer else {
            panic!("{answer:?}");
        };
        ids.sort_unstable();
        assert_eq!(ids, expected, "{name}");
    }
}

#[test]
fn place_is_returned_at_each_terminal_state() {
    let complete = |world: &World, id| {
        let _ = world.run(id, LONG).unwrap();
    };
    let fail = |world: &World, id| {
        world.script.fail(
            Where::Every("pieces.put"),
            Fault::Before(StoreErrorKind::Denied),
        );
        let _ = world.run(id, LONG).unwrap();
        world.script.calm();
    };
    let cancel = |world: &World, id| {
        let end = world.end_export();
        world
            .drive(end.end(&principal(), Some(id)))
            .unwrap()
            .unwrap();
    };
    let cancel_at_work = |world: &World, id| {
        world
            .script
            .fail(Where::Nth("exports.replace", 1), Fault::CrashAfter);
        assert!(world.run(id, LONG).is_none());
        let end = world.end_export();
        world
            .drive(end.end(&principal(), Some(id)))
            .unwrap()
            .unwrap();
    };
    for (ending, status) in [
        (complete as Ending, Status::Completed),
        (fail, Status::Failed),
        (cancel, Status::Cancelled),
        (cancel_at_work, Status::Cancelled),
    ] {
        let mut world = World::new(5);
        world.max_active = 1;
        let id = world.request("{}");
        assert!(world.ask(None, "{}").unwrap().is_err());
        ending(&world, id);
        assert_eq!(world.export(id).status(), status);
        assert!(world.ask(None, "{}").unwrap().is_ok(), "{status:?}");
    }
}

#[test]
fn refusals_come_in_their_order() {
    let world = World::new(0);
    world.grant("viewer", Some("crm"), Role::Viewer);
    world.sources.put_source(source("hr"));
    let bad_key = "a,b";
    let long = "k".repeat(256);
    let wrong = |answer: &RequestError| match answer {
        RequestError::Refused(Refusal::NotFound) => 404,
        RequestError::Refused(Refusal::Forbidden) => 403,
        RequestError::Invalid(invalid) => match invalid.fault {
            crate::input::Fault::Malformed => 400,
            crate::input::Fault::Refused => 422,
        },
        other => panic!("{other}"),
    };
    let elsewhere = Principal {
        org: OrgId::parse("other").unwrap(),
        ..principal()
    };
    for (who, path, key, body, status) in [
        (user("nobody"), PATH, Some(bad_key), "x", 404),
        (elsewhere, PATH, Some(bad_key), "x", 404),
        (principal(), "/sources/hr/exports", Some(bad_key), "x", 404),
        (principal(), "/sources/none/exports", None, "{}", 404),
        (principal(), "/sources/CRM/exports", None, "{}", 404),
        (principal(), "/sources//exports", None, "{}", 404),
        (user("viewer"), PATH, Some(bad_key), "x", 403),
        (principal(), PATH, Some(bad_key), "{}", 400),
        (principal(), PATH, Some(""), "{}", 400),
        (principal(), PATH, Some("a b"), "{}", 400),
        (principal(), PATH, Some("ü"), "{}", 400),
        (principal(), PATH, Some(&long), "{}", 400),
        (principal(), PATH, Some("k"), "x", 400),
        (principal(), PATH, Some("k"), r#"{"limit": "1"}"#, 400),
        (principal(), PATH, Some("k"), r#"{"limit": 0}"#, 422),
    ] {
        let answer = world.ask_as(&who, key, path, body).unwrap().unwrap_err();
        assert_eq!(wrong(&answer), status, "{path} {key:?} {body}");
    }
    assert!(world.exports.all().is_empty() && world.exports.requests().is_empty());
    assert_eq!(world.queue.sent(), []);
    let longest = &long[1..];
    assert!(world.ask(Some(longest), "{}").unwrap().is_ok());
}

#[test]
fn since_export_of_elsewhere_is_as_unknown_as_one_that_is_not() {
    let world = World::new(3);
    let hr = "/sources/hr/exports";
    world.sources.put_source(source("hr"));
    world.grant("u-1", Some("hr"), Role::Admin);
    let other = OrgId::parse("other").unwrap();
    let mut foreign = source("crm");
    foreign.org = other.clone();
    world.sources.put_source(foreign);
    let grant = crate::access::Grant {
        role: Role::Admin,
        name: None,
    };
    world.sources.put_grant(&other, "u-1", None, grant);
    let stranger = Principal {
        org: other,
        ..principal()
    };
    let made = |who: &Principal, path| {
        let accepted = world.ask_as(who, None, path, "{}").unwrap().unwrap();
        accepted.export.id().to_string()
    };
    let (own, theirs, foreign) = (
        made(&principal(), PATH),
        made(&principal(), hr),
        made(&stranger, PATH),
    );
    let ask = |id: &str| {
        let body = format!(r#"{{"filters": {{"since_export": "{id}"}}}}"#);
        world.ask(None, &body).unwrap()
    };
    assert!(ask(&own).is_ok());
    let unknown = uuid::Uuid::from_u128(1).hyphenated().to_string();
    let refused = |id: &str| match ask(id) {
        Err(RequestError::Invalid(invalid)) => format!("{invalid:?}").replace(id, "<id>"),
        other => panic!("{other:?}"),
    };
    for id in [&theirs, &foreign, &own.to_uppercase()] {
        assert_eq!(refused(id), refused(&unknown), "{id}");
    }
    assert!(refused(&unknown).contains("filters.since_export"));
}

#[test]
fn what_was_asked_is_frozen() {
    let world = World::new(9);
    let body = r#"{"filters": {"status": ["sold"]}, "fields": ["lead_id", "status"]}"#;
    let id = world.request(body);
    let renamed = crate::fields::Source {
        name: "Renamed".into(),
        people: true,
        ..source(source_id().as_str())
    };
    world.sources.put_source(renamed);
    world.settle(LONG);
    world.check(id, |lead| {
        lead.values["status"] == crate::lead::Value::from("sold")
    });
    let file = String::from_utf8(world.file(id)).unwrap();
    assert!(file.starts_with("lead_id,status\r\n"), "{file}");
}
