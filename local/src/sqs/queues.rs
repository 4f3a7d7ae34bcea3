//! The queues and their rules.

mod receive;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::attributes::{Settings, arn, is_queue_name};
use super::clock::Clock;
use super::message::{Outgoing, md5_of_attributes, md5_of_text};
use super::receipt::Receipt;
use super::refusal::{Code, Refusal};
use super::store::{self, Queue};
use super::{MAX_VISIBILITY_S, queue_arn};

pub use receive::Receive;

/// "You must wait 60 seconds after deleting a queue before you can create another queue with the same name", and as long
/// between two purges (the pages on CreateQueue and PurgeQueue).
const SETTLING_MS: i64 = 60_000;

/// The queues of one file.
///
/// Every operation but [`receive`](Queues::receive) is done when it returns, and is then in the file: a program that is
/// killed loses nothing. One lock serves all queues; what is done under it takes far less than a millisecond, or a few
/// for a message of 1 MiB, so that it is taken on the runtime's own threads.
pub struct Queues {
    db: Mutex<Connection>,
    clock: Arc<dyn Clock>,
    /// Told whenever a message may have become visible before its time.
    changed: watch::Sender<()>,
}

/// The receipt for a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The id it got.
    pub id: String,
    /// The MD5 of its body.
    pub md5_of_body: String,
    /// The MD5 of its attributes, if it has any.
    pub md5_of_attributes: Option<String>,
    /// The MD5 of its system attributes, if it has any.
    pub md5_of_system_attributes: Option<String>,
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

