//! The queues through the protocol, as the AWS SDK speaks it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
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
    server.clock.advance(Duration::from_secs(60));
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
async fn queue_is_described_listed_changed_purged_and_deleted() {
    let server = start().await;
    let client = server.client();
    let dead = create(&client, "exports-dead").await;
    let policy = format!(
        r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":8}}"#,
        sqs::queue_arn("exports-dead")
    );
    let url = client
        .create_queue()
        .queue_name("exports")
        .attributes(QueueAttributeName::VisibilityTimeout, "2160")
        .attributes(QueueAttributeName::RedrivePolicy, &policy)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    server.clock.advance(Duration::from_secs(5));
    client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::DelaySeconds, "1")
        .send()
        .await
        .unwrap();
    client
        .send_message()
        .queue_url(&url)
        .message_body("a")
        .send()
        .await
        .unwrap();
    let attributes = async |name| {
        let asked = client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(name);
        asked.send().await.unwrap().attributes.unwrap()
    };
    let all = attributes(QueueAttributeName::All).await;
    let expected = [
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesDelayed", "1"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("CreatedTimestamp", "1800000000"),
        ("DelaySeconds", "1"),
        ("LastModifiedTimestamp", "1800000005"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:exports"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("RedrivePolicy", policy.as_str()),
        ("VisibilityTimeout", "2160"),
    ];
    let mut shown: Vec<_> = all
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    shown.sort_unstable();
    assert_eq!(shown, expected);
    assert_eq!(attributes(QueueAttributeName::QueueArn).await.len(), 1);
    let none = client
        .get_queue_attributes()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
    assert!(none.attributes.is_none());

    let found = client
        .get_queue_url()
        .queue_name("exports")
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url.as_deref(), Some(url.as_str()));
    let listed = client.list_queues().send().await.unwrap();
    assert_eq!(listed.queue_urls(), [url.clone(), dead.clone()]);
    let prefixed = client
        .list_queues()
        .queue_name_prefix("exports-")
        .send()
        .await
        .unwrap();
    assert_eq!(prefixed.queue_urls(), [dead.clone()]);
    let first = client.list_queues().max_results(1).send().await.unwrap();
    assert_eq!(first.queue_urls(), [url.clone()]);
    let second = client
        .list_queues()
        .max_results(1)
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (second.queue_urls(), second.next_token()),
        (&[dead][..], None)
    );

    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(
        code(client.purge_queue().queue_url(&url).send().await),
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    assert_eq!(
        attributes(QueueAttributeName::All).await["ApproximateNumberOfMessagesDelayed"],
        "0"
    );
    client.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = client
        .get_queue_url()
        .queue_name("exports")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(gone.is_queue_does_not_exist(), "{gone:?}");
    let again = client
        .create_queue()
        .queue_name("exports")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(again.is_queue_deleted_recently(), "{again:?}");
}

#[tokio::test]
async fn refusals_have_the_codes_the_sdk_knows() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let other = client
        .create_queue()
        .queue_name("exports")
        .attributes(QueueAttributeName::DelaySeconds, "9");
    assert!(
        other
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
    let set = |name: QueueAttributeName, value: &str| {
        client
            .set_queue_attributes()
            .queue_url(&url)
            .attributes(name, value)
            .send()
    };
    let error = set(QueueAttributeName::DelaySeconds, "901")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_invalid_attribute_value(), "{error:?}");
    let error = set(QueueAttributeName::from("Colour"), "1")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_invalid_attribute_name(), "{error:?}");
    let error = set(QueueAttributeName::Policy, "{}")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_unsupported_operation(), "{error:?}");

    let send = |body: &str| {
        client
            .send_message()
            .queue_url(&url)
            .message_body(body)
            .send()
    };
    assert_eq!(code(send("").await), "MissingParameter");
    let error = send("a\u{0}").await.unwrap_err().into_service_error();
    assert!(error.is_invalid_message_contents(), "{error:?}");
    send(&"\u{7F}".repeat(1_048_576)).await.unwrap();
    assert_eq!(
        code(send(&"x".repeat(1_048_577)).await),
        "InvalidParameterValue"
    );

    let nowhere = client
        .send_message()
        .queue_url(url.replace("exports", "none"))
        .message_body("b");
    assert!(
        nowhere
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_does_not_exist()
    );
    let odd = client.send_message().queue_url("exports").message_body("b");
    assert!(
        odd.send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_address()
    );

    assert_eq!(
        code(
            client
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(11)
                .send()
                .await
        ),
        "InvalidParameterValue"
    );
    let handle = receive_all(&client, &url)
        .await
        .messages
        .unwrap()
        .remove(0)
        .receipt_handle
        .unwrap();
    let change = |handle: &str, seconds| {
        client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
    };
    let garbage = change("garbage", 1).await.unwrap_err().into_service_error();
    assert!(garbage.is_receipt_handle_is_invalid(), "{garbage:?}");
    assert_eq!(code(change(&handle, 43_201).await), "InvalidParameterValue");
    change(&handle, 0).await.unwrap();
    let visible = change(&handle, 10).await.unwrap_err().into_service_error();
    assert!(visible.is_message_not_inflight(), "{visible:?}");
    let delete = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("garbage");
    assert!(
        delete
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_receipt_handle_is_invalid()
    );
    let tags = client
        .list_queue_tags()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(tags.is_unsupported_operation(), "{tags:?}");
}

