//! RunExport over in-memory ports: pauses, crashes at every call, two runs at once, cancels – always the same bytes.

use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use super::*;
use crate::access::{Grant, Role};
use crate::lead::Value;
use crate::memory::Fault;
use crate::world::{Asked, LONG, Where, World, lead, org, source_id};

mod gzip;
mod picks;
mod shown;

/// Lets a run die after each of its calls, with every piece committed as soon as it is cut, and another go on to the end.
fn crashed_between_pieces<T>(
    begin: impl Fn() -> (World, ExportId, T),
    check: impl Fn(&World, ExportId, T),
) {
    // What each look at the clock takes.
    let tick = u64::try_from(limits::COMMIT_EVERY.as_millis()).unwrap();
    let slow = || {
        let world = begin();
        world.0.clock.1.store(tick, Ordering::Relaxed);
        world
    };
    let (calm, id, _) = slow();
    assert_eq!(calm.run(id, LONG).unwrap().unwrap(), Done::Completed);
    let mut between = 0;
    for number in 1..=calm.plan.calls().len() as u64 {
        let (world, id, expected) = slow();
        world.script.fail(Where::Number(number), Fault::CrashAfter);
        let _ = world.run(id, LONG);
        let left = world.export(id);
        let is_under_way = !left.status().is_terminal();
        let known = left.checkpoint.filter(|_| is_under_way);
        between += u32::from(known.is_some_and(|known| !known.runs.is_empty()));
        world.clock.1.store(0, Ordering::Relaxed);
        world.settle(LONG);
        check(&world, id, expected);
    }
    assert!(between > 5, "{between} crashes left a piece to go on from");
}

