//! Randomness that comes again.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::ports::Dice;

/// UUIDs that look random and are a function of a seed and of how many were drawn before.
#[derive(Debug, Default)]
pub struct SeededDice {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededDice {
    /// Dice of this seed. Two of one seed give the same row of UUIDs; of different seeds, no UUID in common.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Dice for SeededDice {
    fn uuid(&self) -> Uuid {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(drawn.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Builder::from_random_bytes(bytes).into_uuid()
    }
}
