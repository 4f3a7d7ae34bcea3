mod lifetime;
mod long_poll;

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::sqs::{Message, SetClock};

struct Setup {
    queues: Queues,
    clock: Arc<SetClock>,
    dir: tempfile::TempDir,
}

/// Queues whose clock stands still, with one queue `work`.
fn setup(attributes: &[(&str, &str)]) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock::new(
        Timestamp::from_second(1_800_000_000).unwrap(),
    ));
    let queues = Queues::open(&dir.path().join("sqs.db"), clock.clone()).unwrap();
    queues.create("work", &map(attributes)).unwrap();
    Setup { queues, clock, dir }
}

fn map(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn redrive_to_dead(max_receives: u32) -> String {
    format!(
        r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{max_receives}}}"#,
        queue_arn("dead")
    )
}

impl Setup {
    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn send(&self, body: &str) -> Sent {
        self.queues.send("work", &Outgoing::new(body)).unwrap()
    }

    async fn receive_from(&self, queue: &str) -> Vec<Message> {
        let how = Receive {
            max_messages: 10,
            ..Receive::default()
        };
        self.queues.receive(queue, &how).await.unwrap()
    }

    async fn receive(&self) -> Vec<Message> {
        self.receive_from("work").await
    }

    async fn receive_one(&self) -> Message {
        let mut messages = self.receive().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }

