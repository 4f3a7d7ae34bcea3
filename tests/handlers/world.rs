//! What the handlers meet in their tests: the demo's sources and grants over ports in memory, at the moment of the events.
#![allow(dead_code, reason = "each function's tests use their part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lead_export_core::access::{Grant, Person, Role};
use lead_export_core::ask::Asked;
use lead_export_core::fields::{Attribute, CustomField, CustomKind, Source};
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId, Value};
use lead_export_core::limits;
use lead_export_core::memory::{
    FaultPlan, Faulty, ManualClock, MemoryAudit, MemoryExports, MemoryLeads, MemoryNotifier,
    MemoryPieces, MemoryQueue, MemorySigner, MemorySources, SeededDice,
};
use lead_export_core::ports::{Clock as _, Created, Dice as _, ExportStore as _, Written};
use lead_export_core::record::{Export, ExportId, RunId};
use lead_export_core::run::{Done, RunExport};
use lead_export_core::time::Instant;
use serde_json::Value as Json;

use crate::log::Log;

/// The export that the events name.
pub(crate) const ID: &str = "6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";
/// Another one.
pub(crate) const OTHER_ID: &str = "0b0c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";
/// When the events were made: the `timeEpoch` of those that have one.
const EVENTS_MS: i64 = 1_763_779_380_000;

/// An event of the repository's folder `events`.
pub(crate) fn event(name: &str) -> Json {
    // Read once: some tests make a hundred thousand.
    static READ: Mutex<BTreeMap<String, Json>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let event = read
        .entry(name.to_owned())
        .or_insert_with(|| of_folder(name));
    event.clone()
}

