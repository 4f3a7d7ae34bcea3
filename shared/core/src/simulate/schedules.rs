//! Two workers at one export, in every order with few switches between them.

use super::{in_parts, play, side_by_side};
use crate::world::{Kind, Profile, Scenario, Stage, Turns};

/// All schedules of two workers with up to `switches` switches, the second worker beginning at the first one's first call.
fn schedules(profile: Profile, switches: usize) -> Vec<Scenario> {
    // Alone one worker makes so many calls; two make twice as many at most.
    let mut stage = Stage::new(Scenario::calm(profile));
    stage.play();
    let calls = stage.world.plan.calls();
    let first = calls
        .iter()
        .find(|call| call.name == "exports.get")
        .unwrap()
        .number;
    let last = calls
        .iter()
        .rfind(|call| call.name == "notifier.tell")
        .unwrap()
        .number
        + 2;
    let end = first + 2 * (last - first);
    let mut all = Vec::new();
    let mut places: Vec<Vec<u64>> = vec![vec![]];
    for _ in 0..=switches {
        let mut longer = Vec::new();
        for places in &places {
            all.push(Scenario {
                turns: Turns::Switched(places.clone()),
                steps: vec![(first, Kind::Beside)],
                ..Scenario::calm(profile)
            });
            let from = places.last().map_or(first, |last| last + 1);
            for at in from..end {
                longer.push([places.as_slice(), &[at]].concat());
            }
        }
        places = longer;
    }
    all
}

fn search(switches: usize, profiles: &[&str]) -> usize {
    let mut played = 0;
    for name in profiles {
        let all = schedules(Profile::named(name).unwrap(), switches);
        println!(
            "{name}: {} schedules with up to {switches} switches",
            all.len()
        );
        played += all.len();
        side_by_side(&all, |scenario| {
            play(scenario);
        });
    }
    played
}

#[test]
fn no_order_of_two_workers_breaks_a_promise() {
    let played = search(3, &["P-1", "P-2"]);
    assert!(played > 5_000, "{played}");
}

#[test]
#[ignore = "by command: make search"]
fn no_order_of_two_workers_with_four_switches_breaks_a_promise() {
    let of = |name, switches| schedules(Profile::named(name).unwrap(), switches);
    let all = [of("P-1", 4), of("P-2", 4), of("P-3", 3)].concat();
    in_parts(0..all.len() as u64, 5_000, |part| {
        let part = usize::try_from(part.start).unwrap()..usize::try_from(part.end).unwrap();
        side_by_side(&all[part], |scenario| {
            play(scenario);
        });
    });
}
