//! Picking among the leads of a selection: by their ids, or by their positions among those that match.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::lead::{LeadId, LeadKey};

/// Which leads are picked, as it is frozen in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Those of these ids, whatever the filter; each id once.
    Ids(Vec<LeadId>),
    /// A range of those that match, with leads that leave and join it.
    Range(Positions),
}

/// A range of the leads that match, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// The position of the first, counted from 0.
    pub start: u64,
    /// How many.
    pub count: u64,
    /// Leads that leave the range, which is not filled up again, and do not join it either.
    pub excluded: Vec<LeadId>,
    /// Leads that join it, whether or not they match; each once.
    pub included: Vec<LeadId>,
}

impl Pick {
    /// The ids that are picked whether or not they match, but for those that are excluded.
    pub fn joining(&self) -> Vec<LeadId> {
        match self {
            Self::Ids(ids) => ids.clone(),
            Self::Range(range) => {
                let excluded: HashSet<&LeadId> = range.excluded.iter().collect();
                let joining = range.included.iter().filter(|id| !excluded.contains(id));
                joining.cloned().collect()
            }
        }
    }

    /// The pick as it concerns one source, of whose leads these joined: no others are named.
    #[must_use]
    pub fn of_source(&self, joined: &[LeadId]) -> Self {
        match self {
            Self::Ids(_) => Self::Ids(joined.to_vec()),
            Self::Range(range) => Self::Range(Positions {
                included: joined.to_vec(),
                ..range.clone()
            }),
        }
    }

    /// The pick as callers write it.
    pub fn shown(&self) -> Value {
        match self {
            Self::Ids(ids) => json!({"mode": "manual", "includedIds": ids}),
            Self::Range(range) => json!({
                "mode": "bulk",
                "startIndex": range.start,
                "targetCount": range.count,
                "excludedIds": range.excluded,
                "includedIds": range.included,
            }),
        }
    }
}

type Ids = HashSet<Box<[u8]>>;

fn ids(ids: &[LeadId]) -> Ids {
    ids.iter().map(|id| id.as_str().as_bytes().into()).collect()
}

/// A pick at work: it counts the leads that match, in their order.
#[derive(Debug, Clone)]
pub struct Picker {
    start: u64,
    end: u64,
    excluded: Ids,
    /// Leads that join as they come by, by their ids.
    joining: Ids,
    /// Leads that come by twice, because they have been looked up, by their sources.
    looked_up: Vec<Ids>,
    /// How many of `joining` have not come by, if all were watched for from the first lead on.
    missing: Option<usize>,
    matched: u64,
}

impl Picker {
    /// A picker that takes joining leads as they come by.
    pub fn new(pick: &Pick) -> Self {
        let joining = ids(&pick.joining());
        let (start, count, excluded) = match pick {
            Pick::Ids(_) => (0, 0, Ids::new()),
            Pick::Range(range) => (range.start, range.count, ids(&range.excluded)),
        };
        Self {
            start,
            end: start.saturating_add(count),
            excluded,
            missing: Some(joining.len()),
            joining,
            looked_up: Vec::new(),
            matched: 0,
        }
    }

    /// A picker beside which joining leads come in by themselves: these, looked up, of each source.
    #[must_use]
    pub fn beside(mut self, looked_up: &[Vec<LeadId>]) -> Self {
        self.joining = Ids::new();
        self.missing = Some(0);
        self.looked_up = looked_up.iter().map(|of| ids(of)).collect();
        self
    }

    /// Goes on where `matched` leads have been counted.
    pub fn resume(&mut self, matched: u64) {
        self.matched = matched;
        if !self.joining.is_empty() {
            self.missing = None;
        }
    }

    /// Leads that matched so far.
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// Whether no lead that is still to come by can be picked.
    pub fn is_filled(&self) -> bool {
        let is_range_filled = self.start >= self.end || self.matched >= self.end;
        is_range_filled && self.missing == Some(0)
    }

    /// The ids of the leads that join as they come by: their rows are wanted even if they do not match.
    pub fn joining(&self) -> HashSet<Box<[u8]>> {
        self.joining.clone()
    }

    /// Whether the lead of this key is picked; `matches` tells whether it matches.
    pub fn takes(&mut self, key: &[u8], source: usize, matches: bool) -> bool {
        let (_, id) = LeadKey::parts_of(key);
        let in_range = matches && {
            let position = self.matched;
            self.matched += 1;
            (self.start..self.end).contains(&position)
        };
        let joins = self.joining.contains(id);
        if joins && let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(1);
        }
        let comes_again = || {
            self.looked_up
                .get(source)
                .is_some_and(|ids| ids.contains(id))
        };
        (in_range || joins) && !self.excluded.contains(id) && !comes_again()
    }
}
