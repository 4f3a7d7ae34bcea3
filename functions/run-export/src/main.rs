//! The bootstrap of `run-export`.
fn main() {}
