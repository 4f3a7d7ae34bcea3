use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::access::Grant;
use crate::contract::leads::LeadWriter;
use crate::contract::sources::SourceWriter;
use crate::contract::{
    audit, due, history, index, leads, pieces, presets, pushed, records, requests, sample, sources,
    uploads, volume,
};
use crate::fields::Source;
use crate::lead::{Lead, LeadId, LeadKey, OrgId, SourceId};
use crate::page::Slots;
use crate::ports::{
    Clock, Dice, ExportQueue, ExportStore, FileKind, LeadSource, PageQuery, PieceStore,
    StoreErrorKind, UrlSigner,
};
use crate::record::{ExportId, RunId};
use crate::time::Instant;
use std::sync::Arc;

#[async_trait::async_trait]
impl LeadWriter for MemoryLeads {
    async fn put_leads(&self, org: &OrgId, source: &SourceId, shards: u16, leads: &[Lead]) {
        for lead in leads {
            self.put(org, source, shards, lead.clone());
        }
    }
}

#[async_trait::async_trait]
impl SourceWriter for MemorySources {
    async fn put_source(&self, source: &Source) {
        self.put_source(source.clone());
    }

    async fn put_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>, grant: &Grant) {
        self.put_grant(org, user, source, grant.clone());
    }

    async fn remove_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>) {
        self.remove_grant(org, user, source);
    }
}

/// The port behind a plan without faults: each call gives way, so the claims' tasks meet between any two steps.
fn calm<T>(inner: T) -> Faulty<T> {
    Faulty::new(Arc::new(inner), FaultPlan::none())
}

#[tokio::test]
async fn exports_keep_the_contract() {
    let store = calm(MemoryExports::new());
    records::all(&store).await;
    requests::all(&store).await;
    volume::all(&store).await;
    due::all(&store).await;
    history::all(&store).await;
}

#[tokio::test]
async fn exports_with_short_history_pages_keep_the_contract() {
    for scan in [1, 2, 3] {
        let store = MemoryExports::new();
        store.set_history_scan(scan);
        history::all(&store).await;
    }
}

#[tokio::test]
async fn pieces_keep_the_contract() {
    let store = calm(MemoryPieces::new());
    pieces::all(&store).await;
    uploads::all(&store).await;
    assert_eq!(
        store.inner().overwritten(),
        [],
        "the claims write no key twice"
    );
}

#[tokio::test]
async fn audit_keeps_the_contract() {
    audit::all(&calm(MemoryAudit::new())).await;
}

#[tokio::test]
async fn sources_keep_the_contract() {
    let store = calm(MemorySources::new());
    sources::all(&store, store.inner().as_ref()).await;
}

#[tokio::test]
async fn presets_keep_the_contract() {
    presets::all(&calm(MemoryPresets::new())).await;
}

#[tokio::test]
async fn leads_keep_the_contract_in_pages_of_any_size() {
    for page_leads in [1, 2, 3, 1000] {
        let store = calm(MemoryLeads::new());
        store.inner().set_page_leads(page_leads);
        leads::all(&store, store.inner().as_ref()).await;
        sample::all(&store, store.inner().as_ref()).await;
        index::all(&store, store.inner().as_ref()).await;
        pushed::all(&store, store.inner().as_ref()).await;
    }
}

fn crm() -> (OrgId, SourceId) {
    (
        OrgId::parse("acme").unwrap(),
        SourceId::parse("crm").unwrap(),
    )
}

