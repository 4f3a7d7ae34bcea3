//! ReadHistory over in-memory ports: own rows alone, none twice, none missing while others come.

use super::*;
use crate::access::Role;
use crate::ports::HistoryQuery;
use crate::record::Status;
use crate::world::{LONG, World, principal, source, user};
use std::collections::BTreeSet;
use std::time::Duration;

fn list(world: &World, parameters: &[(&str, &str)]) -> (HistoryPage, Vec<Vec<Download>>) {
    let owned: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let read = world.read_history();
    let source = world
        .drive(read.source(&principal(), "crm"))
        .unwrap()
        .unwrap();
    let query: HistoryQuery = crate::listing::parse(&owned, &source).unwrap();
    world.drive(read.list(&query)).unwrap().unwrap()
}

#[test]
fn paging_neither_repeats_nor_skips_while_others_come() {
    for scan in [None, Some(1), Some(3)] {
        for limit in ["1", "2", "3"] {
            let mut world = World::new(0);
            world.max_active = 100;
            if let Some(scan) = scan {
                world.exports.set_history_scan(scan);
            }
            world.sources.put_source(source("hr"));
            world.grant("u-1", Some("hr"), Role::Exporter);
            let mut known = BTreeSet::new();
            for number in 0..7 {
                known.insert(world.request("{}"));
                world
                    .ask_as(&principal(), None, "/sources/hr/exports", "{}")
                    .unwrap()
                    .unwrap();
                // Some share an instant.
                world.advance(Duration::from_millis(number % 2));
            }
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let mut parameters = vec![("limit", limit)];
                if let Some(cursor) = &cursor {
                    parameters.push(("cursor", cursor));
                }
                let (page, _) = list(&world, &parameters);
                seen.extend(page.exports.iter().map(|head| head.id));
                world.advance(Duration::from_millis(1));
                world.request("{}");
                let Some(next) = page.next else { break };
                cursor = Some(crate::listing::cursor(next));
            }
            let found: BTreeSet<_> = seen.iter().copied().collect();
            assert_eq!(found.len(), seen.len(), "none twice");
            assert_eq!(found, known, "own rows, as they were when it began");
        }
    }
}

#[test]
fn cursor_opens_nothing_of_another_source_or_organization() {
    let world = World::new(0);
    let other = Source {
        org: OrgId::parse("globex").unwrap(),
        ..source("crm")
    };
    world.sources.put_source(source("hr"));
    world.grant("u-1", Some("hr"), Role::Exporter);
    let mut theirs = BTreeSet::new();
    for _ in 0..3 {
        world.request("{}");
        let asked = world.ask_as(&principal(), None, "/sources/hr/exports", "{}");
        theirs.insert(asked.unwrap().unwrap().export.id());
        world.advance(Duration::from_millis(1));
    }
    let (page, _) = list(&world, &[("limit", "1")]);
    let cursor = crate::listing::cursor(page.next.unwrap());
    let read = world.read_history();
    let turned = |source: &Source| -> BTreeSet<ExportId> {
        let query = crate::listing::parse(&[("cursor".into(), cursor.clone())], source).unwrap();
        let (page, _) = world.drive(read.list(&query)).unwrap().unwrap();
        page.exports.iter().map(|head| head.id).collect()
    };
    // It is a place in time: of the other source it shows that source's older exports, and of a stranger's nothing.
    let shown = turned(&source("hr"));
    assert!(shown.is_subset(&theirs) && shown.len() < 3, "{shown:?}");
    assert_eq!(turned(&other), BTreeSet::new());
}

#[test]
fn filters_of_the_list_are_and_ed() {
    let world = World::new(3);
    world.grant("u-2", Some("crm"), Role::Exporter);
    let done = world.completed();
    world.advance(Duration::from_hours(24));
    let theirs = world.ask_as(&user("u-2"), None, crate::world::PATH, "{}");
    let theirs = theirs.unwrap().unwrap().export.id();
    let mine = world.request("{}");
    let ids = |parameters: &[(&str, &str)]| -> BTreeSet<ExportId> {
        let (page, _) = list(&world, parameters);
        page.exports.iter().map(|head| head.id).collect()
    };
    assert_eq!(ids(&[("status", "completed")]), [done].into());
    assert_eq!(ids(&[("requested_by", "u-2")]), [theirs].into());
    assert_eq!(
        ids(&[("status", "pending"), ("requested_by", "u-1")]),
        [mine].into()
    );
    assert_eq!(ids(&[("to", "2026-01-01")]), [done].into());
    assert_eq!(ids(&[("from", "2026-01-02")]), [theirs, mine].into());
    assert_eq!(
        ids(&[("from", "2026-01-02"), ("status", "completed,failed")]),
        [].into()
    );
}

