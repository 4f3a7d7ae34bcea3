//! Every ordered pair of faults, by command.

use super::{calm, play, side_by_side};
use crate::world::{Kind, Profile, Scenario};

/// One of each sort: the numbers of a fault differ less than the faults do.
const SORTS: [&str; 18] = [
    "F1", "F2", "F3", "F4", "F5.1", "F5.9", "F7.2", "F8", "F9", "F11", "F12.s", "F12.h", "F15",
    "F17", "F18.3", "F19", "F20", "F21",
];

/// `FROM` and `COUNT` say which calls the first fault is at.
#[test]
#[ignore = "by command: make search"]
fn no_pair_of_faults_breaks_a_promise() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let sorts: Vec<Kind> = SORTS.map(|sort| sort.parse().unwrap()).to_vec();
    for name in ["P-3", "P-4"] {
        let profile = Profile::named(name).unwrap();
        let last = calm(&profile).last;
        let from = number("FROM", 1);
        let until = (from + number("COUNT", last)).min(last + 1);
        let mut played = 0;
        for one in from..until {
            let mut all = Vec::new();
            for two in one..last + 12 {
                for (first, second) in sorts
                    .iter()
                    .flat_map(|a| sorts.iter().map(move |b| (*a, *b)))
                {
                    all.push(Scenario {
                        steps: vec![(one, first), (two, second)],
                        ..Scenario::calm(profile)
                    });
                }
            }
            played += all.len();
            side_by_side(&all, |scenario| {
                play(scenario);
            });
            println!(
                "{name}: {played} pairs up to call {one} of {last}; go on with FROM={}",
                one + 1
            );
        }
    }
}
