//! The edge: speaks with AWS for the ports of the core. The only crate that names a service.

pub mod error;
pub mod leads;
pub mod page;
