//! What a caller sees of a run while it goes on, and what it never sees: progress, a cancel, warnings, what was frozen.

use super::*;
use crate::fields::{CustomField, CustomKind, Source};
use crate::record::Warning;
use crate::world::{What, principal, source};

/// Contract §3: it moves at least so often while a run reads; a cancel takes effect in as much.
const SOON: Duration = Duration::from_secs(15);

/// A world whose reads take their time.
fn slow(leads: u32) -> World {
    let world = World::new(leads);
    world.clock.1.store(700, Ordering::Relaxed);
    world
}

#[test]
fn progress_moves_at_least_every_15_s_while_a_run_reads_and_never_back() {
    for body in ["{}", r#"{"filters": {"status": ["nothing"]}}"#] {
        let world = slow(600);
        let id = world.request(body);
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        let states = world.exports.states(&org(), id);
        // When a state was written: at its lease's beginning, or its end.
        let shown: Vec<(Instant, Progress)> = states
            .iter()
            .filter_map(|state| {
                let leased = state.lease.map(|lease| lease.until.minus(limits::LEASE));
                Some((leased.or(state.head.completed_at)?, state.head.progress))
            })
            .collect();
        let took = shown.last().unwrap().0.since(shown[0].0);
        assert!(took > 3 * SOON, "{took:?}: long enough to tell");
        let mut moved = shown[0];
        for (at, progress) in &shown[1..] {
            assert!(progress.leads_read >= moved.1.leads_read, "{body}");
            assert!(progress.leads_written >= moved.1.leads_written, "{body}");
            if progress.leads_read > moved.1.leads_read {
                assert!(at.since(moved.0) <= SOON, "{body}: {:?}", at.since(moved.0));
                moved = (*at, *progress);
            }
        }
        assert_eq!(moved.1.leads_read, 600, "{body}");
        world.settle(LONG);
    }
}

#[test]
fn leads_that_a_store_leaves_out_are_counted_before_and_behind_a_pause() {
    for body in [
        r#"{"filters": {"status": ["nothing"]}}"#,
        r#"{"filters": {"status": ["sold"]}}"#,
        r#"{"filters": {"status": ["sold"]}, "order": "-created_at"}"#,
    ] {
        let world = World::new(600);
        let id = world.request(body);
        world.clock.1.store(1, Ordering::Relaxed);
        let descending = world.export(id).plan.order == crate::plan::Order::Descending;
        let leads = world.leads.leads(&org(), &source_id());
        let mut slices = 0;
        while world.run(id, Duration::from_millis(10)).unwrap().unwrap() == Done::Paused {
            slices += 1;
            let export = world.export(id);
            let known = export.checkpoint.unwrap();
            let cursor = known.cursor.unwrap();
            let decided = leads.iter().filter(|lead| {
                if descending {
                    lead.key() >= cursor
                } else {
                    lead.key() <= cursor
                }
            });
            let decided = decided.count() as u64;
            assert!(
                known.leads_read.abs_diff(decided) <= 5 + slices,
                "{} of {decided}",
                known.leads_read
            );
            assert_eq!(export.head.progress.leads_read, known.leads_read);
        }
        assert!(slices > 5, "{slices}");
        let read = world.export(id).head.progress.leads_read;
        assert!(read.abs_diff(600) <= 5 + slices, "{read} of 600");
        world.settle(LONG);
    }
}

#[test]
fn cancel_takes_effect_within_15_s_frees_the_quota_and_leaves_nothing() {
    for page in [1, 20, 60] {
        let world = slow(400);
        let id = world.request("{}");
        let beside = world.beside();
        let cancel = move || {
            let end = beside.end_export();
            let answer = beside.drive(end.end(&principal(), Some(id)));
            let (export, _) = answer.unwrap().unwrap();
            assert_eq!(export.status(), Status::Cancelled);
            assert_eq!(export.head.ended_by.unwrap().id, "u-1");
            assert!(beside.exports.active(&org()).is_empty(), "free at once");
        };
        let place = Where::Nth("leads.page", page);
        world.script.at(place, What::Do(Box::new(cancel)));
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Lost);
        let cancelled_at = world.export(id).head.completed_at.unwrap();
        let took = world.clock.now().since(cancelled_at);
        assert!(took <= SOON, "{took:?} behind page {page}");
        world.settle(LONG);
        world.check_rest(id);
        assert_eq!(world.pieces.objects().len(), 0, "no object");
        assert_eq!(world.export(id).status(), Status::Cancelled);
    }
}

