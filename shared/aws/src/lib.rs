//! The edge: the only crate that names an AWS service.

pub mod answer;
pub mod audit;
mod backoff;
mod batch_get;
pub mod clients;
pub mod clock;
pub mod config;
pub mod entry;
pub mod error;
pub mod exports;
pub mod http;
mod item;
pub mod lead_writer;
pub mod leads;
pub mod log;
pub mod metrics;
pub mod notifier;
pub mod objects;
pub mod openapi;
#[cfg(feature = "oracle")]
pub mod oracle;
pub mod page;
pub mod ports;
pub mod presets;
pub mod problem;
pub mod queue;
pub mod sources;
pub mod tables;
pub mod trace;
