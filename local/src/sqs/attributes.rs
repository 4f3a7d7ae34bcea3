//! What can be set on a queue.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::{Code, Refusal};
use super::{ACCOUNT, MAX_MESSAGE_BYTES, MAX_VISIBILITY_S, REGION};

/// Valid values, from
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
const DELAY_S: RangeInclusive<u32> = 0..=900;
const MESSAGE_BYTES: RangeInclusive<u32> = 1_024..=MAX_MESSAGE_BYTES;
const RETENTION_S: RangeInclusive<u32> = 60..=1_209_600;
const WAIT_S: RangeInclusive<u32> = 0..=20;
const VISIBILITY_S: RangeInclusive<u32> = 0..=MAX_VISIBILITY_S;
const MAX_RECEIVES: RangeInclusive<u32> = 1..=1_000;

/// The attributes of SQS that these queues would not honour. They are refused, so that nobody relies on them.
const NOT_HONOURED: [&str; 10] = [
    "Policy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "SequenceNumber",
];

/// What GetQueueAttributes can be asked for beside the settings.
pub(super) const MEASURED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// A queue's settings. The unit of time is SQS's own, the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) delay_s: u32,
    pub(super) message_bytes: u32,
    pub(super) retention_s: u32,
    pub(super) wait_s: u32,
    pub(super) visibility_s: u32,
    pub(super) redrive: Option<Redrive>,
}

/// Where a message goes that was received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Redrive {
    /// The name of the dead-letter queue.
    pub(super) target: String,
    /// How often a message is delivered before it is moved.
    pub(super) max_receives: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay_s: 0,
            message_bytes: MAX_MESSAGE_BYTES,
            retention_s: 345_600,
            wait_s: 0,
            visibility_s: 30,
            redrive: None,
        }
    }
}

impl Settings {
    /// Returns these settings with `changes` made to them.
    pub(super) fn with(&self, changes: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let mut settings = self.clone();
        for (name, value) in changes {
            match name.as_str() {
                "DelaySeconds" => settings.delay_s = number(name, value, &DELAY_S)?,
                "MaximumMessageSize" => {
                    settings.message_bytes = number(name, value, &MESSAGE_BYTES)?;
                }
                "MessageRetentionPeriod" => {
                    settings.retention_s = number(name, value, &RETENTION_S)?;
                }
                "ReceiveMessageWaitTimeSeconds" => settings.wait_s = number(name, value, &WAIT_S)?,
                "VisibilityTimeout" => settings.visibility_s = number(name, value, &VISIBILITY_S)?,
                "RedrivePolicy" if value.is_empty() => settings.redrive = None,
                "RedrivePolicy" => settings.redrive = Some(Redrive::parse(value)?),
                known if NOT_HONOURED.contains(&known) => {
                    return Err(Refusal::new(
                        Code::UnsupportedOperation,
                        format!("The local queues do not support the attribute {known}."),
                    ));
                }
                unknown => return Err(unknown_attribute(unknown)),
            }
        }
        Ok(settings)
    }

    /// The settings as GetQueueAttributes shows them.
    pub(super) fn shown(&self) -> Vec<(&'static str, String)> {
        let mut shown = vec![
            ("DelaySeconds", self.delay_s.to_string()),
            ("MaximumMessageSize", self.message_bytes.to_string()),
            ("MessageRetentionPeriod", self.retention_s.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.wait_s.to_string()),
            ("VisibilityTimeout", self.visibility_s.to_string()),
        ];
        if let Some(redrive) = &self.redrive {
            let policy = json!({
                "deadLetterTargetArn": arn(&redrive.target),
                "maxReceiveCount": redrive.max_receives,
            });
            shown.push(("RedrivePolicy", policy.to_string()));
        }
        shown
    }

    /// Whether GetQueueAttributes may be asked for `name`.
    pub(super) fn is_attribute(name: &str) -> bool {
        MEASURED.contains(&name)
            || NOT_HONOURED.contains(&name)
            || name == "RedrivePolicy"
            || Self::default()
                .shown()
                .iter()
                .any(|(known, _)| *known == name)
    }
}

