//! PreviewExport over in-memory ports: an exact preview is the file, an estimate says that it is one.

mod laws;

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::access::Role;
use crate::lead::{LeadKey, SourceId};
use crate::memory::{Fault, MemoryPresets};
use crate::world::{Asked, Where, World, principal, user};

impl World {
    fn preview_export(&self) -> PreviewExport {
        PreviewExport {
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            presets: Arc::new(MemoryPresets::new()),
            leads: self.faulty(&self.leads),
            sample: self.faulty(&self.leads),
            clock: self.clock.clone(),
            read_bytes: limits::PREVIEW_READ_BYTES,
            member_bytes: self.member_bytes,
        }
    }

    fn preview(&self, body: &str) -> Preview {
        self.preview_by(&self.preview_export(), body)
    }

    fn preview_by(&self, preview: &PreviewExport, body: &str) -> Preview {
        let principal = principal();
        let preview = preview.preview(&principal, "crm", body.as_bytes());
        self.drive(preview).unwrap().unwrap()
    }
}

/// Says the same, whatever it is asked.
struct Told(u64);

#[async_trait]
impl LeadSample for Told {
    async fn sampled(
        &self,
        _org: &OrgId,
        _source: &SourceId,
        _from: &LeadKey,
        _to: &LeadKey,
    ) -> Result<u64, StoreError> {
        Ok(self.0)
    }
}

/// Says nothing for ever.
struct Silent;

#[async_trait]
impl LeadSample for Silent {
    async fn sampled(
        &self,
        _org: &OrgId,
        _source: &SourceId,
        _from: &LeadKey,
        _to: &LeadKey,
    ) -> Result<u64, StoreError> {
        std::future::pending().await
    }
}

const SOLD: &str = r#"{"filters": {"status": ["sold"]}}"#;
const SINCE_2025: &str = r#"{"filters": {"created": {"from": "2025-01-01"}}}"#;

