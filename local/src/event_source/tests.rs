//! The mapping case by case. The clock stands still, the runtime has one thread, and each invocation waits for the test to
//! say how it ends: what is seen after [`Setup::settled`] is all there is to see.

mod batches;
mod failures;
mod stop;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::sqs::{Attribute, Outgoing, SetClock, queue_arn};

type Answer = Result<Bytes, InvokeError>;

struct Call {
    function: String,
    event: Value,
    answer: oneshot::Sender<Answer>,
}

impl Call {
    fn answer(self, answer: &str) {
        self.end(Ok(answer.to_owned().into()));
    }

    fn end(self, answer: Answer) {
        self.answer.send(answer).unwrap();
    }

    fn bodies(&self) -> Vec<&str> {
        let records = self.event["Records"].as_array().unwrap();
        records
            .iter()
            .map(|record| record["body"].as_str().unwrap())
            .collect()
    }

    fn id_of(&self, body: &str) -> String {
        let mut records = self.event["Records"].as_array().unwrap().iter();
        let record = records.find(|record| record["body"] == body).unwrap();
        record["messageId"].as_str().unwrap().to_owned()
    }
}

struct Scripted(mpsc::UnboundedSender<Call>);

#[async_trait]
impl Invoke for Scripted {
    async fn invoke(&self, function: &str, payload: Bytes) -> Answer {
        let (answer, ended) = oneshot::channel();
        let call = Call {
            function: function.to_owned(),
            event: serde_json::from_slice(&payload).unwrap(),
            answer,
        };
        // A test that has ended no longer listens.
        let _ = self.0.send(call);
        ended.await.unwrap_or(Err(InvokeError::Stopped))
    }
}

struct Setup {
    queues: Arc<Queues>,
    clock: Arc<SetClock>,
    calls: mpsc::UnboundedReceiver<Call>,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<anyhow::Result<()>>,
    _dir: tempfile::TempDir,
}

fn source() -> EventSource {
    EventSource {
        queue: "work".into(),
        function: "run-export".into(),
        batch_size: 10,
        batch_window: Duration::ZERO,
        max_concurrency: 2,
        report_batch_item_failures: true,
    }
}

/// Sends `bodies` to the queue `work`, whose visibility timeout is 30 s, and starts `source`.
fn start(source: EventSource, bodies: &[&str]) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock::new(
        Timestamp::from_second(1_800_000_000).unwrap(),
    ));
    let queues = Arc::new(Queues::open(&dir.path().join("sqs.db"), clock.clone()).unwrap());
    queues.create("work", &BTreeMap::new()).unwrap();
    for body in bodies {
        queues.send("work", &Outgoing::new(*body)).unwrap();
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let (sender, calls) = mpsc::unbounded_channel();
    let run = tokio::spawn(
        source.run(queues.clone(), Arc::new(Scripted(sender)), async {
            stopped.await.unwrap_or(());
        }),
    );
    Setup {
        queues,
        clock,
        calls,
        stop: Some(stop),
        run,
        _dir: dir,
    }
}

