//! SweepExports over in-memory ports: what is due, and nothing else.

use std::time::Duration;

use super::*;
use crate::memory::Fault;
use crate::ports::{ObjectKey, StoreErrorKind};
use crate::record::ExportId;
use crate::run::Done;
use crate::world::{LONG, What, Where, World, org, principal};

const SILENT: Fault = Fault::Before(StoreErrorKind::Unavailable);

/// Takes all hints that wait.
fn hints(world: &World) -> Vec<ExportId> {
    std::iter::from_fn(|| world.queue.pop().map(|(_, id)| id)).collect()
}

#[test]
fn lost_first_hint_is_sent_again_when_it_is_due() {
    let world = World::new(5);
    world.script.fail(Where::Nth("queue.send", 1), SILENT);
    let id = world.ask(None, "{}").unwrap().unwrap().export.id();
    assert_eq!(hints(&world), []);
    world.advance_short_of(limits::FIRST_DUE);
    assert_eq!(world.sweep().seen, 0);
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sweep().hinted, 1);
    assert_eq!(hints(&world), [id]);
    // Once a minute, until somebody runs it.
    assert_eq!(world.sweep().seen, 0);
    world.advance_short_of(limits::SWEEP_BACKOFF);
    assert_eq!(world.sweep().seen, 0);
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sweep().hinted, 1);
    assert_eq!(world.export(id).version, 1, "only the date moves");
}

#[test]
fn live_run_is_left_alone_and_a_dead_one_is_not() {
    let world = World::new(5);
    let id = world.request("{}");
    hints(&world);
    world
        .script
        .fail(Where::Nth("exports.replace", 1), Fault::CrashAfter);
    assert!(world.run(id, LONG).is_none());
    world.advance_short_of(limits::LEASE + limits::LEASE_GRACE);
    assert_eq!(world.sweep().seen, 0);
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sweep().hinted, 1);
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
}

#[test]
fn one_fault_costs_170_seconds_at_most() {
    let calm = World::new(30);
    let id = calm.request("{}");
    calm.run(id, LONG).unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    for number in 1..=calls {
        for fault in [
            Fault::CrashBefore,
            Fault::CrashAfter,
            SILENT,
            Fault::After(StoreErrorKind::Unavailable),
        ] {
            // Wherever in the sweeper's minute the fault falls.
            for phase in [0, 14, 29, 44, 59] {
                let world = World::new(30);
                let id = world.request("{}");
                hints(&world);
                world.script.fail(Where::Number(number), fault);
                let _ = world.run(id, LONG);
                world.advance(Duration::from_secs(phase));
                world.settle(LONG);
                world.check(id, |_| true);
                let head = world.export(id).head;
                let took = head.completed_at.unwrap().since(head.requested_at);
                assert!(
                    took <= Duration::from_secs(170),
                    "{number} {fault:?} {phase}: {took:?}"
                );
            }
        }
    }
}

#[test]
fn events_are_told_until_they_are_heard() {
    let world = World::new(5);
    let id = world.request("{}");
    world.script.fail(Where::Every("notifier.tell"), SILENT);
    world.run(id, LONG).unwrap().unwrap();
    assert_eq!(world.sweep().seen, 0, "who ended it may be telling it");
    world.advance(limits::TELL_GRACE);
    for _ in 0..3 {
        let swept = world.sweep();
        assert_eq!((swept.seen, swept.told, swept.errors.len()), (1, 0, 1));
        assert_eq!(world.sweep().seen, 0, "one try a minute");
        world.advance(limits::SWEEP_BACKOFF);
    }
    world.script.calm();
    assert_eq!(world.sweep().told, 1);
    assert_eq!(world.told(id), [format!("{id}:completed")]);
    world.advance(limits::SWEEP_BACKOFF);
    assert_eq!(world.sweep().seen, 0, "and then no more");
}

#[test]
fn event_that_was_heard_but_not_noted_is_told_again_under_the_same_name() {
    let world = World::new(5);
    let id = world.request("{}");
    // LEASE is the first, the note of P9a the last.
    world.script.fail(
        Where::Nth("notifier.tell", 1),
        Fault::After(StoreErrorKind::Unavailable),
    );
    world.run(id, LONG).unwrap().unwrap();
    world.settle(LONG);
    let event = format!("{id}:completed");
    assert_eq!(world.told(id), [event.clone(), event]);
}

