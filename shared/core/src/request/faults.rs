//! RequestExport with callers at once and calls that fail: one export a key, none that is accepted is lost.

use super::*;
use crate::memory::Fault;
use crate::world::{LONG, PATH, Seeded, Task, What, Where, World, org, principal};
use std::sync::Mutex;
use std::time::Duration;

const ALL: [Fault; 6] = [
    Fault::Before(StoreErrorKind::Unavailable),
    Fault::Before(StoreErrorKind::Throttled),
    Fault::Before(StoreErrorKind::Denied),
    Fault::After(StoreErrorKind::Unavailable),
    Fault::CrashBefore,
    Fault::CrashAfter,
];

/// A client that asks again with the same key after an error, five times at most.
fn insist(world: &World, key: &str) -> Option<ExportId> {
    (0..5).find_map(|_| {
        let accepted = world.ask(Some(key), "{}")?.ok()?;
        Some(accepted.export.id())
    })
}

#[test]
fn callers_at_once_with_one_key_make_one_export() {
    for (callers, seed) in [(2, 1), (2, 2), (3, 3), (10, 4), (10, 5), (1000, 6)] {
        let world = World::new(0);
        let answers = Arc::new(Mutex::new(Vec::new()));
        let tasks = (0..callers).map(|_| -> Task {
            let (world, answers) = (world.clone(), Arc::clone(&answers));
            Box::pin(async move {
                let principal = principal();
                let asked = Request {
                    principal: &principal,
                    source: "crm",
                    path: PATH,
                    key: Some("k"),
                    body: b"{}",
                };
                let accepted = world.request_export().request(asked).await.unwrap();
                let answer = (accepted.export.id(), accepted.replayed);
                answers.lock().unwrap().push(answer);
            })
        });
        world.interleave(tasks.collect(), &mut Seeded(seed));
        let answers = answers.lock().unwrap();
        assert_eq!(answers.len(), callers);
        assert!(answers.iter().all(|(id, _)| *id == answers[0].0));
        assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
        assert_eq!(world.exports.all().len(), 1);
        assert_eq!(world.exports.active(&org()).len(), 1);
    }
}

#[test]
fn callers_at_once_never_pass_the_quota() {
    for seed in 0..20 {
        let mut world = World::new(0);
        world.max_active = 3;
        let answers = Arc::new(Mutex::new((0, 0)));
        let tasks = (0..8).map(|_| -> Task {
            let (world, answers) = (world.clone(), Arc::clone(&answers));
            Box::pin(async move {
                let principal = principal();
                let asked = Request {
                    principal: &principal,
                    source: "crm",
                    path: PATH,
                    key: None,
                    body: b"{}",
                };
                let mut counts = match world.request_export().request(asked).await {
                    Ok(_) => (1, 0),
                    Err(RequestError::Quota(_)) => (0, 1),
                    Err(other) => panic!("{other}"),
                };
                let mut all = answers.lock().unwrap();
                counts = (all.0 + counts.0, all.1 + counts.1);
                *all = counts;
            })
        });
        world.interleave(tasks.collect(), &mut Seeded(seed));
        assert_eq!(*answers.lock().unwrap(), (3, 5));
        assert_eq!(world.exports.active(&org()).len(), 3);
    }
}

#[test]
fn contention_is_fought_for_two_seconds() {
    let conflict = Fault::Before(StoreErrorKind::Conflict);
    for conflicts in [1, 2, 5, 10] {
        let world = World::new(0);
        for nth in 1..=conflicts {
            world
                .script
                .fail(Where::Nth("exports.create", nth), conflict);
        }
        assert!(!world.ask(Some("k"), "{}").unwrap().unwrap().replayed);
        assert_eq!(world.plan.count("exports.create"), conflicts + 1);
    }
    let world = World::new(0);
    world.script.fail(Where::Every("exports.create"), conflict);
    let began = world.clock.now();
    let answer = world.ask(Some("k"), "{}").unwrap();
    assert!(matches!(answer, Err(RequestError::Contention)));
    let took = world.clock.now().since(began);
    assert!(took >= limits::CONTENTION && took < Duration::from_millis(2200));
    assert!(
        world.plan.count("exports.create") >= 13,
        "two seconds of tries"
    );
    assert!(world.exports.all().is_empty() && world.exports.requests().is_empty());
}

