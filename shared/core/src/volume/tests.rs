//! The daily volume over in-memory ports: exact at the end of files, kind at the request, nothing when off.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::memory::Fault;
use crate::ports::StoreErrorKind;
use crate::record::{ExportId, FailureCode, Status};
use crate::request::RequestError;
use crate::run::Done;
use crate::world::{LONG, What, Where, World, org, principal, user};

fn world(leads: u32, most: u64) -> World {
    World {
        volume: DailyVolume::new(most),
        ..World::new(leads)
    }
}

fn used(world: &World) -> u64 {
    let day = VolumeKey::new(&org(), "u-1", world.clock.now());
    let store = world.beside().run_export().exports;
    world.drive(store.volume(&day, None)).unwrap().unwrap()
}

/// Every way an export can be over the volume.
fn is_over(world: &World, id: ExportId) -> bool {
    let export = world.export(id);
    let Some(failure) = export.head.failure else {
        return false;
    };
    assert_eq!(failure.code, FailureCode::TooLarge);
    assert!(failure.message.contains("UTC day"), "{}", failure.message);
    assert!(failure.message.contains(&id.to_string()));
    assert_eq!((export.head.file, export.head.lead_count), (None, None));
    true
}

#[test]
fn off_means_that_no_store_is_asked() {
    let world = World::new(60);
    world.completed();
    for call in ["exports.volume", "exports.charge"] {
        assert_eq!(world.plan.count(call), 0, "{call}");
    }
}

