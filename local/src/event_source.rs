//! The event source mapping: takes messages from a queue, invokes a function with them, and deletes what it has done.
//!
//! Keeps the rules of <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html> and its sub-pages:
//! - The function failed or ran into its timeout: nothing is deleted. The messages come back when their visibility
//!   timeout ends, and go to the dead-letter queue when they have come too often.
//! - It answered: all messages are deleted, or, with partial failures on, all but those it names ([`Verdict`]).
//! - It was throttled: the messages come back after a back-off, 1 s at first. (Lambda keeps them and tries again until their
//!   visibility timeout ends.)
//! - A message is received only when there is a place to run it: never more invocations than the maximum concurrency.

mod event;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

pub use verdict::Verdict;

use crate::invoke::{Invoke, InvokeError};
use crate::sqs::{Message, Queues, Receive, Refusal};

/// Lambda begins with five pollers (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>); more would
/// gain nothing here, for a poller that has found messages makes way for another.
const POLLERS: usize = 5;

/// The longest a receive may wait, and the most it may return (the page on ReceiveMessage).
const WAIT_S: i64 = 20;
const RECEIVE_MESSAGES: usize = 10;

/// What Lambda allows: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>.
const MAX_BATCH: usize = 10_000;
const MAX_WINDOW: Duration = Duration::from_mins(5);
const CONCURRENCY: std::ops::RangeInclusive<usize> = 2..=1_000;

/// The back-off after `n` throttles in a row, and after a failure of the queue itself: 1 s, doubled up to 32 s.
fn back_off(n: u32) -> Duration {
    Duration::from_secs(1 << n.min(5))
}

/// One mapping from a queue to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    /// The queue's name.
    pub queue: String,
    /// The function's name.
    pub function: String,
    /// The most messages of one invocation, 1 to 10,000; above 10 there must be a window.
    pub batch_size: usize,
    /// How long to gather messages for one invocation, up to 300 s. Zero takes what is there.
    pub batch_window: Duration,
    /// The most invocations at a time, 2 to 1,000.
    pub max_concurrency: usize,
    /// Whether the function names the messages it failed on (`ReportBatchItemFailures`).
    pub report_batch_item_failures: bool,
}

impl EventSource {
    /// Polls and invokes until `shutdown`; then takes no more messages, waits for the invocations that run, settles their
    /// messages and returns. Also returns when the functions are stopped.
    ///
    /// Messages that were received but not yet given to the function at that moment are made visible again.
    ///
    /// # Errors
    /// When a number is outside what Lambda allows, or the queue does not exist. Once it runs, it goes on.
    pub async fn run(
        self,
        queues: Arc<Queues>,
        invoke: Arc<dyn Invoke>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.check(&queues)?;
        let (stop, stopping) = watch::channel(false);
        let workers = self.max_concurrency;
        let shared = Arc::new(Shared {
            source: self,
            queues,
            invoke,
            polling: Semaphore::new(POLLERS),
            stopping,
        });
        let mut running = JoinSet::new();
        for _ in 0..workers {
            running.spawn(Arc::clone(&shared).work());
        }
        let mut shutdown = std::pin::pin!(shutdown);
        let mut stopped = false;
        let mut failure = None;
        loop {
            tokio::select! {
                () = &mut shutdown, if !stopped => {
                    stopped = true;
                    stop.send_replace(true);
                }
                ended = running.join_next() => match ended {
                    None => return failure.map_or(Ok(()), Err),
                    // A worker ends only when all shall.
                    Some(Ok(())) => {
                        stop.send_replace(true);
                    }
                    Some(Err(panic)) => {
                        stop.send_replace(true);
                        failure = Some(panic.into());
                    }
                },
            }
        }
    }

    fn check(&self, queues: &Queues) -> anyhow::Result<()> {
        ensure!(
            (1..=MAX_BATCH).contains(&self.batch_size),
            "the batch size is {}, not 1 to {MAX_BATCH}",
            self.batch_size
        );
        ensure!(
            self.batch_window <= MAX_WINDOW,
            "the batch window is {:?}, not up to {MAX_WINDOW:?}",
            self.batch_window
        );
        ensure!(
            self.batch_size <= RECEIVE_MESSAGES || self.batch_window >= Duration::from_secs(1),
            "a batch size above {RECEIVE_MESSAGES} needs a batch window of at least 1 s"
        );
        ensure!(
            CONCURRENCY.contains(&self.max_concurrency),
            "the maximum concurrency is {}, not {} to {}",
            self.max_concurrency,
            CONCURRENCY.start(),
            CONCURRENCY.end()
        );
        queues.expect(&self.queue)?;
        Ok(())
    }
}

/// What the workers of one mapping share.
struct Shared {
    source: EventSource,
    queues: Arc<Queues>,
    invoke: Arc<dyn Invoke>,
    /// Held while polling.
    polling: Semaphore,
    stopping: watch::Receiver<bool>,
}

/// How an invocation left the worker.
enum Next {
    /// Go on.
    Poll,
    /// Go on after a back-off.
    BackOff,
    /// The functions are stopped.
    End,
}

