//! Records of exports in memory: each a line of states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use uuid::Uuid;

use super::lock;
use crate::lead::OrgId;
use crate::ports::{
    Charge, Charged, Created, Due, ExportStore, HistoryPage, HistoryQuery, Remembered, RequestKey,
    StoreError, StoreErrorKind, VolumeKey, Written,
};
use crate::record::{Export, ExportId};
use crate::time::Instant;

const STORE: &str = "exports";

/// Records, idempotency rows and the sets of active exports.
///
/// Remembers every state ever written, for tests of whole lines. Its indexes can be made to lag (D-2).
#[derive(Debug, Default)]
pub struct MemoryExports {
    inner: Mutex<Inner>,
}

type Name = (OrgId, ExportId);

#[derive(Debug, Default)]
struct Inner {
    now: BTreeMap<Name, Export>,
    lines: BTreeMap<Name, Vec<Export>>,
    requests: BTreeMap<RequestKey, Remembered>,
    active: BTreeMap<OrgId, BTreeSet<ExportId>>,
    /// Each user's day: the leads of each delivery.
    volumes: BTreeMap<VolumeKey, BTreeMap<Uuid, u64>>,
    /// What the indexes show while they lag.
    held: Option<BTreeMap<Name, Export>>,
    history_scan: Option<usize>,
    writes: u64,
}

fn name(export: &Export) -> Name {
    (export.org.clone(), export.id())
}

impl Inner {
    fn write(&mut self, export: &Export) {
        self.writes += 1;
        self.now.insert(name(export), export.clone());
        self.lines
            .entry(name(export))
            .or_default()
            .push(export.clone());
    }

    fn write_next(&mut self, export: &Export) -> Written {
        let now = self.now.get(&name(export));
        if now.is_some_and(|now| now.version.checked_add(1) == Some(export.version)) {
            self.write(export);
            Written::Done
        } else {
            Written::Lost(now.cloned().map(Box::new))
        }
    }

    fn index(&self) -> &BTreeMap<Name, Export> {
        self.held.as_ref().unwrap_or(&self.now)
    }
}

impl MemoryExports {
    /// No records.
    pub fn new() -> Self {
        Self::default()
    }

    /// The organization's active exports: pending or processing, as the quota counts them.
    pub fn active(&self, org: &OrgId) -> BTreeSet<ExportId> {
        lock(&self.inner)
            .active
            .get(org)
            .cloned()
            .unwrap_or_default()
    }

    /// How many states were ever written.
    pub fn writes(&self) -> u64 {
        lock(&self.inner).writes
    }

    /// All records as they are now.
    pub fn all(&self) -> Vec<Export> {
        lock(&self.inner).now.values().cloned().collect()
    }

    /// Every state of a record ever written, the first first. A postponed due date is not a state.
    pub fn states(&self, org: &OrgId, id: ExportId) -> Vec<Export> {
        let name = (org.clone(), id);
        lock(&self.inner)
            .lines
            .get(&name)
            .cloned()
            .unwrap_or_default()
    }

    /// As [`MemoryExports::states`], without the first `from` of them.
    pub fn states_from(&self, org: &OrgId, id: ExportId, from: usize) -> Vec<Export> {
        let name = (org.clone(), id);
        let inner = lock(&self.inner);
        let line = inner.lines.get(&name).map_or(&[][..], Vec::as_slice);
        line.get(from..).unwrap_or_default().to_vec()
    }

    /// All idempotency rows, expired ones among them.
    pub fn requests(&self) -> BTreeMap<RequestKey, Remembered> {
        lock(&self.inner).requests.clone()
    }

    /// From now on history and due list show what is written now, until [`MemoryExports::release_indexes`].
    pub fn hold_indexes(&self) {
        let mut inner = lock(&self.inner);
        inner.held = Some(inner.now.clone());
    }

    /// History and due list show every write at once again.
    pub fn release_indexes(&self) {
        lock(&self.inner).held = None;
    }

    /// From now on a page of the history looks at so many records at most, matching or not; so it may be short, even empty.
    pub fn set_history_scan(&self, records: usize) {
        lock(&self.inner).history_scan = Some(records.max(1));
    }
}

#[async_trait]
impl ExportStore for MemoryExports {
    async fn remembered(
        &self,
        key: &RequestKey,
        now: Instant,
    ) -> Result<Option<Remembered>, StoreError> {
        let inner = lock(&self.inner);
        Ok(inner
            .requests
            .get(key)
            .filter(|row| row.until > now)
            .cloned())
    }

