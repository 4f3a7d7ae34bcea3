//! The bootstrap of `download-export`.
fn main() {}
