//! Any port, failing as planned.

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use super::lock;
use crate::access::{Access, Role};
use crate::fields::Source;
use crate::lead::{LeadId, LeadKey, OrgId, SourceId};
use crate::mail::Address;
use crate::page::{Page, Slots};
use crate::ports::{
    AuditStore, Charge, Charged, Clock, Created, Dice, Download, Due, ExportQueue, ExportStore,
    FileKind, GivenPage, GivenQuery, HistoryPage, HistoryQuery, LeadIndex, LeadPage, LeadSample,
    LeadSource, Notifier, ObjectHead, ObjectKey, PageQuery, Part, PieceStore, Place, PresetStore,
    Remembered, RequestKey, SourceStore, StoreError, StoreErrorKind, Upload, UrlSigner, VolumeKey,
    Written,
};
use crate::presets::{Preset, PresetHead, PresetName};
use crate::record::{Export, ExportId, RunId};
use crate::time::Instant;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It fails and is not applied (F3, F5, F6, F14).
    Before(StoreErrorKind),
    /// It is applied and its answer is lost (F4).
    After(StoreErrorKind),
    /// It is not applied and never answers: the caller is dropped there, as in a crash (F1), or held, as in a freeze.
    CrashBefore,
    /// It is applied and never answers (F2).
    CrashAfter,
    /// It gives way once more before it is applied: whoever schedules may leave it there, frozen, as long as it likes (F11).
    Hold,
}

/// A call of a port, as a plan sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Port and function, such as `exports.replace`.
    pub name: &'static str,
    /// Which call of all calls under the plan, from 1.
    pub number: u64,
    /// Which call of this name, from 1.
    pub nth: u64,
}

type Decide = dyn Fn(&Call) -> Option<Fault> + Send + Sync;

/// Decides which calls fail, and keeps the list of all. One plan is shared by all ports of a simulation.
pub struct FaultPlan {
    decide: Box<Decide>,
    calm: AtomicBool,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    all: Vec<Call>,
    by_name: BTreeMap<&'static str, u64>,
}

impl FaultPlan {
    /// What `decide` says of each call. It is asked once per call, before it, and may itself change the world: add leads, move the
    /// clock, ask other ports.
    pub fn new(decide: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            decide: Box::new(decide),
            calm: AtomicBool::new(false),
            calls: Mutex::default(),
        })
    }

    /// No faults: the calls are only listed.
    pub fn none() -> Arc<Self> {
        Self::new(|_| None)
    }

    /// A fault at the call of this number, whichever port it asks.
    pub fn at(number: u64, fault: Fault) -> Arc<Self> {
        Self::new(move |call| (call.number == number).then_some(fault))
    }

    /// A fault at the `nth` call of this name.
    pub fn at_nth(name: &'static str, nth: u64, fault: Fault) -> Arc<Self> {
        Self::new(move |call| (call.name == name && call.nth == nth).then_some(fault))
    }

    /// A fault at every call of this name.
    pub fn every(name: &'static str, fault: Fault) -> Arc<Self> {
        Self::new(move |call| (call.name == name).then_some(fault))
    }

    /// No faults from now on, whatever the plan was; calls are still listed.
    pub fn calm(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).all.clone()
    }

    /// How many calls of this name there were.
    pub fn count(&self, name: &str) -> u64 {
        lock(&self.calls).by_name.get(name).copied().unwrap_or(0)
    }

    fn ask(&self, name: &'static str) -> Option<Fault> {
        let call = {
            let mut calls = lock(&self.calls);
            let nth = calls.by_name.entry(name).or_default();
            *nth += 1;
            let nth = *nth;
            let number = u64::try_from(calls.all.len()).unwrap_or(u64::MAX - 1) + 1;
            let call = Call { name, number, nth };
            calls.all.push(call);
            call
        };
        if self.calm.load(Ordering::SeqCst) {
            None
        } else {
            (self.decide)(&call)
        }
    }
}

/// A port whose calls fail as a [`FaultPlan`] says.
///
/// Each call gives way once before it is applied and once after, so that an executor can put other tasks between any two steps.
/// Clock and dice cannot fail: they are passed through and not counted.
pub struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    plan: Arc<FaultPlan>,
}

impl<T: ?Sized> Faulty<T> {
    /// `inner`, failing by `plan`.
    pub fn new(inner: Arc<T>, plan: Arc<FaultPlan>) -> Self {
        Self { inner, plan }
    }