#[test]
fn mail_that_nobody_takes_delays_neither_the_event_nor_the_rest() {
    let world = World::new(5);
    let id = world.request(r#"{"notify": {"email": true}}"#);
    world.script.fail(
        Where::Every("notifier.mail"),
        Fault::Before(StoreErrorKind::Denied),
    );
    world.run(id, LONG).unwrap().unwrap();
    assert_eq!(world.told(id), [format!("{id}:completed")]);
    let export = world.export(id);
    assert_eq!((export.notify, export.owes_mail()), (false, true));
    let tries = |world: &World| world.plan.count("notifier.mail");
    let mut minutes = 0;
    while world.export(id).owes() {
        world.advance(limits::SWEEP_BACKOFF);
        minutes += 1;
        world.sweep();
        let is_cleaned = world.export(id).clean_at.is_none();
        assert!(minutes > 18 || !is_cleaned, "cleaned before its time");
        assert!(minutes < 21 || is_cleaned, "cleaned in its time");
        assert!(minutes < 26 * 60, "it is given up some day");
    }
    assert!(minutes >= 24 * 60, "{minutes}");
    assert!((20..60).contains(&tries(&world)), "{}", tries(&world));
    assert!(world.notifier.mailed().is_empty());
    assert_eq!(world.told(id).len(), 1, "the event is not repeated");
    world.script.calm();
    world.settle(LONG);
    world.check_rest(id);
}

#[test]
fn mail_is_sent_once_however_long_the_event_is_not_heard() {
    let world = World::new(5);
    let id = world.request(r#"{"notify": {"email": true}}"#);
    world.script.fail(Where::Every("notifier.tell"), SILENT);
    world.run(id, LONG).unwrap().unwrap();
    for _ in 0..5 {
        world.advance(limits::SWEEP_BACKOFF);
        world.sweep();
    }
    world.script.calm();
    world.settle(LONG);
    assert_eq!(world.told(id), [format!("{id}:completed")]);
    let mails = world.notifier.mailed();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0.as_str(), "u-1@example.com");
    assert!(!world.export(id).owes());
}

#[test]
fn deaf_listener_does_not_keep_files_beyond_their_time() {
    let mut world = World::new(60);
    world.retention = Duration::from_hours(2);
    let id = world.request("{}");
    world.script.fail(Where::Every("notifier.tell"), SILENT);
    world.run(id, LONG).unwrap().unwrap();
    let sweep_for = |time: Duration| {
        for _ in 0..time.as_secs() / 60 {
            world.advance(limits::SWEEP_BACKOFF);
            world.sweep();
        }
    };
    sweep_for(limits::CLEAN_AFTER);
    assert_eq!(world.pieces.objects().len(), 1, "cleaned but for the file");
    sweep_for(world.retention);
    assert_eq!(world.export(id).status(), Status::Expired);
    assert!(world.pieces.objects().is_empty());
    assert!(world.export(id).notify, "the event is still owed");
    world.script.calm();
    world.settle(LONG);
    world.check_rest(id);
}

#[test]
fn cleaning_keeps_exactly_the_kept_file() {
    let world = World::new(60);
    let other = world.completed();
    let id = world.request("{}");
    // A run that stored its file and lost the race to commit, and one that left an open upload.
    for (name, fault) in [
        ("exports.end", Fault::CrashBefore),
        ("pieces.complete", Fault::CrashBefore),
    ] {
        let nth = world.plan.count(name) + 1;
        world.script.fail(Where::Nth(name, nth), fault);
        assert!(world.run(id, LONG).is_none());
        world.advance(limits::LEASE);
    }
    world.run(id, LONG).unwrap().unwrap();
    assert_eq!(world.pieces.uploads().len(), 1);
    world.settle(LONG);
    assert!(world.pieces.uploads().is_empty());
    let kept: Vec<_> = [other, id]
        .into_iter()
        .map(|id| crate::ports::ObjectKey::File(id, world.export(id).head.file.unwrap().run))
        .collect();
    let mut left: Vec<_> = world.pieces.objects().into_keys().collect();
    left.sort_by_key(|key| kept.iter().position(|kept| kept == key));
    assert_eq!(left, kept);
}

#[test]
fn file_goes_when_its_time_has_come_however_short() {
    for retention in [
        Duration::from_millis(1),
        Duration::from_mins(1),
        limits::CLEAN_AFTER,
        limits::RETENTION,
    ] {
        for told_late in [false, true] {
            let mut world = World::new(40);
            world.retention = retention;
            if told_late {
                world.script.fail(Where::Nth("notifier.tell", 1), SILENT);
            }
            let id = world.completed();
            let at = world.export(id).head.file_expires_at.unwrap();
            assert_eq!(at, world.clock.now().plus(retention));
            while world.clock.now() < at {
                world.sweep();
                assert_eq!(world.export(id).status(), Status::Completed);
                let step = limits::SWEEP_BACKOFF.min(at.since(world.clock.now()));
                world.advance(
                    if step > Duration::ZERO && retention > Duration::from_hours(1) {
                        at.since(world.clock.now())
                    } else {
                        step
                    },
                );
            }
            for _ in 0..4 {
                world.sweep();
                world.advance(limits::SWEEP_BACKOFF);
            }
            let export = world.export(id);
            assert_eq!(export.status(), Status::Expired, "{retention:?}");
            assert_eq!(export.head.ended_by, None);
            let key = ObjectKey::File(id, export.head.file.unwrap().run);
            let is_there = world.pieces.objects().contains_key(&key);
            assert!(!is_there, "TM24: it does not wait for the cleaning");
            world.settle(LONG);
            world.check_rest(id);
            assert_eq!(world.export(id).due_at, None, "nothing is left to do");
        }
    }
}

#[test]
fn failure_with_one_export_leaves_the_others() {
    for (name, fault) in [
        ("exports.get", SILENT),
        ("exports.get", Fault::Before(StoreErrorKind::Corrupt)),
        ("exports.postpone", SILENT),
        (
            "exports.postpone",
            Fault::After(StoreErrorKind::Unavailable),
        ),
        ("queue.send", SILENT),
    ] {
        let world = World::new(5);
        let ids: Vec<ExportId> = (0..5).map(|_| world.request("{}")).collect();
        hints(&world);
        world.advance(limits::FIRST_DUE);
        world.script.fail(Where::Nth(name, 3), fault);
        let swept = world.sweep();
        assert_eq!(
            (swept.seen, swept.hinted, swept.errors.len()),
            (5, 4, 1),
            "{name}"
        );
        let mut hinted = hints(&world);
        for _ in 0..2 {
            world.advance(limits::SWEEP_BACKOFF);
            world.sweep();
            hinted.extend(hints(&world));
        }
        assert!(
            ids.iter().all(|id| hinted.contains(id)),
            "{name}: it is due again"
        );
    }
}

#[test]
fn unreadable_records_do_not_block_the_list() {
    // One sweep looks at so many exports at most, the longest due first: what cannot be read must step back.
    let mut world = World::new(0);
    world.max_active = limits::SWEEP_LIMIT + 1;
    for _ in 0..limits::SWEEP_LIMIT {
        world.request("{}");
    }
    world.advance(Duration::from_secs(1));
    let good = world.request("{}");
    hints(&world);
    world.advance(limits::FIRST_DUE);
    let corrupt = Fault::Before(StoreErrorKind::Corrupt);
    for nth in 1..=limits::SWEEP_LIMIT as u64 {
        world.script.fail(Where::Nth("exports.get", nth), corrupt);
    }
    assert_eq!(world.sweep().errors.len(), limits::SWEEP_LIMIT);
    world.sweep();
    assert_eq!(hints(&world), [good]);
}

#[test]
fn list_that_lags_does_no_harm() {
    let world = World::new(30);
    let id = world.request("{}");
    hints(&world);
    world.advance(limits::FIRST_DUE);
    world.exports.hold_indexes();
    world.run(id, LONG).unwrap().unwrap();
    let before = world.export(id);
    for _ in 0..3 {
        let swept = world.sweep();
        assert_eq!((swept.seen, swept.hinted), (1, 0));
    }
    assert_eq!(world.export(id), before, "the record says what is due");
    world.exports.release_indexes();
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn a_note_that_was_lost_is_not_gone_on_from() {
    // The requester deletes the file while its completion is told: what would be written next would bring it back.
    let world = World::new(5);
    let id = world.request(r#"{"notify": {"email": true}}"#);
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(Where::Every("notifier.mail"), denied);
    let silent = Where::Nth("notifier.tell", 1);
    world.script.fail(silent, SILENT);
    world.run(id, LONG).unwrap().unwrap();
    world.advance(limits::CLEAN_AFTER);
    let beside = world.beside();
    let delete = move || {
        let end = beside.end_export();
        let ended = beside.drive(end.end(&principal(), Some(id)));
        ended.unwrap().unwrap();
    };
    let place = Where::Nth("notifier.tell", 2);
    world.script.at(place, What::Do(Box::new(delete)));
    world.sweep();
    assert_eq!(world.export(id).status(), Status::Expired, "I5");
    world.settle(LONG);
    world.check_rest(id);
}

#[test]
fn a_file_stays_whose_end_was_not_written() {
    let mut world = World::new(5);
    world.retention = Duration::from_hours(1);
    let id = world.completed();
    world.advance(limits::CLEAN_AFTER);
    assert_eq!(world.sweep().cleaned, 1);
    world.advance(Duration::from_hours(1));
    let beside = world.beside();
    let other = move || {
        let next = beside.export(id).rested(RunId(uuid::Uuid::nil()));
        let store = beside.run_export().exports;
        beside.drive(store.replace(&next)).unwrap().unwrap();
    };
    let nth = world.plan.count("exports.replace") + 1;
    let place = Where::Nth("exports.replace", nth);
    world.script.at(place, What::Do(Box::new(other)));
    world.sweep();
    let head = world.export(id).head;
    assert_eq!(head.status, Status::Completed);
    let key = ObjectKey::File(id, head.file.unwrap().run);
    assert!(world.pieces.objects().contains_key(&key), "I1");
}

#[test]
fn a_hint_that_was_given_up_is_sent_again_while_there_is_work() {
    let world = World::new(5);
    let id = world.request("{}");
    hints(&world);
    let given_up = || {
        let sweep = world.sweep_exports();
        world.drive(sweep.given_up(&org(), id)).unwrap().unwrap()
    };
    assert_eq!(
        (given_up(), hints(&world)),
        (Some(Status::Pending), vec![id])
    );
    world.run(id, LONG).unwrap().unwrap();
    assert_eq!(
        (given_up(), hints(&world)),
        (Some(Status::Completed), vec![])
    );
}

#[test]
fn of_two_sweepers_at_once_one_does_what_is_due() {
    for number in 1..=12 {
        let world = World::new(5);
        let silent = Where::Nth("notifier.tell", 1);
        world.script.fail(silent, SILENT);
        let ended = world.request("{}");
        world.run(ended, LONG).unwrap().unwrap();
        world.advance(limits::TELL_GRACE);
        let waiting = world.request("{}");
        world.advance(limits::FIRST_DUE);
        hints(&world);
        let beside = world.beside();
        let sweep = move || {
            beside.sweep();
        };
        let calls = world.plan.calls().len() as u64;
        let place = Where::Number(calls + number);
        world.script.at(place, What::Do(Box::new(sweep)));
        world.sweep();
        let told = world.told(ended);
        assert_eq!(told, [format!("{ended}:completed")], "I11: {number}");
        assert_eq!(hints(&world), [waiting], "{number}");
    }
}

#[test]
fn sweepers_at_once_do_each_step_as_often_as_they_like_and_harm_nothing() {
    for number in 1..40 {
        let world = World::new(30);
        let id = world.completed();
        world.advance(limits::CLEAN_AFTER);
        let cancelled = world.request("{}");
        let end = world.beside().end_export();
        world
            .drive(end.end(&principal(), Some(cancelled)))
            .unwrap()
            .unwrap();
        let beside = world.beside();
        world.script.at(
            Where::Number(number),
            What::Do(Box::new(move || {
                beside.sweep();
            })),
        );
        world.sweep();
        world.settle(LONG);
        world.check(id, |_| true);
        world.check_line_of_all();
    }
}

#[test]
fn any_fault_of_a_sweep_is_mended_by_the_next() {
    for number in 1..=14 {
        for fault in [
            SILENT,
            Fault::After(StoreErrorKind::Unavailable),
            Fault::CrashBefore,
            Fault::CrashAfter,
        ] {
            let mut world = World::new(30);
            world.retention = Duration::from_hours(1);
            let dead = world.request("{}");
            world
                .script
                .fail(Where::Nth("exports.replace", 1), Fault::CrashAfter);
            assert!(world.run(dead, LONG).is_none());
            let old = world.completed();
            world.advance(Duration::from_hours(1));
            let young = world.completed();
            let calls = world.plan.calls().len() as u64;
            world.script.fail(Where::Number(calls + number), fault);
            for _ in 0..3 {
                let _ = world.drive(world.sweep_exports().sweep());
            }
            world.settle(LONG);
            for id in [dead, old, young] {
                world.check_rest(id);
            }
            assert_eq!(
                world.export(old).status(),
                Status::Expired,
                "{number} {fault:?}"
            );
            assert!(world.exports.active(&org()).is_empty());
        }
    }
}
