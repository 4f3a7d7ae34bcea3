//! What the three batch operations share, and SendMessageBatch.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{name_in, shown};
use crate::sqs::MAX_MESSAGE_BYTES;
use crate::sqs::attributes::is_word;
use crate::sqs::message::Outgoing;
use crate::sqs::queues::Queues;
use crate::sqs::refusal::{Code, Refusal};

/// The most entries of a batch.
const MAX_ENTRIES: usize = 10;

/// A request of several entries, each with an id of its own.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<T> {
    #[serde(default)]
    queue_url: String,
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
struct Entry<T> {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed<'a> {
    id: &'a str,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

impl<T> Batch<T> {
    /// Checks what holds for the batch as a whole and returns the queue's name.
    pub(super) fn check(&self, queues: &Queues) -> Result<&str, Refusal> {
        let name = name_in(&self.queue_url)?;
        queues.expect(name)?;
        if self.entries.is_empty() {
            return Err(Refusal::new(
                Code::EmptyBatchRequest,
                "There should be at least one entry in the request.",
            ));
        }
        if self.entries.len() > MAX_ENTRIES {
            return Err(Refusal::new(
                Code::TooManyEntriesInBatchRequest,
                format!(
                    "Maximum number of entries per request are {MAX_ENTRIES}. You have sent {}.",
                    self.entries.len()
                ),
            ));
        }
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            if !is_word(&entry.id) {
                return Err(Refusal::new(
                    Code::InvalidBatchEntryId,
                    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                     It can be at most 80 letters long.",
                ));
            }
            if !seen.insert(&entry.id) {
                return Err(Refusal::new(
                    Code::BatchEntryIdsNotDistinct,
                    format!("Id {} repeated.", entry.id),
                ));
            }
        }
        Ok(name)
    }

    /// Does each entry for itself and reports each by its id.
    pub(super) fn each(&self, mut act: impl FnMut(&T) -> Result<Value, Refusal>) -> Value {
        let mut successful = Vec::new();
        let mut failed = Vec::new();
        for entry in &self.entries {
            match act(&entry.what) {
                Ok(mut done) => {
                    done["Id"] = json!(entry.id);
                    successful.push(done);
                }
                Err(refusal) => failed.push(Failed {
                    id: &entry.id,
                    sender_fault: refusal.code.is_senders(),
                    code: refusal.code.query(),
                    message: refusal.message,
                }),
            }
        }
        json!({ "Successful": successful, "Failed": failed })
    }
}

/// Sends each entry, if all together are not too long.
pub(super) fn send_batch(queues: &Queues, batch: &Batch<Outgoing>) -> Result<Value, Refusal> {
    let queue = batch.check(queues)?;
    let total: usize = batch
        .entries
        .iter()
        .map(|entry| entry.what.size_bytes())
        .sum();
    if total > usize::try_from(MAX_MESSAGE_BYTES).unwrap_or(usize::MAX) {
        return Err(Refusal::new(
            Code::BatchRequestTooLong,
            format!(
                "Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. You have sent {total} bytes."
            ),
        ));
    }
    Ok(batch.each(|entry| queues.send(queue, entry).map(|sent| shown(&sent))))
}
