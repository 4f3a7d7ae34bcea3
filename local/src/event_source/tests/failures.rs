use super::*;

#[tokio::test]
async fn throttled_messages_come_back_after_a_growing_back_off() {
    let mut s = start(source(), &["a"]);
    for back_off in [1, 2, 4] {
        s.call().await.end(Err(InvokeError::Throttled));
        s.assert_counts(0, 1).await;
        s.pass(back_off - 1).await;
        s.no_call().await;
        s.pass(1).await;
    }
    s.call().await.answer("{}");
    s.assert_counts(0, 0).await;
    assert_eq!(back_off(40), Duration::from_secs(32));
}

#[tokio::test]
async fn unknown_function_deletes_nothing() {
    let mut s = start(source(), &["a"]);
    s.call()
        .await
        .end(Err(InvokeError::Unknown("run-export".into())));
    s.assert_counts(0, 1).await;
    s.pass(30).await;
    s.call().await.answer("{}");
    s.assert_counts(0, 0).await;
}

#[tokio::test]
async fn stopped_functions_end_the_source_and_free_the_messages() {
    let mut s = start(source(), &["a"]);
    // The other worker gets the message as soon as it is free again, and is told the same.
    s.call().await.end(Err(InvokeError::Stopped));
    s.settled().await;
    if let Ok(call) = s.calls.try_recv() {
        call.end(Err(InvokeError::Stopped));
    }
    s.assert_counts(1, 0).await;
    s.ended().await;
}

#[tokio::test]
async fn poison_goes_to_the_dead_letter_queue() {
    let mut s = start(source(), &[]);
    s.queues.create("dead", &BTreeMap::new()).unwrap();
    let policy = format!(
        r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":2}}"#,
        queue_arn("dead")
    );
    s.queues
        .set_attributes("work", &BTreeMap::from([("RedrivePolicy".into(), policy)]))
        .unwrap();
    s.send("poison");
    for _ in 0..2 {
        s.call().await.end(Err(function_error()));
        s.pass(30).await;
    }
    s.no_call().await;
    s.assert_counts(0, 0).await;
    assert_eq!(
        s.queues.attributes("dead").unwrap()["ApproximateNumberOfMessages"],
        "1"
    );
}
