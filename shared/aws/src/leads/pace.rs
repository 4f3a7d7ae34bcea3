//! Leaves the table's owner room: reads at most so many units a second, and waits where the table asks for patience.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lead_export_core::limits;
use lead_export_core::ports::{LeadPage, LeadSource, PageQuery, StoreError, StoreErrorKind};
use tokio::time::Instant;
use uuid::Uuid;

use super::DynamoLeads;

/// The longest first wait after a refusal; each next one may be twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });
/// A partition's capacity is counted by the second ("Burst capacity": DynamoDB Developer Guide), so longer waits gain nothing.
const LONGEST: Duration = Duration::from_secs(5);

/// Read units as they come and go: so many a second, and a second's worth at most in store.
///
/// What a Query costs is known when it is answered, so units are taken afterwards, and the balance may be below zero: then the next Query
/// waits until the debt is paid. Over any time the units taken stay below rate × time, but for one second's worth and the Queries under
/// way.
#[derive(Debug)]
struct Balance {
    rate: f64,
    units: f64,
    at: Instant,
}

impl Balance {
    fn new(rate: u32, now: Instant) -> Self {
        let rate = f64::from(rate);
        Self {
            rate,
            units: rate,
            at: now,
        }
    }

    fn come_to(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.units = (self.units + passed * self.rate).min(self.rate);
        self.at = now;
    }

    /// How long a Query must wait.
    fn wait(&mut self, now: Instant) -> Duration {
        self.come_to(now);
        if self.units > 0.0 {
            return Duration::ZERO;
        }
        // Not to the very moment: a millisecond's rest keeps a balance of nearly nothing from being asked again and again.
        Duration::from_secs_f64(-self.units / self.rate) + Duration::from_millis(1)
    }

    fn take(&mut self, units: f64, now: Instant) {
        self.come_to(now);
        self.units -= units;
    }
}

/// The leads' table for a run: within its share, and patient with a table that has no more to give.
#[derive(Debug, Clone)]
pub struct PacedLeads {
    leads: DynamoLeads,
    balance: Option<Arc<Mutex<Balance>>>,
}

impl PacedLeads {
    /// Reads `leads` with at most so many read units a second; with none named, as fast as the table answers.
    pub fn new(leads: DynamoLeads, units_per_second: Option<u32>) -> Self {
        let balance = |rate| Arc::new(Mutex::new(Balance::new(rate, Instant::now())));
        Self {
            leads,
            balance: units_per_second.map(balance),
        }
    }

    fn with<T: Default>(&self, look: impl FnOnce(&mut Balance) -> T) -> T {
        match &self.balance {
            Some(balance) => look(&mut balance.lock().unwrap_or_else(PoisonError::into_inner)),
            None => T::default(),
        }
    }
}

#[async_trait]
impl LeadSource for PacedLeads {
    /// Reads one page. A throttled Query is no failure, it only takes longer (D-6): up to [`limits::THROTTLED_AT_MOST`].
    async fn page(&self, query: &PageQuery) -> Result<LeadPage, StoreError> {
        let begun = Instant::now();
        let mut longest = FIRST;
        loop {
            loop {
                let wait = self.with(|balance| balance.wait(Instant::now()));
                if wait.is_zero() {
                    break;
                }
                tokio::time::sleep(wait).await;
            }
            match self.leads.read(query).await {
                Ok((page, consumed)) => {
                    let units = consumed.unwrap_or_default();
                    self.with(|balance| balance.take(units, Instant::now()));
                    return Ok(page);
                }
                Err(error)
                    if error.kind == StoreErrorKind::Throttled
                        && begun.elapsed() < limits::THROTTLED_AT_MOST =>
                {
                    // "Full jitter" (AWS Architecture Blog, Exponential Backoff And Jitter): shards refused at once do not come back
                    // at once.
                    let share = Uuid::new_v4().as_fields().0 % 1000;
                    tokio::time::sleep(longest * share / 1000).await;
                    longest = (longest * 2).min(LONGEST);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_debt_is_paid_before_the_next_query() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut balance = Balance::new(100, start);
        assert_eq!(balance.wait(start), Duration::ZERO);
        balance.take(250.0, start);
        assert_eq!(balance.wait(start), Duration::from_millis(1501));
        assert_eq!(balance.wait(after(1000)), Duration::from_millis(501));
        assert_eq!(balance.wait(after(1501)), Duration::ZERO);
        // However long nothing was read, no more than a second's worth is in store.
        balance.take(100.0, after(60_000));
        assert!(balance.wait(after(60_000)) > Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_more_is_taken_than_the_rate_gives(
            rate in 1u32..5000, costs in prop::collection::vec(1.0f64..300.0, 1..200),
        ) {
            let start = Instant::now();
            let (mut balance, mut now, mut taken, mut last) = (Balance::new(rate, start), start, 0.0, 0.0);
            for cost in costs {
                let wait = balance.wait(now);
                now += wait;
                prop_assert_eq!(balance.wait(now), Duration::ZERO);
                balance.take(cost, now);
                taken += cost;
                last = cost;
            }
            let given = f64::from(rate) * (1.0 + now.duration_since(start).as_secs_f64());
            prop_assert!(taken - last <= given + 1e-6, "{taken} of {given}");
        }
    }
}
