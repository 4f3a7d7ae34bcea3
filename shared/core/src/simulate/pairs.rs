//! Every ordered pair of faults, by command.

use std::sync::Mutex;

use super::{calm, in_parts, play, side_by_side};
use crate::world::{Kind, Profile, Scenario};

/// One of each sort: the numbers of a fault differ less than the faults do.
const SORTS: [&str; 18] = [
    "F1", "F2", "F3", "F4", "F5.1", "F5.9", "F7.2", "F8", "F9", "F11", "F12.s", "F12.h", "F15",
    "F17", "F18.3", "F19", "F20", "F21",
];

/// The faults that do anything at a call, each with the names of all calls of a run that meets nothing else.
fn alone(profile: Profile, one: u64, sorts: &[Kind]) -> Vec<(Kind, Vec<&'static str>)> {
    let met = Mutex::new(Vec::new());
    side_by_side(sorts, |first| {
        let stage = play(&Scenario {
            steps: vec![(one, *first)],
            ..Scenario::calm(profile)
        });
        if !stage.world.script.struck().is_empty() {
            let calls = stage.world.plan.calls();
            let names = calls.iter().map(|call| call.name).collect();
            met.lock().unwrap().push((*first, names));
        }
    });
    met.into_inner().unwrap()
}

/// By the calls at which the first fault is: those of P-3, then those of P-4.
#[test]
#[ignore = "by command: make search"]
fn no_pair_of_faults_breaks_a_promise() {
    let sorts: Vec<Kind> = SORTS.map(|sort| sort.parse().unwrap()).to_vec();
    let mut places = Vec::new();
    for name in ["P-3", "P-4"] {
        let profile = Profile::named(name).unwrap();
        let last = calm(&profile).last;
        places.extend((1..=last).map(|one| (profile, last, one)));
    }
    let (mut played, mut pairs) = (0, 0);
    in_parts(0..places.len() as u64, 1, |part| {
        let (profile, last, one) = places[usize::try_from(part.start).unwrap()];
        let seconds =
            || (one..last + 12).flat_map(|two| sorts.iter().map(move |kind| (two, *kind)));
        let mut all = Vec::new();
        for (first, names) in alone(profile, one, &sorts) {
            for (two, second) in seconds() {
                // Up to the second fault the run is that of the first alone; one that does nothing there changes nothing.
                let name = names.get(usize::try_from(two - 1).unwrap());
                if name.is_some_and(|name| second.strikes(name)) {
                    all.push(Scenario {
                        steps: vec![(one, first), (two, second)],
                        ..Scenario::calm(profile)
                    });
                }
            }
        }
        side_by_side(&all, |scenario| {
            play(scenario);
        });
        played += all.len();
        pairs += seconds().count() * sorts.len();
        println!(
            "{}, first fault at call {one}: {played} of {pairs} pairs played, the others are runs of one fault",
            profile.name
        );
    });
}
