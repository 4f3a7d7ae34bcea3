//! The bootstrap of `sweep-exports`.
fn main() {}
