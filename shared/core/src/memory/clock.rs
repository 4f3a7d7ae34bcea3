//! Time that stands still until it is moved.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;

use super::lock;
use crate::ports::Clock;
use crate::time::Instant;

/// A clock that a test moves. Whoever sleeps wakes when it is moved to the end of the sleep or past it.
#[derive(Debug)]
pub struct ManualClock {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    now: Instant,
    sleeps: u64,
    /// By a number of its own: the end of the sleep, and whom to wake.
    sleepers: BTreeMap<u64, (Instant, Waker)>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            inner: Mutex::new(Inner {
                now,
                sleeps: 0,
                sleepers: BTreeMap::new(),
            }),
        }
    }

    /// Moves the clock to `now`; back as well, which wakes nobody.
    pub fn set(&self, now: Instant) {
        self.move_to(|_| now);
    }

    /// Moves the clock on.
    pub fn advance(&self, duration: Duration) {
        self.move_to(|now| now.plus(duration));
    }

    /// When the next sleeper wakes, if anybody sleeps: where a simulation may jump to when nothing else can go on.
    pub fn next_wake(&self) -> Option<Instant> {
        let inner = lock(&self.inner);
        inner.sleepers.values().map(|(until, _)| *until).min()
    }

    fn move_to(&self, to: impl FnOnce(Instant) -> Instant) {
        let woken: Vec<Waker> = {
            let mut inner = lock(&self.inner);
            inner.now = to(inner.now);
            let now = inner.now;
            let mut woken: Vec<(Instant, u64)> = inner
                .sleepers
                .iter()
                .filter(|(_, (until, _))| *until <= now)
                .map(|(number, (until, _))| (*until, *number))
                .collect();
            woken.sort_unstable();
            woken
                .iter()
                .filter_map(|(_, number)| inner.sleepers.remove(number))
                .map(|(_, waker)| waker)
                .collect()
        };
        // A waker may run a task at once, and that may ask this clock: the lock is free by now.
        for waker in woken {
            waker.wake();
        }
    }
}

impl Default for ManualClock {
    /// A clock that shows 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Instant::from_millis(1_767_225_600_000))
    }
}

/// A sleeper's place, given back when the sleep ends or is dropped.
struct Place<'a> {
    clock: &'a ManualClock,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.clock.inner).sleepers.remove(&self.number);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Instant {
        lock(&self.inner).now
    }

    async fn sleep(&self, duration: Duration) {
        // Instants are whole milliseconds: a shorter sleep lasts one, never none.
        let rounded = duration.as_nanos().div_ceil(1_000_000);
        let rounded = Duration::from_millis(u64::try_from(rounded).unwrap_or(u64::MAX));
        let (until, place) = {
            let mut inner = lock(&self.inner);
            inner.sleeps += 1;
            let place = Place {
                clock: self,
                number: inner.sleeps,
            };
            (inner.now.plus(rounded), place)
        };
        poll_fn(|context| {
            let mut inner = lock(&self.inner);
            if inner.now >= until {
                return Poll::Ready(());
            }
            let sleeper = (until, context.waker().clone());
            inner.sleepers.insert(place.number, sleeper);
            Poll::Pending
        })
        .await;
    }
}
