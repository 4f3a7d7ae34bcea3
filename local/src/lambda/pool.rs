//! The processes of one function: who waits, who is warm, who is started.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use super::{FunctionSpec, sandbox};
use crate::invoke::InvokeError;

/// How far the whole stack is on its way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Calls are taken.
    Open,
    /// No new calls; running invocations may finish.
    Draining,
    /// Every process is to be killed.
    Killing,
}

/// One invocation on its way through a process.
pub(super) struct Job {
    /// The request id, in Lambda's form.
    pub(super) id: String,
    pub(super) payload: Bytes,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
    place: OwnedSemaphorePermit,
}

impl Job {
    /// Gives the place back, then answers: whoever has the answer finds the place free.
    pub(super) fn finish(self, answer: Result<Bytes, InvokeError>) {
        drop(self.place);
        // A caller that has gone away does not want to know.
        let _ = self.answer.send(answer);
    }
}

/// A warm process waiting for work.
struct Parked {
    sandbox: u64,
    hand_over: oneshot::Sender<Job>,
}

/// One function and its processes.
pub(super) struct Function {
    pub(super) spec: FunctionSpec,
    pub(super) arn: String,
    phase: watch::Receiver<Phase>,
    /// Weak, because the tasks in it own us: dropping the last [`Lambdas`](super::Lambdas) must drop the tasks.
    sandboxes: Weak<Mutex<Option<JoinSet<()>>>>,
    places: Arc<Semaphore>,
    parked: Mutex<Vec<Parked>>,
    pids: Mutex<BTreeMap<u64, u32>>,
    started: AtomicU64,
}

impl Function {
    pub(super) fn new(
        spec: FunctionSpec,
        phase: watch::Receiver<Phase>,
        sandboxes: Weak<Mutex<Option<JoinSet<()>>>>,
    ) -> Self {
        let region = super::environment::region(&spec);
        Self {
            arn: format!(
                "arn:aws:lambda:{region}:000000000000:function:{}",
                spec.name
            ),
            places: Arc::new(Semaphore::new(
                spec.max_concurrency.min(Semaphore::MAX_PERMITS),
            )),
            spec,
            phase,
            sandboxes,
            parked: Mutex::default(),
            pids: Mutex::default(),
            started: AtomicU64::new(0),
        }
    }

    /// Waits for a place, runs the payload in it and returns the answer.
    pub(super) async fn invoke(self: &Arc<Self>, payload: Bytes) -> Result<Bytes, InvokeError> {
        let place = tokio::select! {
            biased;
            () = self.reached(Phase::Draining) => return Err(InvokeError::Stopped),
            place = tokio::time::timeout(self.spec.queue_wait, Arc::clone(&self.places).acquire_owned()) => match place {
                Ok(Ok(place)) => place,
                Ok(Err(_closed)) => return Err(InvokeError::Stopped),
                Err(_elapsed) => return Err(InvokeError::Throttled),
            },
        };
        let (answer, answered) = oneshot::channel();
        self.dispatch(Job {
            id: uuid::Uuid::new_v4().to_string(),
            payload,
            answer,
            place,
        });
        // Without an answer the process's task was dropped, which only the end of everything does.
        answered.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// Gives a job to the process that was used last, so that the others can grow idle, or to a new one.
    pub(super) fn dispatch(self: &Arc<Self>, mut job: Job) {
        loop {
            let warm = lock(&self.parked).pop();
            let Some(warm) = warm else { break };
            match warm.hand_over.send(job) {
                Ok(()) => return,
                Err(back) => job = back,
            }
        }
        let Some(sandboxes) = self.sandboxes.upgrade() else {
            return job.finish(Err(InvokeError::Stopped));
        };
        let mut sandboxes = lock(&sandboxes);
        match sandboxes.as_mut() {
            Some(sandboxes) => {
                while sandboxes.try_join_next().is_some() {}
                let number = self.started.fetch_add(1, Ordering::Relaxed);
                sandboxes.spawn(sandbox::live(Arc::clone(self), number, job));
            }
            None => job.finish(Err(InvokeError::Stopped)),
        }
    }

    /// Offers a warm process. The job comes through the receiver.
    pub(super) fn park(&self, sandbox: u64) -> oneshot::Receiver<Job> {
        let (hand_over, job) = oneshot::channel();
        lock(&self.parked).push(Parked { sandbox, hand_over });
        job
    }

    /// Withdraws the offer. False if it was already taken up, and a job is in the receiver or about to be.
    pub(super) fn unpark(&self, sandbox: u64) -> bool {
        let mut parked = lock(&self.parked);
        let before = parked.len();
        parked.retain(|parked| parked.sandbox != sandbox);
        parked.len() < before
    }

    /// Remembers, or with `None` forgets, the process of a sandbox.
    pub(super) fn note_pid(&self, sandbox: u64, pid: Option<u32>) {
        let mut pids = lock(&self.pids);
        match pid {
            Some(pid) => pids.insert(sandbox, pid),
            None => pids.remove(&sandbox),
        };
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        lock(&self.pids).values().copied().collect()
    }

    /// Waits until the stack has reached a phase. A stack that was dropped without a stop counts as the last.
    pub(super) async fn reached(&self, wanted: Phase) {
        let _ = self.phase.clone().wait_for(|phase| *phase >= wanted).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
