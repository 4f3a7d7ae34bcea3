//! EndExport over in-memory ports: who may, what becomes of each state, and cancels between any two calls of a run.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::access::Role;
use crate::lead::OrgId;
use crate::limits;
use crate::memory::Fault;
use crate::run::Done;
use crate::world::{LONG, Seeded, Task, What, Where, World, org, principal, user};

fn end(world: &World, who: &Principal, id: ExportId) -> Result<(Export, Vec<Download>), EndError> {
    let end = world.end_export();
    world.drive(end.end(who, Some(id))).unwrap()
}

#[test]
fn own_exports_need_an_exporter_and_others_an_admin() {
    for (role, every, own, others) in [
        (None, None, "NotFound", "NotFound"),
        (Some(Role::Viewer), None, "Forbidden", "Forbidden"),
        (Some(Role::Exporter), None, "ended", "Forbidden"),
        (
            Some(Role::Viewer),
            Some(Role::Exporter),
            "ended",
            "Forbidden",
        ),
        (Some(Role::Admin), None, "ended", "ended"),
        (None, Some(Role::Admin), "ended", "ended"),
    ] {
        for complete in [false, true] {
            let world = World::new(3);
            world.grant("u-2", Some("crm"), Role::Exporter);
            let made = |name: &str| {
                let answer = world.ask_as(&user(name), None, crate::world::PATH, "{}");
                let id = answer.unwrap().unwrap().export.id();
                if complete {
                    world.run(id, LONG).unwrap().unwrap();
                }
                id
            };
            let (mine, theirs) = (made("u-1"), made("u-2"));
            let crm = crate::world::source_id();
            world.sources.remove_grant(&org(), "u-1", Some(&crm));
            if let Some(role) = role {
                world.grant("u-1", Some("crm"), role);
            }
            if let Some(role) = every {
                world.grant("u-1", None, role);
            }
            for (id, expected) in [(mine, own), (theirs, others)] {
                let before = world.export(id);
                let said = match end(&world, &principal(), id) {
                    Ok((export, _)) => {
                        let ended = if complete {
                            Status::Expired
                        } else {
                            Status::Cancelled
                        };
                        assert_eq!(export.status(), ended);
                        assert_eq!(export.head.ended_by.unwrap().id, "u-1");
                        "ended".into()
                    }
                    Err(EndError::Refused(refusal)) => format!("{refusal:?}"),
                    Err(other) => panic!("{other}"),
                };
                assert_eq!(said, expected, "{role:?} {every:?}");
                if said != "ended" {
                    assert_eq!(world.export(id), before, "a refusal changes nothing");
                }
            }
        }
    }
}

#[test]
fn repeating_it_changes_nothing_more() {
    let world = World::new(5);
    let cancelled = world.request("{}");
    let deleted = world.completed();
    let failed = world.request("{}");
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(
        Where::Nth("pieces.put", world.plan.count("pieces.put") + 1),
        denied,
    );
    world.run(failed, LONG).unwrap().unwrap();
    for id in [cancelled, deleted, failed] {
        let (first, _) = end(&world, &principal(), id).unwrap();
        world.advance(Duration::from_secs(1));
        let states = world.exports.states(&org(), id).len();
        let (again, _) = end(&world, &principal(), id).unwrap();
        assert_eq!(again.head, first.head);
        assert_eq!(world.exports.states(&org(), id).len(), states);
    }
    assert_eq!(world.export(failed).status(), Status::Failed);
    assert!(world.pieces.objects().is_empty(), "the file goes at once");
    world.settle(LONG);
    for id in [cancelled, deleted, failed] {
        world.check_rest(id);
        assert_eq!(world.told(id).len(), 1, "one event each");
    }
}

