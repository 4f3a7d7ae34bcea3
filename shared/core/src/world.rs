//! A world for tests of the use-cases: every port in memory, a clock that tests move, faults by script, and the oracle of
//! `promises.md` §4.1.

mod actors;
mod asked;
mod judge;
mod kinds;
mod late;
mod model;
mod oracle;
mod people;
mod profile;
mod scenario;
mod script;
mod stage;
mod tasks;
mod watch;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;

use crate::access::{Grant, Principal, Role};
use crate::download::DownloadExport;
use crate::end::EndExport;
use crate::fields::Source;
use crate::history::ReadHistory;
use crate::lead::{Lead, LeadId, LeadKey, OrgId, SourceId, Value};
use crate::limits;
use crate::memory::{
    FaultPlan, Faulty, ManualClock, MemoryAudit, MemoryExports, MemoryLeads, MemoryNotifier,
    MemoryPieces, MemoryQueue, MemorySigner, MemorySources, SeededDice,
};
use crate::ports::Clock;
use crate::record::{Export, ExportId};
use crate::request::{Accepted, Request, RequestError, RequestExport};
use crate::run::{Done, RunError, RunExport};
use crate::sweep::{SweepExports, Swept};
use crate::time::Instant;
use crate::usage::ReadUsage;
use crate::volume::DailyVolume;

pub(crate) use asked::Asked;
pub(crate) use judge::Calm;
pub(crate) use kinds::Kind;
use late::Late;
pub(crate) use profile::{PROFILES, Profile};
pub(crate) use scenario::{Scenario, Turns};
pub(crate) use script::{Script, What, Where};
pub(crate) use stage::Stage;
pub(crate) use tasks::{Seeded, Task};

/// A clock that moves a little at every look, so that slices end by themselves.
pub(crate) struct Ticking(pub(crate) ManualClock, pub(crate) AtomicU64);

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

/// The world. A clone is the same world; use-cases ask it through the script, but [`World::beside`] it without.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) leads: Arc<MemoryLeads>,
    pub(crate) sources: Arc<MemorySources>,
    pub(crate) exports: Arc<MemoryExports>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) pieces: Arc<MemoryPieces>,
    pub(crate) notifier: Arc<MemoryNotifier>,
    pub(crate) audit: Arc<MemoryAudit>,
    pub(crate) signer: Arc<MemorySigner>,
    pub(crate) clock: Arc<Ticking>,
    /// The clock as the use-cases see it.
    pub(crate) time: Arc<dyn Clock>,
    pub(crate) dice: Arc<SeededDice>,
    pub(crate) script: Arc<Script>,
    pub(crate) plan: Arc<FaultPlan>,
    pub(crate) piece_bytes: usize,
    pub(crate) member_bytes: usize,
    pub(crate) max_active: usize,
    pub(crate) volume: DailyVolume,
    pub(crate) retention: Duration,
    /// Every version of a lead that was ever committed; none where it was deleted.
    pub(crate) versions: Arc<Mutex<BTreeMap<LeadKey, Vec<Option<Lead>>>>>,
}

/// A slice that ends by itself.
pub(crate) const LONG: Duration = Duration::from_mins(10);
pub(crate) const PATH: &str = "/sources/crm/exports";
const SHARDS: u16 = 3;

pub(crate) fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

pub(crate) fn source_id() -> SourceId {
    SourceId::parse("crm").unwrap()
}

pub(crate) fn user(name: &str) -> Principal {
    Principal {
        org: org(),
        user: name.into(),
        name: Some(format!("the {name}")),
        email: Some(format!("{name}@example.com")),
    }
}

/// An exporter of the source.
pub(crate) fn principal() -> Principal {
    user("u-1")
}

pub(crate) fn source(id: &str) -> Source {
    Source {
        org: org(),
        id: SourceId::parse(id).unwrap(),
        name: id.to_uppercase(),
        time_zone: "UTC".into(),
        people: false,
        shards: SHARDS,
        lead_count: None,
        custom: vec![],
        attributes: vec![],
    }
}

/// Every third lead is sold, the others are active.
pub(crate) fn lead(number: u32, created_at: Instant) -> Lead {
    let status = if number.is_multiple_of(3) {
        "sold"
    } else {
        "active"
    };
    let values = BTreeMap::from([
        (
            "first_name".to_owned(),
            Value::from(format!("Ann, \"{number}\"").as_str()),
        ),
        ("status".to_owned(), Value::from(status)),
    ]);
    Lead {
        id: LeadId::parse(format!("l-{}", number % 97 * 1000 + number)).unwrap(),
        created_at,
        values,
    }
}

