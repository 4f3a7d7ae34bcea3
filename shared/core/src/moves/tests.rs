//! The table of states, and each move's dates.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::mail::{Address, Mail};
use crate::ports::Written;
use crate::world::World;

fn person() -> Person {
    Person {
        id: "u-1".into(),
        name: "Ann".into(),
    }
}

fn run(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

fn finish() -> Finish {
    Finish {
        file: File {
            run: run(1),
            size_bytes: 3,
            sha256: None,
            crc64nvme: String::new(),
        },
        rows: 1,
        truncated: false,
        pieces: 2,
        progress: Progress::default(),
        warnings: vec![],
    }
}

type Move = fn(&Export) -> Export;

const NOW: Instant = Instant::MIN;

const MOVES: [(&str, Move); 5] = [
    ("processing", |seen| seen.leased(run(1), NOW)),
    ("completed", |seen| {
        seen.finished(finish(), NOW, limits::RETENTION)
    }),
    ("failed", |seen| {
        seen.failed(run(1), FailureCode::Internal, NOW)
    }),
    ("cancelled", |seen| seen.cancelled(run(1), person(), NOW)),
    ("expired", |seen| seen.expired(run(1), None, NOW)),
];

/// A record in each state.
fn records() -> Vec<Export> {
    let world = World::new(0);
    let pending = world.export(world.request("{}"));
    let at = |name: &str, from: &Export| {
        let (_, next) = MOVES.iter().find(|(to, _)| *to == name).unwrap();
        next(from)
    };
    let processing = at("processing", &pending);
    let completed = at("completed", &processing);
    let expired = at("expired", &completed);
    let (failed, cancelled) = (at("failed", &pending), at("cancelled", &pending));
    vec![pending, processing, completed, failed, cancelled, expired]
}

#[test]
fn table_of_states_has_these_moves_and_no_other() {
    let allowed = [
        ("pending", vec!["processing", "failed", "cancelled"]),
        (
            "processing",
            vec!["processing", "completed", "failed", "cancelled"],
        ),
        ("completed", vec!["expired"]),
        ("failed", vec![]),
        ("cancelled", vec![]),
        ("expired", vec![]),
    ];
    let records = records();
    assert_eq!(
        records.iter().map(Export::status).collect::<Vec<_>>(),
        Status::ALL
    );
    for (record, (from, to)) in records.iter().zip(&allowed) {
        assert_eq!(record.status().as_str(), *from);
        for status in Status::ALL {
            assert_eq!(
                record.status().may_become(status),
                to.contains(&status.as_str()),
                "{from} to {status:?}"
            );
        }
        assert_eq!(
            record.status().is_terminal(),
            !["pending", "processing"].contains(from)
        );
        for (name, next) in MOVES {
            let moved = catch_unwind(AssertUnwindSafe(|| next(record)));
            let is_allowed = to.contains(&name);
            assert_eq!(moved.is_ok(), is_allowed, "{from} to {name}");
            if let Ok(moved) = moved {
                assert_eq!(moved.status().as_str(), name);
                assert_eq!(moved.version, record.version + 1, "one line of states");
            }
        }
    }
}

#[test]
fn what_is_still_to_be_done_has_a_date_and_what_is_done_has_none() {
    let hour = Duration::from_hours(1);
    let at = NOW.plus(hour);
    for record in records() {
        let is_resting = !record.notify && record.clean_at.is_none();
        assert!(
            record.due_at.is_some() || is_resting,
            "{:?}",
            record.status()
        );
    }
    let [_, processing, completed, failed, _, _] = records().try_into().unwrap();
    assert_eq!(
        processing.due_at,
        Some(NOW.plus(limits::LEASE + limits::LEASE_GRACE))
    );
    assert_eq!(
        (completed.due_at, completed.notify),
        (Some(NOW.plus(limits::TELL_GRACE)), true),
        "told at once by whoever ended it, else soon"
    );
    let (clean, expiry) = (NOW.plus(limits::CLEAN_AFTER), NOW.plus(limits::RETENTION));
    let told = completed.told(run(2));
    assert_eq!((told.due_at, told.notify), (Some(clean), false));
    let cleaned = told.cleaned(run(2));
    assert_eq!((cleaned.due_at, cleaned.clean_at), (Some(expiry), None));
    let expired = cleaned.expired(run(2), None, at);
    assert_eq!(
        expired.due_at,
        Some(at.plus(limits::CLEAN_AFTER)),
        "cleaned once more"
    );
    assert_eq!(expired.cleaned(run(2)).due_at, None);
    assert_eq!(
        failed.told(run(2)).cleaned(run(2)).due_at,
        None,
        "no file that could go"
    );
    // A file that goes before its leftovers are cleaned; one that goes before anybody was told.
    let short = processing
        .finished(finish(), NOW, Duration::from_mins(1))
        .told(run(2));
    assert_eq!(short.due_at, Some(NOW.plus(Duration::from_mins(1))));
    let untold = completed.expired(run(2), Some(person()), at);
    assert_eq!((untold.due_at, untold.notify), (Some(at), true));
    assert_eq!(
        completed.cleaned(run(2)).due_at,
        completed.due_at,
        "what is to be told keeps its date"
    );
    assert_eq!(cleaned.rested(run(3)).due_at, Some(expiry));
}

#[test]
fn mail_and_event_are_owed_each_for_itself() {
    let [_, mut processing, ..] = <[Export; 6]>::try_from(records()).unwrap();
    processing.mail = Some(Mail {
        to: Address::parse("ann@example.com").unwrap(),
        sent: false,
    });
    assert!(!processing.owes(), "it has not ended");
    let failed = processing.failed(run(1), FailureCode::Internal, NOW);
    let clean = Some(NOW.plus(limits::CLEAN_AFTER));
    let soon = Some(NOW.plus(limits::TELL_GRACE));
    for (event, mail, owes, due_at) in [
        (false, false, true, soon),
        (true, false, true, soon),
        (false, true, true, soon),
        (true, true, false, clean),
    ] {
        let told = failed.told_of(run(2), event, mail);
        assert_eq!((told.owes(), told.due_at), (owes, due_at), "{event} {mail}");
        assert_eq!((told.notify, told.owes_mail()), (!event, !mail));
        // What has been told stays told.
        assert_eq!(told.told_of(run(3), true, true).due_at, clean);
        let again = told.told_of(run(3), false, false);
        assert_eq!((again.notify, again.owes_mail()), (!event, !mail));
    }
}

#[test]
fn tries_count_runs_since_the_cursor_moved() {
    let [pending, ..] = <[Export; 6]>::try_from(records()).unwrap();
    let known = |cursor: Option<&str>| Checkpoint {
        cursor: cursor.map(crate::lead::LeadKey::from_stored),
        ..crate::pieces::beginning()
    };
    let commit = |seen: &Export, known| seen.committed(run(1), known, Progress::default(), NOW);
    let mut seen = pending;
    for tries in 1..=3 {
        let later = Duration::from_secs(u64::from(tries) - 1);
        seen = seen.leased(run(tries.into()), NOW.plus(later));
        assert_eq!((seen.tries, seen.slices), (tries, tries));
        assert_eq!(seen.head.started_at, Some(NOW), "it began once");
    }
    seen = commit(&seen, None);
    assert_eq!(seen.tries, 3, "a heartbeat is no progress");
    seen = commit(&seen, Some(known(None)));
    assert_eq!(seen.tries, 3, "nor is a checkpoint in the same place");
    seen = commit(&seen, Some(known(Some("a"))));
    assert_eq!((seen.tries, seen.slices), (0, 3));
    seen = commit(&seen.leased(run(9), NOW), Some(known(Some("a"))));
    assert_eq!(seen.tries, 1);
    let paused = seen.paused(
        run(9),
        known(Some("b")),
        Progress::default(),
        NOW.plus(Duration::from_secs(1)),
    );
    assert_eq!((paused.tries, paused.lease), (0, None));
    assert_eq!(paused.due_at, Some(NOW.plus(Duration::from_secs(1))));
}

#[test]
fn progress_never_goes_back() {
    let [_, processing, ..] = <[Export; 6]>::try_from(records()).unwrap();
    let progress = |leads_read, leads_written| Progress {
        leads_read,
        leads_written,
        known_leads: None,
    };
    let far = processing.committed(run(1), None, progress(10, 5), NOW);
    let back = far.committed(run(1), None, progress(3, 7), NOW);
    let head = back.head.progress;
    assert_eq!((head.leads_read, head.leads_written), (10, 7));
    assert_eq!(
        head.known_leads,
        Some(0),
        "the count known at the request stays"
    );
}

#[test]
fn timeline_tells_slices_parts_retries_and_transitions() {
    use crate::record::RunPieces;

    let [pending, ..] = <[Export; 6]>::try_from(records()).unwrap();
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    let read = |leads_read| Progress {
        leads_read,
        ..Progress::default()
    };
    let known = |cursor: &str, number, pieces, rows| Checkpoint {
        cursor: Some(crate::lead::LeadKey::from_stored(cursor)),
        runs: vec![RunPieces {
            run: run(number),
            pieces,
        }],
        rows,
        ..crate::pieces::beginning()
    };
    // A run that dies behind its second piece, a second that dies at once, a third that pauses, an operator, a fourth to the end.
    let seen = pending
        .leased(run(1), at(0))
        .committed(run(1), Some(known("a", 1, 2, 20)), read(50), at(5))
        .committed(run(1), None, read(60), at(10));
    let seen = seen.leased(run(2), at(100)).leased(run(3), at(200));
    let paused = known("b", 3, 1, 30);
    let seen = seen.paused(run(3), paused, read(70), at(220));
    let stuck = seen.leased(run(4), at(230));
    let retried = stuck.retried(run(99), at(300));
    assert_eq!((retried.tries, retried.lease), (0, None));
    assert_eq!(retried.due_at, Some(at(300)));
    assert_eq!(retried.version, stuck.version + 1);
    let finish = Finish {
        file: File {
            run: run(5),
            ..finish().file
        },
        rows: 40,
        pieces: 3,
        ..finish()
    };
    let seen = retried
        .leased(run(5), at(310))
        .finished(finish, at(330), limits::RETENTION)
        .told(run(5))
        .expired(run(6), None, at(400));
    let shown: Vec<String> = seen
        .timeline
        .steps
        .iter()
        .map(|step| {
            let Step {
                what,
                slice,
                tries,
                leads_read,
                rows,
                pieces,
                ..
            } = step;
            let until = step.until.map(|until| until.since(NOW).as_secs());
            let began = step.at.since(NOW).as_secs();
            format!("{began} {what:?} {slice} {tries} {leads_read} {rows} {pieces} {until:?}")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 Slice 1 1 60 20 2 None",
            "100 Slice 2 1 60 20 0 None",
            "200 Slice 3 2 70 30 1 Some(220)",
            "230 Slice 4 1 70 30 0 None",
            "300 Retried 0 0 0 0 0 None",
            "310 Slice 5 1 70 40 0 Some(330)",
            "330 Completed 0 0 0 40 3 None",
            "400 Expired 0 0 0 0 0 None",
        ]
    );
    let ended = |export: &Export| export.timeline.steps.last().map(|step| step.what);
    let failed = pending.failed(run(1), FailureCode::Internal, NOW);
    assert_eq!(ended(&failed), Some(What::Failed));
    let cancelled = pending.cancelled(run(1), person(), NOW);
    assert_eq!(ended(&cancelled), Some(What::Cancelled));
}

#[test]
fn a_write_is_ones_own_by_version_and_name() {
    // the condition of a write that was sent twice fails on its own first copy.
    let [pending, ..] = <[Export; 6]>::try_from(records()).unwrap();
    let mine = pending.leased(run(1), NOW);
    let lost = |now: &Export| Written::Lost(Some(Box::new(now.clone())));
    assert!(Written::Done.is_mine(&mine) && lost(&mine).is_mine(&mine));
    let other = pending.leased(run(2), NOW);
    let earlier = Export {
        version: mine.version - 1,
        ..mine.clone()
    };
    let later = mine.released(run(1), NOW);
    for now in [&other, &earlier, &later] {
        assert!(!lost(now).is_mine(&mine), "{} by {}", now.version, now.by);
    }
    assert!(!Written::Lost(None).is_mine(&mine));
}
