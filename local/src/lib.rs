//! local
pub mod depot;
pub mod generate;
pub mod import;
pub mod invoke;
pub mod lambda;
pub mod load;
pub mod schedule;
pub mod seed;