impl World {
    /// A source `crm` with so many leads of the last hour, several at one instant, and `u-1`, exporter of it.
    pub(crate) fn new(leads: u32) -> Self {
        let script = Arc::new(Script::default());
        let asked = Arc::clone(&script);
        let clock = Arc::new(Ticking(ManualClock::default(), AtomicU64::new(0)));
        let world = Self {
            leads: Arc::new(MemoryLeads::new()),
            sources: Arc::new(MemorySources::new()),
            exports: Arc::new(MemoryExports::new()),
            queue: Arc::new(MemoryQueue::new()),
            pieces: Arc::new(MemoryPieces::new()),
            notifier: Arc::new(MemoryNotifier::new()),
            audit: Arc::new(MemoryAudit::new()),
            signer: Arc::new(MemorySigner::new()),
            time: Arc::clone(&clock) as Arc<dyn Clock>,
            clock,
            dice: Arc::new(SeededDice::new(7)),
            plan: FaultPlan::new(move |call| asked.decide(call)),
            script,
            piece_bytes: 700,
            member_bytes: 300,
            max_active: 20,
            volume: DailyVolume::default(),
            retention: limits::RETENTION,
            versions: Arc::default(),
        };
        world.pieces.set_min_part(0);
        world.leads.set_page_leads(5);
        world.sources.put_source(Source {
            lead_count: Some(u64::from(leads)),
            ..source("crm")
        });
        world.grant("u-1", Some("crm"), Role::Exporter);
        let start = world.clock.now().minus(Duration::from_hours(1));
        for number in 0..leads {
            // Several leads share an instant: ties are broken by id.
            let created_at = start.plus(Duration::from_millis(u64::from(number / 3)));
            world.put_lead(lead(number, created_at));
        }
        world
    }

    /// The same world, asked without faults and without a call being listed.
    pub(crate) fn beside(&self) -> Self {
        Self {
            plan: FaultPlan::none(),
            ..self.clone()
        }
    }

    pub(crate) fn grant(&self, user: &str, source: Option<&str>, role: Role) {
        let source = source.map(|id| SourceId::parse(id).unwrap());
        let grant = Grant { role, name: None };
        self.sources.put_grant(&org(), user, source.as_ref(), grant);
    }

    pub(crate) fn put_lead(&self, lead: Lead) {
        let mut versions = self.versions.lock().unwrap();
        versions
            .entry(lead.key())
            .or_default()
            .push(Some(lead.clone()));
        self.leads.put(&org(), &source_id(), SHARDS, lead);
    }

    pub(crate) fn remove_lead(&self, key: &LeadKey) {
        if self.leads.remove(&org(), &source_id(), key) {
            let mut versions = self.versions.lock().unwrap();
            versions.entry(key.clone()).or_default().push(None);
        }
    }

    pub(crate) fn faulty<T: ?Sized>(&self, port: &Arc<T>) -> Arc<Faulty<T>> {
        Arc::new(Faulty::new(Arc::clone(port), Arc::clone(&self.plan)))
    }

    fn late<T>(&self, port: &Arc<T>) -> Arc<Faulty<Late<T>>> {
        let late = Late::new(Arc::clone(port), Arc::clone(&self.script));
        self.faulty(&Arc::new(late))
    }

    pub(crate) fn run_export(&self) -> RunExport {
        RunExport {
            leads: self.faulty(&self.leads),
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            queue: self.late(&self.queue),
            pieces: self.late(&self.pieces),
            notifier: self.late(&self.notifier),
            clock: Arc::clone(&self.time),
            dice: self.dice.clone(),
            retention: self.retention,
            volume: self.volume,
            piece_bytes: self.piece_bytes,
            member_bytes: self.member_bytes,
        }
    }

    pub(crate) fn request_export(&self) -> RequestExport {
        RequestExport {
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            presets: Arc::new(crate::memory::MemoryPresets::new()),
            queue: self.late(&self.queue),
            clock: Arc::clone(&self.time),
            dice: self.dice.clone(),
            max_active: self.max_active,
            volume: self.volume,
            sends_mails: true,
        }
    }

    pub(crate) fn download_export(&self) -> DownloadExport {
        DownloadExport {
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            audit: self.faulty(&self.audit),
            signer: self.faulty(&self.signer),
            clock: Arc::clone(&self.time),
            dice: self.dice.clone(),
            ttl: limits::DOWNLOAD_TTL,
        }
    }

