//! The bootstrap of `request-export`.
fn main() {}
