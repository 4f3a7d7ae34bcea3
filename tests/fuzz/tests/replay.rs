//! Every kept input, and mutations of them that are the same on every machine. libFuzzer looks for more: `make fuzz`.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lead_export_fuzz::{TARGETS, Target};

/// Mutated inputs of each target in the suite; `FUZZ_REPLAY` asks for another number.
fn mutations() -> u32 {
    std::env::var("FUZZ_REPLAY").map_or(1_000, |number| number.parse().unwrap())
}

/// What one input may take, in a debug build on a busy machine. TM16 asks for 50 ms of a release build.
const PATIENCE: Duration = Duration::from_secs(5);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder().join(target.name))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    all.sort();
    all
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}

const WORDS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"\\u0000",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{\"S\":\"x\"}",
    b"#",
    b"%",
    b"=",
    b"'",
    b"2026-02-30",
];

fn mutated(seeds: &[(String, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].1.clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
            2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            3 => {
                let end = (at + dice.below(12)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let other = &seeds[dice.below(seeds.len())].1;
                let from = dice.below(other.len() + 1);
                let end = (from + dice.below(40)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            5 => {
                let end = (at + dice.below(20)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
    bytes
}

fn run(target: &Target, name: &str, bytes: &[u8]) {
    let started = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    if ran.is_err() {
        let found = std::env::temp_dir().join(format!("lead-export-{}-{name}", target.name));
        std::fs::write(&found, bytes).unwrap();
        panic!("{} breaks its promise on {}", target.name, found.display());
    }
    let took = started.elapsed();
    assert!(took < PATIENCE, "{} takes {took:?} for {name}", target.name);
}

#[test]
fn kept_inputs_and_their_mutations_break_no_promise() {
    let folders: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        folders.len(),
        TARGETS.len(),
        "a folder of seeds for each target: {folders:?}"
    );
    std::thread::scope(|scope| {
        for (number, target) in TARGETS.iter().enumerate() {
            scope.spawn(move || {
                let seeds = seeds(target);
                assert!(
                    seeds.len() >= 5,
                    "{} has {} seeds",
                    target.name,
                    seeds.len()
                );
                for (name, bytes) in &seeds {
                    run(target, name, bytes);
                }
                let mut dice = Dice(u64::try_from(number).unwrap());
                for number in 0..mutations() {
                    run(
                        target,
                        &format!("mutated-{number}"),
                        &mutated(&seeds, &mut dice),
                    );
                }
            });
        }
    });
}