#[test]
fn file_whose_time_has_passed_is_expired_before_anybody_sweeps() {
    let world = World::new(3);
    let id = world.completed();
    let shown = |status: &str| -> Option<Status> {
        let (page, downloads) = list(&world, &[("status", status)]);
        assert_eq!(page.exports.len(), downloads.len());
        page.exports.first().map(|head| head.status)
    };
    let one = || {
        let read = world.read_history();
        let answer = world.drive(read.one(&principal(), Some(id)));
        answer.unwrap().unwrap().0.status()
    };
    let expires_at = world.export(id).head.file_expires_at.unwrap();
    world.advance_short_of(expires_at.since(world.clock.now()));
    assert_eq!(one(), Status::Completed);
    assert_eq!(shown("completed"), Some(Status::Completed));
    world.advance(Duration::from_millis(1));
    assert_eq!(one(), Status::Expired);
    assert_eq!(shown("completed"), None);
    assert_eq!(shown("completed,expired"), Some(Status::Expired));
    assert_eq!(shown("expired"), Some(Status::Expired));
    world.settle(LONG);
    assert_eq!(shown("expired"), Some(Status::Expired));
}

#[test]
fn downloads_stand_by_their_exports() {
    let world = World::new(3);
    let (first, second) = (world.completed(), world.completed());
    world.request("{}");
    let download = world.download_export();
    for id in [second, first, second] {
        world
            .drive(download.download(&principal(), Some(id)))
            .unwrap()
            .unwrap();
        world.advance(Duration::from_secs(1));
    }
    let (page, downloads) = list(&world, &[]);
    for (head, downloads) in page.exports.iter().zip(&downloads) {
        let expected = match head.id {
            id if id == first => 1,
            id if id == second => 2,
            _ => 0,
        };
        assert_eq!(downloads.len(), expected);
        assert!(downloads.iter().all(|download| download.export == head.id));
    }
    let read = world.read_history();
    let (export, downloads) = world
        .drive(read.one(&principal(), Some(second)))
        .unwrap()
        .unwrap();
    assert_eq!(
        (export.id(), export.status(), downloads.len()),
        (second, Status::Completed, 2)
    );
    assert!(downloads[0].at < downloads[1].at, "the oldest first");
}

#[test]
fn source_is_seen_by_viewers_and_unknown_to_others() {
    let world = World::new(0);
    world.grant("viewer", Some("crm"), Role::Viewer);
    world.sources.put_source(source("hr"));
    let read = world.read_history();
    let seen = |who: &str, name: &str| {
        let answer = world.drive(read.source(&user(who), name)).unwrap();
        answer
            .map(|source| source.id.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(seen("viewer", "crm"), Ok("crm".into()));
    let unknown = seen("viewer", "none").unwrap_err();
    for (who, name) in [
        ("viewer", "hr"),
        ("nobody", "crm"),
        ("viewer", "CRM"),
        ("viewer", ""),
        ("viewer", "../crm"),
    ] {
        let before = world.plan.calls().len();
        assert_eq!(seen(who, name), Err(unknown.clone()), "{who} {name}");
        assert_eq!(world.plan.calls().len(), before + 1, "the same read");
    }
    let sources = world.drive(read.sources(&user("viewer"))).unwrap().unwrap();
    assert_eq!(sources.len(), 1);
    world.settle(LONG);
}

#[test]
fn a_file_whose_time_has_passed_is_shown_as_gone_before_the_sweep() {
    let world = World::new(3);
    let id = world.completed();
    let show = || {
        let read = world.read_history();
        let (export, downloads) = world
            .drive(read.one(&principal(), Some(id)))
            .unwrap()
            .unwrap();
        crate::view::export(&export, &downloads)
    };
    let listed = |status: &str| list(&world, &[("status", status)]).0.exports.len();
    world.advance_short_of(crate::limits::RETENTION);
    assert_eq!(
        (
            show()["status"].as_str(),
            listed("completed"),
            listed("expired")
        ),
        (Some("completed"), 1, 0)
    );
    assert!(show()["links"]["download"].is_string());
    world.advance(Duration::from_millis(1));
    assert_eq!(
        world.export(id).status(),
        Status::Completed,
        "the sweeper has not been there"
    );
    let shown = show();
    assert_eq!(shown["status"], "expired");
    assert!(shown["links"]["download"].is_null());
    assert_eq!(shown["progress"]["fraction"], 1.0);
    assert_eq!(
        (
            listed("completed"),
            listed("expired"),
            listed("completed,expired")
        ),
        (0, 1, 1)
    );
    let replayed = world.sweep();
    assert_eq!(replayed.seen, 1);
}
