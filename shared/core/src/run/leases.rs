//! What a run writes while it works: only what is stored, as far as it got, its lease renewed – and what it leaves to others.

use std::sync::atomic::Ordering;

use super::*;
use crate::memory::Fault;
use crate::record::Lease;
use crate::world::{LONG, What, Where, World, org, principal};

#[test]
fn a_checkpoint_names_no_piece_that_is_not_stored() {
    // One upload hangs while later ones go through; then the run dies.
    for hung in 1..6 {
        for page in [20, 24, 28] {
            let world = World::new(200);
            let id = world.request("{}");
            world.clock.1.store(700, Ordering::Relaxed);
            let place = Where::Nth("pieces.put", hung);
            world.script.at(place, What::Hang);
            let dies = Where::Nth("leads.page", page);
            world.script.fail(dies, Fault::CrashBefore);
            assert!(world.run(id, LONG).is_none());
            assert!(world.plan.count("pieces.put") > hung, "others went through");
            let stored = world.pieces.objects();
            let states = world.exports.states(&org(), id);
            let named = states.iter().filter_map(|state| state.checkpoint.as_ref());
            for piece in named.flat_map(|known| plan(id, &known.runs, 0)) {
                let (_, PartOf::Piece(key)) = piece else {
                    continue;
                };
                assert!(stored.contains_key(&key), "{hung} {page}: {key:?}");
            }
            world.clock.1.store(0, Ordering::Relaxed);
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
}

#[test]
fn a_run_reads_no_further_than_it_has_room() {
    // No upload is answered: as many travel as may, one more is filled, and the other leads stay where they are.
    let world = World::new(300);
    let id = world.request("{}");
    for nth in 1..=100 {
        let place = Where::Nth("pieces.put", nth);
        world.script.at(place, What::Hang);
    }
    let dies = Where::Nth("exports.replace", 4);
    world.script.fail(dies, Fault::CrashBefore);
    assert!(world.run(id, LONG).is_none());
    let travelling = usize::try_from(world.plan.count("pieces.put")).unwrap();
    assert_eq!(travelling, limits::UPLOADS_AT_ONCE);
    let pages = world.plan.count("leads.page");
    assert!(pages < 30, "{pages} pages of 60");
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn a_run_writes_its_record_every_two_seconds_at_most() {
    // P6: however many pieces there are to tell of.
    let world = World::new(300);
    let id = world.request("{}");
    world.clock.1.store(100, Ordering::Relaxed);
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    let states = world.exports.states(&org(), id);
    let leases = states.iter().filter_map(|state| state.lease);
    let written: Vec<_> = leases.map(|lease| lease.until).collect();
    assert!(written.len() > 3, "{}", written.len());
    for pair in written.windows(2) {
        let waited = pair[1].since(pair[0]);
        assert!(waited >= limits::COMMIT_EVERY, "{waited:?}");
    }
}

#[test]
fn a_run_has_one_write_under_way_at_a_time() {
    // One that is not answered may be applied yet: another of the same version would be taken for it.
    let world = World::new(300);
    let id = world.request("{}");
    world.clock.1.store(700, Ordering::Relaxed);
    let place = Where::Nth("exports.replace", 2);
    world.script.at(place, What::Hang);
    let dies = Where::Nth("leads.page", 50);
    world.script.fail(dies, Fault::CrashBefore);
    assert!(world.run(id, LONG).is_none());
    assert_eq!(world.plan.count("exports.replace"), 2);
    world.clock.1.store(0, Ordering::Relaxed);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn what_matches_nothing_is_decided_all_the_same() {
    // A run that dies has not read for nothing, though there was no row to store.
    let world = World::new(300);
    let id = world.request(r#"{"filters": {"status": ["nothing"]}}"#);
    world.clock.1.store(700, Ordering::Relaxed);
    let dies = Where::Nth("leads.page", 50);
    world.script.fail(dies, Fault::CrashBefore);
    assert!(world.run(id, LONG).is_none());
    let known = world.export(id).checkpoint.unwrap();
    assert!(
        known.cursor.is_some() && known.leads_read > 100,
        "{known:?}"
    );
    assert_eq!((known.rows, known.tail, known.runs.len()), (0, None, 0));
    assert_eq!(world.export(id).tries, 0);
    world.settle(LONG);
    world.check(id, |_| false);
    let pages = world.plan.count("leads.page");
    assert!(
        pages < 100,
        "{pages} pages of 60: it was taken up where it was"
    );
}

/// An export whose assembly copies 201 pieces in two groups.
fn long_assembly() -> (World, ExportId) {
    let world = World {
        piece_bytes: 1,
        ..World::new(200)
    };
    let id = world.request("{}");
    (world, id)
}

#[test]
fn a_long_assembly_renews_its_lease() {
    let (world, id) = long_assembly();
    let clock = Arc::clone(&world.clock);
    let slow = move || clock.0.advance(limits::HEARTBEAT);
    let place = Where::Nth("pieces.copy_part", 100);
    world.script.at(place, What::Do(Box::new(slow)));
    let began = world.clock.now();
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    let states = world.exports.states(&org(), id);
    let leases = states.iter().filter_map(|state| state.lease);
    let last = leases.map(|lease| lease.until).max();
    assert_eq!(last, Some(began.plus(limits::HEARTBEAT + limits::LEASE)));
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn a_cancel_is_met_in_the_midst_of_a_long_assembly() {
    let (world, id) = long_assembly();
    let beside = world.beside();
    let cancel = move || {
        beside.advance(limits::HEARTBEAT);
        let end = beside.end_export();
        let answer = beside.drive(end.end(&principal(), Some(id)));
        answer.unwrap().unwrap();
    };
    let place = Where::Nth("pieces.copy_part", 5);
    world.script.at(place, What::Do(Box::new(cancel)));
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Lost);
    assert_eq!(world.plan.count("pieces.complete"), 0);
    world.settle(LONG);
    world.check_rest(id);
}

#[test]
fn a_run_that_was_overtaken_does_not_fail_the_export_of_another() {
    for (left, expected) in [
        (Duration::from_millis(1), Done::Lost),
        (Duration::ZERO, Done::Failed(FailureCode::StorageDenied)),
    ] {
        let world = World::new(60);
        let id = world.request("{}");
        let place = Where::Nth("pieces.put", 2);
        let beside = world.beside();
        let overtake = move || {
            let now = beside.clock.now();
            let mut next = beside.export(id).leased(RunId(uuid::Uuid::nil()), now);
            next.lease = next.lease.map(|lease| Lease {
                until: now.plus(left),
                ..lease
            });
            let store = beside.run_export().exports;
            beside.drive(store.replace(&next)).unwrap().unwrap();
        };
        world.script.at(place, What::Do(Box::new(overtake)));
        let denied = Fault::Before(StoreErrorKind::Denied);
        world.script.fail(place, denied);
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), expected);
        world.settle(LONG);
        world.check_rest(id);
    }
}

#[test]
fn a_run_gives_back_no_lease_but_its_own() {
    for kind in [StoreErrorKind::Unavailable, StoreErrorKind::Corrupt] {
        let world = World::new(60);
        let id = world.request("{}");
        let place = Where::Nth("pieces.put", 2);
        let beside = world.beside();
        let overtake = move || {
            let next = beside
                .export(id)
                .leased(RunId(uuid::Uuid::nil()), beside.clock.now());
            let store = beside.run_export().exports;
            beside.drive(store.replace(&next)).unwrap().unwrap();
        };
        world.script.at(place, What::Do(Box::new(overtake)));
        world.script.fail(place, Fault::Before(kind));
        assert!(world.run(id, LONG).unwrap().is_err());
        let lease = world.export(id).lease.unwrap();
        assert_eq!(lease.run, RunId(uuid::Uuid::nil()), "{kind:?}");
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn bytes_that_arrive_as_others_cost_a_try_and_no_wait() {
    // F17: S3 refuses them, and the next run need not wait for the lease's end.
    let world = World::new(60);
    let id = world.request("{}");
    let place = Where::Nth("pieces.put", 1);
    world
        .script
        .fail(place, Fault::Before(StoreErrorKind::Corrupt));
    assert!(world.run(id, LONG).unwrap().is_err());
    let seen = world.export(id);
    assert_eq!((seen.lease, seen.tries), (None, 1));
    assert_eq!(seen.due_at, Some(world.clock.now()));
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn an_export_that_was_cancelled_meanwhile_is_not_failed() {
    let world = World::new(60);
    let id = world.request("{}");
    let beside = world.beside();
    let cancel = move || {
        let end = beside.end_export();
        let answer = beside.drive(end.end(&principal(), Some(id)));
        answer.unwrap().unwrap();
    };
    let place = Where::Nth("pieces.put", 2);
    world.script.at(place, What::Do(Box::new(cancel)));
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(place, denied);
    let done = world.run(id, LONG).unwrap().unwrap();
    assert_eq!(done, Done::Ended(Status::Cancelled));
    world.settle(LONG);
    world.check_rest(id);
    assert_eq!(world.told(id), [format!("{id}:cancelled")]);
}

#[test]
fn pages_that_show_nothing_move_the_cursor() {
    // T-PAGE-1: else a slice would read on until a lead comes, however late.
    let world = World::new(0);
    let id = world.request("{}");
    let start = world.clock.now().minus(Duration::from_hours(1));
    for number in 0..600 {
        let at = start.plus(Duration::from_millis(number));
        let name = crate::lead::LeadId::parse("gap").unwrap();
        let key = crate::lead::LeadKey::new(at, &name);
        let shard = u16::try_from(number % 3).unwrap();
        world
            .leads
            .put_gap(&org(), &crate::world::source_id(), shard, key);
    }
    world.clock.1.store(1, Ordering::Relaxed);
    world.settle(Duration::from_millis(5));
    world.check(id, |_| true);
    let slices = world.export(id).slices;
    assert!(slices > 5, "{slices} slices of 120 pages");
}

#[test]
fn a_file_whose_completion_was_not_answered_is_found() {
    // S-7, S-8: whatever the answer was, an object under this run's own key is this run's.
    for kind in [
        StoreErrorKind::Unavailable,
        StoreErrorKind::NotFound,
        StoreErrorKind::Corrupt,
    ] {
        let world = World::new(60);
        let id = world.request("{}");
        let place = Where::Nth("pieces.complete", 1);
        world.script.fail(place, Fault::After(kind));
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn a_lead_beyond_the_limit_stays_undecided() {
    // The run dies between its last commit and its end. Whoever goes on must meet the one lead that the limit has left out, or its
    // file would look whole.
    let start = crate::world::World::new(0).clock.now();
    let at = |number: u32| start.minus(Duration::from_millis(u64::from(1000 - number)));
    let beyond = crate::world::lead(3, at(999));
    // One of these makes a heartbeat fall on the very step that meets it.
    for tick in (100..5000).step_by(100) {
        let world = World {
            piece_bytes: 1,
            ..World::new(0)
        };
        world.put_lead(crate::world::lead(0, at(0)));
        for number in 1..=60 {
            world.put_lead(crate::world::lead(number * 3 + 1, at(number)));
        }
        world.put_lead(beyond.clone());
        let id = world.request(r#"{"filters": {"status": ["sold"]}, "limit": 1}"#);
        world.clock.1.store(tick, Ordering::Relaxed);
        let dies = Where::Nth("pieces.open", 1);
        world.script.fail(dies, Fault::CrashBefore);
        assert!(world.run(id, Duration::from_hours(10)).is_none());
        let known = world.export(id).checkpoint.unwrap();
        assert!(known.cursor < Some(beyond.key()), "{tick}");
        world.clock.1.store(0, Ordering::Relaxed);
        world.settle(LONG);
        let head = world.export(id).head;
        let told = (head.truncated, head.lead_count);
        assert_eq!(told, (Some(true), Some(1)), "{tick}");
    }
}

#[test]
fn a_lease_of_which_nothing_was_heard_is_given_back() {
    // Else the next run would wait for the end of one that never began.
    let world = World::new(60);
    let id = world.request("{}");
    let unheard = Fault::After(StoreErrorKind::Unavailable);
    let place = Where::Nth("exports.replace", 1);
    world.script.fail(place, unheard);
    assert!(world.run(id, LONG).unwrap().is_err());
    let seen = world.export(id);
    assert_eq!((seen.lease, seen.tries), (None, 0));
    assert_eq!(seen.due_at, Some(world.clock.now()));
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn a_pause_that_comes_too_late_is_none() {
    let world = World::new(200);
    let id = world.request("{}");
    world.queue.pop();
    world.clock.1.store(1, Ordering::Relaxed);
    let beside = world.beside();
    let cancel = move || {
        let end = beside.end_export();
        let answer = beside.drive(end.end(&principal(), Some(id)));
        answer.unwrap().unwrap();
    };
    let place = Where::Nth("exports.replace", 2);
    world.script.at(place, What::Do(Box::new(cancel)));
    let done = world.run(id, Duration::from_millis(5)).unwrap().unwrap();
    assert_eq!(done, Done::Lost);
    assert!(world.queue.waiting().is_empty(), "nobody is called");
    world.settle(LONG);
    world.check_rest(id);
}

#[test]
fn pieces_are_cut_at_the_first_row_behind_their_size() {
    // However many rows come at once: what a run holds in memory depends on it.
    let world = World::new(200);
    world.leads.set_page_leads(100);
    let id = world.request("{}");
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    let objects = world.pieces.objects();
    let pieces = objects.iter().filter_map(|(key, object)| match key {
        ObjectKey::Piece(..) => Some(object.bytes.len()),
        _ => None,
    });
    let sizes: Vec<usize> = pieces.collect();
    assert!(sizes.len() > 10, "{sizes:?}");
    let row = 200;
    let fits = |size: &usize| (world.piece_bytes..world.piece_bytes + row).contains(size);
    assert!(sizes.iter().all(fits), "{sizes:?}");
}
