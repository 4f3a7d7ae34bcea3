//! What is fed with hostile bytes, and what must hold then. `tests/replay.rs` runs the kept inputs and some mutations of them in
//! the suite; `make fuzz` lets libFuzzer look for more, guided by coverage.
//!
//! A target takes any bytes and panics where a promise is broken. A crash found becomes a file of `seeds/<target>`, named by
//! what was wrong.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

#[path = "../../security/apps.rs"]
mod apps;
#[path = "../../security/claims.rs"]
mod claims_model;
#[path = "../../../shared/core/src/csv/tests/model.rs"]
#[allow(dead_code, clippy::panic, reason = "the targets use its guard alone")]
mod guard_model;
#[path = "../../handlers/http.rs"]
mod http_api;
#[path = "../../handlers/log.rs"]
#[allow(dead_code, reason = "what is logged is looked at elsewhere")]
mod log;
#[path = "../../security/model.rs"]
#[allow(dead_code, reason = "the targets use its routes alone")]
mod model;
#[path = "../../handlers/world.rs"]
mod world;

mod answers;
mod bodies;
mod cells;
mod events;
mod imports;
mod messages;
mod pages;
mod records;

/// Something that is fed with bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and its seeds' folder.
    pub name: &'static str,
    /// Takes any bytes; panics where a promise is broken.
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All of them; a new one is a line here and a folder of seeds.
pub const TARGETS: &[Target] = &[
    target("page", pages::page),
    target("body", bodies::body),
    target("answer", answers::answer),
    target("query", bodies::query),
    target("event", events::event),
    target("claims", events::claims),
    target("message", messages::message),
    target("record", records::record),
    target("import", imports::import),
    target("cell", cells::cell),
];

/// Waits for work that nothing outside of it keeps waiting.
fn done<T>(work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..1_000_000 {
        if let std::task::Poll::Ready(answer) = work.as_mut().poll(&mut context) {
            return answer;
        }
    }
    panic!("it waits for something that does not come");
}
