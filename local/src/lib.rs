//! local
pub mod gateway;
pub mod identity;
pub mod invoke;
