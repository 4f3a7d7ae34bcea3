//! [`ExportStore`]: idempotency and quota of requests.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{create_through, export, get, must, org, request_key, row, run, source, then};
use crate::limits;
use crate::ports::{Created, ExportStore, Written};
use crate::record::{Export, ExportId, FailureCode};

/// Every claim of this module.
pub async fn all(store: &dyn ExportStore) {
    join_all([
        one_key_makes_one_export(store).boxed_local(),
        expired_key_counts_as_none(store).boxed_local(),
        key_is_of_one_organization_and_user(store).boxed_local(),
        full_organization_gets_no_more(store).boxed_local(),
        one_of_many_requests_with_one_key_is_new(store).boxed_local(),
        quota_holds_among_many_requests(store).boxed_local(),
        end_gives_the_place_back_once(store).boxed_local(),
        request_sent_twice_is_made_once(store).boxed_local(),
        late_copy_of_a_request_sets_nothing_back(store).boxed_local(),
    ])
    .await;
}

fn sorted(mut ids: Vec<ExportId>) -> Vec<ExportId> {
    ids.sort_unstable();
    ids
}

/// A second request under a key writes nothing and says what the first made; also when the organization is full.
pub async fn one_key_makes_one_export(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let first = export(&org, &source, "u-1", then());
    let key = request_key(&first, "k#1 – ü");
    let until = then().plus(limits::IDEMPOTENCY);
    let remembered = row(&first, until);
    let before = must(store.remembered(&key, then()).await, "remembered");
    assert_eq!(before, None, "nothing is remembered before");
    let answer = create_through(store, &first, Some((&key, &remembered)), 1).await;
    assert_eq!(answer, Created::New, "the first use of a key is new");

    let second = export(&org, &source, "u-1", then().plus(Duration::from_secs(1)));
    let mut other = row(&second, until);
    other.fingerprint = "cd".repeat(32);
    for max_active in [0, 1, 1000] {
        let answer = create_through(store, &second, Some((&key, &other)), max_active).await;
        assert_eq!(
            answer,
            Created::Remembered(remembered.clone()),
            "the second use finds the first, whatever the quota ({max_active})"
        );
    }
    assert_eq!(
        get(store, &second).await,
        None,
        "the second is not recorded"
    );
    let after = must(store.remembered(&key, then()).await, "remembered");
    assert_eq!(after, Some(remembered), "the first stays remembered");
    let third = export(&org, &source, "u-1", then());
    let answer = create_through(store, &third, None, 2).await;
    assert_eq!(answer, Created::New, "the refused one took no place");
}

/// D-7: a row counts until its time and no longer, whether or not the store has deleted it; then the key is free.
///
/// For `create`, the time is the new export's `requested_at`.
pub async fn expired_key_counts_as_none(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let first = export(&org, &source, "u-1", then());
    let key = request_key(&first, "k");
    let until = then().plus(limits::IDEMPOTENCY);
    let old = row(&first, until);
    let answer = create_through(store, &first, Some((&key, &old)), 9).await;
    assert_eq!(answer, Created::New, "the first use of a key is new");
    let just = until.minus(Duration::from_millis(1));
    let found = must(store.remembered(&key, just).await, "remembered");
    assert_eq!(found.as_ref(), Some(&old), "it counts until its time");
    for now in [until, until.plus(Duration::from_hours(1))] {
        let found = must(store.remembered(&key, now).await, "remembered");
        assert_eq!(found, None, "it counts no longer at {now}");
    }

    let early = export(&org, &source, "u-1", just);
    let answer = create_through(store, &early, Some((&key, &row(&early, until))), 9).await;
    assert_eq!(
        answer,
        Created::Remembered(old),
        "a request before its time finds it"
    );
    let later = until.plus(Duration::from_secs(1));
    let second = export(&org, &source, "u-1", later);
    let new = row(&second, later.plus(limits::IDEMPOTENCY));
    let answer = create_through(store, &second, Some((&key, &new)), 9).await;
    assert_eq!(answer, Created::New, "an expired key is free");
    let found = must(store.remembered(&key, later).await, "remembered");
    assert_eq!(
        found,
        Some(new),
        "the new request is remembered in its place"
    );
}

