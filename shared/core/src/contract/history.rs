//! [`ExportStore`]: a source's history.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{create, eventually, export, must, org, run, source, then};
use crate::lead::{OrgId, SourceId};
use crate::ports::{ExportStore, HistoryQuery};
use crate::record::{Export, ExportId, FailureCode, Head, Status};
use crate::time::Instant;

/// Pages of one listing at most: a store that never comes to an end must not hold a test for ever.
const PAGES: usize = 1000;

/// Every claim of this module.
pub async fn all(store: &dyn ExportStore) {
    join_all([
        history_is_newest_first_and_pages_without_repeat_or_gap(store).boxed_local(),
        history_is_filtered(store).boxed_local(),
        history_goes_on_from_any_place(store).boxed_local(),
        history_shows_the_state_now(store).boxed_local(),
        requests_made_while_paging_move_nothing(store).boxed_local(),
    ])
    .await;
}

fn query(org: &OrgId, source: &SourceId) -> HistoryQuery {
    HistoryQuery {
        org: org.clone(),
        source: source.clone(),
        from: None,
        to: None,
        status: Vec::new(),
        requested_by: None,
        after: None,
        limit: 100,
    }
}

/// Everything the query finds, page by page. No page may be longer than asked, and each must lead on.
async fn list(store: &dyn ExportStore, query: &HistoryQuery) -> Vec<Head> {
    let mut query = query.clone();
    let mut heads = Vec::new();
    for _ in 0..PAGES {
        let page = must(store.history(&query).await, "history");
        assert!(
            page.exports.len() <= query.limit,
            "a page holds {} of at most {}",
            page.exports.len(),
            query.limit
        );
        heads.extend(page.exports);
        let Some(next) = page.next else { return heads };
        assert!(
            query.after.is_none_or(|after| next < after),
            "a page leads on: {next:?} after {:?}",
            query.after
        );
        query.after = Some(next);
    }
    panic!("the history comes to no end");
}

async fn shows(store: &dyn ExportStore, query: &HistoryQuery, expected: &[ExportId], what: &str) {
    eventually(what, async || {
        let found: Vec<ExportId> = list(store, query)
            .await
            .iter()
            .map(|head| head.id)
            .collect();
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found:?}, not {expected:?}"))
        }
    })
    .await;
}

fn at(seconds: u64) -> Instant {
    then().plus(Duration::from_secs(seconds))
}

/// Exports of some instants, several of each, newest first and by id where equal.
async fn filled(store: &dyn ExportStore, org: &OrgId, source: &SourceId) -> Vec<Export> {
    let mut exports: Vec<Export> = [3, 0, 1, 1, 2, 1, 0, 3, 1]
        .map(|seconds| export(org, source, "u-1", at(seconds)))
        .into();
    for export in &exports {
        create(store, export).await;
    }
    exports.sort_by_key(|export| std::cmp::Reverse((export.head.requested_at, export.id())));
    exports
}

fn ids<'a>(exports: impl IntoIterator<Item = &'a Export>) -> Vec<ExportId> {
    exports.into_iter().map(Export::id).collect()
}

/// T-LIST: the order is total, so pages of any size join to the same list. Other sources and organizations are not in it.
pub async fn history_is_newest_first_and_pages_without_repeat_or_gap(store: &dyn ExportStore) {
    let (org, source, other) = (org(), source(), source());
    let exports = filled(store, &org, &source).await;
    create(store, &export(&org, &other, "u-1", at(1))).await;
    create(store, &export(&super::org(), &source, "u-1", at(1))).await;
    for limit in [100, 9, 8, 4, 3, 2, 1] {
        let query = HistoryQuery {
            limit,
            ..query(&org, &source)
        };
        let what = format!("in pages of {limit}");
        shows(store, &query, &ids(&exports), &what).await;
    }
    let nothing = query(&org, &super::source());
    shows(store, &nothing, &[], "a source without exports").await;
}