#[test]
fn preview_shows_count_columns_and_the_first_rows() {
    let world = World::new(9);
    let body = r#"{"filters": {"status": ["sold"]}, "fields": ["lead_id", {"key": "name", "header": "Who"}]}"#;
    let preview = world.preview(body);
    assert!(preview.exact);
    assert_eq!(preview.lead_count, 3);
    let columns: Vec<_> = preview
        .columns
        .iter()
        .map(|column| (column.key.as_str(), column.header.as_str()))
        .collect();
    assert_eq!(columns, [("lead_id", "lead_id"), ("name", "Who")]);
    assert_eq!(
        preview.rows,
        [
            ["l-0", "Ann, \"0\""],
            ["l-3003", "Ann, \"3\""],
            ["l-6006", "Ann, \"6\""]
        ]
    );
    assert_eq!(world.preview("{}").rows.len(), 5);
    let nothing = world.preview(r#"{"filters": {"status": ["gone"]}}"#);
    assert_eq!((nothing.lead_count, nothing.exact), (0, true));
    assert!(nothing.rows.is_empty());
}

#[test]
fn preview_asks_for_the_exporters_grant_and_for_a_sound_request() {
    let world = World::new(3);
    world.grant("viewer", Some("crm"), Role::Viewer);
    let preview = world.preview_export();
    let ask = |name: &str, source: &str, body: &str| {
        let principal = user(name);
        let asked = preview.preview(&principal, source, body.as_bytes());
        world.drive(asked).unwrap().unwrap_err()
    };
    let refused = |error| match error {
        PreviewError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    assert_eq!(refused(ask("viewer", "crm", "{}")), Refusal::Forbidden);
    assert_eq!(refused(ask("nobody", "crm", "{}")), Refusal::NotFound);
    assert_eq!(refused(ask("u-1", "other", "no json")), Refusal::NotFound);
    let PreviewError::Invalid(invalid) = ask("u-1", "crm", r#"{"limit": 0, "again": "x"}"#) else {
        panic!("a bad body is refused");
    };
    let fields: Vec<_> = invalid
        .errors
        .iter()
        .map(|error| error.field.as_str())
        .collect();
    assert_eq!(fields, ["limit", "again"]);
    assert_eq!(world.leads.pages(), 0);
    assert!(world.exports.all().is_empty());
}

#[test]
fn what_is_not_read_is_estimated_and_says_so() {
    let world = World::new(3000);
    let mut preview = world.preview_export();
    preview.read_bytes = 100_000;
    for (body, truth) in [("{}", 3000.0), (SOLD, 1000.0)] {
        let before = world.leads.pages();
        let found = world.preview_by(&preview, body);
        assert!(!found.exact, "{body}");
        assert!(world.leads.pages() - before < 400, "not all was read");
        let about = f64::from(u32::try_from(found.lead_count).unwrap());
        assert!((about / truth - 1.0).abs() < 0.05, "{body}: {about}");
        let id = world.request(body);
        world.run(id, crate::world::LONG).unwrap().unwrap();
        let size = world.export(id).head.file.unwrap().size_bytes;
        assert!(found.size_bytes.abs_diff(size) < size / 20, "{body}");
        assert_eq!(found.rows, world.preview(body).rows);
    }
    let limited = world.preview_by(&preview, r#"{"limit": 900}"#);
    assert_eq!((limited.lead_count, limited.exact), (900, false));
    // The limit is reached in what was read: nothing is left to guess.
    let limited = world.preview_by(&preview, r#"{"limit": 20}"#);
    assert_eq!((limited.lead_count, limited.exact), (20, true));
}

#[test]
fn whatever_fits_the_allowance_is_counted() {
    let world = World::new(500);
    let mut preview = world.preview_export();
    let mut exact = 0;
    for read_bytes in (0..400_000).step_by(20_000) {
        preview.read_bytes = read_bytes;
        let found = world.preview_by(&preview, SOLD);
        assert!(exact == 0 || found.exact, "{read_bytes}");
        exact += u32::from(found.exact);
        if found.exact {
            assert_eq!(found.lead_count, 167);
        }
    }
    assert!(exact > 0, "some allowance is enough");
}

#[test]
fn estimates_of_a_range_go_by_the_sample() {
    let world = World::new(300);
    let mut preview = PreviewExport {
        read_bytes: 20_000,
        sample: Arc::new(Told(7)),
        ..world.preview_export()
    };
    // The count of the whole source says nothing of a range.
    assert_eq!(world.preview_by(&preview, SINCE_2025).lead_count, 7 * 1024);
    assert_eq!(world.preview_by(&preview, "{}").lead_count, 300);
    // A sample of few leads may say fewer than were read.
    preview.sample = Arc::new(Told(0));
    let least = world.preview_by(&preview, SINCE_2025);
    assert!(least.lead_count > 0 && !least.exact, "{least:?}");
    // A sample that says nothing costs no more time than there is.
    preview.sample = Arc::new(Silent);
    let started = world.clock.now();
    assert_eq!(world.preview_by(&preview, SINCE_2025).lead_count, 300);
    let took = world.clock.now().since(started);
    assert!(took <= limits::PREVIEW_ESTIMATED_BY, "{took:?}");
}

#[test]
fn more_rows_than_excel_opens_are_warned_of_before_the_file_is_made() {
    let world = World::new(300);
    // A sample of so many leads stands for 1 024 times as many: the last count without the warning, and the first with it.
    for (sampled, body, rows, warnings) in [
        (1023, SINCE_2025.to_owned(), 1_047_552, vec![]),
        (
            1024,
            SINCE_2025.to_owned(),
            1_048_576,
            vec![Warning::ExcelRows],
        ),
        (
            1024,
            since_2025_and(1_048_576),
            1_048_576,
            vec![Warning::ExcelRows],
        ),
        (1024, since_2025_and(1_048_575), 1_048_575, vec![]),
    ] {
        let preview = PreviewExport {
            read_bytes: 20_000,
            sample: Arc::new(Told(sampled)),
            ..world.preview_export()
        };
        let found = world.preview_by(&preview, &body);
        assert_eq!((found.lead_count, found.exact), (rows, false), "{body}");
        assert_eq!(found.warnings, warnings, "{body}");
    }
}

/// [`SINCE_2025`], with a limit.
fn since_2025_and(limit: u64) -> String {
    format!(r#"{{"filters": {{"created": {{"from": "2025-01-01"}}}}, "limit": {limit}}}"#)
}

#[test]
fn slow_leads_are_not_waited_for() {
    let world = World::new(3000);
    // Each look at the clock takes some time: reading is slow.
    world.clock.1.store(20, Ordering::Relaxed);
    let started = world.clock.now();
    let found = world.preview(SOLD);
    let took = world.clock.now().since(started);
    assert!(!found.exact);
    assert!(took <= Duration::from_secs(2), "{took:?}");
    assert!(found.lead_count > 500, "{found:?}");
    // Reads that never come back: each lead may match.
    world.clock.1.store(0, Ordering::Relaxed);
    let hung = PreviewExport {
        leads: Arc::new(Hung),
        ..world.preview_export()
    };
    let found = world.preview_by(&hung, SOLD);
    assert_eq!((found.lead_count, found.exact), (3000, false));
    // It says so by what it shows: no row, and the size of the header alone.
    let header = world.preview(r#"{"filters": {"status": ["gone"]}}"#);
    assert_eq!((found.rows.len(), found.size_bytes), (0, header.size_bytes));
    let limited = world.preview_by(&hung, r#"{"limit": 900}"#);
    assert_eq!((limited.lead_count, limited.exact), (900, false));
}

#[test]
fn first_rows_do_not_wait_for_whole_pages() {
    let world = World::new(300);
    let asked = Arc::new(Asked::of(world.preview_export().leads));
    let preview = PreviewExport {
        leads: Arc::<Asked>::clone(&asked),
        ..world.preview_export()
    };
    assert!(world.preview_by(&preview, "{}").exact);
    assert!((1..=u64::from(limits::PREVIEW_PAGE_LEADS)).contains(&asked.most()));
}

/// Leads that never come.
struct Hung;

#[async_trait]
impl LeadSource for Hung {
    async fn page(
        &self,
        _query: &crate::ports::PageQuery,
    ) -> Result<crate::ports::LeadPage, StoreError> {
        std::future::pending().await
    }
}

#[test]
fn failures_of_stores_are_told() {
    for (name, read_bytes) in [("leads.page", 1 << 20), ("leads.sampled", 3000)] {
        let world = World::new(300);
        let preview = PreviewExport {
            read_bytes,
            ..world.preview_export()
        };
        let kind = StoreErrorKind::Unavailable;
        world.script.fail(Where::Every(name), Fault::Before(kind));
        let principal = principal();
        let asked = preview.preview(&principal, "crm", SINCE_2025.as_bytes());
        let error = world.drive(asked).unwrap().unwrap_err();
        assert!(
            matches!(error, PreviewError::Store(error) if error.kind == kind),
            "{name}"
        );
    }
}

#[test]
fn rows_come_apart_as_they_were_put_together() {
    for (row, delimiter, expected) in [
        ("\"\"\r\n", b',', vec![""]),
        ("a,,b\r\n", b',', vec!["a", "", "b"]),
        (
            "\"a,\"\"b\"\"\",\"c\r\nd\"\r\n",
            b',',
            vec!["a,\"b\"", "c\r\nd"],
        ),
        ("a,b;\"=\"\"1\"\"\"\r\n", b';', vec!["a,b", "=\"1\""]),
        ("\u{FEFF}x\ty\r\n", b'\t', vec!["\u{FEFF}x", "y"]),
    ] {
        assert_eq!(cells::cells(row.as_bytes(), delimiter), expected, "{row}");
    }
}