#[test]
fn filters_columns_headers_and_labels_are_those_of_the_request() {
    let field = |label: &str, kind| CustomField {
        key: "roof".into(),
        label: label.into(),
        kind,
        options: vec![],
    };
    let with = |custom: Vec<CustomField>| Source {
        custom,
        ..source("crm")
    };
    for changed in [vec![], vec![field("Other", CustomKind::Number)]] {
        let world = World::new(3);
        world
            .sources
            .put_source(with(vec![field("Roof", CustomKind::Text)]));
        let mut tiled = lead(7, world.clock.now().minus(Duration::from_mins(1)));
        tiled.values.insert("roof".into(), Value::from("tile"));
        world.put_lead(tiled);
        let id = world.request(
            r#"{"filters": {"custom": {"roof": ["TILE"]}}, "fields": ["roof", "lead_id"], "format": {"header": "labels"}}"#,
        );
        world.sources.put_source(with(changed));
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        let file = String::from_utf8(world.file(id)).unwrap();
        assert_eq!(file, "Roof,Lead ID\r\ntile,l-7007\r\n");
        world.settle(LONG);
    }
}

#[test]
fn excel_is_warned_of_rows_beyond_those_it_shows() {
    for (more, warnings) in [(0, vec![]), (1, vec![Warning::ExcelRows])] {
        let world = World::new(100);
        let id = world.request("{}");
        world.clock.1.store(1, Ordering::Relaxed);
        while world
            .export(id)
            .checkpoint
            .is_none_or(|known| known.rows == 0)
        {
            world.run(id, Duration::from_millis(5)).unwrap().unwrap();
        }
        // As if a million rows had been written before.
        let mut export = world.export(id);
        let known = export.checkpoint.as_mut().unwrap();
        assert!(known.warnings.is_empty() && known.rows < 100);
        known.rows += limits::EXCEL_ROWS - 100 + more;
        export.version += 1;
        let store = world.beside().run_export().exports;
        world.drive(store.replace(&export)).unwrap().unwrap();
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        let head = world.export(id).head;
        assert_eq!(head.lead_count, Some(limits::EXCEL_ROWS + more));
        assert_eq!(head.warnings, warnings);
    }
}

#[test]
fn excel_is_warned_of_cells_beyond_those_it_holds_in_every_profile() {
    for profile in ["standard", "raw", "excel", "excel-semicolon", "tsv"] {
        for (more, warnings) in [(0, vec![]), (1, vec![Warning::ExcelCell])] {
            let world = World::new(3);
            let mut long = lead(7, world.clock.now().minus(Duration::from_mins(1)));
            let text = "ä".repeat(limits::EXCEL_CELL_CHARS + more);
            long.values
                .insert("city".into(), Value::from(text.as_str()));
            world.put_lead(long);
            let id = world.request(&format!(r#"{{"format": {{"profile": "{profile}"}}}}"#));
            assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
            assert_eq!(world.export(id).head.warnings, warnings, "{profile}");
        }
    }
}

#[test]
fn a_warning_outlives_the_run_that_met_its_reason() {
    let begin = || {
        let world = World {
            piece_bytes: 700,
            ..World::new(60)
        };
        // The first of all: what comes after it does not warn of it again.
        let mut long = lead(0, world.clock.now().minus(Duration::from_hours(1000)));
        let text = "ä".repeat(limits::EXCEL_CELL_CHARS + 1);
        long.values
            .insert("city".into(), Value::from(text.as_str()));
        world.put_lead(long);
        let id = world.request("{}");
        (world, id, ())
    };
    crashed_between_pieces(begin, |world, id, ()| {
        assert_eq!(world.export(id).head.warnings, [Warning::ExcelCell]);
    });
    let (world, id, ()) = begin();
    world.clock.1.store(1, Ordering::Relaxed);
    world.settle(Duration::from_millis(3));
    let export = world.export(id);
    assert!(export.slices > 1);
    assert_eq!(export.head.warnings, [Warning::ExcelCell]);
}

#[test]
fn file_of_more_pieces_than_can_be_assembled_is_too_large() {
    let world = World {
        piece_bytes: 1,
        ..World::new(u32::try_from(limits::MAX_PARTS).unwrap() + 1)
    };
    world.leads.set_page_leads(1000);
    let id = world.request("{}");
    let done = world.beside().run(id, LONG).unwrap().unwrap();
    assert_eq!(done, Done::Failed(FailureCode::TooLarge));
    let failure = world.export(id).head.failure.unwrap();
    assert!(
        failure.message.contains(&id.to_string()),
        "{}",
        failure.message
    );
    assert!(failure.message.contains("Narrow the filters"));
}
