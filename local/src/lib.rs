//! local
pub mod generate;
pub mod invoke;
pub mod lambda;
pub mod schedule;
pub mod seed;
