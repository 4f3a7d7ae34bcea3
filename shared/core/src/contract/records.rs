//! [`ExportStore`]: a record is a line of states.

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{create, created, export, get, must, org, person, run, source, then};
use crate::lead::{LeadId, LeadKey};
use crate::limits;
use crate::moves::Finish;
use crate::pick::{Pick, Positions};
use crate::ports::{Created, ExportStore, StoreErrorKind, Written};
use crate::record::{
    Checkpoint, Export, FailureCode, File, Lease, Progress, RunPieces, Status, Tail, Warning,
};

/// Every claim of this module.
pub async fn all(store: &dyn ExportStore) {
    join_all([
        every_state_reads_back_whole(store).boxed_local(),
        failed_and_cancelled_records_read_back_whole(store).boxed_local(),
        unknown_and_foreign_records_are_not_there(store).boxed_local(),
        write_names_the_version_it_has_seen(store).boxed_local(),
        ended_record_is_added_once_and_takes_no_place(store).boxed_local(),
        write_to_no_record_makes_none(store).boxed_local(),
        own_write_sent_twice_is_recognised(store).boxed_local(),
        one_of_many_writers_wins(store).boxed_local(),
        one_of_many_enders_wins(store).boxed_local(),
    ])
    .await;
}

/// Writes the state and reads it back.
async fn step(store: &dyn ExportStore, next: Export) -> Export {
    let status = next.status();
    let written = if status.is_terminal() && next.notify && next.version > 1 {
        must(store.end(&next).await, "end")
    } else {
        must(store.replace(&next).await, "replace")
    };
    assert_eq!(written, Written::Done, "{status:?}: nobody else writes");
    let found = get(store, &next).await;
    assert_eq!(
        found.as_ref(),
        Some(&next),
        "{status:?}, version {}: what is read is what was written",
        next.version
    );
    next
}

fn checkpoint() -> Checkpoint {
    let (first, second) = (run(), run());
    Checkpoint {
        encoder: 7,
        cursor: Some(LeadKey::from_stored(
            "2026-01-01T00:00:00.000Z#l-#ü\u{10FFFF}",
        )),
        runs: vec![
            RunPieces {
                run: first,
                pieces: 2,
            },
            RunPieces {
                run: second,
                pieces: 0,
            },
        ],
        tail: Some(Tail {
            run: second,
            size_bytes: 5_000_000_000,
            open_bytes: 1_048_576,
            rows: 3,
        }),
        leads_read: u64::from(u32::MAX) + 1,
        rows: 10,
        bytes: 8_388_610,
        sha_state: "00ff".repeat(26),
        crc: "00000000ffffffff".into(),
        warnings: vec![Warning::ExcelCell],
        matched: 0,
    }
}

fn progress(leads_read: u64) -> Progress {
    Progress {
        leads_read,
        leads_written: leads_read / 2,
        known_leads: None,
    }
}

fn finish(export: &Export) -> Finish {
    Finish {
        file: File {
            run: run(),
            size_bytes: 5_000_000_000,
            sha256: Some("cd".repeat(32)),
            crc64nvme: "rosUhgp5mIg=".into(),
        },
        rows: 17,
        truncated: true,
        pieces: 3,
        progress: export.head.progress,
        warnings: vec![Warning::ExcelRows, Warning::ExcelCell],
    }
}

/// All states of an export's life, from pending to expired and cleaned, read back field by field.
pub async fn every_state_reads_back_whole(store: &dyn ExportStore) {
    let new = created(store).await;
    assert_eq!(
        get(store, &new).await.as_ref(),
        Some(&new),
        "a new record is read as it was written"
    );
    let now = then();
    let leased = step(store, new.leased(run(), now)).await;
    let beaten = step(store, leased.committed(run(), None, progress(4), now)).await;
    let paused = step(store, beaten.paused(run(), checkpoint(), progress(8), now)).await;
    let first = Checkpoint {
        cursor: None,
        runs: vec![],
        tail: None,
        warnings: vec![],
        matched: 0,
        ..checkpoint()
    };
    let again = step(store, paused.leased(run(), now)).await;
    let emptied = step(store, again.committed(run(), Some(first), progress(9), now)).await;
    let done = emptied.finished(finish(&emptied), now, limits::RETENTION);
    let done = step(store, done).await;
    let told = step(store, done.told(run())).await;
    let cleaned = step(store, told.cleaned(run())).await;
    let expired = step(store, cleaned.expired(run(), Some(person("u-2")), now)).await;
    let cleaned = step(store, expired.cleaned(run())).await;
    assert_eq!(cleaned.due_at, None, "nothing is left to do");
}

