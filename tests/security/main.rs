//! Nobody in who does not belong, and nothing out that should not: what can be shown without a stack, over ports in memory.
//!
//! Counts grow with `SECURITY_CASES` (a factor, 1 if not set): `make security` runs ten times as many.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

#[path = "../handlers/http.rs"]
mod http_api;
#[path = "../handlers/log.rs"]
#[allow(dead_code, reason = "what is logged is looked at elsewhere")]
mod log;
#[path = "../handlers/world.rs"]
mod world;

mod apps;
mod claims;
mod cursors;
mod dice;
mod hostile;
mod limits;
mod link;
mod matrix;
mod model;
mod moments;
mod names;
mod nobody;
mod random;
mod revoked;
mod sheets;
mod sigv4;
mod supply;

/// `suite` cases, times the factor asked for.
fn cases(suite: u32) -> u32 {
    let factor = std::env::var("SECURITY_CASES").map_or(1, |factor| factor.parse().unwrap());
    suite * factor
}
