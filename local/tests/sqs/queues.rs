use super::*;

#[tokio::test]
async fn queue_is_created_changed_and_described() {
    let server = start().await;
    let client = server.client();
    create(&client, "exports-dead").await;
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
}

#[tokio::test]
async fn queues_are_found_and_listed_by_pages() {
    let server = start().await;
    let client = server.client();
    let dead = create(&client, "exports-dead").await;
    let url = create(&client, "exports").await;
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
    assert_eq!(prefixed.queue_urls(), std::slice::from_ref(&dead));
    let first = client.list_queues().max_results(1).send().await.unwrap();
    assert_eq!(first.queue_urls(), std::slice::from_ref(&url));
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
}

#[tokio::test]
async fn purge_and_deletion_are_not_repeated_within_a_minute() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let send = client.send_message().queue_url(&url).message_body("a");
    send.send().await.unwrap();
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(
        code(client.purge_queue().queue_url(&url).send().await),
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    assert!(receive_all(&client, &url).await.messages.is_none());
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
