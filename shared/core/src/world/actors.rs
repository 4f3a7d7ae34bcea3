//! Who acts on the stage: clients' requests, runs, sweeps, downloads, cancels – each an invocation that can be frozen and killed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{Flag, PATH, Ticking, World, org, principal};
use crate::download::{DownloadError, Link};
use crate::memory::ManualClock;
use crate::ports::{Clock, StoreError};
use crate::record::ExportId;
use crate::request::{Request, RequestError};
use crate::run::{Done, RunError};
use crate::time::Instant;

/// What an actor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A request of the client of this number.
    Request(usize),
    Run,
    Sweep,
    Download(ExportId),
    Cancel,
}

/// What it came to; a death is none.
pub(crate) enum Output {
    Requested(Result<(ExportId, bool), RequestError>),
    /// Whether each message has done its duty.
    Ran(Vec<(usize, Result<Done, RunError>)>),
    Swept(Result<usize, StoreError>),
    Downloaded(Box<Result<Link, DownloadError>>),
    Cancelled(bool),
}

/// One invocation.
pub(crate) struct Actor {
    pub(crate) number: usize,
    pub(crate) role: Role,
    pub(super) task: Pin<Box<dyn Future<Output = Output> + Send>>,
    pub(super) flag: Arc<Flag>,
    /// Left alone until then, or until the export has ended.
    pub(super) frozen: Option<(Instant, bool)>,
    pub(super) began: Instant,
    pub(super) dies_at: Instant,
    pub(super) stop_at: Instant,
    /// The call before its first.
    pub(super) after_call: u64,
    pub(super) clock: Arc<Skewed>,
    /// The messages of its event.
    pub(super) messages: Vec<usize>,
}

impl Actor {
    pub(crate) fn name(&self) -> String {
        let role = match self.role {
            Role::Request(client) => format!("request of client {client}"),
            Role::Run => "run".to_owned(),
            Role::Sweep => "sweep".to_owned(),
            Role::Download(_) => "download".to_owned(),
            Role::Cancel => "cancel".to_owned(),
        };
        format!("{role} #{}", self.number)
    }

    pub(super) fn is_frozen(&self, now: Instant, is_over: bool) -> bool {
        self.frozen
            .is_some_and(|(until, until_end)| now < until && !(until_end && is_over))
    }
}

/// A clock that is some minutes off (F13).
pub(crate) struct Skewed {
    base: Arc<Ticking>,
    minutes: AtomicI64,
}

impl Skewed {
    pub(super) fn new(base: Arc<Ticking>, minutes: i64) -> Self {
        Self {
            base,
            minutes: minutes.into(),
        }
    }

    pub(super) fn set(&self, minutes: i64) {
        self.minutes.store(minutes, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Instant {
        let minutes = self.minutes.load(Ordering::SeqCst);
        let off = Duration::from_secs(minutes.unsigned_abs() * 60);
        let now = self.base.now();
        if minutes < 0 {
            now.minus(off)
        } else {
            now.plus(off)
        }
    }

    async fn sleep(&self, duration: Duration) {
        let clock: &ManualClock = &self.base.0;
        clock.sleep(duration).await;
    }
}

/// What a message of the queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Hint(ExportId),
    /// A message of others in the same event, which succeeds or fails (F16).
    Neighbour(bool),
}

impl World {
    pub(super) fn requesting(&self, body: String) -> impl Future<Output = Output> + Send + use<> {
        let request = self.request_export();
        async move {
            let principal = principal();
            let asked = Request {
                principal: &principal,
                source: "crm",
                path: PATH,
                key: Some("k"),
                body: body.as_bytes(),
            };
            let answer = request.request(asked).await;
            Output::Requested(answer.map(|accepted| (accepted.export.id(), accepted.replayed)))
        }
    }

    pub(super) fn running(
        &self,
        messages: Vec<(usize, Body)>,
        stop_at: Instant,
    ) -> impl Future<Output = Output> + Send + use<> {
        let run = self.run_export();
        async move {
            let mut done = Vec::new();
            for (message, body) in messages {
                let ran = match body {
                    Body::Hint(id) => run.run(&org(), id, stop_at).await.map(|ran| ran.done),
                    Body::Neighbour(true) => Ok(Done::Absent),
                    Body::Neighbour(false) => {
                        let kind = crate::ports::StoreErrorKind::Unavailable;
                        Err(RunError(StoreError::new(kind, "neighbour")))
                    }
                };
                done.push((message, ran));
            }
            Output::Ran(done)
        }
    }

    pub(super) fn sweeping(&self) -> impl Future<Output = Output> + Send + use<> {
        let sweep = self.sweep_exports();
        async move { Output::Swept(sweep.sweep().await.map(|swept| swept.errors.len())) }
    }

    pub(super) fn downloading(&self, id: ExportId) -> impl Future<Output = Output> + Send + use<> {
        let download = self.download_export();
        async move {
            let link = download.download(&principal(), Some(id)).await;
            Output::Downloaded(Box::new(link))
        }
    }

    pub(super) fn cancelling(&self, id: ExportId) -> impl Future<Output = Output> + Send + use<> {
        let end = self.end_export();
        async move { Output::Cancelled(end.end(&principal(), Some(id)).await.is_ok()) }
    }
}
