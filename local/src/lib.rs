//! local
pub mod invoke;
pub mod lambda;
pub mod schedule;
