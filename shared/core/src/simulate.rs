//! The simulator (T1 of `promises.md`): the use-cases over ports in memory, under faults that are data.
//!
//! `make replay SIM=r7` tells the run of seed 7 step by step, as does any scenario that a failure prints:
//! `make replay SIM=P-4,r7,14:F2,20:F7.3`. What is searched by default takes some minutes; `make search` searches further, in parts, and
//! says after each where to go on. A scenario that ever broke a promise stays in `seeds.txt`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::{Calm, PROFILES, Profile, Scenario, Stage};

mod pairs;
mod random;
mod schedules;
mod singles;

/// What each profile costs without faults.
fn calm(profile: &Profile) -> Calm {
    static CALM: OnceLock<BTreeMap<&str, Calm>> = OnceLock::new();
    let all = CALM.get_or_init(|| {
        let cost = |profile: Profile| {
            let mut stage = Stage::new(Scenario::calm(profile));
            stage.play();
            (profile.name, stage.cost())
        };
        PROFILES.map(cost).into_iter().collect()
    });
    all[profile.name]
}

/// Says how to see a failure again.
pub(crate) struct Told<F: Fn() -> String>(pub(crate) F);

impl<F: Fn() -> String> Drop for Told<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("see it again: {}", (self.0)());
        }
    }
}

/// The command that plays a scenario again.
fn replay(scenario: &Scenario) -> String {
    format!("make replay SIM={scenario}")
}

/// Plays a scenario and judges it.
fn play(scenario: &Scenario) -> Stage {
    let told = Told(|| replay(scenario));
    let mut stage = Stage::new(scenario.clone());
    stage.play();
    stage.judge(&calm(&scenario.profile));
    drop(told);
    stage
}

/// The scenario of a line: a seed of the random search, or the scenario itself.
fn scenario(text: &str) -> Scenario {
    match text.strip_prefix('r').and_then(|seed| seed.parse().ok()) {
        Some(seed) => Scenario::random(seed, |profile| calm(profile).last),
        None => text.parse().unwrap(),
    }
}

/// Runs that may fail before a search gives up: one tells as much as a hundred.
const ENOUGH: usize = 5;

/// Splits `all` over the machine's processors. What fails says so; the others are played all the same.
pub(crate) fn side_by_side<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
            let played = catch_unwind(AssertUnwindSafe(|| each(one)));
            let failures = match played {
                Ok(()) => failed.load(Ordering::SeqCst),
                Err(_) => failed.fetch_add(1, Ordering::SeqCst) + 1,
            };
            if failures >= ENOUGH {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    assert!(failed == 0, "{failed} runs break a promise");
}

/// A number that whoever commands a search gives, or the usual one.
pub(crate) fn told_to(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap())
}

/// A long search, `size` of `all` at a time: from `FROM` on, `COUNT` of them at most. After each part it tells how far it is.
fn in_parts(all: Range<u64>, size: u64, mut play: impl FnMut(Range<u64>)) {
    let mut at = told_to("FROM", all.start);
    let end = all.end.min(at.saturating_add(told_to("COUNT", u64::MAX)));
    while at < end {
        let part = at..end.min(at + size);
        at = part.end;
        play(part);
        println!(
            "up to {at} of {} no promise is broken; go on with FROM={at}",
            all.end
        );
    }
}

#[test]
fn a_run_comes_again_from_its_seed() {
    // Also `make replay`, which names the scenario and listens.
    let text = std::env::var("SIM").unwrap_or_else(|_| "r7".to_owned());
    let scenario = scenario(&text);
    println!("{scenario}");
    let mut stages = [(); 2].map(|()| {
        let told = Told(|| replay(&scenario));
        let mut stage = Stage::traced(scenario.clone());
        let played = catch_unwind(AssertUnwindSafe(|| stage.play()));
        drop(told);
        (stage, played)
    });
    for line in stages[0].0.trace() {
        println!("{line}");
    }
    for (stage, played) in &mut stages {
        if let Err(panic) = std::mem::replace(played, Ok(())) {
            std::panic::resume_unwind(panic);
        }
        stage.judge(&calm(&scenario.profile));
    }
    assert!(stages[0].0.trace().len() > 20);
    assert!(
        stages[0].0.trace() == stages[1].0.trace(),
        "it came otherwise"
    );
}

#[test]
fn scenarios_are_read_as_they_are_written() {
    for seed in 0..2000 {
        let scenario = Scenario::random(seed, |_| 60);
        let text = scenario.to_string();
        let read: Scenario = text.parse().unwrap();
        assert_eq!((read.to_string(), read.steps), (text, scenario.steps));
    }
    for bad in ["P-99", "P-3,7", "P-3,x:F1", "P-3,1:F99", "P-3,1:F14.x"] {
        assert!(bad.parse::<Scenario>().is_err(), "{bad}");
    }
}

#[test]
fn profiles_are_what_they_are_called() {
    for profile in PROFILES {
        let mut stage = Stage::new(Scenario::calm(profile));
        stage.play();
        stage.judge(&calm(&profile));
        let export = &stage.world.exports.all()[0];
        let puts = stage.world.plan.count("pieces.put");
        let copies = stage.world.plan.count("pieces.copy_part");
        let pages = stage.world.plan.count("leads.page");
        let slices = export.slices;
        println!(
            "{}: {} calls, {pages} pages, {puts} puts, {copies} copies, {slices} slices, {:?}",
            profile.name,
            stage.calls(),
            stage.elapsed()
        );
        let fits = match profile.name {
            "P-0" | "P-0a" => export.head.lead_count == Some(0),
            "P-1" => pages <= 4 && slices == 1 && copies == 0,
            "P-2" | "P-2b" => copies == 1 && stage.world.plan.count("pieces.put_part") == 0,
            "P-2a" => copies == 0,
            "P-3" => copies == 4 && pages >= 12 && slices == 1,
            "P-3d" | "P-3l" => copies >= 3 && slices == 1,
            "P-4" => copies == 4 && slices >= 3,
            "P-4g" | "P-4d" => slices >= 3,
            "P-5" => pages > 150 && slices > 3,
            "P-6" => slices >= 3 && stage.world.script.struck().len() == 8,
            "P-7" | "P-7r" | "P-7g" => export.head.file.is_none(),
            "P-8" => copies == 150,
            _ => false,
        };
        assert!(fits, "{}: {:?}", profile.name, export.head);
        // Hints are for speed alone, but for that: nobody waits for the sweeper.
        let most = profile.latency * u32::try_from(stage.calls()).unwrap();
        let took = stage.cost().took;
        assert!(took <= most, "speed: {} takes {took:?}", profile.name);
        stage.expire();
    }
}

#[test]
fn what_once_broke_a_promise_does_so_no_more() {
    for line in include_str!("simulate/seeds.txt").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            play(&scenario(line)).expire();
        }
    }
}
