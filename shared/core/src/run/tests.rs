//! RunExport over in-memory ports: pauses, crashes at every call, two runs at once, cancels – always the same bytes.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_trait::async_trait;

use super::*;
use crate::access::{Grant, Principal, Role};
use crate::fields::Source;
use crate::lead::{Lead, LeadId, SourceId, Value};
use crate::memory::{
    Fault, FaultPlan, Faulty, ManualClock, MemoryExports, MemoryLeads, MemoryNotifier,
    MemoryPieces, MemoryQueue, MemorySources, SeededDice,
};
use crate::page::{PageBuilder, Slots};
use crate::record::Head;
use crate::request::{Request, RequestExport};
use crate::sweep::SweepExports;

/// A clock that moves a little at every look, so that slices end by themselves.
struct Ticking(ManualClock, AtomicU64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Instant {
        self.0
            .advance(Duration::from_millis(self.1.load(Ordering::Relaxed)));
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

struct World {
    leads: Arc<MemoryLeads>,
    sources: Arc<MemorySources>,
    exports: Arc<MemoryExports>,
    queue: Arc<MemoryQueue>,
    pieces: Arc<MemoryPieces>,
    notifier: Arc<MemoryNotifier>,
    clock: Arc<Ticking>,
    dice: Arc<SeededDice>,
    plan: Arc<FaultPlan>,
    crashed: Arc<AtomicBool>,
    piece_bytes: usize,
}

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn source_id() -> SourceId {
    SourceId::parse("crm").unwrap()
}

fn principal() -> Principal {
    Principal {
        org: org(),
        user: "u-1".into(),
        name: Some("Ann".into()),
        email: None,
    }
}

fn lead(number: u32, created_at: Instant) -> Lead {
    let values = BTreeMap::from([
        (
            "first_name".to_owned(),
            Value::from(format!("Ann, \"{number}\"").as_str()),
        ),
        (
            "status".to_owned(),
            Value::from(if number.is_multiple_of(3) {
                "sold"
            } else {
                "active"
            }),
        ),
    ]);
    Lead {
        id: LeadId::parse(format!("l-{}", number % 97 * 1000 + number)).unwrap(),
        created_at,
        values,
    }
}

impl World {
    fn new(leads: u32, plan: Option<Arc<FaultPlan>>) -> Self {
        let clock = Arc::new(Ticking(ManualClock::default(), AtomicU64::new(0)));
        let world = Self {
            leads: Arc::new(MemoryLeads::new()),
            sources: Arc::new(MemorySources::new()),
            exports: Arc::new(MemoryExports::new()),
            queue: Arc::new(MemoryQueue::new()),
            pieces: Arc::new(MemoryPieces::new()),
            notifier: Arc::new(MemoryNotifier::new()),
            dice: Arc::new(SeededDice::new(7)),
            plan: plan.unwrap_or_else(FaultPlan::none),
            crashed: Arc::default(),
            piece_bytes: 700,
            clock,
        };
        world.pieces.set_min_part(0);
        world.leads.set_page_leads(5);
        world.sources.put_source(Source {
            org: org(),
            id: source_id(),
            name: "CRM".into(),
            time_zone: "UTC".into(),
            people: false,
            shards: 3,
            lead_count: Some(u64::from(leads)),
            custom: vec![],
            attributes: vec![],
        });
        world.sources.put_grant(
            &org(),
            "u-1",
            Some(&source_id()),
            Grant {
                role: Role::Exporter,
                name: None,
            },
        );
        let start = world.clock.now().minus(Duration::from_hours(1));
        for number in 0..leads {
            // Several leads share an instant: ties are broken by id.
            let created_at = start.plus(Duration::from_millis(u64::from(number / 3)));
            world
                .leads
                .put(&org(), &source_id(), 3, lead(number, created_at));
        }
        world
    }

    /// A plan that crashes the run at the call of this number, before or after it is applied.
    fn crashing(number: u64, after: bool) -> (Arc<FaultPlan>, Arc<AtomicBool>) {
        let crashed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&crashed);
        let plan = FaultPlan::new(move |call| {
            (call.number == number).then(|| {
                seen.store(true, Ordering::SeqCst);
                if after {
                    Fault::CrashAfter
                } else {
                    Fault::CrashBefore
                }
            })
        });
        (plan, crashed)
    }

    fn faulty<T: ?Sized>(&self, port: &Arc<T>) -> Arc<Faulty<T>> {
        Arc::new(Faulty::new(Arc::clone(port), Arc::clone(&self.plan)))
    }

    fn run_export(&self) -> RunExport {
        RunExport {
            leads: self.faulty(&self.leads),
            sources: self.faulty(&self.sources),
            exports: self.faulty(&self.exports),
            queue: self.faulty(&self.queue),
            pieces: self.faulty(&self.pieces),
            notifier: self.faulty(&self.notifier),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            retention: limits::RETENTION,
            piece_bytes: self.piece_bytes,
        }
    }

    fn sweeper(&self) -> SweepExports {
        SweepExports {
            exports: self.exports.clone(),
            queue: self.queue.clone(),
            pieces: self.pieces.clone(),
            notifier: self.notifier.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
        }
    }

    fn request(&self, body: &str) -> ExportId {
        let request = RequestExport {
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            presets: Arc::new(crate::memory::MemoryPresets::new()),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            max_active: 20,
        };
        let principal = principal();
        let asked = Request {
            principal: &principal,
            source: "crm",
            path: "/sources/crm/exports",
            key: None,
            body: body.as_bytes(),
        };
        let accepted = self.drive(request.request(asked)).unwrap().unwrap();
        accepted.export.id()
    }

    /// Polls a future, moving the clock when it sleeps; none if it crashed.
    fn drive<F: Future>(&self, future: F) -> Option<F::Output> {
        struct Flag(AtomicBool);
        impl Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        for _ in 0..1_000_000 {
            flag.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if self.crashed.load(Ordering::SeqCst) {
                self.crashed.store(false, Ordering::SeqCst);
                return None;
            }
            if !flag.0.load(Ordering::SeqCst) {
                let wake = self
                    .clock
                    .0
                    .next_wake()
                    .expect("nobody will wake this future");
                self.clock.0.set(wake);
            }
        }
        panic!("the future does not end");
    }

    fn run(&self, id: ExportId, slice: Duration) -> Option<Result<Done, RunError>> {
        let stop_at = self.clock.now().plus(slice);
        self.drive(self.run_export().run(&org(), id, stop_at))
    }

    /// Sweeps and runs until nothing is due but the file's expiry.
    fn settle(&self, slice: Duration) {
        self.plan.calm();
        for _ in 0..4000 {
            while let Some((_, id)) = self.queue.pop() {
                let _ = self.run(id, slice);
            }
            self.drive(self.sweeper().sweep()).unwrap().unwrap();
            let quiet = self.exports.all().iter().all(|export| {
                export.status().is_terminal() && !export.notify && export.clean_at.is_none()
            });
            if quiet && self.queue.waiting().is_empty() {
                return;
            }
            self.clock.0.advance(Duration::from_secs(20));
        }
        panic!("the exports do not come to rest");
    }

    fn export(&self, id: ExportId) -> Export {
        self.exports
            .all()
            .into_iter()
            .find(|export| export.id() == id)
            .unwrap()
    }

    /// The bytes by the plainest way: all leads in order, filtered by hand, encoded at once (I3).
    fn reference(&self, export: &Export, wanted: impl Fn(&Lead) -> bool) -> (Vec<u8>, u64) {
        let plan = &export.plan;
        let slots = Slots::new(crate::csv::attributes(&plan.columns));
        let mut encoder =
            crate::csv::Encoder::new(&plan.columns, &plan.format, &slots, &plan.source).unwrap();
        let (mut bytes, mut rows) = (Vec::new(), 0);
        encoder.header(&mut bytes);
        for lead in self.leads.leads(&org(), &source_id()) {
            if lead.created_at <= plan.requested_at && wanted(&lead) {
                let mut builder = PageBuilder::new(bytes::Bytes::new(), &slots);
                crate::value::push_lead(&mut builder, &slots, &lead);
                encoder.row(&builder.finish().row(0), &mut bytes);
                rows += 1;
            }
        }
        (bytes, rows)
    }

    /// The oracle: I1 to I6, I11, I12, I15 of a completed export.
    fn check(&self, id: ExportId, wanted: impl Fn(&Lead) -> bool) {
        let export = self.export(id);
        let head: &Head = &export.head;
        assert_eq!(head.status, Status::Completed, "{:?}", head.failure);
        let file = head.file.as_ref().unwrap();
        let objects = self.pieces.objects();
        assert_eq!(
            objects.keys().collect::<Vec<_>>(),
            [&ObjectKey::File(id, file.run)],
            "I6"
        );
        assert!(self.pieces.uploads().is_empty(), "I6");
        assert!(
            self.pieces.overwritten().is_empty(),
            "nothing in the store is overwritten"
        );
        let bytes = &objects[&ObjectKey::File(id, file.run)].bytes;
        let (expected, rows) = self.reference(&export, wanted);
        assert_eq!(
            String::from_utf8_lossy(bytes),
            String::from_utf8_lossy(&expected),
            "I3"
        );
        assert_eq!(
            (file.size_bytes, head.lead_count),
            (expected.len() as u64, Some(rows)),
            "I1, I4"
        );
        let mut hashes = crate::piece::Hashes::default();
        hashes.take(&expected);
        assert_eq!(file.sha256, Some(hashes.sha256()), "I1");
        assert_eq!(file.crc64nvme, crc64_text(hashes.crc()), "I1");
        let told: Vec<String> = self.notifier.told().iter().map(Export::event_id).collect();
        assert!(
            !told.is_empty() && told.iter().all(|event| *event == export.event_id()),
            "I11: {told:?}"
        );
        assert!(self.exports.active(&org()).is_empty(), "I15");
        for states in self.exports.states(&org(), id).windows(2) {
            assert_eq!(states[0].version + 1, states[1].version, "I12");
            assert!(
                states[0].head.progress.leads_read <= states[1].head.progress.leads_read,
                "I12"
            );
            let (from, to) = (states[0].status(), states[1].status());
            assert!(from == to || from.may_become(to), "I5: {from:?} to {to:?}");
        }
    }
}

const LONG: Duration = Duration::from_mins(10);

#[test]
fn an_export_without_leads_is_a_header() {
    let world = World::new(0, None);
    let id = world.request("{}");
    assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
    world.settle(LONG);
    world.check(id, |_| true);
}

#[test]
fn pieces_of_any_size_make_the_same_file() {
    for piece_bytes in [1, 90, 700, 5000, 1 << 20] {
        let world = World {
            piece_bytes,
            ..World::new(200, None)
        };
        let id = world.request("{}");
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Completed);
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn pausing_after_any_time_goes_on_and_ends_with_the_same_bytes() {
    for (tick, slice) in [(1, 3), (1, 7), (3, 10), (7, 50), (1, 1)] {
        let world = World::new(200, None);
        let id = world.request(r#"{"filters": {"status": ["sold"]}}"#);
        world.clock.1.store(tick, Ordering::Relaxed);
        world.settle(Duration::from_millis(slice));
        world.check(id, |lead| lead.values["status"] == Value::from("sold"));
        assert!(world.export(id).slices > 1, "a pause must have happened");
    }
}

#[test]
fn a_selection_that_matches_nothing_moves_on_through_pauses() {
    let world = World::new(300, None);
    let id = world.request(r#"{"filters": {"status": ["nothing"]}}"#);
    world.clock.1.store(1, Ordering::Relaxed);
    world.settle(Duration::from_millis(4));
    world.check(id, |_| false);
    assert!(world.export(id).slices > 1);
}

#[test]
fn a_limit_cuts_and_says_so() {
    for (limit, truncated) in [(1, true), (66, true), (67, false), (500, false)] {
        let world = World::new(200, None);
        let id = world.request(&format!(
            r#"{{"filters": {{"status": ["sold"]}}, "limit": {limit}}}"#
        ));
        world.settle(LONG);
        let head = world.export(id).head;
        assert_eq!(
            (head.truncated, head.lead_count),
            (Some(truncated), Some(limit.min(67))),
            "{limit}"
        );
    }
}

#[test]
fn a_crash_at_any_call_changes_no_byte() {
    let calm = World::new(60, None);
    let id = calm.request("{}");
    calm.run(id, LONG).unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    assert!(calls > 20, "{calls}");
    for number in 1..=calls {
        for after in [false, true] {
            let (plan, crashed) = World::crashing(number, after);
            let world = World {
                crashed,
                ..World::new(60, Some(plan))
            };
            let id = world.request("{}");
            let _ = world.run(id, LONG);
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
}

#[test]
fn an_error_at_any_call_changes_no_byte() {
    let calm = World::new(60, None);
    let id = calm.request("{}");
    calm.run(id, LONG).unwrap().unwrap();
    let calls = calm.plan.calls().len() as u64;
    for number in 1..=calls {
        for fault in [
            Fault::Before(StoreErrorKind::Unavailable),
            Fault::After(StoreErrorKind::Unavailable),
            Fault::Before(StoreErrorKind::Throttled),
        ] {
            let world = World::new(60, Some(FaultPlan::at(number, fault)));
            let id = world.request("{}");
            let _ = world.run(id, LONG);
            world.settle(LONG);
            world.check(id, |_| true);
        }
    }
}

#[test]
fn two_runs_at_once_leave_one_file() {
    // The second run begins when the first has come to its nth call, the lease notwithstanding: the clock has jumped.
    for nth in 1..40 {
        let hold = Arc::new(Mutex::new(None::<Waker>));
        let plan = FaultPlan::none();
        let world = World::new(60, Some(plan));
        let id = world.request("{}");
        let (first, second) = (world.run_export(), world.run_export());
        let stop_at = world.clock.now().plus(Duration::from_hours(2));
        let org = org();
        let mut one = Box::pin(first.run(&org, id, stop_at));
        let mut context = Context::from_waker(Waker::noop());
        let mut one_done = false;
        while world.plan.calls().len() < nth && !one_done {
            one_done = one.as_mut().poll(&mut context).is_ready();
        }
        world.clock.0.advance(Duration::from_secs(100));
        let mut two = Box::pin(second.run(&org, id, stop_at));
        let mut two_done = false;
        for _ in 0..100_000 {
            // The commit's heartbeat may wait for time to pass.
            two_done = two_done || two.as_mut().poll(&mut context).is_ready();
            one_done = one_done || one.as_mut().poll(&mut context).is_ready();
            if one_done && two_done {
                break;
            }
        }
        assert!(one_done && two_done, "{nth}");
        drop(hold);
        world.settle(LONG);
        world.check(id, |_| true);
    }
}

#[test]
fn leads_that_come_later_are_not_in_the_file() {
    let world = World::new(30, None);
    let id = world.request("{}");
    for number in 1000..1030 {
        world.leads.put(
            &org(),
            &source_id(),
            3,
            lead(number, world.clock.now().plus(Duration::from_millis(1))),
        );
    }
    world.settle(LONG);
    world.check(id, |_| true);
    assert_eq!(world.export(id).head.lead_count, Some(30));
}

#[test]
fn a_lost_grant_or_source_fails_the_export_and_returns_the_quota() {
    for (code, change) in [
        (
            FailureCode::AccessRevoked,
            (|world: &World| {
                world
                    .sources
                    .remove_grant(&org(), "u-1", Some(&source_id()));
            }) as fn(&World),
        ),
        (FailureCode::AccessRevoked, |world| {
            world.sources.put_grant(
                &org(),
                "u-1",
                Some(&source_id()),
                Grant {
                    role: Role::Viewer,
                    name: None,
                },
            );
        }),
        (FailureCode::SourceGone, |world| {
            world.sources.remove_source(&org(), &source_id());
        }),
    ] {
        let world = World::new(30, None);
        let id = world.request("{}");
        change(&world);
        assert_eq!(world.run(id, LONG).unwrap().unwrap(), Done::Failed(code));
        world.settle(LONG);
        let head = world.export(id).head;
        assert_eq!(head.failure.unwrap().code, code);
        assert!(world.exports.active(&org()).is_empty());
        assert!(world.pieces.objects().is_empty());
        assert_eq!(world.notifier.told().len(), 1);
    }
}

#[test]
fn a_store_that_refuses_ends_in_failed_with_its_code() {
    for (name, kind, code) in [
        (
            "pieces.put",
            StoreErrorKind::Denied,
            FailureCode::StorageDenied,
        ),
        (
            "pieces.open",
            StoreErrorKind::NotFound,
            FailureCode::StorageDenied,
        ),
        (
            "leads.page",
            StoreErrorKind::Corrupt,
            FailureCode::UnreadableLead,
        ),
    ] {
        let world = World::new(60, Some(FaultPlan::every(name, Fault::Before(kind))));
        let id = world.request("{}");
        assert_eq!(
            world.run(id, LONG).unwrap().unwrap(),
            Done::Failed(code),
            "{name}"
        );
        world.settle(LONG);
        assert!(
            world.pieces.objects().is_empty() && world.pieces.uploads().is_empty(),
            "{name}"
        );
        assert!(world.exports.active(&org()).is_empty());
    }
}

#[test]
fn five_tries_without_progress_end_the_export() {
    let world = World::new(
        60,
        Some(FaultPlan::every(
            "leads.page",
            Fault::Before(StoreErrorKind::Unavailable),
        )),
    );
    let id = world.request("{}");
    for _ in 0..limits::MAX_TRIES {
        assert!(world.run(id, LONG).unwrap().is_err());
        world.clock.0.advance(limits::LEASE + limits::LEASE_GRACE);
    }
    assert_eq!(
        world.run(id, LONG).unwrap().unwrap(),
        Done::Failed(FailureCode::Internal)
    );
}