/// As [`every_state_reads_back_whole`], for the two other ends.
pub async fn failed_and_cancelled_records_read_back_whole(store: &dyn ExportStore) {
    let new = created(store).await;
    let leased = step(store, new.leased(run(), then())).await;
    step(
        store,
        leased.failed(run(), FailureCode::UnreadableLead, then()),
    )
    .await;
    let new = created(store).await;
    step(store, new.cancelled(run(), person("u-3"), then())).await;
}

/// A record is found by organization and id together.
pub async fn unknown_and_foreign_records_are_not_there(store: &dyn ExportStore) {
    let here = created(store).await;
    let elsewhere = must(store.get(&org(), here.id()).await, "get");
    assert_eq!(elsewhere, None, "another organization has no such record");
    let unknown = export(&here.org, &here.head.source, "u-1", then());
    assert_eq!(
        get(store, &unknown).await,
        None,
        "an unknown id is no record"
    );
}

/// A write from an older or a future state is lost, changes nothing, and says what is there now.
pub async fn write_names_the_version_it_has_seen(store: &dyn ExportStore) {
    let new = created(store).await;
    let now = new.leased(run(), then());
    let written = must(store.replace(&now).await, "replace");
    assert_eq!(
        written,
        Written::Done,
        "the first write from a state is done"
    );

    let late = new.leased(run(), then());
    let ahead = now.leased(run(), then()).leased(run(), then());
    let mut same = now.clone();
    same.by = run();
    for (wrong, what) in [(&late, "late"), (&ahead, "ahead"), (&same, "same version")] {
        let lost = must(store.replace(wrong).await, what);
        assert_eq!(
            lost,
            Written::Lost(Some(Box::new(now.clone()))),
            "{what}: a lost write says what is there now"
        );
        assert!(!lost.is_mine(wrong), "{what}: it is another's");
    }
    let late_end = new.failed(run(), FailureCode::Internal, then());
    let lost = must(store.end(&late_end).await, "late end");
    assert_eq!(
        lost,
        Written::Lost(Some(Box::new(now.clone()))),
        "a late end is lost as well"
    );
    assert_eq!(
        get(store, &new).await,
        Some(now),
        "lost writes change nothing"
    );
}

/// No write but a creation makes a record.
pub async fn write_to_no_record_makes_none(store: &dyn ExportStore) {
    let never = export(&org(), &source(), "u-1", then());
    let next = never.leased(run(), then());
    let written = must(store.replace(&next).await, "replace");
    assert_eq!(written, Written::Lost(None), "there is nothing to replace");
    let end = never.failed(run(), FailureCode::Internal, then());
    let written = must(store.end(&end).await, "end");
    assert_eq!(written, Written::Lost(None), "there is nothing to end");
    assert_eq!(get(store, &never).await, None, "no record came to be");
}

