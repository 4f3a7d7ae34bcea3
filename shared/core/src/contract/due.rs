//! [`ExportStore`]: what somebody must look at.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{create, eventually, export, get, must, org, run, source};
use crate::lead::OrgId;
use crate::ports::{Due, ExportStore};
use crate::record::{Export, ExportId, FailureCode};
use crate::time::Instant;

/// Enough that what other claims have left in the same store hides nothing.
const LIMIT: usize = 1000;

/// Every claim of this module.
pub async fn all(store: &dyn ExportStore) {
    join_all([
        due_exports_are_listed_the_longest_due_first(store).boxed_local(),
        what_is_not_due_any_more_is_not_listed(store).boxed_local(),
        postponing_moves_only_the_date_seen(store).boxed_local(),
    ])
    .await;
}

/// An instant in the first century, where next to nothing else is due.
fn long_ago() -> Instant {
    let random = i64::from(Uuid::new_v4().as_fields().0) * 600;
    Instant::MIN.plus(Duration::from_millis(random.unsigned_abs()))
}

async fn due_in(store: &dyn ExportStore, org: &OrgId, now: Instant) -> Vec<Due> {
    let mut due = must(store.due(now, LIMIT).await, "due");
    assert!(
        due.is_sorted_by_key(|due| due.due_at),
        "the longest due first"
    );
    assert!(
        due.iter().all(|due| due.due_at <= now),
        "nothing is listed before its time"
    );
    due.retain(|due| due.org == *org);
    due
}

async fn shows(
    store: &dyn ExportStore,
    org: &OrgId,
    now: Instant,
    expected: &[(ExportId, Instant)],
) {
    eventually("the list of what is due", async || {
        let found: Vec<_> = due_in(store, org, now)
            .await
            .into_iter()
            .map(|due| (due.id, due.due_at))
            .collect();
        if found == expected {
            Ok(())
        } else {
            Err(format!("at {now}: {found:?}, not {expected:?}"))
        }
    })
    .await;
}

async fn due_at(store: &dyn ExportStore, org: &OrgId, at: Instant) -> Export {
    let mut export = export(org, &source(), "u-1", at);
    export.due_at = Some(at);
    create(store, &export).await;
    export
}

/// All with a date at or before now, by date, each with its date; others are not.
pub async fn due_exports_are_listed_the_longest_due_first(store: &dyn ExportStore) {
    let (org, start) = (org(), long_ago());
    let mut expected = Vec::new();
    // Written in another order than the dates'.
    for seconds in [3, 1, 4, 0, 2] {
        let at = start.plus(Duration::from_secs(seconds));
        expected.push((due_at(store, &org, at).await.id(), at));
    }
    expected.sort_by_key(|(_, at)| *at);
    let third = expected[2].1;
    shows(store, &org, third, &expected[..3]).await;
    let just = third.minus(Duration::from_millis(1));
    shows(store, &org, just, &expected[..2]).await;
    let before = start.minus(Duration::from_millis(1));
    shows(store, &org, before, &[]).await;
}

/// The list follows the record: a moved date moves, a date that is gone is gone.
pub async fn what_is_not_due_any_more_is_not_listed(store: &dyn ExportStore) {
    let (org, start) = (org(), long_ago());
    let now = start.plus(Duration::from_hours(1));
    let new = due_at(store, &org, start).await;
    shows(store, &org, now, &[(new.id(), start)]).await;
    let leased = new.leased(run(), start);
    must(store.replace(&leased).await, "replace");
    let moved = leased.due_at.unwrap_or(now);
    assert!(moved > start, "a lease moves the date");
    shows(store, &org, now, &[(new.id(), moved)]).await;
    let failed = leased.failed(run(), FailureCode::Internal, start);
    must(store.end(&failed).await, "end");
    let told = failed.told(run());
    must(store.replace(&told).await, "replace");
    let cleaned = told.cleaned(run());
    assert_eq!(cleaned.due_at, None, "nothing is left to do");
    must(store.replace(&cleaned).await, "replace");
    shows(store, &org, now, &[]).await;
}

/// X: `postpone` moves the date if it is the one seen, says so, and moves nothing else of the record.
pub async fn postponing_moves_only_the_date_seen(store: &dyn ExportStore) {
    let (org, start) = (org(), long_ago());
    let later = start.plus(Duration::from_mins(1));
    let new = due_at(store, &org, start).await;
    let seen = Due {
        org: org.clone(),
        id: new.id(),
        due_at: start,
    };
    let moved = must(store.postpone(&seen, later).await, "postpone");
    assert!(moved, "it was the date seen");
    let postponed = Export {
        due_at: Some(later),
        ..new.clone()
    };
    let found = get(store, &new).await;
    assert_eq!(found, Some(postponed), "the date moves, the version stays");
    shows(store, &org, later, &[(new.id(), later)]).await;
    shows(store, &org, start, &[]).await;

    let moved = must(
        store.postpone(&seen, start).await,
        "a date that has moved is no error",
    );
    assert!(!moved, "it was another date");
    let found = get(store, &new).await.and_then(|found| found.due_at);
    assert_eq!(found, Some(later), "a date not seen is not moved");

    let leased = new.leased(run(), start);
    let written = must(store.replace(&leased).await, "replace");
    assert!(written.is_mine(&leased), "postponing is in no writer's way");
    let unknown = Due {
        id: super::export_id(),
        ..seen
    };
    let moved = must(
        store.postpone(&unknown, later).await,
        "a record that is gone is no error",
    );
    assert!(!moved, "there is no date");
    let made = must(store.get(&org, unknown.id).await, "get");
    assert_eq!(made, None, "postponing makes no record");
}
