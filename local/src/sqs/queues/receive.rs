//! Receiving, and waiting for something to receive.

use std::time::Duration;

use jiff::Timestamp;

use super::{Queues, find, store};
use crate::sqs::MAX_VISIBILITY_S;
use crate::sqs::message::Message;
use crate::sqs::refusal::Refusal;

/// How to receive: the parameters of ReceiveMessage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// The most messages to return, 1 to 10.
    pub max_messages: i64,
    /// For how many seconds they are hidden, 0 to 43,200; the queue's own timeout if absent.
    pub visibility_s: Option<i64>,
    /// How many seconds to wait for a first message, 0 to 20; the queue's own time if absent.
    pub wait_s: Option<i64>,
}

impl Default for Receive {
    fn default() -> Self {
        Self {
            max_messages: 1,
            visibility_s: None,
            wait_s: None,
        }
    }
}

/// What one look into a queue found.
struct Look {
    messages: Vec<Message>,
    next_visible: Option<Timestamp>,
    wait_s: u64,
}

impl Queues {
    /// Receives messages and hides them; waits for a first one if there is none.
    ///
    /// Returns as soon as there is at least one, be it just sent, or visible again, or at the end of its delay. Dropping the
    /// future receives nothing.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, also when the queue is deleted meanwhile, or a number that is out of range.
    pub async fn receive(&self, name: &str, how: &Receive) -> Result<Vec<Message>, Refusal> {
        let waits_long = (0..=20).contains(&how.wait_s.unwrap_or(0));
        let hides_long = (0..=i64::from(MAX_VISIBILITY_S)).contains(&how.visibility_s.unwrap_or(0));
        let refuse = |parameter, value, reason| Err(Refusal::parameter(parameter, value, reason));
        if !(1..=10).contains(&how.max_messages) {
            return refuse(
                "MaxNumberOfMessages",
                how.max_messages,
                "Must be between 1 and 10, if provided.",
            );
        }
        if !waits_long {
            return refuse(
                "WaitTimeSeconds",
                how.wait_s.unwrap_or(0),
                "Must be >= 0 and <= 20, if provided.",
            );
        }
        if !hides_long {
            return refuse(
                "VisibilityTimeout",
                how.visibility_s.unwrap_or(0),
                "Must be between 0 and 43200, if provided.",
            );
        }
        let mut changes = self.changed.subscribe();
        let mut until = None;
        loop {
            // Seen before the look into the queue, so that a change after the look is not missed.
            changes.mark_unchanged();
            let now = self.clock.now();
            let look = self.receive_now(name, how, now.as_millisecond())?;
            let until = *until.get_or_insert(now + Duration::from_secs(look.wait_s));
            if !look.messages.is_empty() || now >= until {
                return Ok(look.messages);
            }
            let wake = look.next_visible.map_or(until, |next| next.min(until));
            tokio::select! {
                // An error would mean that the sender is gone, which lives as long as we do.
                _ = changes.changed() => {}
                () = self.clock.until(wake) => {}
            }
        }
    }

    fn receive_now(&self, name: &str, how: &Receive, now_ms: i64) -> Result<Look, Refusal> {
        let (look, moved) = self.write(|db| {
            let queue = find(db, name)?;
            store::expire(db, &queue, now_ms)?;
            let moved = store::redrive(db, &queue, now_ms)?;
            let visibility_s = how
                .visibility_s
                .unwrap_or_else(|| queue.settings.visibility_s.into());
            let look = Look {
                messages: store::receive(db, &queue, now_ms, how.max_messages, visibility_s)?,
                next_visible: store::next_visible_ms(db, &queue, now_ms)?
                    .and_then(|next| Timestamp::from_millisecond(next).ok()),
                wait_s: how
                    .wait_s
                    .and_then(|wait| u64::try_from(wait).ok())
                    .unwrap_or_else(|| queue.settings.wait_s.into()),
            };
            Ok((look, moved))
        })?;
        if moved > 0 {
            tracing::warn!(
                queue.name = name,
                messages = moved,
                "messages moved to the dead-letter queue"
            );
            self.changed.send_replace(());
        }
        Ok(look)
    }
}