#[test]
fn answer_in_the_response_has_no_file_that_could_go() {
    // Contract §3: any other export is answered unchanged.
    let world = World::new(0);
    let mut inline = world.export(world.request("{}"));
    inline.head.id = ExportId(uuid::Uuid::from_u128(9));
    inline.head.delivery = crate::record::Delivery::Inline;
    inline.head.status = Status::Completed;
    let made = world.beside().request_export().exports;
    world.drive(made.create(&inline, None, 9)).unwrap().unwrap();
    let (answer, _) = end(&world, &principal(), inline.id()).unwrap();
    assert_eq!(answer, inline);
    assert_eq!(world.export(inline.id()), inline);
}

#[test]
fn file_that_could_not_be_deleted_goes_at_the_next_try_or_with_the_cleaning() {
    for again in [true, false] {
        let world = World::new(5);
        let id = world.completed();
        let silent = Fault::Before(StoreErrorKind::Unavailable);
        world
            .script
            .fail(Where::Nth("pieces.delete_file", 1), silent);
        assert!(end(&world, &principal(), id).is_err());
        assert_eq!(
            world.export(id).status(),
            Status::Expired,
            "no link from now on"
        );
        assert!(!world.pieces.objects().is_empty());
        if again {
            end(&world, &principal(), id).unwrap();
            assert!(world.pieces.objects().is_empty());
        }
        world.settle(LONG);
        world.check_rest(id);
    }
}

/// Cancels at the given call of a run, before or, with two workers, between its steps.
fn cancelled_at(number: u64) -> Option<(World, ExportId, Done, Status)> {
    let world = World::new(60);
    let id = world.request("{}");
    let answer = Arc::new(Mutex::new(None));
    let (beside, seen) = (world.beside(), Arc::clone(&answer));
    let cancel = move || {
        let (export, _) = end(&beside, &principal(), id).unwrap();
        *seen.lock().unwrap() = Some(export.status());
    };
    world
        .script
        .at(Where::Number(number), What::Do(Box::new(cancel)));
    let done = world.run(id, LONG).unwrap().unwrap();
    let answer = *answer.lock().unwrap();
    Some((world, id, done, answer?))
}

#[test]
fn cancel_between_any_two_calls_of_a_run_leaves_nothing() {
    let mut seen = Vec::new();
    for number in 1.. {
        let Some((world, id, done, status)) = cancelled_at(number) else {
            assert!(number > 30, "a run of {number} calls has too few phases");
            break;
        };
        match status {
            Status::Cancelled if number == 1 => assert_eq!(done, Done::Ended(status)),
            Status::Cancelled => assert_eq!(done, Done::Lost, "{number}"),
            Status::Expired => assert_eq!(done, Done::Completed, "{number}"),
            other => panic!("{other:?}"),
        }
        assert!(
            world.exports.active(&org()).is_empty(),
            "{number}: the quota"
        );
        assert_eq!(world.export(id).status(), status);
        world.settle(LONG);
        world.check_rest(id);
        assert_eq!(world.export(id).status(), status, "and stays so");
        if status == Status::Cancelled {
            assert_eq!(world.told(id), [format!("{id}:cancelled")], "{number}");
        }
        seen.push(status);
    }
    let ends = seen
        .iter()
        .filter(|status| **status == Status::Expired)
        .count();
    assert_eq!(ends, 2, "P9a: before the event and before it is noted");
}

#[test]
fn deleted_before_its_completion_was_told_is_told_as_completed() {
    for fault in [
        Fault::Before(StoreErrorKind::Unavailable),
        Fault::After(StoreErrorKind::Unavailable),
    ] {
        let world = World::new(5);
        world.script.fail(Where::Nth("notifier.tell", 1), fault);
        let id = world.request("{}");
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        end(&world, &principal(), id).unwrap();
        world.settle(LONG);
        world.check_rest(id);
        let told = world.told(id);
        assert!(
            told.iter().all(|event| *event == format!("{id}:completed")),
            "{told:?}"
        );
    }
}

