//! What an export of leads is: fields, filters, the CSV, the pipeline, the record and its states, the use-cases.
//!
//! Pure: no AWS, no HTTP, no tokio, no clock, no randomness, no environment. Ids, instants and randomness come in as
//! arguments or through the ports of [`mod@ports`].

pub mod access;
pub mod answer;
pub mod ask;
mod contention;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod csv;
pub mod download;
pub mod end;
pub mod event;
pub mod export;
pub mod fields;
pub mod filter;
pub mod format;
pub mod gzip;
pub mod history;
pub mod input;
pub mod lead;
pub mod limits;
pub mod listing;
pub mod mail;
pub mod memory;
pub mod merge;
pub mod moves;
pub mod page;
pub mod pick;
pub mod piece;
pub mod pieces;
pub mod plan;
pub mod ports;
pub mod presets;
pub mod preview;
pub mod record;
pub mod request;
pub mod rows;
pub mod run;
pub mod schema;
#[cfg(test)]
mod simulate;
pub mod sink;
pub mod sweep;
mod telling;
pub mod time;
pub mod timeline;
pub mod usage;
pub mod value;
pub mod view;
pub mod volume;
#[cfg(test)]
mod world;