/// A record that has ended as it begins is there whole, takes no place among the active ones, is listed and due, and is never written
/// over.
pub async fn ended_record_is_added_once_and_takes_no_place(store: &dyn ExportStore) {
    let (org, source) = (org(), source());
    let first = export(&org, &source, "u-1", then());
    let mut plan = first.plan.clone();
    plan.pick = Some(Pick::Range(Positions {
        start: 7,
        count: 9_007_199_254_740_993,
        excluded: vec![LeadId::parse("ü#1").unwrap_or_else(|error| panic!("{error}"))],
        included: vec![],
    }));
    let progress = Progress {
        leads_read: 12,
        leads_written: 3,
        known_leads: None,
    };
    let by = first.head.requested_by.clone();
    let name = "a.csv".to_owned();
    let mine = Export::answered(
        first.id(),
        org.clone(),
        run(),
        by,
        plan,
        name,
        progress,
        then(),
    );
    must(store.add(&mine).await, "add");
    must(store.add(&mine).await, "add again");
    assert_eq!(get(store, &mine).await, Some(mine.clone()), "it is there");
    let mut other = mine.clone();
    other.by = run();
    let refused = store.add(&other).await.map_err(|error| error.kind);
    assert_eq!(refused, Err(StoreErrorKind::Conflict), "another of its id");
    assert_eq!(get(store, &mine).await, Some(mine.clone()), "it stays");
    let next = export(&org, &source, "u-1", then());
    let created = must(store.create(&next, None, 1).await, "create");
    assert_eq!(created, Created::New, "the one place is free");
    let told = mine.told(run());
    let written = must(store.replace(&told).await, "replace");
    assert_eq!(written, Written::Done, "it goes on like any other");
}

/// whoever repeats a write because the answer was lost learns that it was done, also after a due date moved.
pub async fn own_write_sent_twice_is_recognised(store: &dyn ExportStore) {
    let new = created(store).await;
    let mine = new.leased(run(), then());
    must(store.replace(&mine).await, "replace");
    let again = must(store.replace(&mine).await, "replace again");
    assert!(again.is_mine(&mine), "the second copy finds its own write");
    let end = mine.failed(run(), FailureCode::Internal, then());
    must(store.end(&end).await, "end");
    let again = must(store.end(&end).await, "end again");
    assert!(again.is_mine(&end), "the second copy finds its own end");
    assert_eq!(get(store, &new).await, Some(end), "it was written once");
}

/// Many writers from one state at once: one is done, all others learn whose state it is.
pub async fn one_of_many_writers_wins(store: &dyn ExportStore) {
    let new = created(store).await;
    let rivals: Vec<Export> = (0..12).map(|_| new.leased(run(), then())).collect();
    let answers = join_all(rivals.iter().map(|rival| store.replace(rival))).await;
    let now = get(store, &new).await;
    let mut done = 0;
    for (rival, answer) in rivals.iter().zip(answers) {
        match must(answer, "replace among many") {
            Written::Done => {
                done += 1;
                assert_eq!(
                    now.as_ref(),
                    Some(rival),
                    "whoever is done is the state now"
                );
            }
            Written::Lost(found) => {
                assert_eq!(found.as_deref(), now.as_ref(), "losers learn the state now");
            }
        }
    }
    assert_eq!(done, 1, "exactly one writer wins");
}

/// Many ends at once, some of them beside a commit: one write of all is done. Others may be told to come again.
pub async fn one_of_many_enders_wins(store: &dyn ExportStore) {
    let org = org();
    let new = export(&org, &source(), "u-1", then());
    create(store, &new).await;
    let enders: Vec<Export> = (0..6)
        .flat_map(|_| {
            [
                new.failed(run(), FailureCode::Internal, then()),
                new.cancelled(run(), person("u-2"), then()),
            ]
        })
        .collect();
    let answers = join_all(enders.iter().map(|ender| through(store, ender))).await;
    let now = get(store, &new).await;
    let mine: Vec<&Export> = enders
        .iter()
        .zip(&answers)
        .filter(|(ender, answer)| answer.is_mine(ender))
        .map(|(ender, _)| ender)
        .collect();
    assert_eq!(mine.len(), 1, "exactly one end wins");
    assert_eq!(now.as_ref(), mine.first().copied(), "it is the state now");
    assert_eq!(
        now.and_then(|now| now.lease),
        None::<Lease>,
        "ends hold no lease"
    );
    assert!(
        matches!(mine[0].status(), Status::Failed | Status::Cancelled),
        "it is one of the two ends"
    );
}

/// Ends, again as long as others are at the same rows.
async fn through(store: &dyn ExportStore, end: &Export) -> Written {
    let mut tries = 0;
    loop {
        match store.end(end).await {
            Err(error) if error.kind == StoreErrorKind::Conflict && tries < 1000 => tries += 1,
            answer => return must(answer, "end among many"),
        }
    }
}