#[test]
fn an_export_without_leads_is_a_header() {
    let world = World::new(0);
    let id = world.request("{}");
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn pieces_of_any_size_make_the_same_file() {
    for piece_bytes in [1, 90, 700, 5000, 1 << 20] {
        let world = World {
            piece_bytes,
            ..World::new(200)
        };
        let id = world.request("{}");
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn pausing_after_any_time_goes_on_and_ends_with_the_same_bytes() {
    for (tick, slice) in [(1, 3), (1, 7), (3, 10), (7, 50), (1, 1)] {
        let world = World::new(200);
        let id = world.request(r#"{"filters": {"status": ["sold"]}}"#);
        world.clock.1.store(tick, Ordering::Relaxed);
        world.settle(Duration::from_millis(slice));
        world.check(id, |lead| lead.values["status"] == Value::from("sold"));
        assert!(world.export(id).slices > 1, "a pause must have happened");
    }
}

#[test]
fn a_selection_that_matches_nothing_moves_on_through_pauses() {
    let world = World::new(300);
    let id = world.request(r#"{"filters": {"status": ["nothing"]}}"#);
    world.clock.1.store(1, Ordering::Relaxed);
    world.settle(Duration::from_millis(4));
    world.check(id, |_| false);
    assert!(world.export(id).slices > 1);
}

#[test]
fn a_limit_cuts_and_says_so() {
    for (limit, truncated) in [(1, true), (66, true), (67, false), (500, false)] {
        let world = World::new(200);
        let id = world.request(&format!(
            r#"{{"filters": {{"status": ["sold"]}}, "limit": {limit}}}"#
        ));
        world.settle(LONG);
        let head = world.export(id).head;
        assert_eq!(
            (head.truncated, head.lead_count),
            (Some(truncated), Some(limit.min(67))),
            "{limit}"
        );
    }
}

#[test]
fn a_crash_at_any_call_changes_no_byte() {
    let calm = World::new(60);
    let id = calm.request("{}");
    calm.run(id, LONG).unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    assert!(calls > 20, "{calls}");
    for number in 1..=calls {
        for after in [false, true] {
            let world = World::new(60);
            let fault = if after {
                Fault::CrashAfter
            } else {
                Fault::CrashBefore
            };
            world.script.fail(Where::Number(number), fault);
            let id = world.request("{}");
            let _ = world.run(id, LONG);
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
}

#[test]
fn an_error_at_any_call_changes_no_byte() {
    let calm = World::new(60);
    let id = calm.request("{}");
    calm.run(id, LONG).unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    for number in 1..=calls {
        for fault in [
            Fault::Before(StoreErrorKind::Unavailable),
            Fault::After(StoreErrorKind::Unavailable),
            Fault::Before(StoreErrorKind::Throttled),
        ] {
            let world = World::new(60);
            world.script.fail(Where::Number(number), fault);
            let id = world.request("{}");
            let _ = world.run(id, LONG);
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
}

#[test]
fn two_runs_at_once_leave_one_file() {
    // The second run begins when the first has come to its nth call, the lease notwithstanding: the clock has jumped.
    for nth in 1..40 {
        let world = World::new(60);
        let id = world.request("{}");
        let (first, second) = (world.run_export(), world.run_export());
        let stop_at = world.clock.now().plus(Duration::from_hours(2));
        let org = org();
        let mut one = Box::pin(first.run(&org, id, stop_at));
        let mut context = Context::from_waker(Waker::noop());
        let mut one_done = false;
        while world.plan.calls().len() < nth && !one_done {
            one_done = one.as_mut().poll(&mut context).is_ready();
        }
        world.clock.0.advance(Duration::from_secs(100));
        let mut two = Box::pin(second.run(&org, id, stop_at));
        let mut two_done = false;
        for _ in 0..100_000 {
            // The commit's heartbeat may wait for time to pass.
            two_done = two_done || two.as_mut().poll(&mut context).is_ready();
            one_done = one_done || one.as_mut().poll(&mut context).is_ready();
            if one_done && two_done {
                break;
            }
        }
        assert!(one_done && two_done, "{nth}");
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn leads_that_come_later_are_not_in_the_file() {
    let world = World::new(30);
    let id = world.request("{}");
    for number in 1000..1030 {
        let later = world.clock.now().plus(Duration::from_millis(1));
        world.put_lead(lead(number, later));
    }
    world.settle(LONG);
    world.check(id, |_| true);
    assert_eq!(world.export(id).head.lead_count, Some(30));
}

#[test]
fn a_lost_grant_or_source_fails_the_export_and_returns_the_quota() {
    for (code, change) in [
        (
            FailureCode::AccessRevoked,
            (|world: &World| {
                world
                    .sources
                    .remove_grant(&org(), "u-1", Some(&source_id()));
            }) as fn(&World),
        ),
        (FailureCode::AccessRevoked, |world| {
            world.sources.put_grant(
                &org(),
                "u-1",
                Some(&source_id()),
                Grant {
                    role: Role::Viewer,
                    name: None,
                },
            );
        }),
        (FailureCode::SourceGone, |world| {
            world.sources.remove_source(&org(), &source_id());
        }),
    ] {
        let world = World::new(30);
        let id = world.request("{}");
        change(&world);
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Failed(code));
        world.settle(LONG);
        let head = world.export(id).head;
        assert_eq!(head.failure.unwrap().code, code);
        assert!(world.exports.active(&org()).is_empty());
        assert!(world.pieces.objects().is_empty());
        assert_eq!(world.notifier.told().len(), 1);
    }
}

#[test]
fn a_store_that_refuses_ends_in_failed_with_its_code() {
    for (name, kind, code) in [
        (
            "pieces.put",
            StoreErrorKind::Denied,
            FailureCode::StorageDenied,
        ),
        (
            "pieces.open",
            StoreErrorKind::NotFound,
            FailureCode::StorageDenied,
        ),
        (
            "leads.page",
            StoreErrorKind::Corrupt,
            FailureCode::UnreadableLead,
        ),
        ("leads.page", StoreErrorKind::Denied, FailureCode::Internal),
        (
            "leads.page",
            StoreErrorKind::NotFound,
            FailureCode::Internal,
        ),
    ] {
        let world = World::new(60);
        world.script.fail(Where::Every(name), Fault::Before(kind));
        let id = world.request("{}");
        assert_eq!(
            world.run(id, LONG).unwrap().unwrap(),
            Done::Failed(code),
            "{name} {kind:?}"
        );
        assert_eq!(world.told(id).len(), 1, "whoever ends it tells it");
        world.settle(LONG);
        assert!(
            world.pieces.objects().is_empty() && world.pieces.uploads().is_empty(),
            "{name}"
        );
        assert!(world.exports.active(&org()).is_empty());
    }
}

#[test]
fn five_tries_without_progress_end_the_export() {
    // TM17: a lead that kills every run.
    let world = World::new(60);
    world
        .script
        .fail(Where::Every("leads.page"), Fault::CrashBefore);
    let id = world.request("{}");
    for _ in 0..limits::MAX_TRIES {
        assert!(world.run(id, LONG).is_none());
        world.clock.0.advance(limits::LEASE + limits::LEASE_GRACE);
    }
    assert_eq!(
        world.run(id, LONG).unwrap().unwrap(),
        Done::Failed(FailureCode::Internal)
    );
    world.settle(LONG);
    world.check_rest(id);
    assert_eq!(world.told(id).len(), 1);
}

#[test]
fn a_store_that_is_silent_for_hours_fails_no_export() {
    // D-6: it slows, it does not fail; only an export's own age ends it.
    for (name, kind) in [
        ("leads.page", StoreErrorKind::Unavailable),
        ("leads.page", StoreErrorKind::Throttled),
        ("pieces.put", StoreErrorKind::Throttled),
        ("pieces.complete", StoreErrorKind::Unavailable),
        ("exports.end", StoreErrorKind::Conflict),
    ] {
        for hours in [1, 11, 13] {
            let world = World::new(60);
            world.script.fail(Where::Every(name), Fault::Before(kind));
            let id = world.request("{}");
            let began = world.clock.now();
            while world.clock.now().since(began) < Duration::from_hours(hours) {
                world.sweep();
                while world.queue.pop().is_some() {
                    let _ = world.run(id, LONG).unwrap();
                }
                let seen = world.export(id);
                assert!(seen.tries <= 1, "{name}: {} tries", seen.tries);
                assert!(seen.lease.is_none(), "a broken run gives its lease back");
                world.advance(Duration::from_mins(1));
            }
            world.settle(LONG);
            world.check_rest(id);
            let code = world.export(id).head.failure.map(|failure| failure.code);
            let expected = (hours > 12).then_some(FailureCode::TimeLimit);
            assert_eq!(code, expected, "{name} {hours}");
        }
    }
}

#[test]
fn a_run_that_was_broken_off_is_taken_up_within_a_minute() {
    let world = World::new(60);
    let silent = Fault::Before(StoreErrorKind::Unavailable);
    world.script.fail(Where::Nth("pieces.put", 2), silent);
    let id = world.request("{}");
    assert!(world.run(id, LONG).unwrap().is_err());
    world.queue.pop();
    assert_eq!(world.sweep().hinted, 1);
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
}

#[test]
fn what_a_store_said_is_told_with_the_failure() {
    let world = World::new(60);
    let denied = Fault::Before(StoreErrorKind::Denied);
    world.script.fail(Where::Nth("pieces.put", 1), denied);
    let id = world.request("{}");
    let run = world.run_export();
    let stop_at = world.clock.now().plus(LONG);
    let org = org();
    let ran = world.drive(run.run(&org, id, stop_at)).unwrap().unwrap();
    assert_eq!(ran.done, Done::Failed(FailureCode::StorageDenied));
    let cause = ran.cause.unwrap();
    assert_eq!(
        (cause.kind, cause.store),
        (StoreErrorKind::Denied, "pieces")
    );
}

#[test]
fn a_limit_says_that_it_cut_whatever_the_pauses() {
    // The 67th sold lead is the last that matches: whoever has seen it and paused must not forget that it was there.
    for (order, tick, slice) in [
        ("created_at", 1, 1),
        ("-created_at", 1, 3),
        ("created_at", 3, 1),
    ] {
        for (limit, truncated) in [(66, true), (67, false)] {
            let world = World::new(200);
            let id = world.request(&format!(
                r#"{{"filters": {{"status": ["sold"]}}, "limit": {limit}, "order": "{order}"}}"#
            ));
            world.clock.1.store(tick, Ordering::Relaxed);
            world.settle(Duration::from_millis(slice));
            world.check_rest(id);
            let head = world.export(id).head;
            assert!(world.export(id).slices > 1);
            assert_eq!(
                (head.truncated, head.lead_count),
                (Some(truncated), Some(limit)),
                "{order} {tick} {slice}"
            );
        }
    }
}

#[test]
fn no_page_holds_more_leads_than_there_is_room_for() {
    let world = World::new(30);
    let id = world.request("{}");
    let leads = Arc::new(Asked::of(world.run_export().leads));
    let run = RunExport {
        leads: Arc::<Asked>::clone(&leads),
        ..world.run_export()
    };
    let stop_at = world.clock.now().plus(LONG);
    let ran = world.drive(run.run(&org(), id, stop_at)).unwrap();
    assert_eq!(ran.unwrap().done, Done::Completed);
    assert_eq!(leads.most(), u64::from(limits::PAGE_LEADS));
}
