//! SweepExports and dates: when somebody looks again, and that nothing is done twice for it.

use std::time::Duration;

use super::*;
use crate::memory::Fault;
use crate::ports::StoreErrorKind;
use crate::world::{LONG, Where, World, org};

const SILENT: Fault = Fault::Before(StoreErrorKind::Unavailable);

#[test]
fn a_date_that_was_left_behind_gives_way_to_the_next() {
    let world = World::new(5);
    let id = world.completed();
    let next = world.export(id).due_at;
    let due = Due {
        org: org(),
        id,
        due_at: next.unwrap(),
    };
    let now = world.clock.now();
    let store = world.beside().run_export().exports;
    let moved = world.drive(store.postpone(&due, now)).unwrap();
    assert!(moved.unwrap());
    let swept = world.sweep();
    assert_eq!((swept.seen, swept.cleaned, swept.told), (1, 0, 0));
    assert_eq!(world.export(id).due_at, next, "not each minute until then");
    world.advance(limits::SWEEP_BACKOFF);
    assert_eq!(world.sweep().seen, 0);
}

#[test]
fn event_that_was_heard_is_not_told_again_for_a_mail_that_nobody_takes() {
    let world = World::new(5);
    let id = world.request(r#"{"notify": {"email": true}}"#);
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(Where::Every("notifier.mail"), denied);
    world.script.fail(Where::Nth("notifier.tell", 1), SILENT);
    world.run(id, LONG).unwrap().unwrap();
    assert!(world.told(id).is_empty());
    world.advance(limits::TELL_GRACE);
    for _ in 0..5 {
        world.sweep();
        assert_eq!(world.told(id), [format!("{id}:completed")], "I11");
        world.advance(limits::SWEEP_BACKOFF);
    }
    assert!(world.export(id).owes_mail());
}

#[test]
fn listener_that_does_not_hear_costs_no_write_of_the_record() {
    let world = World::new(5);
    let id = world.request("{}");
    world.script.fail(Where::Every("notifier.tell"), SILENT);
    world.run(id, LONG).unwrap().unwrap();
    world.advance(limits::TELL_GRACE);
    let before = world.export(id).version;
    for _ in 0..3 {
        assert_eq!(world.sweep().errors.len(), 1);
        world.advance(limits::SWEEP_BACKOFF);
    }
    assert_eq!(world.export(id).version, before, "only the date moves");
}

#[test]
fn file_that_goes_late_is_looked_at_again_when_its_time_has_come() {
    let mut world = World::new(5);
    world.retention = Duration::from_hours(1);
    let id = world.completed();
    let at = world.export(id).head.file_expires_at.unwrap();
    world.advance(limits::CLEAN_AFTER);
    assert_eq!(world.sweep().cleaned, 1);
    assert_eq!(world.export(id).due_at, Some(at));
    world.advance_short_of(at.since(world.clock.now()));
    assert_eq!(world.sweep().seen, 0);
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sweep().expired, 1, "TM24: at once");
}

#[test]
fn cleaning_that_failed_is_done_again() {
    let world = World::new(60);
    let id = world.completed();
    let left = world.pieces.objects().len();
    assert!(left > 1, "pieces and the file");
    world.script.fail(Where::Nth("pieces.clean", 1), SILENT);
    world.advance(limits::CLEAN_AFTER);
    let swept = world.sweep();
    assert_eq!((swept.cleaned, swept.errors.len()), (0, 1));
    assert_eq!(world.pieces.objects().len(), left);
    world.advance(limits::SWEEP_BACKOFF);
    assert_eq!(world.sweep().cleaned, 1);
    assert_eq!(world.pieces.objects().len(), 1, "I6");
    world.settle(LONG);
    world.check_rest(id);
}
