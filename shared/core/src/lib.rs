//! What an export of leads is: fields, filters, the CSV, the pipeline, the record and its states, the use-cases.
//!
//! Pure: no AWS, no HTTP, no tokio, no clock, no randomness, no environment. Ids, instants and randomness come in as
//! arguments or through the ports of [`ports`].

pub mod csv;
pub mod fields;
pub mod format;
pub mod lead;
pub mod limits;
pub mod page;
pub mod time;
pub mod value;
