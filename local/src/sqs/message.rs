//! A message: what may be sent, what is received, and the digests that prove it arrived whole.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::refusal::{Code, Refusal};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
const MAX_ATTRIBUTES: usize = 10;
const MAX_NAME_CHARS: usize = 256;
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
const MAX_DELAY_S: i64 = 900;
const MAX_GROUP_CHARS: usize = 128;

/// A message to be sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outgoing {
    /// The body: at least one character, all of them allowed in XML 1.0.
    #[serde(rename = "MessageBody", default)]
    pub body: String,
    /// How many seconds nobody receives it; the queue's own delay if absent.
    #[serde(default)]
    pub delay_seconds: Option<i64>,
    /// Its attributes by name.
    #[serde(rename = "MessageAttributes", default)]
    pub attributes: Option<BTreeMap<String, Attribute>>,
    /// Attributes for AWS itself; only `AWSTraceHeader` exists.
    #[serde(rename = "MessageSystemAttributes", default)]
    pub system_attributes: Option<BTreeMap<String, Attribute>>,
    /// The tenant it belongs to: kept and handed to the receiver.
    #[serde(rename = "MessageGroupId", default)]
    pub group: Option<String>,
    /// For FIFO queues only, so refused here.
    #[serde(rename = "MessageDeduplicationId", default)]
    pub deduplication_id: Option<String>,
}

impl Outgoing {
    /// Creates a message that is nothing but a body.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// What counts towards the limit: the body and each attribute's name, type and value. System attributes do not.
    pub(super) fn size_bytes(&self) -> usize {
        let attributes = self.attributes.iter().flatten();
        self.body.len()
            + attributes
                .map(|(name, attribute)| name.len() + attribute.size_bytes())
                .sum::<usize>()
    }

    /// The trace header, if there is one.
    pub(super) fn trace(&self) -> Option<&str> {
        let header = self.system_attributes.as_ref()?.get("AWSTraceHeader")?;
        header.string_value.as_deref()
    }

    /// Checks everything but the queue's own limits.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::missing("MessageBody"));
        }
        check_characters(&self.body)?;
        if let Some(delay) = self.delay_seconds
            && !(0..=MAX_DELAY_S).contains(&delay)
        {
            return Err(Refusal::parameter(
                "DelaySeconds",
                delay,
                "DelaySeconds must be >= 0 and <= 900.",
            ));
        }
        if self.deduplication_id.is_some() {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "The request includes a parameter that is not valid for this queue type: MessageDeduplicationId.",
            ));
        }
        if let Some(group) = &self.group
            && !((1..=MAX_GROUP_CHARS).contains(&group.len())
                && group.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(Refusal::parameter(
                "MessageGroupId",
                group,
                "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
            ));
        }
        let attributes = self.attributes.iter().flatten();
        if attributes.clone().count() > MAX_ATTRIBUTES {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                format!(
                    "Number of message attributes exceeds the allowed maximum [{MAX_ATTRIBUTES}]."
                ),
            ));
        }
        for (name, attribute) in attributes {
            check_name(name)?;
            attribute.check(name)?;
        }
        for (name, attribute) in self.system_attributes.iter().flatten() {
            if name != "AWSTraceHeader" || attribute.data_type != "String" {
                return Err(Refusal::new(
                    Code::InvalidParameterValue,
                    format!(
                        "The only message system attribute is AWSTraceHeader, of type String; not {name}."
                    ),
                ));
            }
            attribute.check(name)?;
        }
        Ok(())
    }
}

