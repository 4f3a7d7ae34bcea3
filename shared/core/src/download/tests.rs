//! DownloadExport over in-memory ports: no link without its row, none for who may not, none for what is gone.

use super::*;
use crate::access::Role;
use crate::lead::OrgId;
use crate::memory::Fault;
use crate::ports::StoreErrorKind;
use crate::record::RunId;
use crate::world::{LONG, Where, World, org, principal, source, user};

fn download(world: &World, who: &Principal, id: Option<ExportId>) -> Result<Link, DownloadError> {
    let export = world.download_export();
    world.drive(export.download(who, id)).unwrap()
}

/// An export in each state, and how a download of it is answered.
fn states(world: &World) -> Vec<(&'static str, ExportId, &'static str)> {
    let pending = world.request("{}");
    let processing = world.request("{}");
    let nth = world.plan.count("exports.replace") + 1;
    world
        .script
        .fail(Where::Nth("exports.replace", nth), Fault::CrashAfter);
    assert!(world.run(processing, LONG).is_none());
    let completed = world.completed();
    let failed = world.request("{}");
    let denied = Fault::Before(StoreErrorKind::Denied);
    let nth = world.plan.count("pieces.put") + 1;
    world.script.fail(Where::Nth("pieces.put", nth), denied);
    world.run(failed, LONG).unwrap().unwrap();
    let end = |id| {
        let end = world.end_export();
        world
            .drive(end.end(&principal(), Some(id)))
            .unwrap()
            .unwrap();
    };
    let cancelled = world.request("{}");
    end(cancelled);
    let deleted = world.completed();
    end(deleted);
    let mut inline = world.export(pending);
    inline.head.id = ExportId(uuid::Uuid::from_u128(99));
    inline.head.delivery = Delivery::Inline;
    inline.head.status = Status::Completed;
    let made = world.beside().request_export().exports;
    world
        .drive(made.create(&inline, None, 99))
        .unwrap()
        .unwrap();
    vec![
        ("pending", pending, "not ready"),
        ("processing", processing, "not ready"),
        ("completed", completed, "link"),
        ("failed", failed, "no file: Failed File"),
        ("cancelled", cancelled, "no file: Cancelled File"),
        ("deleted", deleted, "gone"),
        ("inline", inline.id(), "no file: Completed Inline"),
    ]
}

fn said(answer: &Result<Link, DownloadError>) -> String {
    match answer {
        Ok(_) => "link".into(),
        Err(DownloadError::NotReady) => "not ready".into(),
        Err(DownloadError::Gone) => "gone".into(),
        Err(DownloadError::NoFile(status, delivery)) => format!("no file: {status:?} {delivery:?}"),
        Err(DownloadError::Refused(refusal)) => format!("{refusal:?}"),
        Err(DownloadError::Store(error)) => error.to_string(),
    }
}

#[test]
fn each_state_has_its_answer_and_each_user_theirs() {
    let world = World::new(20);
    let states = states(&world);
    world.grant("viewer", Some("crm"), Role::Viewer);
    world.grant("admin", None, Role::Admin);
    world.sources.put_source(source("hr"));
    world.grant("hr", Some("hr"), Role::Admin);
    let elsewhere = Principal {
        org: OrgId::parse("other").unwrap(),
        ..principal()
    };
    for (name, id, answer) in states {
        for (who, expected) in [
            (principal(), answer),
            (user("admin"), answer),
            (user("viewer"), "Forbidden"),
            (user("nobody"), "NotFound"),
            (user("hr"), "NotFound"),
            (elsewhere.clone(), "NotFound"),
        ] {
            let rows = world.audit.all().len();
            let found = download(&world, &who, Some(id));
            assert_eq!(said(&found), expected, "{name} by {}", who.user);
            let is_link = usize::from(expected == "link");
            assert_eq!(
                world.audit.all().len(),
                rows + is_link,
                "a row for a link alone"
            );
        }
    }
    assert_eq!(world.signer.signed().len(), 2);
}

#[test]
fn absent_malformed_and_not_mine_cost_the_same_calls() {
    let world = World::new(5);
    let id = world.completed();
    let unknown = ExportId(uuid::Uuid::from_u128(5));
    let elsewhere = Principal {
        org: OrgId::parse("other").unwrap(),
        ..principal()
    };
    let mut costs = Vec::new();
    for (who, id) in [
        (user("nobody"), Some(id)),
        (elsewhere, Some(id)),
        (principal(), Some(unknown)),
        (user("nobody"), Some(unknown)),
        (principal(), None),
    ] {
        let before = world.plan.calls().len();
        let answer = download(&world, &who, id);
        assert_eq!(said(&answer), "NotFound");
        let calls: Vec<_> = world.plan.calls()[before..]
            .iter()
            .map(|call| call.name)
            .collect();
        costs.push(calls);
        // The history of one export and its end show no more.
        let before = world.plan.calls().len();
        let read = world.read_history();
        assert!(world.drive(read.one(&who, id)).unwrap().is_err());
        let end = world.end_export();
        assert!(world.drive(end.end(&who, id)).unwrap().is_err());
        assert_eq!(world.plan.calls().len(), before + 4);
    }
    for calls in costs {
        assert_eq!(calls, ["exports.get", "sources.access"]);
    }
}

