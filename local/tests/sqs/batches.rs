use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    DeleteMessageBatchResultEntry, SendMessageBatchResultEntry,
};

use super::*;

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
    let ids: Vec<_> = sent
        .successful()
        .iter()
        .map(SendMessageBatchResultEntry::id)
        .collect();
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
    let ids: Vec<_> = deleted
        .successful()
        .iter()
        .map(DeleteMessageBatchResultEntry::id)
        .collect();
    assert_eq!(ids, ["stale", "good"]);
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
    server.clock.advance(Duration::from_mins(1));
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