    /// The port beneath.
    pub fn inner(&self) -> &Arc<T> {
        &self.inner
    }

    async fn call<R>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<R, StoreError>> + Send,
    ) -> Result<R, StoreError> {
        give_way().await;
        let store = name.split_once('.').map_or(name, |(store, _)| store);
        let fault = self.plan.ask(name);
        match fault {
            Some(Fault::Before(kind)) => return Err(StoreError::new(kind, store)),
            Some(Fault::CrashBefore) => return pending().await,
            Some(Fault::Hold) => give_way().await,
            _ => {}
        }
        let answer = call.await;
        match fault {
            Some(Fault::After(kind)) => return Err(StoreError::new(kind, store)),
            Some(Fault::CrashAfter) => return pending().await,
            _ => {}
        }
        give_way().await;
        answer
    }
}

/// Lets other tasks go first, once.
async fn give_way() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

#[async_trait]
impl<T: LeadSource + ?Sized> LeadSource for Faulty<T> {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        self.call("leads.page", self.inner.page(query)).await
    }
}

#[async_trait]
impl<T: LeadIndex + ?Sized> LeadIndex for Faulty<T> {
    async fn find(&self, org: &OrgId, ids: &[LeadId]) -> Result<Vec<Place>, StoreError> {
        self.call("index.find", self.inner.find(org, ids)).await
    }

    async fn read(
        &self,
        org: &OrgId,
        places: &[Place],
        slots: &Slots,
    ) -> Result<BTreeMap<SourceId, Page>, StoreError> {
        self.call("index.read", self.inner.read(org, places, slots))
            .await
    }
}

#[async_trait]
impl<T: LeadSample + ?Sized> LeadSample for Faulty<T> {
    async fn sampled(
        &self,
        org: &OrgId,
        source: &SourceId,
        from: &LeadKey,
        to: &LeadKey,
    ) -> Result<u64, StoreError> {
        let call = self.inner.sampled(org, source, from, to);
        self.call("leads.sampled", call).await
    }
}

#[async_trait]
impl<T: SourceStore + ?Sized> SourceStore for Faulty<T> {
    async fn access(
        &self,
        org: &OrgId,
        user: &str,
        source: &SourceId,
    ) -> Result<Access, StoreError> {
        let call = self.inner.access(org, user, source);
        self.call("sources.access", call).await
    }

    async fn visible(&self, org: &OrgId, user: &str) -> Result<Vec<(Source, Role)>, StoreError> {
        self.call("sources.visible", self.inner.visible(org, user))
            .await
    }
}

