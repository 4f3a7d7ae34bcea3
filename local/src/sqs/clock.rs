//! The time by which queues hide, delay and expire messages.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

/// Tells the time and waits for it, so that a test can set it instead of sleeping.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;

    /// Completes once [`now`](Clock::now) has reached `instant`, at once if it already has.
    async fn until(&self, instant: Timestamp);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A wall clock may be set while somebody waits for it: it is looked at again this often.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn until(&self, instant: Timestamp) {
        while let Some(left) = left(self.now(), instant) {
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct SetClock {
    now: watch::Sender<Timestamp>,
}

impl SetClock {
    /// Creates a clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the clock forward by `by` and wakes those whose instant has come.
    ///
    /// # Panics
    /// When the sum lies beyond the year 9999.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn until(&self, instant: Timestamp) {
        // The sender lives in `self`, so the channel cannot close while we wait.
        let _ = self.now.subscribe().wait_for(|now| *now >= instant).await;
    }
}

/// The time from `now` to `instant`, if there is any.
fn left(now: Timestamp, instant: Timestamp) -> Option<Duration> {
    (instant > now)
        .then(|| Duration::try_from(instant.duration_since(now)).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn set_clock_wakes_exactly_when_the_instant_has_come() {
        let clock = SetClock::new(at(100));
        clock.until(at(100)).await;
        let mut waiting = std::pin::pin!(clock.until(at(110)));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        clock.advance(Duration::from_secs(9));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(futures_util::poll!(&mut waiting).is_ready());
    }

    #[tokio::test]
    async fn system_clock_does_not_wait_for_the_past() {
        SystemClock.until(at(0)).await;
        assert_eq!(left(at(5), at(3)), None);
        assert_eq!(left(at(3), at(5)), Some(Duration::from_secs(2)));
    }
}