impl Setup {
    /// Lets every task run until it waits. Nothing here waits for the network or for a real clock.
    async fn settled(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    async fn call(&mut self) -> Call {
        self.settled().await;
        self.calls.try_recv().expect("the function was not invoked")
    }

    async fn no_call(&mut self) {
        self.settled().await;
        assert!(self.calls.try_recv().is_err(), "the function was invoked");
    }

    fn send(&self, body: &str) {
        self.queues.send("work", &Outgoing::new(body)).unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.settled().await;
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Visible messages, messages in flight.
    async fn counts(&self) -> (String, String) {
        self.settled().await;
        let mut attributes = self.queues.attributes("work").unwrap();
        let mut take = |name| attributes.remove(name).unwrap();
        (
            take("ApproximateNumberOfMessages"),
            take("ApproximateNumberOfMessagesNotVisible"),
        )
    }

    async fn assert_counts(&self, visible: u32, in_flight: u32) {
        assert_eq!(
            self.counts().await,
            (visible.to_string(), in_flight.to_string())
        );
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) {
        self.settled().await;
        assert!(self.run.is_finished(), "the event source still runs");
        self.run.await.unwrap().unwrap();
    }
}

fn failing(ids: &[String]) -> String {
    let failures: Vec<_> = ids
        .iter()
        .map(|id| json!({ "itemIdentifier": id }))
        .collect();
    json!({ "batchItemFailures": failures }).to_string()
}

fn function_error() -> InvokeError {
    InvokeError::Function {
        error_type: "Runtime.ExitError".into(),
        message: "exited".into(),
    }
}

#[tokio::test]
async fn event_is_the_one_lambda_documents() {
    let mut s = start(source(), &[]);
    let attribute =
        |data_type: &str, string_value: Option<&str>, binary_value: Option<&str>| Attribute {
            data_type: data_type.into(),
            string_value: string_value.map(Into::into),
            binary_value: binary_value.map(Into::into),
        };
    let message = Outgoing {
        group: Some("acme".into()),
        attributes: Some(BTreeMap::from([
            ("text".into(), attribute("String", Some("v"), None)),
            ("raw".into(), attribute("Binary", None, Some("AAE="))),
        ])),
        system_attributes: Some(BTreeMap::from([(
            "AWSTraceHeader".into(),
            attribute(
                "String",
                Some("Root=1-5759e988-bd862e3fe1be46a994272793"),
                None,
            ),
        )])),
        ..Outgoing::new(r#"{"export":"e1"}"#)
    };
    let sent = s.queues.send("work", &message).unwrap();
    let call = s.call().await;
    assert_eq!(call.function, "run-export");
    let handle = call.event["Records"][0]["receiptHandle"].clone();
    assert!(handle.as_str().is_some_and(|handle| !handle.is_empty()));
    assert_eq!(
        call.event,
        json!({ "Records": [{
            "messageId": sent.id,
            "receiptHandle": handle,
            "body": r#"{"export":"e1"}"#,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1800000000000",
                "SenderId": crate::sqs::SENDER_ID,
                "ApproximateFirstReceiveTimestamp": "1800000000000",
                "MessageGroupId": "acme",
                "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
            },
            "messageAttributes": {
                "text": { "stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String" },
                "raw": { "binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary" },
            },
            "md5OfBody": sent.md5_of_body,
            "md5OfMessageAttributes": sent.md5_of_attributes,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:work",
            "awsRegion": "us-east-1",
        }] })
    );
    call.answer("null");
    s.assert_counts(0, 0).await;
}

#[tokio::test]
async fn success_deletes_every_message() {
    for answer in [
        "",
        "null",
        "{}",
        r#"{"batchItemFailures":[]}"#,
        r#"{"batchItemFailures":null}"#,
    ] {
        let mut s = start(source(), &["a", "b"]);
        let call = s.call().await;
        assert_eq!(call.bodies(), ["a", "b"]);
        s.assert_counts(0, 2).await;
        call.answer(answer);
        s.assert_counts(0, 0).await;
    }
}

#[tokio::test]
async fn error_and_timeout_delete_nothing_and_the_messages_come_back() {
    for cause in [function_error(), InvokeError::TimedOut] {
        let mut s = start(source(), &["a", "b"]);
        s.call().await.end(Err(cause.clone()));
        s.assert_counts(0, 2).await;
        s.pass(29).await;
        s.no_call().await;
        s.pass(1).await;
        let again = s.call().await;
        assert_eq!(again.bodies(), ["a", "b"], "{cause}");
        assert_eq!(
            again.event["Records"][0]["attributes"]["ApproximateReceiveCount"],
            "2"
        );
        again.answer("{}");
        s.assert_counts(0, 0).await;
    }
}

#[tokio::test]
async fn only_the_named_messages_come_back() {
    let mut s = start(source(), &["a", "b", "c"]);
    let call = s.call().await;
    let failed = failing(&[call.id_of("b")]);
    call.answer(&failed);
    s.assert_counts(0, 1).await;
    s.pass(30).await;
    assert_eq!(s.call().await.bodies(), ["b"]);
}

#[tokio::test]
async fn malformed_answer_fails_the_whole_batch() {
    for answer in [
        "{",
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
        r#"{"batchItemFailures":[{"messageId":"x"}]}"#,
        r#"{"batchItemFailures":"x"}"#,
    ] {
        let mut s = start(source(), &["a", "b"]);
        s.call().await.answer(answer);
        s.assert_counts(0, 2).await;
        s.pass(30).await;
        assert_eq!(s.call().await.bodies(), ["a", "b"], "{answer}");
    }
}

#[tokio::test]
async fn without_partial_failures_any_answer_is_success() {
    for malformed in [
        "{",
        "",
        r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
    ] {
        let plain = EventSource {
            report_batch_item_failures: false,
            ..source()
        };
        let mut s = start(plain, &["a", "b"]);
        s.call().await.answer(malformed);
        s.assert_counts(0, 0).await;
    }
}

#[tokio::test]
async fn settings_that_lambda_refuses_are_refused() {
    let long = Duration::from_secs(301);
    for (bad, word) in [
        (
            EventSource {
                batch_size: 0,
                ..source()
            },
            "batch size",
        ),
        (
            EventSource {
                batch_size: 10_001,
                ..source()
            },
            "batch size",
        ),
        (
            EventSource {
                batch_size: 11,
                ..source()
            },
            "batch window",
        ),
        (
            EventSource {
                batch_window: long,
                ..source()
            },
            "batch window",
        ),
        (
            EventSource {
                max_concurrency: 1,
                ..source()
            },
            "concurrency",
        ),
        (
            EventSource {
                max_concurrency: 1_001,
                ..source()
            },
            "concurrency",
        ),
        (
            EventSource {
                queue: "none".into(),
                ..source()
            },
            "does not exist",
        ),
    ] {
        let s = start(bad, &[]);
        let error = s.run.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