impl Redrive {
    fn parse(policy: &str) -> Result<Self, Refusal> {
        let refuse = |reason: &str| Refusal::parameter("RedrivePolicy", policy, reason);
        let fields: BTreeMap<String, Value> = serde_json::from_str(policy)
            .map_err(|_| refuse("Redrive policy is not a valid JSON map."))?;
        for name in fields.keys() {
            if !["deadLetterTargetArn", "maxReceiveCount"].contains(&name.as_str()) {
                return Err(refuse(&format!("{name} is no field of a redrive policy.")));
            }
        }
        let target = match fields.get("deadLetterTargetArn") {
            Some(Value::String(target)) => target,
            Some(_) => return Err(refuse("deadLetterTargetArn is not a string.")),
            None => {
                return Err(refuse(
                    "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
                ));
            }
        };
        let target = target
            .strip_prefix(&arn(""))
            .filter(|name| is_queue_name(name))
            .ok_or_else(|| refuse("Invalid value for deadLetterTargetArn."))?;
        let count = match fields.get("maxReceiveCount") {
            Some(Value::Number(count)) => count.to_string(),
            Some(Value::String(count)) => count.clone(),
            Some(_) => return Err(refuse("maxReceiveCount is not a number.")),
            None => {
                return Err(refuse(
                    "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
                ));
            }
        };
        let max_receives = count
            .parse()
            .ok()
            .filter(|count| MAX_RECEIVES.contains(count))
            .ok_or_else(|| {
                refuse(&format!(
                    "Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
                ))
            })?;
        Ok(Self {
            target: target.to_owned(),
            max_receives,
        })
    }
}

/// The ARN of the queue `name`.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// Whether a standard queue may have this name.
pub(super) fn is_queue_name(name: &str) -> bool {
    is_word(name)
}

/// 1 to 80 letters, digits, hyphens and underscores: the rule of queue names and of the ids in a batch.
pub(super) fn is_word(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Refuses the name of a queue attribute.
pub(super) fn unknown_attribute(name: &str) -> Refusal {
    Refusal::new(
        Code::InvalidAttributeName,
        format!("Unknown Attribute {name}."),
    )
}

fn number(name: &str, value: &str, valid: &RangeInclusive<u32>) -> Result<u32, Refusal> {
    value
        .parse()
        .ok()
        .filter(|number| valid.contains(number))
        .ok_or_else(|| {
            Refusal::new(
                Code::InvalidAttributeValue,
                format!(
                    "Invalid value for the parameter {name}: {value:?} is not an integer from {} to {}.",
                    valid.start(),
                    valid.end()
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<Settings, Refusal> {
        Settings::default().with(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn numbers_are_taken_within_their_limits_only() {
        for (name, least, most) in [
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1_024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
        ] {
            for value in [least, most] {
                let shown = set(name, &value.to_string()).unwrap().shown();
                assert!(shown.contains(&(name, value.to_string())), "{name} {value}");
            }
            for value in [
                (least - 1).to_string(),
                (most + 1).to_string(),
                "x".into(),
                String::new(),
            ] {
                let refused = set(name, &value).unwrap_err();
                assert_eq!(
                    refused.code,
                    Code::InvalidAttributeValue,
                    "{name} {value:?}"
                );
                assert!(refused.message.contains(name), "{refused}");
            }
        }
    }

    #[test]
    fn what_would_not_be_honoured_is_refused() {
        assert_eq!(
            set("Policy", "{}").unwrap_err().code,
            Code::UnsupportedOperation
        );
        assert_eq!(
            set("Colour", "red").unwrap_err().code,
            Code::InvalidAttributeName
        );
        assert_eq!(
            set("QueueArn", "x").unwrap_err().code,
            Code::InvalidAttributeName
        );
    }

    #[test]
    fn redrive_policy_is_read_strictly() {
        let good = arn("dead");
        for count in ["5", "\"5\""] {
            let policy = format!(r#"{{"deadLetterTargetArn":"{good}","maxReceiveCount":{count}}}"#);
            let redrive = set("RedrivePolicy", &policy).unwrap().redrive.unwrap();
            assert_eq!((redrive.target.as_str(), redrive.max_receives), ("dead", 5));
        }
        assert_eq!(set("RedrivePolicy", "").unwrap().redrive, None);
        for policy in [
            "nonsense".to_owned(),
            "[]".to_owned(),
            format!(r#"{{"deadLetterTargetArn":"{good}"}}"#),
            r#"{"maxReceiveCount":5}"#.to_owned(),
            r#"{"deadLetterTargetArn":"dead","maxReceiveCount":5}"#.to_owned(),
            r#"{"deadLetterTargetArn":7,"maxReceiveCount":5}"#.to_owned(),
            format!(r#"{{"deadLetterTargetArn":"{good}","maxReceiveCount":0}}"#),
            format!(r#"{{"deadLetterTargetArn":"{good}","maxReceiveCount":1001}}"#),
            format!(r#"{{"deadLetterTargetArn":"{good}","maxReceiveCount":true}}"#),
            format!(r#"{{"deadLetterTargetArn":"{good}","maxReceiveCount":5,"more":1}}"#),
        ] {
            let refused = set("RedrivePolicy", &policy).unwrap_err();
            assert_eq!(refused.code, Code::InvalidParameterValue, "{policy}");
        }
    }

    #[test]
    fn words_are_letters_digits_hyphens_and_underscores() {
        for good in ["a", "A-b_9", &"x".repeat(80)] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "a.b", "a b", "é", "a/b", &"x".repeat(81)] {
            assert!(!is_word(bad), "{bad}");
        }
    }
}