#[test]
fn accepted_without_its_hint_is_run_all_the_same() {
    for fault in ALL {
        let world = World::new(20);
        world.script.fail(Where::Every("queue.send"), fault);
        let answer = world.ask(Some("k"), "{}");
        let is_crash = matches!(fault, Fault::CrashBefore | Fault::CrashAfter);
        assert_eq!(answer.is_none(), is_crash, "202 follows R2, not R3");
        let id = world.exports.all()[0].id();
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn client_that_insists_gets_one_export_whatever_fails() {
    let calm = World::new(8);
    calm.ask(Some("k"), "{}").unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    assert_eq!(calls, 4, "R1 twice, R2, R3");
    for first in 1..=calls {
        for second in first..=first + calls {
            for (one, two) in ALL.iter().flat_map(|one| ALL.map(|two| (*one, two))) {
                let world = World::new(8);
                world.script.fail(Where::Number(first), one);
                world.script.fail(Where::Number(second), two);
                let id = insist(&world, "k").expect("two faults, five tries");
                assert_eq!(
                    world.exports.all().len(),
                    1,
                    "{first} {one:?} {second} {two:?}"
                );
                world.settle(LONG);
                world.check(id, |_| true);
                assert!(world.exports.active(&org()).is_empty());
            }
        }
    }
}

#[test]
fn client_that_saw_only_errors_made_one_export_or_none() {
    let mut seen = [0, 0];
    for name in [
        "sources.access",
        "exports.remembered",
        "exports.create",
        "exports.get",
    ] {
        for (fault, lost) in ALL
            .iter()
            .flat_map(|fault| [(*fault, false), (*fault, true)])
        {
            let world = World::new(3);
            if lost {
                // The first answer is lost after R2.
                let silent = Fault::After(StoreErrorKind::Unavailable);
                world.script.fail(Where::Nth("exports.create", 1), silent);
            }
            world.script.fail(Where::Every(name), fault);
            let found = insist(&world, "k");
            let made = world.exports.all();
            assert!(made.len() <= 1, "{name} {fault:?}");
            assert_eq!(world.exports.active(&org()).len(), made.len());
            world.script.calm();
            let id = insist(&world, "k").unwrap();
            assert!(
                made.iter().all(|export| export.id() == id),
                "{name} {fault:?}"
            );
            assert!(found.is_none_or(|found| found == id));
            if found.is_none() {
                seen[made.len()] += 1;
            }
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
    assert!(
        seen.iter().all(|count| *count > 0),
        "both must have happened: {seen:?}"
    );
}

#[test]
fn late_copy_of_a_request_makes_no_second_export() {
    for later in 1..12 {
        let world = World::new(3);
        world
            .script
            .at(Where::Nth("exports.create", 1), What::Late(later));
        let id = insist(&world, "k").unwrap();
        world.settle(LONG);
        assert_eq!(world.exports.all().len(), 1, "{later}");
        world.check(id, |_| true);
    }
}

#[test]
fn a_request_that_meets_its_own_row_is_no_replay() {
    // Its first copy was written, though it was told to come again.
    let world = World::new(3);
    let written = Fault::After(StoreErrorKind::Conflict);
    let place = Where::Nth("exports.create", 1);
    world.script.fail(place, written);
    let accepted = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert!(!accepted.replayed);
    assert_eq!(world.plan.count("exports.create"), 2);
    assert_eq!(world.queue.waiting().len(), 1, "its hint is sent");
    let id = accepted.export.id();
    world.settle(LONG);
    world.check(id, |_| true);
    assert_eq!(world.exports.all().len(), 1);
}