    fn counts(&self, queue: &str) -> [String; 3] {
        let attributes = self.queues.attributes(queue).unwrap();
        ["", "NotVisible", "Delayed"]
            .map(|kind| attributes[format!("ApproximateNumberOfMessages{kind}").as_str()].clone())
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Code {
    result.unwrap_err().code
}

#[tokio::test]
async fn message_is_hidden_for_its_visibility_timeout_and_counted() {
    let s = setup(&[("VisibilityTimeout", "40")]);
    s.send("one");
    assert_eq!(s.counts("work"), ["1", "0", "0"]);
    let first = s.receive_one().await;
    assert_eq!(s.counts("work"), ["0", "1", "0"]);
    s.pass(39);
    assert!(s.receive().await.is_empty());
    s.pass(1);
    let second = s.receive_one().await;
    assert_eq!((first.receive_count, second.receive_count), (1, 2));
    assert_eq!(first.id, second.id);
    assert_ne!(first.receipt_handle, second.receipt_handle);
    assert_eq!(second.first_received_at, first.first_received_at);
    assert_eq!(second.sent_at, first.sent_at);
}

#[tokio::test]
async fn timeout_of_the_receive_wins_over_the_queues() {
    let s = setup(&[]);
    s.send("one");
    let how = Receive {
        visibility_s: Some(100),
        ..Receive::default()
    };
    s.queues.receive("work", &how).await.unwrap();
    s.pass(99);
    assert!(s.receive().await.is_empty());
    s.pass(1);
    s.receive_one().await;
}

#[tokio::test]
async fn at_most_the_asked_number_is_received_oldest_first() {
    let s = setup(&[]);
    for n in 0..12 {
        s.send(&n.to_string());
    }
    let bodies = |messages: Vec<Message>| {
        messages
            .into_iter()
            .map(|message| message.body)
            .collect::<Vec<_>>()
    };
    let one = s.queues.receive("work", &Receive::default()).await.unwrap();
    assert_eq!(bodies(one), ["0"]);
    assert_eq!(
        bodies(s.receive().await),
        ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    );
    assert_eq!(bodies(s.receive().await), ["11"]);
}

#[tokio::test]
async fn stale_handle_deletes_nothing_and_the_latest_does() {
    let s = setup(&[]);
    s.send("one");
    let stale = s.receive_one().await.receipt_handle;
    s.pass(30);
    let latest = s.receive_one().await.receipt_handle;
    s.queues.delete("work", &stale).unwrap();
    assert_eq!(s.counts("work"), ["0", "1", "0"]);
    let refused = s.queues.change_visibility("work", &stale, 5);
    assert_eq!(code(refused), Code::InvalidParameterValue);
    s.pass(31);
    // Visible again but not received again: the handle is still the latest.
    s.queues.delete("work", &latest).unwrap();
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
    s.queues.delete("work", &latest).unwrap();
}

#[tokio::test]
async fn handle_of_another_queue_is_invalid() {
    let s = setup(&[]);
    s.queues.create("other", &map(&[])).unwrap();
    s.send("one");
    let handle = s.receive_one().await.receipt_handle;
    assert_eq!(
        code(s.queues.delete("other", &handle)),
        Code::ReceiptHandleIsInvalid
    );
    assert_eq!(
        code(s.queues.delete("work", "garbage")),
        Code::ReceiptHandleIsInvalid
    );
    assert_eq!(
        code(s.queues.change_visibility("work", "garbage", 1)),
        Code::ReceiptHandleIsInvalid
    );
}

#[tokio::test]
async fn visibility_is_counted_from_the_change_and_limited_to_twelve_hours() {
    let s = setup(&[]);
    s.send("one");
    let handle = s.receive_one().await.receipt_handle;
    s.pass(20);
    let change = |seconds| s.queues.change_visibility("work", &handle, seconds);
    change(100).unwrap();
    s.pass(99);
    assert!(s.receive().await.is_empty());
    for bad in [-1, 43_201, i64::MAX] {
        assert_eq!(code(change(bad)), Code::InvalidParameterValue, "{bad}");
    }
    // 119 s have passed since the receipt.
    assert_eq!(code(change(43_200 - 118)), Code::InvalidParameterValue);
    change(43_200 - 119).unwrap();
    change(0).unwrap();
    assert_eq!(code(change(10)), Code::MessageNotInflight);
    assert_eq!(s.receive_one().await.receive_count, 2);
}

#[tokio::test]
async fn delay_is_the_messages_or_else_the_queues() {
    let s = setup(&[("DelaySeconds", "60")]);
    let immediate = Outgoing {
        delay_seconds: Some(0),
        ..Outgoing::new("now")
    };
    let late = Outgoing {
        delay_seconds: Some(90),
        ..Outgoing::new("late")
    };
    for message in [immediate, Outgoing::new("queue's"), late] {
        s.queues.send("work", &message).unwrap();
    }
    assert_eq!(s.counts("work"), ["1", "0", "2"]);
    assert_eq!(s.receive_one().await.body, "now");
    s.pass(59);
    assert_eq!(s.receive_one().await.body, "now");
    s.pass(1);
    assert_eq!(s.receive_one().await.body, "queue's");
}

#[tokio::test]
async fn receive_past_the_limit_moves_to_the_dead_letter_queue() {
    let s = setup(&[]);
    s.queues.create("dead", &map(&[])).unwrap();
    s.queues
        .set_attributes("work", &map(&[("RedrivePolicy", &redrive_to_dead(2))]))
        .unwrap();
    let sent = s.send("poison");
    s.receive_one().await;
    s.pass(30);
    let second = s.receive_one().await;
    s.pass(30);
    assert!(
        s.receive_from("dead").await.is_empty(),
        "moved before the third receive"
    );
    assert!(s.receive().await.is_empty());
    let dead = s.receive_from("dead").await.remove(0);
    assert_eq!(dead.id, sent.id);
    assert_eq!(dead.sent_at, second.sent_at);
    // "The number of times a message has been received across all queues."
    assert_eq!(dead.receive_count, 3);
    assert_eq!(dead.moved_from.as_deref(), Some(queue_arn("work").as_str()));
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
    s.queues.delete("work", &second.receipt_handle).unwrap();
    assert_eq!(
        s.counts("dead"),
        ["0", "1", "0"],
        "the old handle reached into the other queue"
    );
}

#[tokio::test]
async fn messages_stay_when_the_dead_letter_queue_is_gone() {
    let s = setup(&[]);
    s.queues.create("dead", &map(&[])).unwrap();
    s.queues
        .set_attributes("work", &map(&[("RedrivePolicy", &redrive_to_dead(1))]))
        .unwrap();
    s.queues.delete_queue("dead").unwrap();
    s.send("poison");
    for count in 1..=3 {
        assert_eq!(s.receive_one().await.receive_count, count);
        s.pass(30);
    }
}

#[tokio::test]
async fn dead_letter_queue_must_exist_and_be_another() {
    let s = setup(&[]);
    let policy = redrive_to_dead(3);
    let attributes = map(&[("RedrivePolicy", &policy)]);
    assert_eq!(
        code(s.queues.set_attributes("work", &attributes)),
        Code::InvalidParameterValue
    );
    assert_eq!(
        code(s.queues.create("dead", &attributes)),
        Code::InvalidParameterValue
    );
    assert_eq!(
        code(s.queues.create("new", &attributes)),
        Code::InvalidParameterValue
    );
    assert_eq!(code(s.queues.expect("new")), Code::QueueDoesNotExist);
}

#[tokio::test]
async fn old_messages_are_gone_after_the_retention_period() {
    let s = setup(&[("MessageRetentionPeriod", "60")]);
    s.send("received");
    s.receive_one().await;
    s.pass(59);
    assert_eq!(s.counts("work"), ["1", "0", "0"]);
    s.pass(1);
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
    assert!(s.receive().await.is_empty());
}

#[tokio::test]
async fn numbers_of_a_receive_are_checked() {
    let s = setup(&[]);
    let good = Receive::default();
    for bad in [
        Receive {
            max_messages: 0,
            ..good.clone()
        },
        Receive {
            max_messages: 11,
            ..good.clone()
        },
        Receive {
            wait_s: Some(-1),
            ..good.clone()
        },
        Receive {
            wait_s: Some(21),
            ..good.clone()
        },
        Receive {
            visibility_s: Some(-1),
            ..good.clone()
        },
        Receive {
            visibility_s: Some(43_201),
            ..good
        },
    ] {
        assert_eq!(
            code(s.queues.receive("work", &bad).await),
            Code::InvalidParameterValue,
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn message_over_the_queues_limit_is_refused() {
    let s = setup(&[("MaximumMessageSize", "1024")]);
    s.send(&"x".repeat(1_024));
    let refused = s.queues.send("work", &Outgoing::new("x".repeat(1_025)));
    assert_eq!(code(refused), Code::InvalidParameterValue);
    assert_eq!(s.counts("work"), ["1", "0", "0"]);
}

#[tokio::test]
async fn failed_change_of_attributes_changes_none() {
    let s = setup(&[]);
    let refused = s.queues.set_attributes(
        "work",
        &map(&[("DelaySeconds", "5"), ("VisibilityTimeout", "x")]),
    );
    assert_eq!(code(refused), Code::InvalidAttributeValue);
    assert_eq!(s.queues.attributes("work").unwrap()["DelaySeconds"], "0");
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let s = setup(&[("VisibilityTimeout", "40")]);
    let tagged = Outgoing {
        group: Some("acme".into()),
        ..Outgoing::new("one")
    };
    let sent = s.queues.send("work", &tagged).unwrap();
    let before = s.receive_one().await;
    let Setup { queues, clock, dir } = s;
    drop(queues);
    let queues = Queues::open(&dir.path().join("sqs.db"), clock.clone()).unwrap();
    let s = Setup { queues, clock, dir };
    assert_eq!(
        s.queues.attributes("work").unwrap()["VisibilityTimeout"],
        "40"
    );
    assert!(s.receive().await.is_empty(), "the receipt is forgotten");
    s.pass(40);
    let after = s.receive_one().await;
    assert_eq!(after.id, sent.id);
    assert_eq!(
        (after.receive_count, after.group.as_deref()),
        (2, Some("acme"))
    );
    s.queues.delete("work", &before.receipt_handle).unwrap();
    assert_eq!(s.counts("work"), ["0", "1", "0"]);
    s.queues.delete("work", &after.receipt_handle).unwrap();
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
}

#[test]
fn file_that_is_no_database_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sqs.db");
    std::fs::write(
        &path,
        "not a database at all, but long enough to be looked at".repeat(40),
    )
    .unwrap();
    let clock = Arc::new(SetClock::new(Timestamp::UNIX_EPOCH));
    let error = format!("{:#}", Queues::open(&path, clock).unwrap_err());
    assert!(error.contains("sqs.db"), "{error}");
}