#[async_trait]
impl<T: PresetStore + ?Sized> PresetStore for Faulty<T> {
    async fn get(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<Option<Preset>, StoreError> {
        self.call("presets.get", self.inner.get(org, source, name))
            .await
    }

    async fn list(&self, org: &OrgId, source: &SourceId) -> Result<Vec<PresetHead>, StoreError> {
        self.call("presets.list", self.inner.list(org, source))
            .await
    }

    async fn put(&self, preset: &Preset, most: usize) -> Result<bool, StoreError> {
        self.call("presets.put", self.inner.put(preset, most)).await
    }

    async fn remove(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<bool, StoreError> {
        self.call("presets.remove", self.inner.remove(org, source, name))
            .await
    }
}

#[async_trait]
impl<T: ExportStore + ?Sized> ExportStore for Faulty<T> {
    async fn remembered(
        &self,
        key: &RequestKey,
        now: Instant,
    ) -> Result<Option<Remembered>, StoreError> {
        self.call("exports.remembered", self.inner.remembered(key, now))
            .await
    }

    async fn create(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError> {
        let call = self.inner.create(export, request, max_active);
        self.call("exports.create", call).await
    }

    async fn get(&self, org: &OrgId, id: ExportId) -> Result<Option<Export>, StoreError> {
        self.call("exports.get", self.inner.get(org, id)).await
    }

    async fn replace(&self, export: &Export) -> Result<Written, StoreError> {
        self.call("exports.replace", self.inner.replace(export))
            .await
    }

    async fn end(&self, export: &Export) -> Result<Written, StoreError> {
        self.call("exports.end", self.inner.end(export)).await
    }

    async fn add(&self, export: &Export) -> Result<(), StoreError> {
        self.call("exports.add", self.inner.add(export)).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.call("exports.history", self.inner.history(query))
            .await
    }

    async fn due(&self, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.call("exports.due", self.inner.due(now, limit)).await
    }

    async fn postpone(&self, due: &Due, until: Instant) -> Result<bool, StoreError> {
        self.call("exports.postpone", self.inner.postpone(due, until))
            .await
    }

    async fn volume(&self, key: &VolumeKey, but: Option<Uuid>) -> Result<u64, StoreError> {
        self.call("exports.volume", self.inner.volume(key, but))
            .await
    }

    async fn charge(&self, charge: &Charge, most: u64) -> Result<Charged, StoreError> {
        self.call("exports.charge", self.inner.charge(charge, most))
            .await
    }
}

#[async_trait]
impl<T: AuditStore + ?Sized> AuditStore for Faulty<T> {
    async fn record(&self, source: &SourceId, download: &Download) -> Result<(), StoreError> {
        self.call("audit.record", self.inner.record(source, download))
            .await
    }

    async fn given(&self, query: &GivenQuery) -> Result<GivenPage, StoreError> {
        self.call("audit.given", self.inner.given(query)).await
    }

    async fn downloads(&self, org: &OrgId, export: ExportId) -> Result<Vec<Download>, StoreError> {
        self.call("audit.downloads", self.inner.downloads(org, export))
            .await
    }
}

#[async_trait]
impl<T: ExportQueue + ?Sized> ExportQueue for Faulty<T> {
    async fn send(&self, org: &OrgId, id: ExportId) -> Result<(), StoreError> {
        self.call("queue.send", self.inner.send(org, id)).await
    }
}

#[async_trait]
impl<T: PieceStore + ?Sized> PieceStore for Faulty<T> {
    async fn put(
        &self,
        key: ObjectKey,
        bytes: Bytes,
        crc: u64,
        kind: &FileKind,
    ) -> Result<(), StoreError> {
        self.call("pieces.put", self.inner.put(key, bytes, crc, kind))
            .await
    }

    async fn get(&self, key: ObjectKey) -> Result<Bytes, StoreError> {
        self.call("pieces.get", self.inner.get(key)).await
    }

    async fn head(&self, key: ObjectKey) -> Result<Option<ObjectHead>, StoreError> {
        self.call("pieces.head", self.inner.head(key)).await
    }

    async fn open(&self, key: ObjectKey, kind: &FileKind) -> Result<Upload, StoreError> {
        self.call("pieces.open", self.inner.open(key, kind)).await
    }

    async fn copy_part(
        &self,
        upload: &Upload,
        number: u32,
        piece: ObjectKey,
    ) -> Result<Part, StoreError> {
        let call = self.inner.copy_part(upload, number, piece);
        self.call("pieces.copy_part", call).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        crc: u64,
    ) -> Result<Part, StoreError> {
        let call = self.inner.put_part(upload, number, bytes, crc);
        self.call("pieces.put_part", call).await
    }

    async fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: u64,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        let call = self.inner.complete(upload, parts, crc, size_bytes);
        self.call("pieces.complete", call).await
    }

    async fn clean(&self, export: ExportId, keep: Option<RunId>) -> Result<(), StoreError> {
        self.call("pieces.clean", self.inner.clean(export, keep))
            .await
    }

    async fn delete_file(&self, export: ExportId, run: RunId) -> Result<(), StoreError> {
        self.call("pieces.delete_file", self.inner.delete_file(export, run))
            .await
    }
}

#[async_trait]
impl<T: UrlSigner + ?Sized> UrlSigner for Faulty<T> {
    async fn sign(
        &self,
        export: ExportId,
        run: RunId,
        file_name: &str,
        kind: &FileKind,
        now: Instant,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let call = self.inner.sign(export, run, file_name, kind, now, ttl);
        self.call("signer.sign", call).await
    }
}

#[async_trait]
impl<T: Notifier + ?Sized> Notifier for Faulty<T> {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        self.call("notifier.tell", self.inner.tell(export)).await
    }

    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError> {
        let call = self.inner.mail(export, to);
        self.call("notifier.mail", call).await
    }
}

#[async_trait]
impl<T: Clock + ?Sized> Clock for Faulty<T> {
    fn now(&self) -> Instant {
        self.inner.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}

impl<T: Dice + ?Sized> Dice for Faulty<T> {
    fn uuid(&self) -> Uuid {
        self.inner.uuid()
    }
}
