//! The tests from outside: the embedded stack, real function processes, the real SDK. No Docker, no network beyond loopback.

mod access;
mod durability;
mod exports;
mod real_leads;
mod util;
mod values;
