//! The queues through the protocol, as the AWS SDK speaks it.

#![allow(
    clippy::unwrap_used,
    reason = "the functions the tests share are tests too"
)]

mod batches;
mod queues;
mod refusals;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
};
use aws_sdk_sqs::{Client, Config};
use jiff::Timestamp;
use lead_export_local::sqs::{self, Queues, SetClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const KEY: &str = "local-access-key";

struct Server {
    clock: Arc<SetClock>,
    address: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
    dir: tempfile::TempDir,
}

async fn start() -> Server {
    let clock = Arc::new(SetClock::new(
        Timestamp::from_second(1_800_000_000).unwrap(),
    ));
    start_in(tempfile::tempdir().unwrap(), clock).await
}

async fn start_in(dir: tempfile::TempDir, clock: Arc<SetClock>) -> Server {
    let queues = Arc::new(Queues::open(&dir.path().join("sqs.db"), clock.clone()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(sqs::serve(listener, queues, KEY.to_owned(), async {
        stopped.await.unwrap_or(());
    }));
    Server {
        clock,
        address,
        stop,
        served,
        dir,
    }
}

impl Server {
    fn client(&self) -> Client {
        self.client_with(KEY)
    }

    fn client_with(&self, key: &str) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(key, "secret", None, None, "test"))
            .endpoint_url(&self.address)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    async fn stop(self) -> (tempfile::TempDir, Arc<SetClock>) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        (self.dir, self.clock)
    }
}

async fn create(client: &Client, name: &str) -> String {
    let created = client.create_queue().queue_name(name).send().await.unwrap();
    created.queue_url.unwrap()
}

async fn receive_all(client: &Client, url: &str) -> ReceiveMessageOutput {
    client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await
        .unwrap()
}

/// The code the SDK makes of a refusal.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, E>) -> String {
    result.unwrap_err().code().unwrap_or("no code").to_owned()
}

fn text(value: &str) -> MessageAttributeValue {
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value);
    attribute.build().unwrap()
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

#[tokio::test]
async fn message_goes_in_and_comes_out_with_all_its_attributes() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    assert_eq!(url, format!("{}/000000000000/exports", server.address));
    let binary = MessageAttributeValue::builder()
        .data_type("Binary.raw")
        .binary_value(Blob::new([0, 1, 255]))
        .build()
        .unwrap();
    let trace = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-5759e988-bd862e3fe1be46a994272793")
        .build()
        .unwrap();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_group_id("acme")
        .message_attributes("kind", text("slice"))
        .message_attributes("raw", binary)
        .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace)
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.md5_of_message_body(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    assert!(sent.md5_of_message_system_attributes().is_some());
    server.clock.advance(Duration::from_millis(1_500));

    let received = receive_all(&client, &url).await;
    let [message] = received.messages() else {
        panic!("{received:?}")
    };
    assert_eq!(message.body(), Some("hello"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(
        message.md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["kind"].string_value(), Some("slice"));
    assert_eq!(
        attributes["raw"].binary_value(),
        Some(&Blob::new([0, 1, 255]))
    );
    assert_eq!(attributes["raw"].data_type(), "Binary.raw");
    let expected = HashMap::from([
        (MessageSystemAttributeName::ApproximateReceiveCount, "1"),
        (MessageSystemAttributeName::SentTimestamp, "1800000000000"),
        (
            MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
            "1800000001500",
        ),
        (MessageSystemAttributeName::SenderId, sqs::SENDER_ID),
        (MessageSystemAttributeName::MessageGroupId, "acme"),
        (
            MessageSystemAttributeName::AwsTraceHeader,
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        ),
    ]);
    let shown = message.attributes().unwrap();
    assert_eq!(
        shown
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str()))
            .collect::<HashMap<_, _>>(),
        expected
    );

    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    server.clock.advance(Duration::from_mins(1));
    assert!(receive_all(&client, &url).await.messages.is_none());
}

#[tokio::test]
async fn only_the_asked_attributes_are_returned_and_digested() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let send = client.send_message().queue_url(&url).message_body("b");
    send.message_attributes("a.one", text("1"))
        .message_attributes("b", text("2"))
        .send()
        .await
        .unwrap();
    let receive = |name: &str| {
        client
            .receive_message()
            .queue_url(&url)
            .visibility_timeout(0)
            .message_attribute_names(name)
            .send()
    };
    for (asked, expected) in [
        ("a.*", vec!["a.one"]),
        ("b", vec!["b"]),
        (".*", vec!["a.one", "b"]),
        ("c", vec![]),
    ] {
        let message = receive(asked).await.unwrap().messages.unwrap().remove(0);
        assert!(message.attributes().is_none());
        let mut names: Vec<_> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{asked}");
        assert_eq!(
            message.md5_of_message_attributes().is_some(),
            !expected.is_empty()
        );
    }
    // The older name of the parameter, which older SDKs send.
    #[allow(deprecated)]
    let old = client
        .receive_message()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap();
    let count = &old.messages()[0].attributes().unwrap()
        [&MessageSystemAttributeName::ApproximateReceiveCount];
    assert_eq!(count, "5");
}

#[tokio::test]
async fn long_poll_answers_a_send_and_ends_with_its_time() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let poll = || {
        tokio::spawn(
            client
                .receive_message()
                .queue_url(&url)
                .wait_time_seconds(20)
                .send(),
        )
    };
    // The clock stands still: without being woken the receive would never end.
    let waiting = poll();
    client
        .send_message()
        .queue_url(&url)
        .message_body("a")
        .send()
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().messages().len(), 1);

    let waiting = poll();
    while !waiting.is_finished() {
        server.clock.advance(Duration::from_secs(20));
        client.list_queues().send().await.unwrap();
    }
    // It may have outlasted the visibility timeout of the message above.
    assert!(waiting.await.unwrap().unwrap().messages().len() <= 1);
}

#[tokio::test]
async fn restart_on_another_port_keeps_messages_and_old_urls() {
    let server = start().await;
    let client = server.client();
    let old_url = create(&client, "exports").await;
    client
        .send_message()
        .queue_url(&old_url)
        .message_body("a")
        .send()
        .await
        .unwrap();
    let waiting = create(&client, "idle").await;
    let poll = tokio::spawn(
        client
            .receive_message()
            .queue_url(&waiting)
            .wait_time_seconds(20)
            .send(),
    );
    client.list_queues().send().await.unwrap();
    // A stop does not wait for the 20 s of a long poll: this clock would never reach them.
    let (dir, clock) = server.stop().await;
    // Either it was waiting and got an empty answer, or it came too late to be served.
    if let Ok(answer) = poll.await.unwrap() {
        assert!(answer.messages.is_none());
    }

    let server = start_in(dir, clock).await;
    let client = server.client();
    let message = receive_all(&client, &old_url)
        .await
        .messages
        .unwrap()
        .remove(0);
    assert_eq!(message.body(), Some("a"));
    let new_url = client
        .get_queue_url()
        .queue_name("exports")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    assert!(new_url.starts_with(&server.address));
    client
        .delete_message()
        .queue_url(&new_url)
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
}
