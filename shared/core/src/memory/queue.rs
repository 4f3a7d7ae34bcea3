//! What goes out, in memory: hints and events.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::lead::OrgId;
use crate::mail::Address;
use crate::ports::{ExportQueue, Notifier, StoreError};
use crate::record::{Export, ExportId};

/// Hints, first in first out. A test takes them out, as often and in the order it wants.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    inner: Mutex<Hints>,
}

#[derive(Debug, Default)]
struct Hints {
    sent: Vec<(OrgId, ExportId)>,
    waiting: VecDeque<(OrgId, ExportId)>,
}

impl MemoryQueue {
    /// No hints.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the oldest hint that waits.
    pub fn pop(&self) -> Option<(OrgId, ExportId)> {
        lock(&self.inner).waiting.pop_front()
    }

    /// Hints that wait, the oldest first.
    pub fn waiting(&self) -> Vec<(OrgId, ExportId)> {
        lock(&self.inner).waiting.iter().cloned().collect()
    }

    /// All hints ever sent, the oldest first.
    pub fn sent(&self) -> Vec<(OrgId, ExportId)> {
        lock(&self.inner).sent.clone()
    }
}

#[async_trait]
impl ExportQueue for MemoryQueue {
    async fn send(&self, org: &OrgId, id: ExportId) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        inner.sent.push((org.clone(), id));
        inner.waiting.push_back((org.clone(), id));
        Ok(())
    }
}

/// Events told and mails sent, each with the record as it was then.
#[derive(Debug, Default)]
pub struct MemoryNotifier {
    told: Mutex<Vec<Export>>,
    mailed: Mutex<Vec<(Address, Export)>>,
}

impl MemoryNotifier {
    /// Nothing told.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mails sent, in order: to whom, about which record.
    pub fn mailed(&self) -> Vec<(Address, Export)> {
        lock(&self.mailed).clone()
    }

    /// The records told, in order; [`Export::event_id`] is the identity of each telling.
    pub fn told(&self) -> Vec<Export> {
        lock(&self.told).clone()
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        lock(&self.told).push(export.clone());
        Ok(())
    }

    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError> {
        lock(&self.mailed).push((to.clone(), export.clone()));
        Ok(())
    }
}
