//! What EventBridge does for the sweeper: calls a function again and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::invoke::Invoke;

/// A rule that invokes one function every period.
///
/// - The first call comes one period after the start.
/// - Calls never overlap: ticks that fall into a running call are made up for by one call right after it.
/// - A failed call is logged, not repeated: the next tick is near.
/// - Dropped without [`Schedule::stop`], it ends where it is.
pub struct Schedule {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Schedule {
    /// Starts calling `function` with the event of a rule of this name.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or if the period is zero.
    pub fn start(
        invoke: Arc<dyn Invoke>,
        function: impl Into<String>,
        rule: impl Into<String>,
        period: Duration,
    ) -> Self {
        let mut interval = interval_at(tokio::time::Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (stop, stopped) = watch::channel(false);
        let (function, rule) = (function.into(), rule.into());
        let task = tokio::spawn(async move {
            let ticks = stream::poll_fn(move |context| interval.poll_tick(context).map(Some));
            run(invoke.as_ref(), &function, &rule, ticks, stopped).await;
        });
        Self { stop, task }
    }

    /// Makes no new call, waits up to `grace` for the running one, and gives its answer up after that. The function itself is
    /// not stopped by this.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.send_replace(true);
        // Past the grace, dropping ourselves ends the task.
        let _ = tokio::time::timeout(grace, &mut self.task).await;
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Calls the function at every tick, until told to stop or there is no further tick.
async fn run<T>(
    invoke: &dyn Invoke,
    function: &str,
    rule: &str,
    mut ticks: impl Stream<Item = T> + Unpin,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => return,
            tick = ticks.next() => if tick.is_none() { return },
        }
        if let Err(error) = invoke.invoke(function, event(rule)).await {
            tracing::warn!(%error, "the scheduled call of {function} failed");
        }
    }
}

/// A scheduled event
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>).
fn event(rule: &str) -> Bytes {
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:events:us-east-1:000000000000:rule/{rule}")],
        "detail": {}
    });
    event.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoke::InvokeError;
    use async_trait::async_trait;
    use serde_json::Value;
    use tokio::sync::{Semaphore, mpsc};

    /// Shows every call to the test, and ends it when the test allows one.
    struct Held {
        begun: mpsc::UnboundedSender<(String, Value)>,
        ended: mpsc::UnboundedSender<()>,
        allowed: Semaphore,
        answer: Result<Bytes, InvokeError>,
    }

    #[async_trait]
    impl Invoke for Held {
        async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
            let event = serde_json::from_slice(&payload).unwrap();
            self.begun.send((function.to_owned(), event)).unwrap();
            self.allowed.acquire().await.unwrap().forget();
            self.ended.send(()).unwrap();
            self.answer.clone()
        }
    }

    type Calls = (
        Arc<Held>,
        mpsc::UnboundedReceiver<(String, Value)>,
        mpsc::UnboundedReceiver<()>,
    );

    fn held(answer: Result<Bytes, InvokeError>) -> Calls {
        let (begun, calls) = mpsc::unbounded_channel();
        let (ended, ends) = mpsc::unbounded_channel();
        let allowed = Semaphore::new(0);
        (
            Arc::new(Held {
                begun,
                ended,
                allowed,
                answer,
            }),
            calls,
            ends,
        )
    }

    #[tokio::test]
    async fn failed_call_is_followed_by_the_next_and_calls_never_overlap() {
        let (held, mut calls, mut ends) = held(Err(InvokeError::Throttled));
        let (_stop, stopped) = watch::channel(false);
        // All ticks are there at once: only the calls themselves can hold the next one back.
        let run = run(
            held.as_ref(),
            "sweep",
            "minute",
            stream::iter([(); 3]),
            stopped,
        );
        let watch = async {
            for _ in 0..3 {
                calls.recv().await.unwrap();
                tokio::task::yield_now().await;
                assert!(
                    calls.try_recv().is_err(),
                    "a call began before the last one ended"
                );
                held.allowed.add_permits(1);
                ends.recv().await.unwrap();
            }
        };
        tokio::join!(run, watch);
        assert!(calls.try_recv().is_err());
    }

    #[tokio::test]
    async fn stop_waits_for_the_running_call_and_makes_no_other() {
        let (held, mut calls, mut ends) = held(Ok(Bytes::new()));
        let schedule = Schedule::start(held.clone(), "sweep", "minute", Duration::from_millis(1));
        calls.recv().await.unwrap();
        let stop = schedule.stop(Duration::from_mins(1));
        tokio::pin!(stop);
        assert!(futures_util::poll!(&mut stop).is_pending());
        held.allowed.add_permits(10);
        stop.await;
        ends.try_recv().unwrap();
        assert!(ends.try_recv().is_err());
        assert!(calls.try_recv().is_err());
    }

    #[tokio::test]
    async fn stop_gives_a_stuck_call_up_after_the_grace() {
        let (held, mut calls, mut ends) = held(Ok(Bytes::new()));
        let schedule = Schedule::start(held.clone(), "sweep", "minute", Duration::from_millis(1));
        calls.recv().await.unwrap();
        schedule.stop(Duration::ZERO).await;
        // The task lets go of the function only when it is gone, and the last sender with it.
        drop(held);
        assert!(ends.recv().await.is_none());
    }

    #[tokio::test]
    async fn event_is_a_scheduled_event() {
        let (held, mut calls, _ends) = held(Ok(Bytes::new()));
        let schedule = Schedule::start(held, "sweep-exports", "minute", Duration::from_millis(1));
        let (function, mut event) = calls.recv().await.unwrap();
        drop(schedule);
        assert_eq!(function, "sweep-exports");
        let id = event["id"].take();
        assert!(uuid::Uuid::parse_str(id.as_str().unwrap()).is_ok());
        let time = event["time"].take();
        assert!(
            time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
            "{time}"
        );
        assert_eq!(time.as_str().unwrap().len(), "2026-08-01T00:00:00Z".len());
        assert_eq!(
            event,
            json!({
                "version": "0", "id": null, "detail-type": "Scheduled Event", "source": "aws.events",
                "account": "000000000000", "time": null, "region": "us-east-1",
                "resources": ["arn:aws:events:us-east-1:000000000000:rule/minute"], "detail": {}
            })
        );
    }
}