/// Each filter alone and together, whatever the page size; bounds are inclusive.
pub async fn history_is_filtered(store: &dyn ExportStore) {
    use Status::{Cancelled, Completed, Failed, Pending, Processing};

    let (org, source) = (org(), source());
    let mut exports = Vec::new();
    for seconds in 0..8 {
        let user = if seconds % 3 == 0 { "u-1" } else { "u-2" };
        let new = export(&org, &source, user, at(seconds));
        create(store, &new).await;
        let now = match seconds % 4 {
            0 => new,
            1 => new.leased(run(), then()),
            2 => new.failed(run(), FailureCode::Internal, then()),
            _ => new.cancelled(run(), super::person("u-9"), then()),
        };
        if now.status().is_terminal() {
            must(store.end(&now).await, "end");
        } else if now.version > 1 {
            must(store.replace(&now).await, "replace");
        }
        exports.insert(0, now);
    }
    let some =
        |status: &[Status], user: Option<&str>, from: Option<u64>, to: Option<u64>| HistoryQuery {
            status: status.to_vec(),
            requested_by: user.map(str::to_owned),
            from: from.map(at),
            to: to.map(at),
            ..query(&org, &source)
        };
    for asked in [
        some(&[], None, None, None),
        some(&[Pending], None, None, None),
        some(&[Processing, Cancelled], None, None, None),
        some(&[Completed], None, None, None),
        some(&[], Some("u-1"), None, None),
        some(&[], Some("u-3"), None, None),
        some(&[], None, Some(2), None),
        some(&[], None, None, Some(5)),
        some(&[], None, Some(2), Some(5)),
        some(&[], None, Some(4), Some(4)),
        some(&[], None, Some(5), Some(4)),
        some(&[Failed, Processing], Some("u-2"), Some(1), Some(6)),
    ] {
        let expected: Vec<ExportId> = exports
            .iter()
            .filter(|export| {
                let head = &export.head;
                (asked.status.is_empty() || asked.status.contains(&head.status))
                    && (asked.requested_by.as_ref())
                        .is_none_or(|user| head.requested_by.id == *user)
                    && asked.from.is_none_or(|from| head.requested_at >= from)
                    && asked.to.is_none_or(|to| head.requested_at <= to)
            })
            .map(Export::id)
            .collect();
        for limit in [100, 2, 1] {
            let asked = HistoryQuery {
                limit,
                ..asked.clone()
            };
            shows(store, &asked, &expected, &format!("{asked:?}")).await;
        }
    }
}

/// A place to go on from need not be an entry, and may lie outside the bounds.
pub async fn history_goes_on_from_any_place(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let exports = filled(store, &org, &source).await;
    let (least, most) = (ExportId(Uuid::nil()), ExportId(Uuid::max()));
    let between = at(1).plus(Duration::from_millis(500));
    for place in [
        (at(1), least),
        (at(1), most),
        (between, least),
        (at(9), most),
        (then().minus(Duration::from_secs(9)), most),
        (at(3), exports[0].id()),
    ] {
        for (from, to) in [(None, None), (Some(at(1)), None), (None, Some(at(2)))] {
            let asked = HistoryQuery {
                after: Some(place),
                from,
                to,
                ..query(&org, &source)
            };
            let expected = exports.iter().filter(|export| {
                let requested_at = export.head.requested_at;
                (requested_at, export.id()) < place
                    && from.is_none_or(|from| requested_at >= from)
                    && to.is_none_or(|to| requested_at <= to)
            });
            shows(store, &asked, &ids(expected), &format!("{asked:?}")).await;
        }
    }
}

/// The head in the history is the record's, whole, and follows it.
pub async fn history_shows_the_state_now(store: &dyn ExportStore) {
    let new = super::created(store).await;
    let leased = new.leased(run(), then());
    let failed = leased.failed(run(), FailureCode::TooLarge, at(5));
    let asked = query(&new.org, &new.head.source);
    for (index, state) in [&new, &leased, &failed].into_iter().enumerate() {
        match index {
            0 => {}
            1 => assert!(must(store.replace(state).await, "replace").is_mine(state)),
            _ => assert!(must(store.end(state).await, "end").is_mine(state)),
        }
        eventually("the history", async || {
            let found = list(store, &asked).await;
            if found == [state.head.clone()] {
                Ok(())
            } else {
                Err(format!("{found:?}, not {:?}", state.head))
            }
        })
        .await;
    }
}

/// T-LIST: requests that come in while somebody pages are newer than the place reached: no entry comes twice or is left out.
pub async fn requests_made_while_paging_move_nothing(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let exports = filled(store, &org, &source).await;
    let mut asked = query(&org, &source);
    shows(store, &asked, &ids(&exports), "before paging").await;
    asked.limit = 2;
    let mut found = Vec::new();
    for page in 0..PAGES {
        let answer = must(store.history(&asked).await, "history");
        found.extend(answer.exports.iter().map(|head| head.id));
        let Some(next) = answer.next else {
            assert_eq!(found, ids(&exports), "each of the old, once, in order");
            return;
        };
        asked.after = Some(next);
        let seconds = 10 + u64::try_from(page).unwrap_or(0);
        create(store, &export(&org, &source, "u-1", at(seconds))).await;
    }
    panic!("the history comes to no end");
}