#[test]
fn cancel_and_finish_at_once_end_in_one_of_the_two() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let world = World::new(12);
        let id = world.request("{}");
        let dice = &mut Seeded(seed);
        let (run, cancel) = (world.run_export(), world.end_export());
        let stop_at = world.clock.now().plus(LONG);
        let wait = Duration::from_millis(dice.below(3));
        let mut tasks: Vec<Task> = vec![Box::pin(async move {
            run.run(&org(), id, stop_at).await.unwrap();
        })];
        let clock = Arc::clone(&world.clock);
        tasks.push(Box::pin(async move {
            clock.sleep(wait).await;
            cancel.end(&principal(), Some(id)).await.unwrap();
        }));
        world
            .clock
            .1
            .store(dice.below(2), std::sync::atomic::Ordering::Relaxed);
        world.interleave(tasks, dice);
        let status = world.export(id).status();
        world.settle(LONG);
        world.check_rest(id);
        assert_eq!(world.export(id).status(), status);
        seen.insert(status.as_str());
    }
    assert_eq!(
        seen,
        ["cancelled", "expired"].into(),
        "both must have happened"
    );
}

#[test]
fn any_fault_of_a_cancel_or_delete_is_mended_by_asking_again() {
    for complete in [false, true] {
        for number in 1..=8 {
            for fault in [
                Fault::Before(StoreErrorKind::Unavailable),
                Fault::After(StoreErrorKind::Unavailable),
                Fault::Before(StoreErrorKind::Conflict),
                Fault::CrashBefore,
                Fault::CrashAfter,
            ] {
                let world = World::new(5);
                let id = if complete {
                    world.completed()
                } else {
                    world.request("{}")
                };
                world.script.fail(Where::Number(number), fault);
                let (once, twice) = (world.end_export(), world.end_export());
                let _ = world.drive(once.end(&principal(), Some(id)));
                let answer = world.drive(twice.end(&principal(), Some(id)));
                assert!(
                    number > 5 || answer.is_some_and(|answer| answer.is_ok()),
                    "{number} {fault:?}"
                );
                world.settle(LONG);
                world.check_rest(id);
                let status = if complete {
                    Status::Expired
                } else {
                    Status::Cancelled
                };
                assert_eq!(world.export(id).status(), status);
            }
        }
    }
}

#[test]
fn others_at_the_organizations_row_do_not_stop_an_end() {
    // A transaction that meets another one writes nothing and says so (D-8): that is no answer for a caller.
    let world = World::new(5);
    let id = world.request("{}");
    let conflict = Fault::Before(StoreErrorKind::Conflict);
    for nth in 1..=3 {
        world.script.fail(Where::Nth("exports.end", nth), conflict);
    }
    let (export, _) = end(&world, &principal(), id).unwrap();
    assert_eq!(export.status(), Status::Cancelled);
}

#[test]
fn answer_shows_who_was_given_links() {
    let world = World::new(5);
    let id = world.completed();
    let download = world.download_export();
    world
        .drive(download.download(&principal(), Some(id)))
        .unwrap()
        .unwrap();
    let (_, downloads) = end(&world, &principal(), id).unwrap();
    assert_eq!(downloads, world.audit.all());
    assert_eq!(downloads.len(), 1);
}

#[test]
fn export_of_another_organization_is_not_there() {
    let world = World::new(0);
    let id = world.request("{}");
    let stranger = Principal {
        org: OrgId::parse("other").unwrap(),
        ..principal()
    };
    let answer = end(&world, &stranger, id);
    assert!(matches!(answer, Err(EndError::Refused(Refusal::NotFound))));
    assert_eq!(world.export(id).status(), Status::Pending);
}

#[test]
fn leftovers_of_a_cancelled_run_are_cleaned_after_its_longest_life() {
    let world = World::new(60);
    let id = world.request("{}");
    world
        .script
        .fail(Where::Nth("pieces.put", 4), Fault::CrashAfter);
    assert!(world.run(id, LONG).is_none());
    end(&world, &principal(), id).unwrap();
    world.advance_short_of(limits::CLEAN_AFTER);
    assert_eq!(world.sweep().seen, 0);
    assert!(!world.pieces.objects().is_empty());
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sweep().cleaned, 1);
    assert!(world.pieces.objects().is_empty());
}
