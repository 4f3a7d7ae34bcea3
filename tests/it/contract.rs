//! What callers are promised, by HTTP, from outside: the sentences that no other test of this folder has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ending;
mod history;
mod profiles;
mod refusals;
mod usage;
mod volume;
