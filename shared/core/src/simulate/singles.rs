//! Every fault at every call of every profile, one at a time.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{calm, play, side_by_side};
use crate::ports::StoreErrorKind;
use crate::record::{FailureCode, Status};
use crate::world::{Kind, PROFILES, Profile, Scenario, Stage};

/// All single faults of a profile that do anything.
pub(super) fn singles(profile: Profile) -> Vec<Scenario> {
    let mut stage = Stage::new(Scenario::calm(profile));
    stage.play();
    let mut all = Vec::new();
    for call in stage.world.plan.calls() {
        // The largest profile repeats itself.
        if profile.name == "P-8" && call.nth > 3 && call.nth % 50 != 0 {
            continue;
        }
        if profile.name == "P-5" && call.name == "leads.page" && call.nth % 10 != 1 {
            continue;
        }
        for kind in Kind::all() {
            if kind.strikes(call.name) {
                all.push(Scenario {
                    steps: vec![(call.number, kind)],
                    ..Scenario::calm(profile)
                });
            }
        }
    }
    all
}

#[test]
fn no_single_fault_breaks_a_promise() {
    let seen = Mutex::new(HashMap::<(Kindred, Status), usize>::new());
    let mut played = 0;
    for profile in PROFILES {
        let usual = calm_status(profile);
        let all = singles(profile);
        played += all.len();
        side_by_side(&all, |scenario| {
            let stage = play(scenario);
            let kind = scenario.steps[0].1;
            let status = stage.seen_status();
            stage.expire();
            // What people do may come before the end or after it, by what holds it up.
            let may_differ = !profile.meanwhile.is_empty() || matches!(kind, Kind::Refused(_));
            let wanted = may_differ || status == usual;
            assert!(wanted, "{scenario}: {status:?}, not {usual:?}");
            *seen
                .lock()
                .unwrap()
                .entry((kindred(kind), status))
                .or_default() += 1;
        });
    }
    let seen = seen.into_inner().unwrap();
    println!("{played} single faults: {seen:?}");
    assert!(played > 10_000, "{played}");
    for kindred in [Kindred::Crash, Kindred::Error, Kindred::Other] {
        assert!(
            seen.get(&(kindred, Status::Completed))
                .is_some_and(|count| *count > 500)
        );
    }
    assert!(
        seen.get(&(Kindred::Refusal, Status::Failed))
            .is_some_and(|count| *count > 100)
    );
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kindred {
    Crash,
    Error,
    Refusal,
    Other,
}

fn kindred(kind: Kind) -> Kindred {
    match kind {
        Kind::Refused(_) => Kindred::Refusal,
        kind if kind.kills() => Kindred::Crash,
        Kind::Silent | Kind::LostAnswer | Kind::Throttled(_) | Kind::Broken => Kindred::Error,
        _ => Kindred::Other,
    }
}

fn calm_status(profile: Profile) -> Status {
    let _ = calm(&profile);
    let mut stage = Stage::new(Scenario::calm(profile));
    stage.play();
    stage.seen_status()
}

#[test]
fn a_refusal_for_good_ends_with_its_code() {
    use FailureCode::{Internal, StorageDenied, UnreadableLead};
    let profile = Profile::named("P-4").unwrap();
    let mut stage = Stage::new(Scenario::calm(profile));
    stage.play();
    let calls = stage.world.plan.calls();
    let mut met = 0;
    for kind in [
        StoreErrorKind::Denied,
        StoreErrorKind::NotFound,
        StoreErrorKind::Corrupt,
    ] {
        for call in &calls {
            let expected = match (call.name, kind) {
                ("leads.page", StoreErrorKind::Corrupt) => UnreadableLead,
                ("leads.page", _) => Internal,
                ("pieces.put" | "pieces.open" | "pieces.copy_part" | "pieces.put_part", kind) => {
                    match kind {
                        StoreErrorKind::Corrupt => Internal,
                        _ => StorageDenied,
                    }
                }
                _ => continue,
            };
            let stage = play(&Scenario {
                steps: vec![(call.number, Kind::Refused(kind))],
                ..Scenario::calm(profile)
            });
            let head = &stage.world.exports.all()[0].head;
            let code = head.failure.as_ref().map(|failure| failure.code);
            assert_eq!(code, Some(expected), "{kind:?} at {call:?}");
            assert!(stage.world.pieces.objects().is_empty(), "nothing is left");
            met += 1;
        }
    }
    assert!(met > 60, "{met}");
}

#[test]
fn people_who_act_at_any_call_break_no_promise() {
    let mut seen = HashMap::<Status, usize>::new();
    for name in ["P-1", "P-4", "P-4g"] {
        let profile = Profile::named(name).unwrap();
        let mut all = Vec::new();
        for number in 1..calm(&profile).last {
            for kind in [
                "cancel", "revoke", "gone", "change.4", "change.6", "change.8", "rename",
            ] {
                all.push(Scenario {
                    steps: vec![(number, kind.parse().unwrap())],
                    ..Scenario::calm(profile)
                });
            }
        }
        for scenario in all {
            *seen.entry(play(&scenario).seen_status()).or_default() += 1;
        }
    }
    println!("{seen:?}");
    for status in [
        Status::Completed,
        Status::Cancelled,
        Status::Expired,
        Status::Failed,
    ] {
        assert!(
            seen.get(&status).is_some_and(|count| *count > 10),
            "{seen:?}"
        );
    }
}
