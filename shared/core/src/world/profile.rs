//! The profiles of `promises.md` §4.2: what is exported, how large its pages and pieces are, and what goes on meanwhile.

use std::time::Duration;

use super::World;
use super::kinds::Kind;
use super::model::{Asked, odd_lead};
use crate::fields::Source;
use crate::lead::{LeadId, LeadKey};
use crate::ports::Clock as _;

/// What is exported, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    /// Its name: `P-3`, with a letter behind for a variant.
    pub(crate) name: &'static str,
    pub(crate) leads: u32,
    /// Empty pages between two leads.
    gaps: u32,
    page_leads: usize,
    pub(crate) asked: Asked,
    piece: Piece,
    /// How long an invocation works.
    pub(crate) slice: Duration,
    /// How long a call takes.
    pub(crate) latency: Duration,
    /// What people do meanwhile, by the number of the call.
    pub(crate) meanwhile: &'static [(u64, Kind)],
}

/// The size of a piece.
#[derive(Debug, Clone, Copy)]
enum Piece {
    Bytes(usize),
    /// That of the whole file, and so many bytes more or less.
    Whole(isize),
    /// Such a part of it, so that pieces and rest are of different sizes.
    Part(usize),
}

const NOTHING: Asked = Asked {
    status: None,
    descending: false,
    limit: None,
    gzip: false,
    few: false,
};

const P3: Profile = Profile {
    name: "P-3",
    leads: 36,
    gaps: 0,
    page_leads: 3,
    asked: NOTHING,
    piece: Piece::Part(9),
    slice: Duration::from_mins(1),
    latency: Duration::from_millis(700),
    meanwhile: &[],
};

const P4: Profile = Profile {
    name: "P-4",
    slice: Duration::from_secs(5),
    ..P3
};

const SOLD: Asked = Asked {
    status: Some("sold"),
    ..NOTHING
};

/// Every profile and variant.
pub(crate) const PROFILES: [Profile; 18] = [
    Profile {
        name: "P-0",
        asked: Asked {
            status: Some("none"),
            ..NOTHING
        },
        ..P3
    },
    Profile {
        name: "P-0a",
        leads: 0,
        ..P3
    },
    Profile {
        name: "P-1",
        leads: 4,
        page_leads: 7,
        piece: Piece::Bytes(5000),
        ..P3
    },
    Profile {
        name: "P-2",
        leads: 12,
        piece: Piece::Whole(0),
        ..P3
    },
    Profile {
        name: "P-2b",
        leads: 12,
        piece: Piece::Whole(-1),
        ..P3
    },
    Profile {
        name: "P-2a",
        leads: 12,
        piece: Piece::Whole(1),
        ..P3
    },
    P3,
    Profile {
        name: "P-3d",
        asked: Asked {
            descending: true,
            few: true,
            ..NOTHING
        },
        ..P3
    },
    Profile {
        name: "P-3l",
        asked: Asked {
            limit: Some(20),
            ..NOTHING
        },
        ..P3
    },
    P4,
    Profile {
        name: "P-4g",
        asked: Asked {
            gzip: true,
            ..NOTHING
        },
        ..P4
    },
    Profile {
        name: "P-4d",
        asked: Asked {
            descending: true,
            ..SOLD
        },
        ..P4
    },
    Profile {
        name: "P-5",
        leads: 6,
        gaps: 25,
        page_leads: 1,
        asked: SOLD,
        latency: Duration::from_millis(400),
        ..P4
    },
    Profile {
        name: "P-6",
        meanwhile: &[
            (6, Kind::Change(1)),
            (9, Kind::Change(5)),
            (12, Kind::Change(11)),
            (15, Kind::Change(18)),
            (18, Kind::Rename),
            (20, Kind::Change(30)),
            (23, Kind::Change(40)),
            (27, Kind::Change(51)),
        ],
        ..P4
    },
    Profile {
        name: "P-7",
        meanwhile: &[(22, Kind::Cancel)],
        ..P4
    },
    Profile {
        name: "P-7r",
        meanwhile: &[(14, Kind::Revoke)],
        ..P4
    },
    Profile {
        name: "P-7g",
        meanwhile: &[(14, Kind::Gone)],
        ..P4
    },
    Profile {
        name: "P-8",
        leads: 150,
        page_leads: 40,
        piece: Piece::Bytes(1),
        latency: Duration::from_millis(150),
        ..P3
    },
];

impl Profile {
    pub(crate) fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }

    /// Whether the leads stay as they are, so that the file is known to the byte.
    pub(crate) fn is_frozen(&self) -> bool {
        !self
            .meanwhile
            .iter()
            .any(|(_, kind)| matches!(kind, Kind::Change(_)))
    }

    /// The world of it.
    pub(crate) fn world(&self) -> World {
        let mut world = World::new(0);
        let start = world.clock.0.now().minus(Duration::from_hours(1));
        for number in 0..self.leads {
            let created_at = start.plus(Duration::from_millis(u64::from(number / 3 * 100)));
            world.put_lead(odd_lead(number, created_at));
        }
        for number in 0..self.leads * self.gaps {
            let at = start.plus(Duration::from_millis(u64::from(number * 3)));
            let key = LeadKey::new(at, &LeadId::parse("gap").unwrap());
            let shard = u16::try_from(number % 3).unwrap();
            world
                .leads
                .put_gap(&super::org(), &super::source_id(), shard, key);
        }
        world.sources.put_source(Source {
            lead_count: Some(u64::from(self.leads)),
            ..super::source("crm")
        });
        world.leads.set_page_leads(self.page_leads);
        let leads = world.leads.leads(&super::org(), &super::source_id());
        let whole = || {
            let chosen = self.asked.chosen(&leads, world.clock.0.now());
            let rows: Vec<String> = chosen.iter().map(|lead| self.asked.row(lead)).collect();
            let rows = rows.iter().map(String::as_str);
            self.asked.file(rows, world.member_bytes).len()
        };
        world.piece_bytes = match self.piece {
            Piece::Bytes(bytes) => bytes,
            Piece::Whole(more) => whole().checked_add_signed(more).unwrap(),
            Piece::Part(halves) => (whole() * 2 / halves).max(1),
        };
        world
    }
}
