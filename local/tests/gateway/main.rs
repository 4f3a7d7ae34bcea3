//! The local HTTP API from outside: a real listener, a real client, scripted functions.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

mod answers;
mod api;
mod cors;
mod requests;
mod serving;
mod tokens;
