//! Every port in memory, as faithful as the ports' words, for tests and simulations.
//!
//! The stores can be asked more than their ports offer: what they hold, what was ever written, what was overwritten. So a test
//! can check promises without a second way of knowing. [`Faulty`] makes any port, in memory or not, fail as planned.

mod audit;
mod clock;
mod dice;
mod exports;
mod faulty;
mod leads;
mod pieces;
mod presets;
mod queue;
mod signer;
mod sources;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use audit::MemoryAudit;
pub use clock::ManualClock;
pub use dice::SeededDice;
pub use exports::MemoryExports;
pub use faulty::{Call, Fault, FaultPlan, Faulty};
pub use leads::MemoryLeads;
pub use pieces::{MemoryPieces, OpenUpload, StoredObject};
pub use presets::MemoryPresets;
pub use queue::{MemoryNotifier, MemoryQueue};
pub use signer::{MemorySigner, Signed};
pub use sources::MemorySources;

/// Locks, also after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
