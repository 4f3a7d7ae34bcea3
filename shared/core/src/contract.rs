//! What any implementation of a port must satisfy, as tests that take the implementation.
//!
//! Each function asserts one claim; `all` of each module runs every claim of a port at once. They draw their own organizations,
//! sources and ids, so they can share one store with each other and with what it holds already. What may lag (the history, the
//! list of what is due) is asked again, up to [`ASKED`] times, before a claim fails.
#![expect(
    clippy::missing_panics_doc,
    reason = "to panic is how a claim fails; there is nothing else to say of it"
)]

pub mod audit;
pub mod cells;
pub mod due;
pub mod history;
pub mod index;
pub mod leads;
pub mod pieces;
pub mod presets;
pub mod pushed;
pub mod records;
pub mod requests;
pub mod sample;
pub mod sources;
pub mod uploads;
pub mod volume;

use std::error::Error as _;

use uuid::Uuid;

use crate::access::Person;
use crate::fields::{Column, Kind};
use crate::filter::Filter;
use crate::format::Format;
use crate::lead::{OrgId, SourceId};
use crate::plan::{Order, Plan};
use crate::ports::{Created, ExportStore, Remembered, RequestKey, StoreError, StoreErrorKind};
use crate::record::{Export, ExportId, RunId};
use crate::time::Instant;

/// How often what may lag is asked before a claim about it fails.
pub const ASKED: usize = 100;

/// 2026-11-22T02:43:00.123Z: the milliseconds must survive a store.
const THEN: i64 = 1_795_315_380_123;

fn then() -> Instant {
    Instant::from_millis(THEN)
}

/// The value of an answer that must be one.
fn must<T>(answer: Result<T, StoreError>, what: &str) -> T {
    answer.unwrap_or_else(|error| {
        let cause = error
            .source()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        panic!("{what}: {error}{cause}")
    })
}

/// Asks until the answer is right: for what may lag.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut wrong = String::new();
    for _ in 0..ASKED {
        match ask().await {
            Ok(right) => return right,
            Err(why) => wrong = why,
        }
    }
    panic!("{what}: {wrong}")
}

fn org() -> OrgId {
    let name = format!("org-{}", Uuid::new_v4().simple());
    OrgId::parse(name).unwrap_or_else(|error| panic!("{error}"))
}

fn source() -> SourceId {
    let name = format!("source-{}", Uuid::new_v4().simple());
    SourceId::parse(name).unwrap_or_else(|error| panic!("{error}"))
}

fn export_id() -> ExportId {
    ExportId(Uuid::new_v4())
}

fn run() -> RunId {
    RunId(Uuid::new_v4())
}

fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: format!("{id} Ünal"),
    }
}

/// A new record, with something in every field that a new record has.
fn export(org: &OrgId, source: &SourceId, user: &str, requested_at: Instant) -> Export {
    let plan = Plan {
        source: source.clone(),
        shards: 8,
        requested_at,
        asked: serde_json::json!({ "status": ["new", ""], "score": { "gte": 1.5 }, "search": null, "ü": true }),
        filter: Filter::default(),
        zone: Some("Europe/Berlin".into()),
        pick: None,
        columns: vec![Column {
            key: "email".into(),
            header: "E-Mail, \"first\"".into(),
            given: true,
            kind: Kind::Text,
        }],
        order: Order::Descending,
        limit: Some(9_007_199_254_740_993),
        format: Format::default(),
    };
    let id = export_id();
    let file_name = format!("{source}-{id}.csv");
    Export::new(
        id,
        org.clone(),
        run(),
        person(user),
        plan,
        file_name,
        Some(12),
    )
}

/// Writes a new record in a source and organization of its own.
async fn created(store: &dyn ExportStore) -> Export {
    let export = export(&org(), &source(), "u-1", then());
    create(store, &export).await;
    export
}

async fn create(store: &dyn ExportStore, export: &Export) {
    let answer = must(store.create(export, None, 1000).await, "create");
    assert_eq!(answer, Created::New, "a new record is new");
}

async fn get(store: &dyn ExportStore, export: &Export) -> Option<Export> {
    must(store.get(&export.org, export.id()).await, "get")
}

fn request_key(export: &Export, key: &str) -> RequestKey {
    RequestKey {
        org: export.org.clone(),
        user: export.head.requested_by.id.clone(),
        key: key.to_owned(),
    }
}

fn row(export: &Export, until: Instant) -> Remembered {
    Remembered {
        fingerprint: "ab".repeat(32),
        export: export.id(),
        until,
    }
}

/// Creates, again as long as others are at the same rows: what the caller of the port does.
async fn create_through(
    store: &dyn ExportStore,
    export: &Export,
    request: Option<(&RequestKey, &Remembered)>,
    max_active: usize,
) -> Created {
    let mut tries = 0;
    loop {
        match store.create(export, request, max_active).await {
            Err(error) if error.kind == StoreErrorKind::Conflict && tries < 1000 => tries += 1,
            answer => return must(answer, "create among many"),
        }
    }
}