#[tokio::test]
async fn batches_are_done_entry_by_entry() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let sent = client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("good", "a"))
        .entries(entry("bad", "\u{1}"))
        .entries(entry("empty", ""))
        .entries(
            SendMessageBatchRequestEntry::builder()
                .id("late")
                .message_body("b")
                .delay_seconds(9)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    let ids: Vec<_> = sent.successful().iter().map(|done| done.id()).collect();
    assert_eq!(ids, ["good", "late"]);
    let failed: Vec<_> = sent
        .failed()
        .iter()
        .map(|failed| (failed.id(), failed.code(), failed.sender_fault()))
        .collect();
    assert_eq!(
        failed,
        [
            ("bad", "InvalidMessageContents", true),
            ("empty", "MissingParameter", true)
        ]
    );
    server.clock.advance(Duration::from_secs(9));

    let received = receive_all(&client, &url).await;
    let handles: Vec<_> = received
        .messages()
        .iter()
        .map(|message| message.receipt_handle().unwrap())
        .collect();
    assert_eq!(handles.len(), 2);
    let change = |id: &str, handle: &str, seconds| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle);
        entry.visibility_timeout(seconds).build().unwrap()
    };
    let changed = client
        .change_message_visibility_batch()
        .queue_url(&url)
        .entries(change("one", handles[0], 0))
        .entries(change("two", handles[1], 43_201))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (changed.successful()[0].id(), changed.failed()[0].id()),
        ("one", "two")
    );
    let again = receive_all(&client, &url).await;
    assert_eq!(again.messages().len(), 1);
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .unwrap()
    };
    let deleted = client
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete("stale", handles[0]))
        .entries(delete("good", handles[1]))
        .entries(delete("bad", "garbage"))
        .send()
        .await
        .unwrap();
    let ids: Vec<_> = deleted.successful().iter().map(|done| done.id()).collect();
    assert_eq!(ids, ["stale", "good"]);
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
    server.clock.advance(Duration::from_secs(60));
    let left = receive_all(&client, &url).await;
    assert_eq!(
        left.messages().len(),
        1,
        "the stale handle deleted its message"
    );
}

#[tokio::test]
async fn malformed_batch_is_refused_whole() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let send = |entries: Vec<SendMessageBatchRequestEntry>| {
        let send = client
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries))
            .send();
        async { send.await.unwrap_err().into_service_error() }
    };
    assert!(send(vec![]).await.is_empty_batch_request());
    let eleven = (0..11).map(|n| entry(&n.to_string(), "b")).collect();
    assert!(send(eleven).await.is_too_many_entries_in_batch_request());
    assert!(
        send(vec![entry("a", "1"), entry("a", "2")])
            .await
            .is_batch_entry_ids_not_distinct()
    );
    for bad in ["", "a b", "a.b", &"x".repeat(81)] {
        assert!(
            send(vec![entry("good", "1"), entry(bad, "2")])
                .await
                .is_invalid_batch_entry_id(),
            "{bad}"
        );
    }
    let half = "x".repeat(524_289);
    assert!(
        send(vec![entry("a", &half), entry("b", &half)])
            .await
            .is_batch_request_too_long()
    );
    assert!(
        receive_all(&client, &url).await.messages.is_none(),
        "part of a refused batch was sent"
    );
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

#[tokio::test]
async fn only_our_key_is_served() {
    let server = start().await;
    let stranger = server.client_with("somebody-else");
    assert_eq!(
        code(stranger.list_queues().send().await),
        "InvalidClientTokenId"
    );
    let unsigned = reqwest::Client::new();
    let answer = unsigned
        .post(&server.address)
        .header("x-amz-target", "AmazonSQS.ListQueues")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()["x-amzn-query-error"],
        "MissingAuthenticationToken;Sender"
    );
}

#[tokio::test]
async fn protocol_errors_are_said_in_the_protocol() {
    let server = start().await;
    let url = create(&server.client(), "exports").await;
    let post = |target: &'static str, body: String| {
        reqwest::Client::new()
            .post(&server.address)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={KEY}/20270115/us-east-1/sqs/aws4_request, Signature=0"))
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body)
            .send()
    };
    let good = post(
        "AmazonSQS.SendMessage",
        format!(r#"{{"QueueUrl":"{url}","MessageBody":"a"}}"#),
    )
    .await
    .unwrap();
    assert_eq!(good.status(), 200);
    assert_eq!(good.headers()["content-type"], "application/x-amz-json-1.0");
    assert!(good.headers().contains_key("x-amzn-requestid"));
    for (target, body, shape) in [
        (
            "AmazonSQS.SendMessage",
            "{".to_owned(),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.SendMessage",
            "[]".to_owned(),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.SendMessage",
            r#"{"MessageBody":"a"}"#.to_owned(),
            "com.amazon.coral.service#MissingRequiredParameterException",
        ),
        (
            "AmazonSQS.ReceiveMessage",
            format!(r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":"x"}}"#),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.PurgeQueue",
            r#"{"QueueUrl":"http://h/000000000000/none"}"#.to_owned(),
            "com.amazonaws.sqs#QueueDoesNotExist",
        ),
        (
            "AmazonSQS.Dance",
            "{}".to_owned(),
            "com.amazon.coral.service#UnknownOperationException",
        ),
        (
            "Action=ListQueues",
            String::new(),
            "com.amazon.coral.service#UnknownOperationException",
        ),
    ] {
        let answer = post(target, body.clone()).await.unwrap();
        assert!(answer.status().is_client_error(), "{target} {body}");
        assert!(
            answer.headers()["x-amzn-query-error"]
                .to_str()
                .unwrap()
                .ends_with(";Sender")
        );
        let error: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(error["__type"], shape, "{target} {body}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
}
