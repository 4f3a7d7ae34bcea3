//! The edge: the only crate that names an AWS service.

pub mod http;
pub mod problem;