fn of_folder(name: &str) -> Json {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = above.map(|folder| folder.join("events"));
    let path = folders.find(|folder| folder.is_dir()).unwrap();
    let path = path.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn id(text: &str) -> ExportId {
    ExportId::parse(text).unwrap()
}

pub(crate) fn org(name: &str) -> OrgId {
    OrgId::parse(name).unwrap()
}

pub(crate) fn source_id(name: &str) -> SourceId {
    SourceId::parse(name).unwrap()
}

/// A source with a custom field of each kind that filters differ by, and two attributes.
pub(crate) fn source(of: &str, name: &str) -> Source {
    let field = |key: &str, label: &str, kind, options: &[&str]| CustomField {
        key: key.into(),
        label: label.into(),
        kind,
        options: options.iter().map(|option| (*option).into()).collect(),
    };
    let attribute = |key: &str, label: &str| Attribute {
        key: key.into(),
        label: label.into(),
    };
    Source {
        org: org(of),
        id: source_id(name),
        name: name.replace('-', " "),
        time_zone: "America/New_York".into(),
        people: false,
        shards: 2,
        lead_count: Some(3),
        custom: vec![
            field("annual_income", "Annual Income", CustomKind::Number, &[]),
            field(
                "roof_type",
                "Roof Type",
                CustomKind::Dropdown,
                &["tile", "slate"],
            ),
            field("opted_in", "Opted In", CustomKind::Boolean, &[]),
        ],
        attributes: vec![
            attribute("homeowner", "Homeowner"),
            attribute("campaign", "Campaign"),
        ],
    }
}

/// The ports, each behind the one plan of faults; the log.
pub(crate) struct World {
    pub(crate) leads: Arc<Faulty<MemoryLeads>>,
    pub(crate) sources: Arc<Faulty<MemorySources>>,
    pub(crate) exports: Arc<Faulty<MemoryExports>>,
    pub(crate) queue: Arc<Faulty<MemoryQueue>>,
    pub(crate) pieces: Arc<Faulty<MemoryPieces>>,
    pub(crate) audit: Arc<Faulty<MemoryAudit>>,
    pub(crate) signer: Arc<Faulty<MemorySigner>>,
    pub(crate) notifier: Arc<Faulty<MemoryNotifier>>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dice: Arc<SeededDice>,
    pub(crate) plan: Arc<FaultPlan>,
    pub(crate) log: Log,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(FaultPlan::none())
    }

    /// A world whose ports fail as planned; nothing is asked of them in the making.
    pub(crate) fn with(plan: Arc<FaultPlan>) -> Self {
        fn faulty<T>(port: T, plan: &Arc<FaultPlan>) -> Arc<Faulty<T>> {
            Arc::new(Faulty::new(Arc::new(port), Arc::clone(plan)))
        }
        let sources = MemorySources::new();
        for (of, name) in [
            ("acme", "home-insurance"),
            ("acme", "secret-source"),
            ("globex", "solar"),
        ] {
            sources.put_source(source(of, name));
        }
        let home = source_id("home-insurance");
        for (of, user, place, role) in [
            ("acme", "alice", Some(&home), Role::Exporter),
            ("acme", "bob", Some(&home), Role::Exporter),
            ("acme", "vera", Some(&home), Role::Viewer),
            ("acme", "adam", None, Role::Admin),
            ("globex", "gina", Some(&source_id("solar")), Role::Exporter),
        ] {
            let grant = Grant { role, name: None };
            sources.put_grant(&org(of), user, place, grant);
        }
        Self {
            leads: faulty(MemoryLeads::new(), &plan),
            sources: faulty(sources, &plan),
            exports: faulty(MemoryExports::new(), &plan),
            queue: faulty(MemoryQueue::new(), &plan),
            pieces: faulty(MemoryPieces::new(), &plan),
            audit: faulty(MemoryAudit::new(), &plan),
            signer: faulty(MemorySigner::new(), &plan),
            notifier: faulty(MemoryNotifier::new(), &plan),
            clock: Arc::new(ManualClock::new(Instant::from_millis(EVENTS_MS))),
            dice: Arc::new(SeededDice::new(7)),
            plan,
            log: Log::default(),
        }
    }

    pub(crate) fn run_export(&self) -> RunExport {
        RunExport {
            leads: self.leads.clone(),
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            queue: self.queue.clone(),
            pieces: self.pieces.clone(),
            notifier: self.notifier.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            retention: limits::RETENTION,
            volume: lead_export_core::volume::DailyVolume::default(),
            piece_bytes: limits::PIECE_BYTES,
            member_bytes: limits::GZIP_MEMBER_BYTES,
        }
    }

    /// Puts leads into `acme`'s `home-insurance` whose every value is marked, one of them hostile.
    pub(crate) fn put_leads(&self, leads: u16) {
        for number in 0..leads {
            let lead = Lead {
                id: LeadId::parse(format!("canary-{number}")).unwrap(),
                created_at: self
                    .clock
                    .now()
                    .minus(Duration::from_mins(u64::from(number))),
                values: BTreeMap::from([
                    ("email".to_owned(), Value::from("jane@canary.example")),
                    ("first_name".to_owned(), Value::from("=canary(\"x\")")),
                    ("status".to_owned(), Value::from("active")),
                ]),
            };
            let of = source("acme", "home-insurance");
            self.leads.inner().put(&of.org, &of.id, of.shards, lead);
        }
    }

    /// Writes the new record of an export of everything, requested now.
    pub(crate) async fn create(
        &self,
        of: &str,
        source_name: &str,
        user: &str,
        text: &str,
    ) -> Export {
        let now = self.clock.now();
        let source = source(of, source_name);
        let asked = Asked::parse(b"{}", &source, now, &|_| None).unwrap();
        let person = Person {
            id: user.into(),
            name: format!("{user}@{of}.example"),
        };
        let by = self.by();
        let name = asked.file_name;
        let export = Export::new(id(text), org(of), by, person, asked.plan, name, Some(3));
        let answer = self
            .exports
            .inner()
            .create(&export, None, 99)
            .await
            .unwrap();
        assert_eq!(answer, Created::New);
        export
    }

    /// Alice's export that the events name, pending.
    pub(crate) async fn pending(&self) -> Export {
        self.create("acme", "home-insurance", "alice", ID).await
    }

    /// Alice's export that the events name, run to its end over three leads, one second after the request.
    pub(crate) async fn completed(&self) -> Export {
        self.pending().await;
        self.put_leads(3);
        self.clock.advance(Duration::from_secs(1));
        let stop_at = self.clock.now().plus(limits::SLICE);
        let run = self.run_export();
        let acme = org("acme");
        let work = Box::pin(run.run(&acme, id(ID), stop_at));
        let done = self.log.of(work).await;
        assert_eq!(done.unwrap().done, Done::Completed);
        self.export(ID)
    }

    /// Takes the log; one line of it warns, that a hint was not sent.
    pub(crate) fn tells_of_an_unsent_hint(&self) {
        let log = self.log.take();
        let told: Vec<&str> = log
            .lines()
            .filter(|line| line.starts_with("WARN"))
            .collect();
        assert_eq!(told.len(), 1, "{log}");
        assert!(told[0].contains("was not sent"), "{log}");
    }

    /// The export of this id as it is.
    pub(crate) fn export(&self, text: &str) -> Export {
        let all = self.exports.inner().all();
        all.into_iter()
            .find(|export| export.id() == id(text))
            .unwrap()
    }

    /// Writes a record's next state.
    pub(crate) async fn write(&self, next: &Export) {
        let exports = self.exports.inner();
        let is_end = self.export(&next.id().to_string()).status() != next.status()
            && next.status().is_terminal();
        let written = if is_end {
            exports.end(next).await
        } else {
            exports.replace(next).await
        };
        assert_eq!(written.unwrap(), Written::Done);
    }

    /// Somebody who writes.
    pub(crate) fn by(&self) -> RunId {
        RunId(self.dice.uuid())
    }

    /// The names of the calls that the ports have seen.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.plan.calls().iter().map(|call| call.name).collect()
    }
}
