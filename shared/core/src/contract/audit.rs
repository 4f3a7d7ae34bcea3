//! [`AuditStore`]: rows that stay.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{eventually, export_id, must, org, person, source, then};
use crate::lead::{OrgId, SourceId};
use crate::ports::{AuditStore, Download, GivenQuery};
use crate::record::ExportId;

/// Every claim of this module.
pub async fn all(store: &dyn AuditStore) {
    join_all([
        rows_are_read_the_oldest_first(store).boxed_local(),
        row_is_written_once_and_never_changed(store).boxed_local(),
        the_newest_hundred_are_read(store).boxed_local(),
        rows_of_a_source_are_listed_without_repeat_or_gap(store).boxed_local(),
        rows_of_a_time_are_listed_both_ends_included(store).boxed_local(),
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
    let (org, source, export) = (org(), source(), export_id());
    let none = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(none, [], "no rows before the first");
    let mut rows = Vec::new();
    for seconds in [2, 0, 3, 1, 1, 1] {
        let row = download(&org, export, seconds);
        must(store.record(&source, &row).await, "record");
        rows.push(row);
    }
    let foreign = [
        download(&super::org(), export, 1),
        download(&org, export_id(), 1),
    ];
    for row in &foreign {
        must(store.record(&source, row).await, "record");
    }
    let mut found = must(store.downloads(&org, export).await, "downloads");
    assert!(found.is_sorted_by_key(|row| row.at), "the oldest first");
    found.sort_by_key(|row| (row.at, row.id));
    rows.sort_by_key(|row| (row.at, row.id));
    assert_eq!(found, rows, "its own rows, each once, as written");
}

/// A repeated row is no error and no second row; another under the same name does not take its place.
pub async fn row_is_written_once_and_never_changed(store: &dyn AuditStore) {
    let (org, source, export) = (org(), source(), export_id());
    let row = download(&org, export, 1);
    must(store.record(&source, &row).await, "record");
    must(store.record(&source, &row).await, "record again");
    let mut forged = row.clone();
    forged.by = person("somebody else");
    // Whether the store says that the name is taken, or nothing, is its own affair.
    let _ = store.record(&source, &forged).await;
    let found = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(found, [row], "the row stays as it was written");
}

/// Of more than 100 rows the newest are read, still the oldest of them first.
pub async fn the_newest_hundred_are_read(store: &dyn AuditStore) {
    let (org, source, export) = (org(), source(), export_id());
    let rows: Vec<Download> = (0..105)
        .map(|seconds| download(&org, export, seconds))
        .collect();
    for row in rows.iter().rev() {
        must(store.record(&source, row).await, "record");
    }
    let found = must(store.downloads(&org, export).await, "downloads");
    assert_eq!(found, rows[5..], "the newest 100, the oldest first");
}

/// All rows that the query finds, page by page. None may be longer than asked, and each must lead on.
async fn given(store: &dyn AuditStore, query: &GivenQuery) -> Vec<Download> {
    let mut query = query.clone();
    let mut rows: Vec<Download> = Vec::new();
    loop {
        let page = must(store.given(&query).await, "given");
        assert!(page.downloads.len() <= query.limit, "no more than asked");
        rows.extend(page.downloads);
        match page.next {
            None => return rows,
            Some(next) => {
                assert!(query.after.is_none_or(|after| after < next), "it leads on");
                query.after = Some(next);
            }
        }
    }
}

async fn finds(store: &dyn AuditStore, what: &str, query: &GivenQuery, expected: &[Download]) {
    let expected = expected.to_vec();
    eventually(what, async || {
        let found = given(store, query).await;
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}

fn rows_of(query: (&OrgId, &SourceId), from: u64, to: u64, limit: usize) -> GivenQuery {
    GivenQuery {
        org: query.0.clone(),
        source: query.1.clone(),
        from: then().plus(Duration::from_secs(from)),
        to: then().plus(Duration::from_secs(to)),
        after: None,
        limit,
    }
}

/// The rows of all exports of one source, whole and oldest first, in pages of any length; no other source's or organization's.
pub async fn rows_of_a_source_are_listed_without_repeat_or_gap(store: &dyn AuditStore) {
    let (org, source) = (org(), source());
    let exports = [export_id(), export_id()];
    let mut rows: Vec<Download> = [3, 1, 1, 2, 0, 1]
        .into_iter()
        .zip(exports.iter().cycle())
        .map(|(seconds, export)| download(&org, *export, seconds))
        .collect();
    for row in &rows {
        must(store.record(&source, row).await, "record");
    }
    let elsewhere = super::org();
    let foreign = download(&elsewhere, export_id(), 1);
    must(store.record(&source, &foreign).await, "record");
    let other = download(&org, export_id(), 1);
    must(store.record(&super::source(), &other).await, "record");
    rows.sort_by_key(|row| (row.at, row.id));
    for limit in [1, 2, 5, 6, 100] {
        let query = rows_of((&org, &source), 0, 9, limit);
        finds(store, "a source's rows", &query, &rows).await;
    }
    let query = rows_of((&elsewhere, &source), 0, 9, 100);
    finds(store, "another organization's", &query, &[foreign]).await;
}

/// Rows of a time, with those of its first and of its last millisecond; a time that ends before it begins has none.
pub async fn rows_of_a_time_are_listed_both_ends_included(store: &dyn AuditStore) {
    let (org, source, export) = (org(), source(), export_id());
    let rows: Vec<Download> = (0..5)
        .map(|seconds| download(&org, export, seconds))
        .collect();
    for row in &rows {
        must(store.record(&source, row).await, "record");
    }
    for (from, to, expected) in [(1, 3, &rows[1..4]), (2, 2, &rows[2..3]), (3, 2, &[])] {
        let query = rows_of((&org, &source), from, to, 2);
        finds(store, "rows of a time", &query, expected).await;
    }
}