#[test]
fn leads_are_counted_until_the_day_is_full_and_the_next_day_begins_at_nothing() {
    let world = world(10, 25);
    world.completed();
    world.completed();
    assert_eq!(used(&world), 20);
    // There is room for a request, not for its ten leads.
    let third = world.request("{}");
    assert_eq!(world.run(third, LONG).unwrap().unwrap(), Done::OverVolume);
    assert!(is_over(&world, third));
    assert_eq!(used(&world), 20, "what was not delivered is not counted");
    assert!(world.exports.active(&org()).is_empty(), "the quota is free");
    let small = world.request(r#"{"limit": 5}"#);
    assert_eq!(world.run(small, LONG).unwrap().unwrap(), Done::Completed);
    assert_eq!(used(&world), 25);

    let asked = world.ask(None, "{}").unwrap();
    let Err(RequestError::Volume(over)) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!((over.most, over.used), (25, 25));
    let midnight = VolumeKey::new(&org(), "u-1", world.clock.now()).ends_at();
    assert_eq!(over.again_in, midnight.since(world.clock.now()));
    world.advance(over.again_in.saturating_sub(Duration::from_millis(1)));
    assert!(world.ask(None, "{}").unwrap().is_err());
    world.advance(Duration::from_millis(1));
    assert_eq!(used(&world), 0);
    world.completed();
    world.settle(LONG);
}

#[test]
fn day_of_an_export_is_that_of_its_request() {
    let world = world(10, 15);
    let day = VolumeKey::new(&org(), "u-1", world.clock.now());
    world.advance_short_of(day.ends_at().since(world.clock.now()));
    let [first, second] = [0; 2].map(|_| world.request("{}"));
    world.advance(Duration::from_secs(5));
    assert_eq!(world.run(first, LONG).unwrap().unwrap(), Done::Completed);
    assert_eq!(world.run(second, LONG).unwrap().unwrap(), Done::OverVolume);
    assert_eq!(used(&world), 0, "the new day");
}

#[test]
fn many_exports_at_once_take_no_more_than_the_volume() {
    let world = world(10, 35);
    let ids: Vec<ExportId> = (0..6).map(|_| world.request("{}")).collect();
    world.settle(LONG);
    let over = ids.iter().filter(|id| is_over(&world, **id)).count();
    assert_eq!((over, used(&world)), (3, 30));
}

#[test]
fn each_user_has_a_volume_of_their_own() {
    let world = world(10, 10);
    world.completed();
    assert!(world.ask(None, "{}").unwrap().is_err());
    world.grant("u-2", Some("crm"), crate::access::Role::Exporter);
    let theirs = world.ask_as(&user("u-2"), None, crate::world::PATH, "{}");
    let id = theirs.unwrap().unwrap().export.id();
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
}

#[test]
fn replay_and_reused_keys_come_before_the_volume() {
    let world = world(10, 10);
    let first = world.ask(Some("k"), "{}").unwrap().unwrap().export.id();
    assert_eq!(world.run(first, LONG).unwrap().unwrap(), Done::Completed);
    let again = world.ask(Some("k"), "{}").unwrap().unwrap();
    assert_eq!((again.export.id(), again.replayed), (first, true));
    let other = world.ask(Some("k"), r#"{"limit": 1}"#).unwrap();
    assert!(matches!(other, Err(RequestError::KeyReused)), "{other:?}");
    let bad = world.ask(Some("k2"), r#"{"limit": 0}"#).unwrap();
    assert!(matches!(bad, Err(RequestError::Invalid(_))), "{bad:?}");
    let over = world.ask(Some("k2"), "{}").unwrap();
    assert!(matches!(over, Err(RequestError::Volume(_))), "{over:?}");
}

#[test]
fn charge_whose_answer_was_lost_counts_once() {
    for fault in [
        Fault::After(StoreErrorKind::Unavailable),
        Fault::CrashAfter,
        Fault::Before(StoreErrorKind::Conflict),
        Fault::Before(StoreErrorKind::Unavailable),
    ] {
        // There is room for the export once, not twice.
        let world = world(10, 15);
        let id = world.request("{}");
        world.script.fail(Where::Nth("exports.charge", 1), fault);
        let _ = world.run(id, LONG);
        world.settle(LONG);
        assert_eq!(world.export(id).status(), Status::Completed, "{fault:?}");
        assert_eq!(used(&world), 10, "{fault:?}");
    }
}

#[test]
fn run_whose_leads_no_longer_fit_does_not_read_on() {
    let world = world(100, 60);
    let id = world.request("{}");
    world.clock.1.store(1, Ordering::Relaxed);
    while world.export(id).head.progress.leads_written < 30 {
        world.run(id, Duration::from_millis(5)).unwrap().unwrap();
    }
    let small = world.request(r#"{"limit": 40}"#);
    assert_eq!(world.run(small, LONG).unwrap().unwrap(), Done::Completed);
    let before = world.plan.count("leads.page");
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::OverVolume);
    assert_eq!(world.plan.count("leads.page"), before, "nothing is read");
    assert!(is_over(&world, id));
    world.settle(LONG);
}

#[test]
fn cancel_that_comes_first_takes_nothing() {
    let world = world(60, 100);
    let id = world.request("{}");
    let beside = world.beside();
    let cancel = move || {
        let end = beside.end_export();
        let answer = beside.drive(end.end(&principal(), Some(id)));
        answer.unwrap().unwrap();
    };
    let place = Where::Nth("leads.page", 2);
    world.script.at(place, What::Do(Box::new(cancel)));
    world.run(id, LONG).unwrap().unwrap();
    assert_eq!(world.export(id).status(), Status::Cancelled);
    world.settle(LONG);
}

#[test]
fn what_an_export_was_charged_before_leaves_it_room_to_go_on() {
    // The run that was charged died before its end, after it had told how far it was.
    let world = world(60, 70);
    let id = world.request("{}");
    let clock = Arc::clone(&world.clock);
    clock.1.store(2000, Ordering::Relaxed);
    let dies = Where::Nth("exports.charge", 1);
    world.script.fail(dies, Fault::CrashAfter);
    assert!(world.run(id, Duration::from_hours(10)).is_none());
    clock.1.store(0, Ordering::Relaxed);
    let written = world.export(id).head.progress.leads_written;
    assert!(written > 10, "{written}: twice as many do not fit");
    world.settle(LONG);
    assert_eq!(world.export(id).status(), Status::Completed);
    assert_eq!(used(&world), 60);
}
