//! The tests from outside: the embedded stack, real function processes, the real SDK. No Docker, no network beyond loopback.

mod access;
mod adapters;
mod answers;
mod cli;
mod contract;
mod deaths;
mod durability;
mod exports;
mod invoked;
mod leaks;
mod limits;
mod links;
mod openapi;
mod operating;
mod page;
mod presets;
mod preview;
mod real_leads;
mod template;
mod tokens;
mod told;
mod util;
mod values;
mod wire;
