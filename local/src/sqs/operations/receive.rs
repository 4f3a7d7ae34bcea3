//! ReceiveMessage.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::name_in;
use crate::sqs::attributes::unknown_attribute;
use crate::sqs::message::{Attribute, Message, md5_of_attributes, md5_of_text};
use crate::sqs::queues::{Queues, Receive};
use crate::sqs::refusal::{Code, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    #[serde(default)]
    queue_url: String,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of the next one; both are honoured.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    receive_request_attempt_id: Option<String>,
}

const SYSTEM_ATTRIBUTES: [&str; 11] = [
    "All",
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
    "SqsManagedSseEnabled",
];

/// Receives, and shows of each message what was asked for.
pub(super) async fn receive(
    queues: &Queues,
    mut request: ReceiveMessage,
) -> Result<Value, Refusal> {
    let name = name_in(&request.queue_url)?;
    request
        .message_system_attribute_names
        .append(&mut request.attribute_names);
    for asked in &request.message_system_attribute_names {
        if !SYSTEM_ATTRIBUTES.contains(&asked.as_str()) {
            return Err(unknown_attribute(asked));
        }
    }
    if request.receive_request_attempt_id.is_some() {
        return Err(Refusal::new(
            Code::InvalidParameterValue,
            "The request includes a parameter that is not valid for this queue type: ReceiveRequestAttemptId.",
        ));
    }
    let how = Receive {
        max_messages: request.max_number_of_messages.unwrap_or(1),
        visibility_s: request.visibility_timeout,
        wait_s: request.wait_time_seconds,
    };
    let messages = queues.receive(name, &how).await?;
    Ok(if messages.is_empty() {
        json!({})
    } else {
        let messages: Vec<_> = messages
            .iter()
            .map(|message| show(message, &request))
            .collect();
        json!({ "Messages": messages })
    })
}

/// A received message with the attributes that were asked for.
fn show(message: &Message, request: &ReceiveMessage) -> Value {
    let mut shown = Map::from_iter([
        ("MessageId".to_owned(), json!(message.id)),
        ("ReceiptHandle".to_owned(), json!(message.receipt_handle)),
        ("MD5OfBody".to_owned(), json!(md5_of_text(&message.body))),
        ("Body".to_owned(), json!(message.body)),
    ]);
    let asked = &request.message_system_attribute_names;
    let mut system = message.system_attributes();
    system.retain(|name, _| asked.iter().any(|asked| asked == "All" || asked == name));
    if !system.is_empty() {
        shown.insert("Attributes".into(), json!(system));
    }
    let asked = &request.message_attribute_names;
    let attributes: BTreeMap<String, Attribute> = message
        .attributes
        .iter()
        .filter(|(name, _)| {
            asked.iter().any(|asked| {
                asked == "All"
                    || asked == *name
                    || asked
                        .strip_suffix(".*")
                        .is_some_and(|prefix| name.starts_with(prefix))
            })
        })
        .map(|(name, attribute)| (name.clone(), attribute.clone()))
        .collect();
    // The digest is over what is returned, so that the receiver can check it.
    if let Some(digest) = md5_of_attributes(&attributes) {
        shown.insert("MD5OfMessageAttributes".into(), digest.into());
        shown.insert("MessageAttributes".into(), json!(attributes));
    }
    shown.into()
}
