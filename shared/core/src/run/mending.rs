//! RunExport among late copies, spoiled checkpoints, contention and age: what is mended, and what is given up.

use std::sync::atomic::Ordering;

use super::*;
use crate::memory::Fault;
use crate::world::{LONG, What, Where, World, org};

#[test]
fn a_late_commit_is_not_taken_for_the_failure() {
    // A commit is under way when an upload is refused. It arrives between the look at the record and the write of the failure,
    // with the version and the run that the failure would have.
    let mut failures = 0;
    for later in 1..6 {
        for nth in 2..12 {
            let world = World::new(200);
            let id = world.request("{}");
            world.clock.1.store(700, Ordering::Relaxed);
            let place = Where::Nth("exports.replace", nth);
            world.script.at(place, What::Late(later));
            let script = Arc::clone(&world.script);
            let refuse = move || {
                let denied = Fault::Before(StoreErrorKind::Denied);
                script.fail(Where::Every("pieces.put"), denied);
                script.fail(Where::Every("pieces.complete"), denied);
            };
            world.script.at(place, What::Do(Box::new(refuse)));
            let done = world.run(id, LONG).unwrap();
            failures += u32::from(matches!(done, Ok(Done::Failed(_))));
            world.settle(LONG);
            world.check_rest(id);
        }
    }
    assert!(failures > 0, "it must have happened");
}

/// An export that a run left with pieces and a tail.
fn paused() -> (World, ExportId) {
    let world = World::new(100);
    let id = world.request("{}");
    world.clock.1.store(1, Ordering::Relaxed);
    while world
        .export(id)
        .checkpoint
        .is_none_or(|known| known.tail.is_none() || known.runs.is_empty())
    {
        let done = world.run(id, Duration::from_millis(5)).unwrap().unwrap();
        assert_eq!(done, Done::Paused);
    }
    world.clock.1.store(0, Ordering::Relaxed);
    (world, id)
}

#[test]
fn a_checkpoint_that_makes_no_sense_is_left() {
    let spoil: [fn(&mut Checkpoint); 7] = [
        |known| known.sha_state.truncate(10),
        |known| known.sha_state = "zz".repeat(known.sha_state.len() / 2),
        |known| known.crc = "no".into(),
        |known| known.encoder += 1,
        |known| known.rows = 0,
        |known| {
            if let Some(tail) = &mut known.tail {
                tail.size_bytes += 1;
            }
        },
        |known| {
            if let Some(tail) = &mut known.tail {
                tail.open_bytes = 1;
            }
        },
    ];
    for spoil in spoil {
        let (world, id) = paused();
        let mut spoiled = world.export(id);
        let known = spoiled.checkpoint.as_mut().unwrap();
        assert!(known.tail.is_some() && !known.runs.is_empty());
        spoil(known);
        spoiled.version += 1;
        let store = world.beside().run_export().exports;
        world.drive(store.replace(&spoiled)).unwrap().unwrap();
        let read = world.plan.count("leads.page");
        world.settle(LONG);
        let read = world.plan.count("leads.page") - read;
        assert!(read >= 20, "{read} pages: it starts from nothing");
        world.check(id, |_| true);
    }
}

#[test]
fn a_tail_that_is_gone_costs_the_work_and_no_row() {
    let (world, id) = paused();
    let gone = Fault::Before(StoreErrorKind::NotFound);
    let nth = world.plan.count("pieces.get") + 1;
    world.script.fail(Where::Nth("pieces.get", nth), gone);
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    assert_eq!(world.script.faults(), 1);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn others_at_the_organizations_row_cost_no_run() {
    // A transaction that meets another one writes nothing and says so (D-8).
    let conflict = Fault::Before(StoreErrorKind::Conflict);
    for (refused, expected) in [
        (false, Done::Completed),
        (true, Done::Failed(FailureCode::StorageDenied)),
    ] {
        let world = World::new(60);
        let id = world.request("{}");
        for nth in 1..=3 {
            world.script.fail(Where::Nth("exports.end", nth), conflict);
        }
        if refused {
            let denied = Fault::Before(StoreErrorKind::Denied);
            world.script.fail(Where::Nth("pieces.put", 2), denied);
        }
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), expected);
        let took = world.clock.now().since(world.export(id).head.requested_at);
        assert!(took < limits::CONTENTION);
        world.settle(LONG);
        world.check_rest(id);
    }
}