#[tokio::test]
async fn gaps_make_pages_that_are_empty_and_not_the_last() {
    let store = MemoryLeads::new();
    let (org, source) = crm();
    let id = |text: &str| LeadId::parse(text).unwrap();
    let at = Instant::from_millis(0);
    for number in 0..7 {
        store.put_gap(
            &org,
            &source,
            0,
            LeadKey::new(at, &id(&format!("a{number}"))),
        );
    }
    let lead = Lead {
        id: id("b"),
        created_at: at,
        values: std::collections::BTreeMap::new(),
    };
    store.put(&org, &source, 1, lead.clone());
    store.set_page_leads(2);
    let mut query = PageQuery {
        org: org.clone(),
        source: source.clone(),
        shard: 0,
        from: LeadKey::before(at),
        to: LeadKey::behind(at),
        after: None,
        descending: false,
        slots: Slots::new([]),
        most: None,
        pushed: [].into(),
    };
    let mut pages = Vec::new();
    loop {
        let answer = store.page(&query).await.unwrap();
        pages.push((answer.page.len(), answer.scanned));
        let Some(next) = answer.next else { break };
        query.after = Some(next);
    }
    assert_eq!(pages, [(0, 2), (0, 2), (0, 2), (1, 2), (0, 0)]);
    assert_eq!(store.pages(), 5);
    assert_eq!(store.leads(&org, &source), std::slice::from_ref(&lead));
    assert!(store.remove(&org, &source, &lead.key()));
    assert!(!store.remove(&org, &source, &lead.key()));
    assert_eq!(store.leads(&org, &source), []);
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn sleepers_wake_when_the_clock_passes_and_not_before() {
    let clock = ManualClock::new(Instant::from_millis(1_000));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut short = pin!(clock.sleep(Duration::from_micros(1)));
    let mut long = pin!(clock.sleep(Duration::from_secs(2)));
    let mut none = pin!(clock.sleep(Duration::ZERO));
    assert_eq!(none.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(short.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(long.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(clock.next_wake(), Some(Instant::from_millis(1_001)));

    clock.advance(Duration::from_millis(1));
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "one sleep is over");
    assert_eq!(short.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(long.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(clock.next_wake(), Some(Instant::from_millis(3_000)));

    clock.set(Instant::from_millis(2_999));
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "the other is not");
    clock.set(Instant::from_millis(3_000));
    assert_eq!(woken.0.load(Ordering::SeqCst), 2, "now it is");
    assert_eq!(long.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(clock.next_wake(), None);
}

#[test]
fn dropped_sleep_leaves_nothing_behind() {
    let clock = ManualClock::default();
    {
        let mut sleep = pin!(clock.sleep(Duration::from_secs(1)));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
        assert!(clock.next_wake().is_some());
    }
    assert_eq!(clock.next_wake(), None);
}

#[test]
fn dice_come_again_by_seed_and_are_versioned() {
    let draw = |seed| -> Vec<uuid::Uuid> {
        let dice = SeededDice::new(seed);
        (0..100).map(|_| dice.uuid()).collect()
    };
    assert_eq!(draw(1), draw(1));
    let all: BTreeSet<_> = [draw(1), draw(2)].concat().into_iter().collect();
    assert_eq!(all.len(), 200, "no id twice, within a seed or between two");
    for id in all {
        assert_eq!(id.get_version(), Some(uuid::Version::Random));
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    }
}

#[tokio::test]
async fn faults_fall_where_planned_and_apply_or_not() {
    let (org, _) = crm();
    let id = ExportId(SeededDice::new(1).uuid());
    let unavailable = StoreErrorKind::Unavailable;
    for (fault, applied) in [
        (Fault::Before(unavailable), 2),
        (Fault::After(unavailable), 3),
    ] {
        for plan in [
            FaultPlan::at(2, fault),
            FaultPlan::at_nth("queue.send", 2, fault),
        ] {
            let queue = Faulty::new(Arc::new(MemoryQueue::new()), Arc::clone(&plan));
            let mut kinds = Vec::new();
            for _ in 0..3 {
                kinds.push(
                    queue
                        .send(&org, id)
                        .await
                        .map_err(|error| (error.kind, error.store)),
                );
            }
            assert_eq!(kinds, [Ok(()), Err((unavailable, "queue")), Ok(())]);
            assert_eq!(queue.inner().sent().len(), applied, "{fault:?}");
            assert_eq!(plan.count("queue.send"), 3);
        }
    }
}

#[tokio::test]
async fn plan_counts_over_all_ports_and_can_be_calmed() {
    let (org, _) = crm();
    let id = ExportId(SeededDice::new(1).uuid());
    let plan = FaultPlan::every("queue.send", Fault::Before(StoreErrorKind::Throttled));
    let queue = Faulty::new(Arc::new(MemoryQueue::new()), Arc::clone(&plan));
    let store: Arc<dyn ExportStore> = Arc::new(MemoryExports::new());
    let exports = Faulty::new(store, Arc::clone(&plan));
    assert!(queue.send(&org, id).await.is_err());
    assert_eq!(exports.get(&org, id).await.unwrap(), None);
    assert!(queue.send(&org, id).await.is_err());
    plan.calm();
    assert!(queue.send(&org, id).await.is_ok());
    let calls: Vec<_> = plan
        .calls()
        .iter()
        .map(|call| (call.number, call.name, call.nth))
        .collect();
    assert_eq!(
        calls,
        [
            (1, "queue.send", 1),
            (2, "exports.get", 1),
            (3, "queue.send", 2),
            (4, "queue.send", 3),
        ]
    );
    assert_eq!(queue.inner().pop(), Some((org, id)));
    assert_eq!(queue.inner().pop(), None);
}

#[tokio::test]
async fn crash_never_answers() {
    let (org, _) = crm();
    let id = ExportId(SeededDice::new(1).uuid());
    for (fault, applied) in [(Fault::CrashBefore, 0), (Fault::CrashAfter, 1)] {
        let queue = Faulty::new(Arc::new(MemoryQueue::new()), FaultPlan::at(1, fault));
        {
            let mut call = pin!(queue.send(&org, id));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..10 {
                assert!(call.as_mut().poll(&mut context).is_pending(), "{fault:?}");
            }
        }
        assert_eq!(queue.inner().sent().len(), applied, "{fault:?}");
    }
}

#[tokio::test]
async fn indexes_lag_while_held() {
    let store = MemoryExports::new();
    store.hold_indexes();
    let records = records_of(&store).await;
    assert_eq!(records, (1, 0), "the record is there, the index lags");
    store.release_indexes();
    let due = store.due(Instant::MAX, 9).await.unwrap();
    assert_eq!(due.len(), 1);
}

/// Makes one export; how many records there are, and how many are listed as due.
async fn records_of(store: &MemoryExports) -> (usize, usize) {
    let (org, source) = crm();
    let at = Instant::from_millis(0);
    let plan = crate::plan::Plan {
        source,
        shards: 1,
        requested_at: at,
        asked: serde_json::Value::Null,
        filter: crate::filter::Filter::default(),
        zone: None,
        pick: None,
        columns: vec![],
        order: crate::plan::Order::Ascending,
        limit: None,
        format: crate::format::Format::default(),
    };
    let dice = SeededDice::new(1);
    let person = crate::access::Person {
        id: "u".into(),
        name: "U".into(),
    };
    let id = ExportId(dice.uuid());
    let by = RunId(dice.uuid());
    let export =
        crate::record::Export::new(id, org.clone(), by, person.clone(), plan, "f".into(), None);
    store.create(&export, None, 1).await.unwrap();
    assert_eq!(store.active(&org), BTreeSet::from([id]));
    assert_eq!(store.states(&org, id), [export]);
    let due = store.due(Instant::MAX, 9).await.unwrap();
    (store.all().len(), due.len())
}

#[tokio::test]
async fn object_written_over_with_other_bytes_is_told() {
    let store = MemoryPieces::new();
    let dice = SeededDice::new(1);
    let key = crate::ports::ObjectKey::File(ExportId(dice.uuid()), RunId(dice.uuid()));
    let kind = FileKind {
        content_type: "text/csv",
    };
    for (bytes, overwritten) in [("a", 0), ("a", 0), ("b", 1)] {
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes.as_bytes());
        store.put(key, bytes.into(), crc, &kind).await.unwrap();
        assert_eq!(store.overwritten().len(), overwritten);
    }
    assert_eq!(store.objects().len(), 1);
    assert!(store.uploads().is_empty());
}

#[tokio::test]
async fn links_are_remembered_and_well_formed() {
    let signer = MemorySigner::new();
    let dice = SeededDice::new(1);
    let (export, run) = (ExportId(dice.uuid()), RunId(dice.uuid()));
    let kind = FileKind {
        content_type: "text/csv; charset=utf-8",
    };
    let now = Instant::from_millis(0);
    let ttl = Duration::from_mins(5);
    let url = signer
        .sign(export, run, "ü &=.csv", &kind, now, ttl)
        .await
        .unwrap();
    assert_eq!(
        url,
        format!(
            "https://files.invalid/files/{export}/{run}?name=%C3%BC%20%26%3D.csv\
             &type=text%2Fcsv%3B%20charset%3Dutf-8&expires=1970-01-01T00%3A05%3A00.000Z"
        )
    );
    let links = signer.signed();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].expires_at, now.plus(ttl));
}

#[tokio::test]
async fn calls_behind_a_plan_give_way_to_each_other() {
    let (org, _) = crm();
    let order = Arc::new(Mutex::new(Vec::new()));
    let plan = FaultPlan::none();
    let queue = Faulty::new(Arc::new(MemoryQueue::new()), plan);
    join_all((0..2).map(|task| {
        let (queue, order, org) = (&queue, Arc::clone(&order), &org);
        async move {
            for _ in 0..2 {
                let id = ExportId(uuid::Uuid::from_u128(task));
                queue.send(org, id).await.unwrap();
                lock(&order).push(task);
            }
        }
    }))
    .await;
    assert_eq!(*lock(&order), [0, 1, 0, 1], "neither runs through");
}