impl Queues {
    /// Opens the queues kept in the file at `path`, which is created if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened or is not one of ours.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(Self {
            db: Mutex::new(store::open(path)?),
            clock,
            changed: watch::Sender::new(()),
        })
    }

    /// Returns the clock by which messages are hidden and expire.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Creates the queue `name` with `attributes`. Does nothing if it exists and has those values.
    ///
    /// # Errors
    /// `QueueNameExists` when it exists with other values, `QueueDeletedRecently` for 60 seconds after a deletion, or what
    /// is wrong with the name or an attribute.
    pub fn create(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
        if !is_queue_name(name) {
            return Err(Refusal::parameter(
                "QueueName",
                name,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
            ));
        }
        let now_ms = self.now_ms();
        self.write(|db| {
            if let Some(queue) = store::find(db, name)? {
                return if queue.settings.with(attributes)? == queue.settings {
                    Ok(())
                } else {
                    Err(Refusal::new(
                        Code::QueueNameExists,
                        "A queue already exists with the same name and a different value for an attribute.",
                    ))
                };
            }
            if store::deleted_ms(db, name)?.is_some_and(|deleted| now_ms < deleted + SETTLING_MS) {
                return Err(Refusal::new(
                    Code::QueueDeletedRecently,
                    "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
                ));
            }
            let settings = Settings::default().with(attributes)?;
            check_target(db, name, &settings)?;
            store::insert_queue(db, name, &settings, now_ms)
        })
    }

    /// Checks that the queue `name` exists.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn expect(&self, name: &str) -> Result<(), Refusal> {
        self.read(|db| find(db, name).map(|_| ()))
    }

    /// Returns all attributes of a queue as GetQueueAttributes shows them.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn attributes(&self, name: &str) -> Result<BTreeMap<&'static str, String>, Refusal> {
        let now_ms = self.now_ms();
        self.write(|db| {
            let queue = find(db, name)?;
            store::expire(db, &queue, now_ms)?;
            let counts = store::counts(db, &queue, now_ms)?;
            let mut shown: BTreeMap<_, _> = queue.settings.shown().into_iter().collect();
            shown.extend([
                ("ApproximateNumberOfMessages", counts.visible.to_string()),
                (
                    "ApproximateNumberOfMessagesDelayed",
                    counts.delayed.to_string(),
                ),
                (
                    "ApproximateNumberOfMessagesNotVisible",
                    counts.in_flight.to_string(),
                ),
                ("CreatedTimestamp", (queue.created_ms / 1_000).to_string()),
                (
                    "LastModifiedTimestamp",
                    (queue.modified_ms / 1_000).to_string(),
                ),
                ("QueueArn", queue_arn(&queue.name)),
            ]);
            Ok(shown)
        })
    }

    /// Changes attributes of a queue. A new delay or visibility timeout holds for what is sent or received from now on.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, or what is wrong with an attribute; then none is changed.
    pub fn set_attributes(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        self.write(|db| {
            let queue = find(db, name)?;
            let settings = queue.settings.with(attributes)?;
            check_target(db, name, &settings)?;
            store::change_settings(db, &queue, &settings, now_ms)
        })
    }

    /// Returns up to `limit` names that start with `prefix` and come after `after`, sorted.
    ///
    /// # Errors
    /// When the file fails.
    pub fn names(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<String>, Refusal> {
        self.read(|db| store::names(db, prefix, after, limit))
    }

    /// Deletes a queue and its messages. Who waits for one is refused at once.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn delete_queue(&self, name: &str) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        self.write(|db| store::delete_queue(db, &find(db, name)?, now_ms))?;
        self.changed.send_replace(());
        Ok(())
    }

    /// Deletes all messages of a queue, in flight or not.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, or `PurgeQueueInProgress` for 60 seconds after the last time.
    pub fn purge(&self, name: &str) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        self.write(|db| {
            let queue = find(db, name)?;
            if queue
                .purged_ms
                .is_some_and(|purged| now_ms < purged + SETTLING_MS)
            {
                return Err(Refusal::new(
                    Code::PurgeQueueInProgress,
                    format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds."),
                ));
            }
            store::purge(db, &queue, now_ms)
        })
    }

    /// Sends a message and wakes those who wait for one.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, or what is wrong with the message.
    pub fn send(&self, name: &str, message: &Outgoing) -> Result<Sent, Refusal> {
        let now_ms = self.now_ms();
        let id = self.write(|db| {
            let queue = find(db, name)?;
            message.check()?;
            let limit = queue.settings.message_bytes;
            if message.size_bytes() > usize::try_from(limit).unwrap_or(usize::MAX) {
                return Err(Refusal::new(
                    Code::InvalidParameterValue,
                    format!("One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."),
                ));
            }
            store::insert_message(db, &queue, message, now_ms)
        })?;
        self.changed.send_replace(());
        Ok(Sent {
            id,
            md5_of_body: md5_of_text(&message.body),
            md5_of_attributes: message.attributes.as_ref().and_then(md5_of_attributes),
            md5_of_system_attributes: message
                .system_attributes
                .as_ref()
                .and_then(md5_of_attributes),
        })
    }

    /// Deletes the message that was received with this handle, hidden or not.
    ///
    /// Does nothing, and says so to nobody, if the message has been received again since or is already deleted
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>).
    ///
    /// # Errors
    /// `QueueDoesNotExist`, or `ReceiptHandleIsInvalid` when the text is no handle of this queue.
    pub fn delete(&self, name: &str, handle: &str) -> Result<(), Refusal> {
        self.write(|db| store::delete(db, Receipt::parse(handle, find(db, name)?.id)?))
    }

    /// Hides a message for `visibility_s` seconds from now; 0 makes it visible at once.
    ///
    /// # Errors
    /// `QueueDoesNotExist`; `ReceiptHandleIsInvalid` when the text is no handle of this queue; `InvalidParameterValue` when
    /// the handle is not the message's latest, or the message would be hidden for more than 12 hours from its receipt on;
    /// `MessageNotInflight` when it is visible already.
    pub fn change_visibility(
        &self,
        name: &str,
        handle: &str,
        visibility_s: i64,
    ) -> Result<(), Refusal> {
        let limit_s = i64::from(MAX_VISIBILITY_S);
        let now_ms = self.now_ms();
        self.write(|db| {
            let receipt = Receipt::parse(handle, find(db, name)?.id)?;
            if !(0..=limit_s).contains(&visibility_s) {
                return Err(Refusal::parameter(
                    "VisibilityTimeout",
                    visibility_s,
                    "Must be between 0 and 43200.",
                ));
            }
            let Some(message) = store::find_received(db, receipt)? else {
                return Err(Refusal::parameter(
                    "ReceiptHandle",
                    handle,
                    "Message does not exist or is not available for visibility timeout change.",
                ));
            };
            if message.visible_ms <= now_ms {
                return Err(Refusal::new(
                    Code::MessageNotInflight,
                    "The message is not in flight.",
                ));
            }
            let visible_ms = now_ms + visibility_s * 1_000;
            if visible_ms > message.last_received_ms + limit_s * 1_000 {
                return Err(Refusal::parameter(
                    "VisibilityTimeout",
                    visibility_s,
                    "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
                ));
            }
            store::hide_until(db, receipt, visible_ms)
        })?;
        self.changed.send_replace(());
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Refusal>) -> Result<T, Refusal> {
        work(&self.db())
    }

    /// Does `work` whole or not at all.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut db = self.db();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

fn find(db: &Connection, name: &str) -> Result<Queue, Refusal> {
    store::find(db, name)?.ok_or_else(Refusal::no_such_queue)
}

fn check_target(db: &Connection, name: &str, settings: &Settings) -> Result<(), Refusal> {
    let Some(redrive) = &settings.redrive else {
        return Ok(());
    };
    let reason = if redrive.target == name {
        "A queue cannot be its own dead letter target."
    } else if store::find(db, &redrive.target)?.is_none() {
        "Dead letter target does not exist."
    } else {
        return Ok(());
    };
    Err(Refusal::parameter(
        "RedrivePolicy",
        arn(&redrive.target),
        reason,
    ))
}

#[cfg(test)]
mod tests;