    pub(crate) fn end_export(&self) -> EndExport {
        EndExport {
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            audit: self.faulty(&self.audit),
            pieces: self.late(&self.pieces),
            notifier: self.late(&self.notifier),
            clock: Arc::clone(&self.time),
            dice: self.dice.clone(),
        }
    }

    pub(crate) fn sweep_exports(&self) -> SweepExports {
        SweepExports {
            exports: self.late(&self.exports),
            queue: self.late(&self.queue),
            pieces: self.late(&self.pieces),
            notifier: self.late(&self.notifier),
            clock: Arc::clone(&self.time),
            dice: self.dice.clone(),
        }
    }

    pub(crate) fn read_usage(&self) -> ReadUsage {
        ReadUsage {
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            audit: self.faulty(&self.audit),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn read_history(&self) -> ReadHistory {
        ReadHistory {
            sources: self.faulty(&self.sources),
            exports: self.late(&self.exports),
            audit: self.faulty(&self.audit),
            clock: Arc::clone(&self.time),
        }
    }

    /// Asks for an export of `crm`; none if the call crashed.
    pub(crate) fn ask(
        &self,
        key: Option<&str>,
        body: &str,
    ) -> Option<Result<Accepted, RequestError>> {
        self.ask_as(&principal(), key, PATH, body)
    }

    pub(crate) fn ask_as(
        &self,
        principal: &Principal,
        key: Option<&str>,
        path: &str,
        body: &str,
    ) -> Option<Result<Accepted, RequestError>> {
        let source = path.split('/').nth(2).unwrap();
        let asked = Request {
            principal,
            source,
            path,
            key,
            body: body.as_bytes(),
        };
        self.drive(self.request_export().request(asked))
    }

    /// An export of `crm`, asked for without faults.
    pub(crate) fn request(&self, body: &str) -> ExportId {
        let accepted = self.beside().ask(None, body).unwrap().unwrap();
        accepted.export.id()
    }

    pub(crate) fn run(&self, id: ExportId, slice: Duration) -> Option<Result<Done, RunError>> {
        let stop_at = self.clock.now().plus(slice);
        let ran = self.drive(self.run_export().run(&org(), id, stop_at))?;
        Some(ran.map(|ran| ran.done))
    }

    /// An export that was asked for and run to its end.
    pub(crate) fn completed(&self) -> ExportId {
        let id = self.request("{}");
        let done = self.beside().run(id, LONG).unwrap().unwrap();
        assert_eq!(done, Done::Completed);
        id
    }

    pub(crate) fn sweep(&self) -> Swept {
        self.drive(self.sweep_exports().sweep()).unwrap().unwrap()
    }

    /// Polls a future, moving the clock when it sleeps; none if it crashed.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Option<F::Output> {
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        for _ in 0..1_000_000 {
            flag.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if self.script.has_crashed() {
                return None;
            }
            if !flag.0.load(Ordering::SeqCst) {
                self.sleep_on();
            }
        }
        panic!("the future does not end");
    }

    fn sleep_on(&self) {
        let wake = self
            .clock
            .0
            .next_wake()
            .expect("nobody will wake this future");
        self.clock.0.set(wake);
    }

    /// Without faults: sweeps each minute and runs at every hint until nothing is due but a file's expiry.
    pub(crate) fn settle(&self, slice: Duration) {
        self.script.calm();
        for turn in 0..4000 {
            while let Some((_, id)) = self.queue.pop() {
                let _ = self.run(id, slice);
            }
            self.sweep();
            if turn == 5 {
                // By now every late copy has arrived: none travels longer than an invocation may live.
                self.script.arrive();
            }
            let quiet = self.exports.all().iter().all(|export| {
                export.status().is_terminal() && !export.notify && export.clean_at.is_none()
            });
            if quiet && turn > 5 && self.queue.waiting().is_empty() {
                return;
            }
            if self.queue.waiting().is_empty() {
                self.clock.0.advance(limits::SWEEP_BACKOFF);
            }
        }
        panic!("the exports do not come to rest");
    }

    pub(crate) fn export(&self, id: ExportId) -> Export {
        self.exports
            .all()
            .into_iter()
            .find(|export| export.id() == id)
            .unwrap()
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock.0.advance(duration);
    }

    /// Moves the clock to the last millisecond before `duration` has passed.
    pub(crate) fn advance_short_of(&self, duration: Duration) {
        let now = self.clock.0.now();
        let last = now.plus(duration).minus(Duration::from_millis(1));
        self.clock.0.set(last);
    }
}

/// Whether somebody was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