/// The same key of another user or organization is another key, also where the parts' texts would run together.
pub async fn key_is_of_one_organization_and_user(store: &dyn ExportStore) {
    let (here, there) = (org(), org());
    let source = source();
    let until = then().plus(limits::IDEMPOTENCY);
    for (org, user, key) in [
        (&here, "u", "k"),
        (&here, "v", "k"),
        (&there, "u", "k"),
        (&here, "u", "k2"),
        (&here, "u#k", "k"),
        (&here, "u", "k#k"),
    ] {
        let export = export(org, &source, user, then());
        let key = request_key(&export, key);
        let remembered = row(&export, until);
        let answer = create_through(store, &export, Some((&key, &remembered)), 99).await;
        assert_eq!(answer, Created::New, "{key:?} was never used");
        let found = must(store.remembered(&key, then()).await, "remembered");
        assert_eq!(found, Some(remembered), "{key:?} names its own row");
    }
}

/// Over the quota nothing is written, and the answer names who holds the places; other organizations are free.
pub async fn full_organization_gets_no_more(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let [first, second, third] = [0; 3].map(|_| export(&org, &source, "u-1", then()));
    for export in [&first, &second] {
        let answer = create_through(store, export, None, 2).await;
        assert_eq!(answer, Created::New, "there is a place");
    }
    let key = request_key(&third, "k");
    let remembered = row(&third, then().plus(limits::IDEMPOTENCY));
    assert_full(
        create_through(store, &third, Some((&key, &remembered)), 2).await,
        &[first.id(), second.id()],
    );
    assert_eq!(get(store, &third).await, None, "no record is written");
    let found = must(store.remembered(&key, then()).await, "remembered");
    assert_eq!(found, None, "no row is written");
    let elsewhere = export(&super::org(), &source, "u-1", then());
    let answer = create_through(store, &elsewhere, None, 2).await;
    assert_eq!(
        answer,
        Created::New,
        "another organization has its own places"
    );
}

fn assert_full(answer: Created, holders: &[ExportId]) {
    let Created::Full(found) = answer else {
        panic!("a full organization gets no more, but: {answer:?}");
    };
    assert_eq!(
        sorted(found),
        sorted(holders.to_vec()),
        "the answer names who holds the places"
    );
}

/// I8: of many requests at once under one key, one makes an export; all others are shown that one.
pub async fn one_of_many_requests_with_one_key_is_new(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let exports: Vec<Export> = (0..20)
        .map(|_| export(&org, &source, "u-1", then()))
        .collect();
    let key = request_key(&exports[0], "k");
    let until = then().plus(limits::IDEMPOTENCY);
    let rows: Vec<_> = exports.iter().map(|export| row(export, until)).collect();
    let calls = exports
        .iter()
        .zip(&rows)
        .map(|(export, row)| create_through(store, export, Some((&key, row)), 1));
    let answers = join_all(calls).await;
    let winner = must(store.remembered(&key, then()).await, "remembered");
    let mut new = 0;
    for (export, answer) in exports.iter().zip(answers) {
        let is_there = get(store, export).await.is_some();
        match answer {
            Created::New => {
                new += 1;
                assert!(is_there, "the new one is recorded");
            }
            Created::Remembered(found) => {
                assert_eq!(Some(&found), winner.as_ref(), "all are shown one row");
                // A try that met the others may have been written and told to come again; then it finds its own row.
                assert_eq!(is_there, found.export == export.id(), "only it is recorded");
            }
            Created::Full(_) => panic!("the key comes before the quota"),
        }
    }
    assert_eq!(new, 1, "exactly one is new");
}