    async fn create(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError> {
        let mut inner = lock(&self.inner);
        // What is remembered comes first, as in DynamoDB when it has forgotten the call's token: a second copy meets its own row.
        if let Some((key, _)) = request {
            let row = inner.requests.get(key);
            if let Some(row) = row.filter(|row| row.until > export.head.requested_at) {
                return Ok(Created::Remembered(row.clone()));
            }
        }
        if let Some(line) = inner.lines.get(&name(export)) {
            // The same call again; another call under a used id is refused (D-8).
            return if line.first() == Some(export) {
                Ok(Created::New)
            } else {
                Err(StoreError::new(StoreErrorKind::Conflict, STORE))
            };
        }
        let active = inner.active.entry(export.org.clone()).or_default();
        if active.len() >= max_active {
            return Ok(Created::Full(active.iter().copied().collect()));
        }
        active.insert(export.id());
        if let Some((key, row)) = request {
            inner.requests.insert(key.clone(), row.clone());
        }
        inner.write(export);
        Ok(Created::New)
    }

    async fn get(&self, org: &OrgId, id: ExportId) -> Result<Option<Export>, StoreError> {
        Ok(lock(&self.inner).now.get(&(org.clone(), id)).cloned())
    }

    async fn replace(&self, export: &Export) -> Result<Written, StoreError> {
        Ok(lock(&self.inner).write_next(export))
    }

    async fn end(&self, export: &Export) -> Result<Written, StoreError> {
        let mut inner = lock(&self.inner);
        let written = inner.write_next(export);
        if written == Written::Done
            && let Some(active) = inner.active.get_mut(&export.org)
        {
            active.remove(&export.id());
        }
        Ok(written)
    }

    async fn add(&self, export: &Export) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        match inner.lines.get(&name(export)) {
            None => inner.write(export),
            Some(line) if line.first() == Some(export) => {}
            Some(_) => return Err(StoreError::new(StoreErrorKind::Conflict, STORE)),
        }
        Ok(())
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let inner = lock(&self.inner);
        let place = |export: &Export| (export.head.requested_at, export.id());
        let mut candidates: Vec<&Export> = inner
            .index()
            .values()
            .filter(|export| export.org == query.org && export.head.source == query.source)
            .filter(|export| {
                query
                    .from
                    .is_none_or(|from| export.head.requested_at >= from)
            })
            .filter(|export| query.to.is_none_or(|to| export.head.requested_at <= to))
            .filter(|export| query.after.is_none_or(|after| place(export) < after))
            .collect();
        candidates.sort_by_key(|export| std::cmp::Reverse(place(export)));
        let mut page = HistoryPage::default();
        let scan = inner.history_scan.unwrap_or(usize::MAX);
        for (index, export) in candidates.iter().enumerate() {
            let matches = (query.status.is_empty() || query.status.contains(&export.status()))
                && query
                    .requested_by
                    .as_ref()
                    .is_none_or(|user| export.head.requested_by.id == *user);
            if matches {
                page.exports.push(export.head.clone());
            }
            let is_full = page.exports.len() >= query.limit || index + 1 >= scan;
            if is_full && index + 1 < candidates.len() {
                page.next = Some(place(export));
                break;
            }
        }
        Ok(page)
    }

    async fn due(&self, now: Instant, limit: usize) -> Result<Vec<Due>, StoreError> {
        let inner = lock(&self.inner);
        let mut due: Vec<Due> = inner
            .index()
            .values()
            .filter_map(|export| {
                let due_at = export.due_at.filter(|due_at| *due_at <= now)?;
                Some(Due {
                    org: export.org.clone(),
                    id: export.id(),
                    due_at,
                })
            })
            .collect();
        due.sort_by_key(|due| (due.due_at, due.id));
        due.truncate(limit);
        Ok(due)
    }

    async fn postpone(&self, due: &Due, until: Instant) -> Result<bool, StoreError> {
        let mut inner = lock(&self.inner);
        if let Some(export) = inner.now.get_mut(&(due.org.clone(), due.id))
            && export.due_at == Some(due.due_at)
        {
            export.due_at = Some(until);
            return Ok(true);
        }
        Ok(false)
    }

    async fn volume(&self, key: &VolumeKey, but: Option<Uuid>) -> Result<u64, StoreError> {
        let inner = lock(&self.inner);
        let day = inner.volumes.get(key).into_iter().flatten();
        let others = day.filter(|(id, _)| Some(**id) != but);
        Ok(others.map(|(_, leads)| leads).sum())
    }

    async fn charge(&self, charge: &Charge, most: u64) -> Result<Charged, StoreError> {
        let mut inner = lock(&self.inner);
        let day = inner.volumes.entry(charge.key.clone()).or_default();
        if day.contains_key(&charge.id) {
            return Ok(Charged::Taken);
        }
        let used = day.values().sum::<u64>();
        if used.saturating_add(charge.leads) > most {
            return Ok(Charged::Over(used));
        }
        day.insert(charge.id, charge.leads);
        Ok(Charged::Taken)
    }
}
