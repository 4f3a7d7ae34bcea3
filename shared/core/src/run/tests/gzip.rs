//! Compressed exports, by the same oracle.

use super::*;

const GZIP: &str = r#"{"format": {"compression": "gzip"}}"#;

#[test]
fn a_gzip_export_is_the_same_file_whatever_its_pieces_and_pauses() {
    for (piece_bytes, member_bytes) in [(1, 1), (90, 300), (700, 300), (300, 2000), (1 << 20, 500)]
    {
        for (tick, slice) in [(0, 600_000), (1, 3), (3, 10), (1, 1)] {
            let world = World {
                piece_bytes,
                member_bytes,
                ..World::new(120)
            };
            let id = world.request(GZIP);
            world.clock.1.store(tick, Ordering::Relaxed);
            world.settle(Duration::from_millis(slice));
            world.check(id, |_| true);
            assert_eq!(world.export(id).slices > 1, tick > 0);
        }
    }
}

#[test]
fn a_gzip_export_without_rows_is_one_member() {
    for header in ["keys", "none"] {
        let world = World::new(0);
        let id = world.request(&format!(
            r#"{{"format": {{"compression": "gzip", "header": "{header}"}}}}"#
        ));
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn a_crash_at_any_call_changes_no_byte_of_a_gzip_export() {
    // A clock that moves makes pauses, so that tails are among what is crashed.
    let world = || {
        let world = World {
            piece_bytes: 400,
            ..World::new(90)
        };
        let id = world.request(GZIP);
        world.clock.1.store(1, Ordering::Relaxed);
        (world, id)
    };
    let slice = Duration::from_millis(4);
    let run = |world: &World, id| {
        while let Some(Ok(Done::Paused)) = world.run(id, slice) {}
    };
    let (calm, id) = world();
    run(&calm, id);
    assert_eq!(calm.export(id).status(), Status::Completed);
    assert!(calm.export(id).slices > 2);
    let states = calm.exports.states(&org(), id);
    let mut tails = states
        .iter()
        .filter_map(|state| state.checkpoint.as_ref()?.tail);
    assert!(
        tails.any(|tail| (1..tail.size_bytes).contains(&tail.open_bytes)),
        "a tail holds members and rows"
    );
    let calls = calm.plan.calls().len() as u64;
    for number in 1..=calls {
        for after in [false, true] {
            let (world, id) = world();
            let fault = if after {
                Fault::CrashAfter
            } else {
                Fault::CrashBefore
            };
            world.script.fail(Where::Number(number), fault);
            run(&world, id);
            world.settle(slice);
            world.check(id, |_| true);
        }
    }
}
