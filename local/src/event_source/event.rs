//! The event a function gets, as <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html> shows it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::sqs::{Message, REGION, md5_of_attributes, md5_of_text, queue_arn};

/// The most an event may hold: 6 MB (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_EVENT_BYTES: usize = 6 * 1_048_576;

/// What a record needs beside its body and attributes: names, ids, times, the ARN. Generous.
const RECORD_BYTES: usize = 2_048;

/// Renders the event with these messages of `queue`.
pub(super) fn payload(messages: &[Message], queue: &str) -> Bytes {
    let arn = queue_arn(queue);
    let records: Vec<_> = messages
        .iter()
        .map(|message| record(message, &arn))
        .collect();
    json!({ "Records": records }).to_string().into()
}

fn record(message: &Message, arn: &str) -> Value {
    let message_attributes: Map<String, Value> = message
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let mut shown = json!({
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": attribute.data_type,
            });
            if let Some(text) = &attribute.string_value {
                shown["stringValue"] = json!(text);
            }
            if let Some(bytes) = &attribute.binary_value {
                shown["binaryValue"] = json!(bytes);
            }
            (name.clone(), shown)
        })
        .collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.system_attributes(),
        "messageAttributes": message_attributes,
        "md5OfBody": md5_of_text(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    });
    if let Some(digest) = md5_of_attributes(&message.attributes) {
        record["md5OfMessageAttributes"] = json!(digest);
    }
    record
}

/// Whether no further message of any size is sure to fit into an event with these.
pub(super) fn is_full(messages: &[Message]) -> bool {
    messages.iter().map(size_bytes).sum::<usize>() >= MAX_EVENT_BYTES
}

/// Splits messages so that each portion's event is within the limit, in their order. A single message always fits: it has
/// 1 MiB at most, and no allowed character of it needs more than two bytes of JSON for each of its own.
pub(super) fn portions(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut portions: Vec<Vec<Message>> = Vec::new();
    let mut filled = 0;
    for message in messages {
        let size = size_bytes(&message);
        match portions.last_mut() {
            Some(portion) if filled + size <= MAX_EVENT_BYTES => {
                filled += size;
                portion.push(message);
            }
            _ => {
                filled = size;
                portions.push(vec![message]);
            }
        }
    }
    portions
}

/// An upper bound of the record's size.
fn size_bytes(message: &Message) -> usize {
    let escaped = |text: &str| {
        text.bytes()
            .map(|byte| {
                if matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t') {
                    2
                } else {
                    1
                }
            })
            .sum::<usize>()
    };
    let attributes = message.attributes.iter().map(|(name, attribute)| {
        let text = attribute.string_value.as_deref().map_or(0, escaped);
        let bytes = attribute.binary_value.as_ref().map_or(0, String::len);
        name.len() + attribute.data_type.len() + text + bytes + 128
    });
    RECORD_BYTES + escaped(&message.body) + attributes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: String) -> Message {
        Message {
            id: "id".into(),
            receipt_handle: "handle".into(),
            body,
            attributes: std::collections::BTreeMap::new(),
            group: None,
            trace: None,
            sent_at: jiff::Timestamp::UNIX_EPOCH,
            first_received_at: jiff::Timestamp::UNIX_EPOCH,
            receive_count: 1,
            moved_from: None,
        }
    }

    #[test]
    fn portions_stay_within_the_limit_and_lose_nothing() {
        let mebibyte = 1_048_576;
        let messages: Vec<_> = ["a", "\n", "b", "\"", "c", "d", "\t", "e", "\\", "f"]
            .iter()
            .map(|text| message(text.repeat(mebibyte)))
            .collect();
        let portions = portions(messages.clone());
        assert_eq!(portions.concat(), messages);
        let lengths: Vec<_> = portions.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 3, 3, 1]);
        for portion in &portions {
            let size = payload(portion, "exports").len();
            assert!(size <= MAX_EVENT_BYTES, "{size}");
            assert!(size <= portion.iter().map(size_bytes).sum(), "{size}");
        }
        assert!(super::portions(Vec::new()).is_empty());
    }
}
