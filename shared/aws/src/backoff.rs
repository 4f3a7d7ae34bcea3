//! Waiting before what a batch left undone is asked again.

use std::time::Duration;

use uuid::Uuid;

/// Turns at most: with the waits below some 6 s in all, inside every caller's patience.
const TURNS: u32 = 8;
/// The longest first wait.
const FIRST: Duration = Duration::from_millis(50);

/// Counts turns and waits between them, each time up to twice as long ("full jitter": AWS Architecture Blog, Exponential
/// Backoff And Jitter), so that many callers who were refused at once do not come back at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    turns: u32,
}

impl Backoff {
    /// Waits for the next turn; false if there is none left.
    pub(crate) async fn next(&mut self) -> bool {
        if self.turns >= TURNS {
            return false;
        }
        let longest = FIRST * 2_u32.pow(self.turns);
        let share = Uuid::new_v4().as_fields().0 % 1000;
        self.turns += 1;
        tokio::time::sleep(longest * share / 1000).await;
        true
    }
}
