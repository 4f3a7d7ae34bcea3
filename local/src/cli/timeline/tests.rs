use super::*;
use lead_export_core::access::Person;
use lead_export_core::filter::Filter;
use lead_export_core::format::Format;
use lead_export_core::lead::{LeadKey, OrgId, SourceId};
use lead_export_core::moves::Finish;
use lead_export_core::plan::{Order, Plan};
use lead_export_core::record::{Checkpoint, ExportId, File, Progress, RunId, RunPieces};
use uuid::Uuid;

/// A new export.
pub(in crate::cli) fn export(requested_at: Instant) -> Export {
    let source = SourceId::parse("crm").unwrap();
    let plan = Plan {
        source,
        shards: 8,
        requested_at,
        asked: json!({}),
        filter: Filter::default(),
        pick: None,
        zone: None,
        columns: vec![],
        order: Order::Ascending,
        limit: None,
        format: Format::default(),
    };
    let person = Person {
        id: "u-1".into(),
        name: "ann@example.com".into(),
    };
    let org = OrgId::parse("acme").unwrap();
    let id = ExportId(Uuid::from_u128(7));
    let by = RunId(Uuid::nil());
    Export::new(id, org, by, person, plan, "crm.csv".into(), Some(100))
}

#[test]
fn every_transition_slice_part_and_retry_is_a_line() {
    let start = Instant::parse("2026-11-22T02:43:00.000Z").unwrap();
    let at = |seconds: u64| start.plus(Duration::from_secs(seconds));
    let run = |number| RunId(Uuid::from_u128(number));
    let known = |cursor: &str, runs: &[(u128, u32)], rows| Checkpoint {
        cursor: Some(LeadKey::from_stored(cursor)),
        runs: runs
            .iter()
            .map(|(number, pieces)| RunPieces {
                run: run(*number),
                pieces: *pieces,
            })
            .collect(),
        rows,
        ..lead_export_core::pieces::beginning()
    };
    let read = |leads_read| Progress {
        leads_read,
        ..Progress::default()
    };
    let file = File {
        run: run(4),
        size_bytes: 1_234_567,
        sha256: None,
        crc64nvme: String::new(),
    };
    let finish = Finish {
        file,
        rows: 4000,
        truncated: false,
        pieces: 4,
        progress: read(9000),
        warnings: vec![],
    };
    let done = export(start)
        .leased(run(1), at(1))
        .committed(run(1), Some(known("a", &[(1, 2)], 2000)), read(5000), at(5))
        .leased(run(2), at(120))
        .leased(run(3), at(240))
        .paused(
            run(3),
            known("b", &[(1, 2), (3, 1)], 3000),
            read(7000),
            at(300),
        )
        .retried(run(9), at(301))
        .leased(run(4), at(302))
        .finished(finish, at(320), Duration::from_hours(168));
    let given = Download {
        org: done.org.clone(),
        export: done.id(),
        id: Uuid::nil(),
        by: done.head.requested_by.clone(),
        at: at(4000),
    };
    let shown = text(&done, std::slice::from_ref(&given), at(100_000));
    let expected = "\
When                       After  What
2026-11-22 02:43:00.000Z   +0.0s  requested by ann@example.com
2026-11-22 02:43:01.000Z   +1.0s  slice 1 (run 00000000000000000000000000000001): 5,000 leads read, 2,000 rows stored, parts 1–2; the run did not come back
2026-11-22 02:45:00.000Z  +2m00s  slice 2 (run 00000000000000000000000000000002): 5,000 leads read, 2,000 rows stored; the run did not come back
2026-11-22 02:47:00.000Z  +4m00s  slice 3, try 2 of the same work (run 00000000000000000000000000000003): 7,000 leads read, 3,000 rows stored, part 3; over after 1m00s
2026-11-22 02:48:01.000Z  +5m01s  made due again by an operator
2026-11-22 02:48:02.000Z  +5m02s  slice 4 (run 00000000000000000000000000000004): 9,000 leads read, 4,000 rows stored; over after 18.0s
2026-11-22 02:48:20.000Z  +5m20s  completed: 4,000 rows, 1,234,567 bytes, of 4 stored parts and the rest
2026-11-22 03:49:40.000Z  +1h06m  a link to the file for ann@example.com
2026-11-23 06:29:40.000Z  +1d03h  now: completed; due since 1d03h; its end is still to be told; leftovers are still to be cleaned; the file goes at 2026-11-29 02:48:20.000Z";
    assert_eq!(shown, expected);
    let json = json(&done, &[given]);
    assert_eq!(json["steps"].as_array().unwrap().len(), 6);
    assert_eq!(
        (&json["slices"], &json["status"]),
        (&json!(4), &json!("completed"))
    );
}

#[test]
fn a_run_at_work_is_told_from_one_that_is_lost() {
    let start = Instant::from_millis(0);
    let at = |seconds: u64| start.plus(Duration::from_secs(seconds));
    let working = export(start).leased(RunId(Uuid::nil()), at(1));
    for (seconds, words) in [(90, "at work"), (92, "did not come back")] {
        let shown = text(&working, &[], at(seconds));
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn a_run_that_was_cancelled_is_not_said_to_be_lost() {
    let start = Instant::from_millis(0);
    let at = |seconds: u64| start.plus(Duration::from_secs(seconds));
    let (run, other) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
    let person = export(start).head.requested_by;
    let working = export(start).leased(run, at(1));
    let cancelled = working.cancelled(other, person.clone(), at(13));
    for seconds in [14, 100_000] {
        let shown = text(&cancelled, &[], at(seconds));
        assert!(
            shown.contains("0 rows stored; cancelled after 12.0s\n"),
            "{shown}"
        );
        assert!(!shown.contains("did not come back"), "{shown}");
    }
    // A run that gave its work back before is over by itself; one that another has followed was lost.
    let beginning = lead_export_core::pieces::beginning();
    let paused = working.paused(run, beginning, Progress::default(), at(5));
    let shown = text(
        &paused.cancelled(other, person.clone(), at(13)),
        &[],
        at(14),
    );
    assert!(
        shown.contains("over after 4.0s") && !shown.contains("cancelled after"),
        "{shown}"
    );
    let followed = working
        .leased(other, at(200))
        .cancelled(run, person, at(201));
    let shown = text(&followed, &[], at(300));
    assert!(
        shown.contains("did not come back") && shown.contains("cancelled after 1.0s"),
        "{shown}"
    );
}

#[test]
fn ends_say_by_whom_and_why() {
    use lead_export_core::record::FailureCode;

    let start = Instant::from_millis(0);
    let new = export(start);
    let by = RunId(Uuid::nil());
    let person = new.head.requested_by.clone();
    let old = {
        // As an earlier release wrote it.
        let mut old = new
            .leased(by, start)
            .failed(by, FailureCode::Internal, start);
        old.timeline = lead_export_core::timeline::Timeline::default();
        old
    };
    for (export, words) in [
        (
            new.failed(by, FailureCode::TooLarge, start),
            "failed: too_large",
        ),
        (
            new.cancelled(by, person, start),
            "cancelled by ann@example.com",
        ),
        (old, "the first slice began"),
    ] {
        let shown = text(&export, &[], start);
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn what_is_left_out_is_said() {
    let start = Instant::from_millis(0);
    let mut export = export(start);
    for number in 0..100 {
        export = export.leased(RunId(Uuid::from_u128(number)), start);
    }
    assert!(text(&export, &[], start).contains("… 76 further steps …"));
}