/// One attribute of a message, in the JSON of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, or one of them with a label of one's own behind a full stop.
    #[serde(default)]
    pub data_type: String,
    /// The value of a `String` or a `Number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a `Binary`, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl Attribute {
    fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }

    /// The value's own bytes. `None` if it is absent or is not Base64.
    fn value(&self) -> Option<Vec<u8>> {
        if self.is_binary() {
            STANDARD.decode(self.binary_value.as_deref()?).ok()
        } else {
            self.string_value
                .as_ref()
                .map(|text| text.clone().into_bytes())
        }
    }

    fn size_bytes(&self) -> usize {
        self.data_type.len() + self.value().map_or(0, |value| value.len())
    }

    fn check(&self, name: &str) -> Result<(), Refusal> {
        let refuse = |reason: &str| {
            Err(Refusal::new(
                Code::InvalidParameterValue,
                format!("The message attribute '{name}' {reason}"),
            ))
        };
        let base = self.data_type.split('.').next().unwrap_or_default();
        if self.data_type.chars().count() > MAX_NAME_CHARS
            || !["String", "Number", "Binary"].contains(&base)
        {
            return refuse(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
            );
        }
        let unwanted = if self.is_binary() {
            self.string_value.is_some()
        } else {
            self.binary_value.is_some()
        };
        if unwanted {
            return refuse("has a value that is not of its type.");
        }
        let Some(value) = self.value().filter(|value| !value.is_empty()) else {
            return refuse("must contain a non-empty value of its type.");
        };
        if let Some(text) = &self.string_value {
            check_characters(text)?;
        }
        if base == "Number" && !std::str::from_utf8(&value).is_ok_and(is_number) {
            return refuse("with type 'Number' must be a number.");
        }
        Ok(())
    }
}

/// A message as a receiver gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id it got when it was sent.
    pub id: String,
    /// What to name this one receipt by, when the message is to be deleted or hidden longer.
    pub receipt_handle: String,
    /// The body.
    pub body: String,
    /// Its attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// The tenant it belongs to, if its sender named one.
    pub group: Option<String>,
    /// The X-Ray header, if its sender gave one.
    pub trace: Option<String>,
    /// When it was sent. Moving to a dead-letter queue does not change it.
    pub sent_at: Timestamp,
    /// When it was first received.
    pub first_received_at: Timestamp,
    /// How often it has been received, this time included, in all queues.
    pub receive_count: u32,
    /// The ARN of the queue from which it was moved to this dead-letter queue.
    pub moved_from: Option<String>,
}

impl Message {
    /// The attributes that SQS itself gives the message, by name. All are texts; times are milliseconds since 1970.
    pub fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut shown = BTreeMap::from([
            ("SenderId", super::SENDER_ID.to_owned()),
            ("SentTimestamp", self.sent_at.as_millisecond().to_string()),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            (
                "ApproximateFirstReceiveTimestamp",
                self.first_received_at.as_millisecond().to_string(),
            ),
        ]);
        let optional = [
            ("MessageGroupId", &self.group),
            ("AWSTraceHeader", &self.trace),
            ("DeadLetterQueueSourceArn", &self.moved_from),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                shown.insert(name, value.clone());
            }
        }
        shown
    }
}

/// The MD5 of a text, in hexadecimal.
pub fn md5_of_text(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

/// The MD5 of attributes, in hexadecimal; `None` if there are none.
///
/// Over the attributes sorted by name: name, type, one byte (1 for text, 2 for binary) and value, each part but the byte led
/// by its length in four bytes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>).
pub fn md5_of_attributes(attributes: &BTreeMap<String, Attribute>) -> Option<String> {
    fn part(digest: &mut Md5, bytes: &[u8]) {
        // A part is shorter than a message, which is 1 MiB at most.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        digest.update(length.to_be_bytes());
        digest.update(bytes);
    }
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        part(&mut digest, name.as_bytes());
        part(&mut digest, attribute.data_type.as_bytes());
        digest.update([if attribute.is_binary() { 2 } else { 1 }]);
        part(&mut digest, &attribute.value().unwrap_or_default());
    }
    Some(hex::encode(digest.finalize()))
}

/// Allowed are `#x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF` (the page on SendMessage).
fn check_characters(text: &str) -> Result<(), Refusal> {
    let refused = text.chars().find(|character| {
        !matches!(character, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
    });
    match refused {
        None => Ok(()),
        Some(character) => Err(Refusal::new(
            Code::InvalidMessageContents,
            format!(
                "Invalid characters found: #x{:X}. Valid unicode characters are \
                 #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
                u32::from(character)
            ),
        )),
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let lower = name.to_ascii_lowercase();
    let well_formed = (1..=MAX_NAME_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..");
    let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    if well_formed && !reserved {
        return Ok(());
    }
    Err(Refusal::new(
        Code::InvalidParameterValue,
        format!(
            "Message (user) attribute name '{name}' is invalid: 1 to 256 letters, digits, '_', '-' and '.', \
             no '.' at either end or twice in a row, not starting with AWS. or Amazon."
        ),
    ))
}

/// A decimal number with an optional sign, fraction and exponent.
fn is_number(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests;