#[test]
fn link_is_for_the_file_under_its_name_and_ends_with_its_time() {
    let world = World::new(20);
    let id = world.completed();
    let link = download(&world, &principal(), Some(id)).unwrap();
    let signed = world.signer.signed();
    let head = world.export(id).head;
    assert_eq!(signed[0].export, id);
    assert_eq!(signed[0].run, head.file.clone().unwrap().run);
    assert_eq!(signed[0].file_name, head.file_name);
    assert_eq!(
        link.expires_at,
        world.clock.now().plus(crate::limits::DOWNLOAD_TTL)
    );
    assert_eq!(signed[0].expires_at, link.expires_at);
    assert_eq!(
        (link.file, link.export.head),
        (head.file.clone().unwrap(), head)
    );
    let row = &world.audit.all()[0];
    assert_eq!(
        (&row.org, row.export, row.at),
        (&org(), id, world.clock.now())
    );
    assert_eq!(
        (row.by.id.as_str(), row.by.name.as_str()),
        ("u-1", "the u-1")
    );
    download(&world, &principal(), Some(id)).unwrap();
    assert_eq!(world.audit.all().len(), 2, "each link has a row of its own");
}

#[test]
fn file_whose_time_has_come_is_gone_before_anybody_sweeps() {
    for (is_over, expected) in [(false, "link"), (true, "gone")] {
        let world = World::new(5);
        let id = world.completed();
        world.advance_short_of(world.retention);
        world.advance(Duration::from_millis(is_over.into()));
        assert_eq!(world.export(id).status(), Status::Completed);
        let answer = download(&world, &principal(), Some(id));
        assert_eq!(said(&answer), expected);
        assert_eq!(world.audit.all().len(), usize::from(answer.is_ok()));
    }
}

#[test]
fn revoked_grant_ends_downloads_at_once() {
    let world = World::new(5);
    let id = world.completed();
    download(&world, &principal(), Some(id)).unwrap();
    world.grant("u-1", Some("crm"), Role::Viewer);
    assert_eq!(said(&download(&world, &principal(), Some(id))), "Forbidden");
    let crm = crate::world::source_id();
    world.sources.remove_grant(&org(), "u-1", Some(&crm));
    assert_eq!(said(&download(&world, &principal(), Some(id))), "NotFound");
    world.grant("u-1", None, Role::Exporter);
    assert_eq!(said(&download(&world, &principal(), Some(id))), "link");
    world.sources.remove_source(&org(), &crm);
    assert_eq!(said(&download(&world, &principal(), Some(id))), "NotFound");
}

#[test]
fn no_link_without_its_row_whatever_fails() {
    for number in 1..=4 {
        for fault in [
            Fault::Before(StoreErrorKind::Unavailable),
            Fault::Before(StoreErrorKind::Denied),
            Fault::After(StoreErrorKind::Unavailable),
            Fault::CrashBefore,
            Fault::CrashAfter,
        ] {
            let world = World::new(5);
            let id = world.completed();
            world.script.fail(Where::Number(number), fault);
            let export = world.download_export();
            let answer = world.drive(export.download(&principal(), Some(id)));
            assert!(!matches!(answer, Some(Ok(_))), "{number} {fault:?}");
            let (links, rows) = (world.signer.signed(), world.audit.all());
            assert!(links.len() <= rows.len(), "{number} {fault:?}");
            let order = [
                "exports.get",
                "sources.access",
                "audit.record",
                "signer.sign",
            ];
            let last = world.plan.calls().pop().unwrap();
            assert_eq!(last.name, order[usize::try_from(number).unwrap() - 1]);
            download(&world, &principal(), Some(id)).unwrap();
        }
    }
}

#[test]
fn run_of_the_link_is_the_one_the_record_names() {
    // Two runs each stored a file: the link is for the one that was committed to.
    let world = World::new(30);
    let id = world.request("{}");
    world
        .script
        .fail(Where::Nth("exports.end", 1), Fault::CrashBefore);
    assert!(world.run(id, LONG).is_none());
    world.advance(crate::limits::LEASE);
    world.run(id, LONG).unwrap().unwrap();
    let files: Vec<RunId> = world
        .pieces
        .objects()
        .into_keys()
        .filter_map(|key| match key {
            crate::ports::ObjectKey::File(_, run) => Some(run),
            _ => None,
        })
        .collect();
    assert_eq!(files.len(), 2);
    let link = download(&world, &principal(), Some(id)).unwrap();
    assert_eq!(world.signer.signed()[0].run, link.file.run);
    assert_eq!(Some(link.file), world.export(id).head.file);
}
