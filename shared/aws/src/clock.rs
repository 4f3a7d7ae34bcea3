//! The time and the randomness of the machine.

use std::time::Duration;

use async_trait::async_trait;
use lead_export_core::ports::{Clock, Dice};
use lead_export_core::time::Instant;
use uuid::Uuid;

/// The system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from_timestamp(jiff::Timestamp::now())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_the_systems() {
        let since_1970 = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap();
            i64::try_from(since.as_millis()).unwrap()
        };
        let before = since_1970();
        let now = SystemClock.now().millis();
        assert!((before..=since_1970()).contains(&now));
    }

    #[test]
    fn ids_are_random() {
        let drawn: Vec<Uuid> = (0..100).map(|_| SystemDice.uuid()).collect();
        assert!(drawn.iter().all(|id| id.get_version_num() == 4));
        let different: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), drawn.len());
    }
}