#[test]
fn contention_without_end_is_left_to_the_next_run() {
    let world = World::new(60);
    let id = world.request("{}");
    let conflict = Fault::Before(StoreErrorKind::Conflict);
    world.script.fail(Where::Every("exports.end"), conflict);
    assert!(world.run(id, LONG).unwrap().is_err());
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn an_export_that_is_too_old_fails() {
    for (less, expected) in [
        (Duration::ZERO, Done::Completed),
        (
            Duration::from_millis(1),
            Done::Failed(FailureCode::TimeLimit),
        ),
    ] {
        let world = World::new(5);
        let id = world.request("{}");
        world.advance(limits::MAX_AGE + less);
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), expected);
        let told = world.export(id).head.failure.map(|failure| failure.message);
        let sentence = format!(
            "The export took too long. Narrow the filters, then export again. Quote the export {id}."
        );
        assert_eq!(told, (!less.is_zero()).then_some(sentence));
    }
}

#[test]
fn an_export_of_too_many_slices_fails() {
    for (slices, expected) in [
        (limits::MAX_SLICES - 1, Done::Completed),
        (limits::MAX_SLICES, Done::Failed(FailureCode::TimeLimit)),
    ] {
        let world = World::new(5);
        let id = world.request("{}");
        let mut export = world.export(id);
        export.version += 1;
        export.slices = slices;
        world
            .drive(world.exports.replace(&export))
            .unwrap()
            .unwrap();
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), expected);
    }
}

#[test]
fn a_hint_for_nothing_or_for_what_has_ended_is_done() {
    let world = World::new(5);
    let unknown = ExportId(uuid::Uuid::from_u128(1));
    assert_eq!(world.run(unknown, LONG).unwrap().unwrap(), Done::Absent);
    let id = world.completed();
    let before = world.export(id);
    let again = world.run(id, LONG).unwrap().unwrap();
    assert_eq!(again, Done::Ended(Status::Completed));
    assert_eq!(world.export(id), before);
    let other = world.request("{}");
    world
        .script
        .fail(Where::Nth("pieces.put", 1), Fault::CrashBefore);
    assert!(world.run(other, LONG).is_none());
    world.advance_short_of(limits::LEASE);
    assert_eq!(world.run(other, LONG).unwrap().unwrap(), Done::Busy);
    world.advance(Duration::from_millis(1));
    assert_eq!(world.run(other, LONG).unwrap().unwrap(), Done::Completed);
}

#[test]
fn a_slice_moves_on_however_short_it_is_and_renews_its_lease() {
    // Each look at the clock costs seconds: the slice's end has long come when it begins.
    let world = World::new(40);
    let id = world.request("{}");
    world.clock.1.store(3000, Ordering::Relaxed);
    world.settle(Duration::ZERO);
    world.check(id, |_| true);
    let states = world.exports.states(&org(), id);
    let cursors: Vec<_> = states
        .iter()
        .filter_map(|state| state.checkpoint.as_ref()?.cursor.clone())
        .collect();
    assert!(cursors.is_sorted(), "the cursor never goes back");
    assert!(states.iter().all(|state| state.tries <= 1));
}

#[test]
fn a_tail_of_which_nothing_is_heard_costs_a_wait_and_no_work() {
    let (world, id) = paused();
    let before = world.export(id);
    let read = world.plan.count("leads.page");
    let silent = Fault::Before(StoreErrorKind::Unavailable);
    let nth = world.plan.count("pieces.get") + 1;
    world.script.fail(Where::Nth("pieces.get", nth), silent);
    assert!(world.run(id, LONG).unwrap().is_err());
    assert_eq!(world.export(id).checkpoint, before.checkpoint);
    assert_eq!(world.plan.count("leads.page"), read, "nothing is read anew");
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn an_upload_that_fails_at_the_end_is_missed() {
    // Every row is a piece: the last one still travels when there is nothing left to read.
    let begin = || {
        let world = World {
            piece_bytes: 1,
            ..World::new(20)
        };
        let id = world.request("{}");
        (world, id)
    };
    let (calm, id) = begin();
    assert_eq!(calm.run(id, LONG).unwrap().unwrap(), Done::Completed);
    for nth in 1..=calm.plan.count("pieces.put") {
        let (world, id) = begin();
        let silent = Fault::Before(StoreErrorKind::Unavailable);
        world.script.fail(Where::Nth("pieces.put", nth), silent);
        assert!(world.run(id, LONG).unwrap().is_err(), "{nth}");
        world.settle(LONG);
        world.check(id, |_| true);
    }
}
