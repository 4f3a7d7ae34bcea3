//! [`AuditStore`]: rows that stay.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{export_id, must, org, person, then};
use crate::lead::OrgId;
use crate::ports::{AuditStore, Download};
use crate::record::ExportId;

/// Every claim of this module.
pub async fn all(store: &dyn AuditStore) {
    join_all([
        rows_are_read_the_oldest_first(store).boxed_local(),
        row_is_written_once_and_never_changed(store).boxed_local(),
        the_newest_hundred_are_read(store).boxed_local(),
    ])
    .await;
}

fn download(org: &OrgId, export: ExportId, seconds: u64) -> Download {
    Download {
        org: org.clone(),
        export,
        id: Uuid::new_v4(),
        by: person(&format!("u#{seconds}")),
        at: then().plus(Duration::from_secs(seconds)),
    }
}

/// Rows of one export of one organization, whole, by instant; equal instants keep all their rows.
pub async fn rows_are_read_the_oldest_first(store: &dyn AuditStore) {
    let (org, export) = (org(), export_id());
    let none = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(none, [], "no rows before the first");
    let mut rows = Vec::new();
    for seconds in [2, 0, 3, 1, 1, 1] {
        let row = download(&org, export, seconds);
        must(store.record(&row).await, "record");
        rows.push(row);
    }
    let foreign = [
        download(&super::org(), export, 1),
        download(&org, export_id(), 1),
    ];
    for row in &foreign {
        must(store.record(row).await, "record");
    }
    let mut found = must(store.downloads(&org, export).await, "downloads");
    assert!(found.is_sorted_by_key(|row| row.at), "the oldest first");
    found.sort_by_key(|row| (row.at, row.id));
    rows.sort_by_key(|row| (row.at, row.id));
    assert_eq!(found, rows, "its own rows, each once, as written");
}

/// A repeated row is no error and no second row; another under the same name does not take its place.
pub async fn row_is_written_once_and_never_changed(store: &dyn AuditStore) {
    let (org, export) = (org(), export_id());
    let row = download(&org, export, 1);
    must(store.record(&row).await, "record");
    must(store.record(&row).await, "record again");
    let mut forged = row.clone();
    forged.by = person("somebody else");
    // Whether the store says that the name is taken, or nothing, is its own affair.
    let _ = store.record(&forged).await;
    let found = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(found, [row], "the row stays as it was written");
}

/// Of more than 100 rows the newest are read, still the oldest of them first.
pub async fn the_newest_hundred_are_read(store: &dyn AuditStore) {
    let (org, export) = (org(), export_id());
    let rows: Vec<Download> = (0..105)
        .map(|seconds| download(&org, export, seconds))
        .collect();
    for row in rows.iter().rev() {
        must(store.record(row).await, "record");
    }
    let found = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(found, rows[5..], "the newest 100, the oldest first");
}
