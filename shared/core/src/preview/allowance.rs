//! What a preview may read, shared by the reads of all shards.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use crate::limits;
use crate::ports::{LeadPage, LeadSource, PageQuery, StoreError};

/// Bytes that may be read. What is under way counts as a whole page each until it has come, so the reads of many shards at once do
/// not pass the allowance by more than one page.
#[derive(Debug)]
pub(super) struct Allowance {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    left: u64,
    under_way: u64,
    /// Reads that wait for those under way.
    waiting: Vec<Waker>,
    is_spent: bool,
    /// Who wants to know that it is spent.
    told: Option<Waker>,
}

impl Allowance {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            inner: Mutex::new(Inner {
                left: bytes,
                under_way: 0,
                waiting: Vec::new(),
                is_spent: false,
                told: None,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more page may be read; false if none may any more.
    async fn begin(&self) -> bool {
        poll_fn(|context| {
            let mut inner = self.inner();
            if inner.under_way == 0 && inner.left == 0 {
                inner.is_spent = true;
                if let Some(told) = inner.told.take() {
                    told.wake();
                }
                return Poll::Ready(false);
            }
            // The last page may be smaller than a page: nobody else reads, so it is worth a try.
            let fits = (inner.under_way + 1) * limits::PAGE_BYTES <= inner.left;
            if inner.under_way == 0 || fits {
                inner.under_way += 1;
                return Poll::Ready(true);
            }
            inner.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn end(&self, bytes: u64) {
        let waiting = {
            let mut inner = self.inner();
            inner.under_way -= 1;
            inner.left = inner.left.saturating_sub(bytes);
            std::mem::take(&mut inner.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }

    /// Waits until a read was wanted and not allowed.
    pub(super) async fn spent(&self) {
        poll_fn(|context| {
            let mut inner = self.inner();
            if inner.is_spent {
                return Poll::Ready(());
            }
            inner.told = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Leads, as long as the allowance lasts; then a read never comes back, and who waits for [`Allowance::spent`] learns of it.
pub(super) struct Allowed {
    leads: Arc<dyn LeadSource>,
    allowance: Arc<Allowance>,
}

impl Allowed {
    pub(super) fn new(leads: Arc<dyn LeadSource>, allowance: Arc<Allowance>) -> Self {
        Self { leads, allowance }
    }
}

#[async_trait]
impl LeadSource for Allowed {
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        if !self.allowance.begin().await {
            return pending().await;
        }
        let most = limits::PREVIEW_PAGE_LEADS;
        let query = PageQuery {
            most: Some(query.most.map_or(most, |asked| asked.min(most))),
            // An estimate goes by how many leads came before the last one that matched, and of those that a store leaves out nobody
            // knows where they were. What may be read is the same either way: it is counted before anything is left out.
            pushed: Arc::default(),
            ..query.clone()
        };
        let page = self.leads.page(&query).await;
        let bytes = page.as_ref().map_or(0, |page| page.read_bytes);
        self.allowance.end(bytes);
        page
    }
}
