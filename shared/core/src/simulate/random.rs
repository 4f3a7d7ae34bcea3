//! Random runs: a profile, an order of turns, two to six faults.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{calm, in_parts, play, scenario, side_by_side};
use crate::world::Scenario;

/// Seeds of one `cargo test`.
const SEEDS: u64 = 20_000;

/// Plays these seeds and counts what happened.
fn search(seeds: &[u64]) -> BTreeMap<String, u64> {
    let seen = Mutex::new(BTreeMap::new());
    side_by_side(seeds, |seed| {
        let scenario = Scenario::random(*seed, |profile| calm(profile).last);
        let stage = play(&scenario);
        if seed % 8 == 0 {
            stage.expire();
        }
        let struck = stage.world.script.struck().len();
        let mut seen = seen.lock().unwrap();
        *seen
            .entry(format!("{:?}", stage.seen_status()))
            .or_insert(0) += 1;
        *seen.entry("faults".to_owned()).or_insert(0) += struck as u64;
        *seen.entry("of several faults".to_owned()).or_insert(0) += u64::from(struck > 1);
        *seen.entry(scenario.profile.name.to_owned()).or_insert(0) += 1;
    });
    seen.into_inner().unwrap()
}

#[test]
fn no_random_run_breaks_a_promise() {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let seen = search(&seeds);
    println!("{SEEDS} random runs: {seen:?}");
    for what in [
        "Completed",
        "Cancelled",
        "Failed",
        "of several faults",
        "P-8",
    ] {
        assert!(
            seen.get(what).is_some_and(|count| *count > 20),
            "{what}: {seen:?}"
        );
    }
    assert!(seen["faults"] > 2 * SEEDS, "{seen:?}");
}

/// By seeds.
#[test]
#[ignore = "by command: make search"]
fn no_random_run_of_a_million_breaks_a_promise() {
    in_parts(0..1_000_000, 10_000, |seeds| {
        search(&seeds.collect::<Vec<_>>());
    });
}

#[test]
fn seeds_make_different_runs() {
    let all: std::collections::BTreeSet<String> = (0..200)
        .map(|seed| scenario(&format!("r{seed}")).to_string())
        .collect();
    assert!(all.len() > 190, "{}", all.len());
}