/// I15: many requests at once never take more places than there are, and leave none free.
pub async fn quota_holds_among_many_requests(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let exports: Vec<Export> = (0..12)
        .map(|_| export(&org, &source, "u-1", then()))
        .collect();
    let calls = exports
        .iter()
        .map(|export| create_through(store, export, None, 5));
    let answers = join_all(calls).await;
    let mut holders = Vec::new();
    for (export, answer) in exports.iter().zip(&answers) {
        let is_new = *answer == Created::New;
        assert_eq!(
            get(store, export).await.is_some(),
            is_new,
            "new is recorded"
        );
        if is_new {
            holders.push(export.id());
        } else {
            assert!(matches!(answer, Created::Full(_)), "the others: {answer:?}");
        }
    }
    assert_eq!(holders.len(), 5, "all places are taken, and no more");
    let late = export(&org, &source, "u-1", then());
    assert_full(create_through(store, &late, None, 5).await, &holders);
}

/// A terminal write frees a place, once however often it is sent; a lost one frees none.
pub async fn end_gives_the_place_back_once(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let [first, second, third] = [0; 3].map(|_| export(&org, &source, "u-1", then()));
    let answer = create_through(store, &first, None, 1).await;
    assert_eq!(answer, Created::New, "there is a place");
    let leased = first.leased(run(), then());
    must(store.replace(&leased).await, "replace");
    let stale = first.failed(run(), FailureCode::Internal, then());
    let lost = must(store.end(&stale).await, "a late end");
    assert!(matches!(lost, Written::Lost(Some(_))), "it is late");
    let answer = create_through(store, &second, None, 1).await;
    assert_full(answer, &[first.id()]);

    let end = leased.failed(run(), FailureCode::Internal, then());
    let written = must(store.end(&end).await, "end");
    assert_eq!(written, Written::Done, "nobody else writes");
    let answer = create_through(store, &second, None, 1).await;
    assert_eq!(answer, Created::New, "the place is free again");
    let again = must(store.end(&end).await, "end again");
    assert!(again.is_mine(&end), "the second copy finds its own end");
    assert_full(create_through(store, &third, None, 1).await, &[second.id()]);
}

/// A request whose answer was lost is sent again, perhaps late: it takes one place and never sets a record back.
pub async fn request_sent_twice_is_made_once(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let mine = export(&org, &source, "u-1", then());
    let key = request_key(&mine, "k");
    let remembered = row(&mine, then().plus(limits::IDEMPOTENCY));
    let request = Some((&key, &remembered));
    let answer = create_through(store, &mine, request, 2).await;
    assert_eq!(answer, Created::New, "it is made");
    let leased = mine.leased(run(), then());
    must(store.replace(&leased).await, "replace");
    let again = create_through(store, &mine, request, 2).await;
    assert!(
        matches!(&again, Created::New)
            || matches!(&again, Created::Remembered(row) if *row == remembered),
        "the second copy finds its own export, but: {again:?}"
    );
    assert_eq!(
        get(store, &mine).await,
        Some(leased),
        "the record is not set back"
    );
    let [next, last] = [0; 2].map(|_| export(&org, &source, "u-1", then()));
    let answer = create_through(store, &next, None, 2).await;
    assert_eq!(answer, Created::New, "it took one place of two");
    assert_full(
        create_through(store, &last, None, 2).await,
        &[mine.id(), next.id()],
    );
}

/// D-8: a copy of a request may come when the store has forgotten that it made the first: here the first was written otherwise.
pub async fn late_copy_of_a_request_sets_nothing_back(store: &dyn ExportStore) {
    let mine = export(&org(), &source(), "u-1", then());
    must(store.add(&mine).await, "add");
    let leased = mine.leased(run(), then());
    must(store.replace(&leased).await, "replace");
    let again = create_through(store, &mine, None, 2).await;
    assert_eq!(again, Created::New, "the late copy finds its own export");
    assert_eq!(
        get(store, &mine).await,
        Some(leased),
        "a late copy sets the record back"
    );
}