impl Shared {
    /// Receives, invokes and settles, one after the other, until the end.
    async fn work(self: Arc<Self>) {
        let mut throttles = 0;
        while let Some(gathered) = self.gather().await {
            let next = match gathered {
                Ok(messages) => self.deliver(messages).await,
                Err(refusal) => {
                    tracing::error!(queue.name = self.source.queue, %refusal, "the event source cannot receive");
                    Next::BackOff
                }
            };
            match next {
                Next::Poll => throttles = 0,
                Next::BackOff => {
                    self.pause(back_off(throttles)).await;
                    throttles += 1;
                }
                Next::End => return,
            }
        }
    }

    /// Waits for messages and gathers them to one batch. `None` when it is time to stop.
    async fn gather(&self) -> Option<Result<Vec<Message>, Refusal>> {
        let mut stopping = self.stopping.clone();
        let mut gathered = Vec::new();
        let _polling = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return None,
            permit = self.polling.acquire() => permit.ok()?,
        };
        let mut window_ends = None;
        loop {
            let wait_s = match window_ends {
                None => WAIT_S,
                // Rounded up: the window is in whole seconds on AWS.
                Some(end) => seconds_until(self.queues.clock().now(), end).min(WAIT_S),
            };
            let room = (self.source.batch_size - gathered.len()).min(RECEIVE_MESSAGES);
            let how = Receive {
                max_messages: i64::try_from(room).unwrap_or(1),
                visibility_s: None,
                wait_s: Some(wait_s),
            };
            let received = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => {
                    self.release(&gathered, Duration::ZERO);
                    return None;
                }
                received = self.queues.receive(&self.source.queue, &how) => received,
            };
            match received {
                Ok(messages) => gathered.extend(messages),
                Err(refusal) if gathered.is_empty() => return Some(Err(refusal)),
                Err(_) => return Some(Ok(gathered)),
            }
            if gathered.is_empty() {
                continue;
            }
            let now = self.queues.clock().now();
            let end = *window_ends.get_or_insert(now + self.source.batch_window);
            let full = gathered.len() >= self.source.batch_size || event::is_full(&gathered);
            if full || now >= end {
                return Some(Ok(gathered));
            }
        }
    }

    /// Invokes the function with the messages, in as many events as their size needs.
    async fn deliver(&self, messages: Vec<Message>) -> Next {
        let mut portions = event::portions(messages).into_iter();
        while let Some(portion) = portions.next() {
            let next = self.deliver_portion(&portion).await;
            if !matches!(next, Next::Poll) {
                let unsent: Vec<_> = portions.flatten().collect();
                self.release(&unsent, Duration::ZERO);
                return next;
            }
        }
        Next::Poll
    }

    async fn deliver_portion(&self, messages: &[Message]) -> Next {
        let function = &self.source.function;
        let payload = event::payload(messages, &self.source.queue);
        match self.invoke.invoke(function, payload).await {
            Ok(answer) => {
                let verdict = if self.source.report_batch_item_failures {
                    Verdict::of(&answer, messages.iter().map(|message| message.id.as_str()))
                } else {
                    Verdict::Done
                };
                self.settle(messages, &verdict);
                Next::Poll
            }
            Err(cause @ (InvokeError::Function { .. } | InvokeError::TimedOut)) => {
                tracing::warn!(function, messages = messages.len(), %cause, "the messages will come back");
                Next::Poll
            }
            Err(cause @ InvokeError::Unknown(_)) => {
                tracing::error!(function, messages = messages.len(), %cause, "the messages will come back");
                Next::BackOff
            }
            Err(InvokeError::Throttled) => {
                self.release_after_throttle(messages);
                Next::BackOff
            }
            Err(InvokeError::Stopped) => {
                self.release(messages, Duration::ZERO);
                Next::End
            }
        }
    }

    /// Deletes what is done. What is not comes back when its visibility timeout ends.
    fn settle(&self, messages: &[Message], verdict: &Verdict) {
        let function = &self.source.function;
        match verdict {
            Verdict::Done => {}
            Verdict::Failed(ids) => {
                tracing::warn!(
                    function,
                    messages = ids.len(),
                    "the function failed on some messages"
                );
            }
            Verdict::Malformed(reason) => {
                tracing::error!(
                    function,
                    messages = messages.len(),
                    reason,
                    "the answer is malformed, so all messages failed"
                );
            }
        }
        for message in messages
            .iter()
            .filter(|message| verdict.is_done(&message.id))
        {
            if let Err(refusal) = self
                .queues
                .delete(&self.source.queue, &message.receipt_handle)
            {
                tracing::error!(message.id, %refusal, "a finished message is not deleted and will come back");
            }
        }
    }

    /// The more often a message was throttled the longer it stays away.
    fn release_after_throttle(&self, messages: &[Message]) {
        for message in messages {
            let pause = back_off(message.receive_count.saturating_sub(1));
            self.release(std::slice::from_ref(message), pause);
        }
    }

    /// Makes messages visible again after `pause`.
    fn release(&self, messages: &[Message], pause: Duration) {
        let pause_s = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
        for message in messages {
            let handle = &message.receipt_handle;
            if let Err(refusal) = self
                .queues
                .change_visibility(&self.source.queue, handle, pause_s)
            {
                tracing::debug!(message.id, %refusal, "a message stays hidden until its visibility timeout ends");
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        let clock = self.queues.clock();
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = clock.until(clock.now() + pause) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// Whole seconds from `now` to `end`, rounded up.
fn seconds_until(now: Timestamp, end: Timestamp) -> i64 {
    let left_ms = (end.as_millisecond() - now.as_millisecond()).max(0);
    (left_ms + 999) / 1_000
}

#[cfg(test)]
mod tests;
