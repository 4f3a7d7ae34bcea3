//! SQS for one machine: standard queues in a SQLite file, spoken to in AWS's JSON protocol.
//!
//! [`Queues`] holds the queues and keeps SQS's rules; [`serve`] puts the protocol before it, so that the AWS SDKs, boto3 and
//! `aws sqs` work against it. What is behind each rule is the page of its operation under
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>.
//!
//! Where it is stricter or simpler than SQS, so that nobody is surprised:
//! - A request must be signed with our access key. The key is checked, the signature is not: this listens on loopback, and
//!   to verify it would protect nothing.
//! - A message is delivered once per visibility timeout, oldest visible first. SQS allows more and promises no order.
//! - Messages received too often move to the dead-letter queue when the next receive looks at their queue. If the
//!   dead-letter queue has been deleted meanwhile, they stay and are delivered on.
//! - FIFO queues, tags, policies and encryption are refused with `UnsupportedOperation`, not ignored. There is no limit to
//!   the messages in flight.

mod attributes;
mod clock;
mod message;
mod operations;
mod queues;
mod receipt;
mod refusal;
mod store;
mod wire;

pub use clock::{Clock, SetClock, SystemClock};
pub use message::{Attribute, Message, Outgoing, md5_of_attributes, md5_of_text};
pub use queues::{Queues, Receive, Sent};
pub use refusal::{Code, Refusal};
pub use wire::serve;

/// The account that owns every queue: part of each queue URL and ARN.
pub const ACCOUNT: &str = "000000000000";

/// The region every queue is in: part of each ARN.
pub const REGION: &str = "us-east-1";

/// The `SenderId` of every message. SQS shows the sender's user id, which is of this form; we know one user.
pub const SENDER_ID: &str = "AIDALOCALLEADEXPORT00";

/// The most a message, and all messages of one SendMessageBatch, may hold: 1 MiB
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
pub const MAX_MESSAGE_BYTES: u32 = 1_048_576;

/// The longest a message can be hidden from its receipt on: 12 hours.
pub const MAX_VISIBILITY_S: u32 = 43_200;

/// The ARN of the queue `name`.
pub fn queue_arn(name: &str) -> String {
    attributes::arn(name)
}
