//! The edge: the only crate that names an AWS service.

pub mod error;
pub mod http;
pub mod leads;
pub mod page;
pub mod problem;
