//! local
pub mod invoke;
