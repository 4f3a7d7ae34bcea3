//! A run's whole input as data: `P-4,r7,14:F2,20:F7.3` is profile P-4 with turns drawn from the seed 7, a crash after call 14 and
//! call 20 late by three.

use std::fmt;
use std::str::FromStr;

use super::Seeded;
use super::kinds::Kind;
use super::profile::{PROFILES, Profile};

/// Who goes next when several could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turns {
    /// Whoever is at work, until it waits.
    Steady,
    /// `r7`: anybody, drawn from this seed.
    Seeded(u64),
    /// `s5.9`: whoever is at work, but at these calls another.
    Switched(Vec<u64>),
}

/// What happens, whole.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) profile: Profile,
    pub(crate) turns: Turns,
    /// How many clients ask with one key at once.
    pub(crate) callers: usize,
    /// What happens at which call, besides what the profile says.
    pub(crate) steps: Vec<(u64, Kind)>,
}

impl Scenario {
    pub(crate) fn calm(profile: Profile) -> Self {
        Self {
            profile,
            turns: Turns::Steady,
            callers: 1,
            steps: Vec::new(),
        }
    }

    /// The run number `seed` of the random search: a profile, turns, two to six faults, sometimes two callers at once.
    pub(crate) fn random(seed: u64, calls: impl Fn(&Profile) -> u64) -> Self {
        let dice = &mut Seeded(seed ^ 0x5eed_0000_0000_0000);
        let profile = loop {
            let profile = *dice.pick(&PROFILES);
            // The largest one takes as long as ten others.
            if profile.name != "P-8" || dice.below(8) == 0 {
                break profile;
            }
        };
        let kinds = Kind::all();
        let last = calls(&profile) + 12;
        let mut steps: Vec<(u64, Kind)> = (0..2 + dice.below(5))
            .map(|_| (1 + dice.below(last), *dice.pick(&kinds)))
            .collect();
        match dice.below(8) {
            0 => steps.push((1 + dice.below(last), Kind::Cancel)),
            1 => steps.push((1 + dice.below(last), Kind::Change(dice.below(100)))),
            2 => steps.push((1 + dice.below(last), Kind::Rename)),
            _ => {}
        }
        // Refusals for good are for the search over single faults: here they would hide what else happens.
        let keep = dice.below(16) == 0;
        steps.retain(|(_, kind)| keep || !matches!(kind, Kind::Refused(_)));
        steps.sort_by_key(|(number, _)| *number);
        Self {
            profile,
            turns: if dice.below(4) == 0 {
                Turns::Steady
            } else {
                Turns::Seeded(seed)
            },
            callers: if dice.below(4) == 0 { 2 } else { 1 },
            steps,
        }
    }

    /// Whether the leads stay as they are.
    pub(crate) fn is_frozen(&self) -> bool {
        let changes = |(_, kind): &(u64, Kind)| matches!(kind, Kind::Change(_));
        self.profile.is_frozen() && !self.steps.iter().any(changes)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.profile.name)?;
        match &self.turns {
            Turns::Steady => {}
            Turns::Seeded(seed) => write!(f, ",r{seed}")?,
            Turns::Switched(calls) => {
                let calls: Vec<String> = calls.iter().map(u64::to_string).collect();
                write!(f, ",s{}", calls.join("."))?;
            }
        }
        if self.callers > 1 {
            write!(f, ",c{}", self.callers)?;
        }
        self.steps
            .iter()
            .try_for_each(|(number, kind)| write!(f, ",{number}:{kind}"))
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let name = words.next().unwrap_or_default();
        let profile = Profile::named(name).ok_or_else(|| format!("{name} is no profile"))?;
        let mut scenario = Self::calm(profile);
        for word in words {
            let no = |_| format!("{word} is no step");
            if let Some((number, kind)) = word.split_once(':') {
                let number = number.parse().map_err(no)?;
                scenario.steps.push((number, kind.parse()?));
            } else if let Some(seed) = word.strip_prefix('r') {
                scenario.turns = Turns::Seeded(seed.parse().map_err(no)?);
            } else if let Some(callers) = word.strip_prefix('c') {
                scenario.callers = callers.parse().map_err(no)?;
            } else if let Some(calls) = word.strip_prefix('s') {
                let calls: Result<_, _> = calls.split('.').map(str::parse).collect();
                scenario.turns = Turns::Switched(calls.map_err(no)?);
            } else {
                return Err(format!("{word} is no step"));
            }
        }
        Ok(scenario)
    }
}
