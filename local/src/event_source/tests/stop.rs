use super::*;

#[tokio::test]
async fn stop_waits_for_running_invocations_and_takes_nothing_more() {
    let mut s = start(source(), &["a"]);
    let call = s.call().await;
    s.stop();
    s.settled().await;
    s.send("b");
    s.no_call().await;
    assert!(!s.run.is_finished(), "it did not wait");
    call.answer("{}");
    s.assert_counts(1, 0).await;
    s.ended().await;
}

#[tokio::test]
async fn stop_ends_idle_pollers_at_once() {
    let mut s = start(source(), &[]);
    s.no_call().await;
    s.stop();
    s.ended().await;
}

#[tokio::test]
async fn stop_frees_what_was_gathered() {
    let windowed = EventSource {
        batch_window: Duration::from_secs(10),
        ..source()
    };
    let mut s = start(windowed, &["a", "b"]);
    s.assert_counts(0, 2).await;
    s.stop();
    s.assert_counts(2, 0).await;
    s.no_call().await;
    s.ended().await;
}

#[tokio::test]
async fn stop_does_not_wait_for_a_back_off() {
    let mut s = start(source(), &["a"]);
    s.call().await.end(Err(InvokeError::Throttled));
    s.settled().await;
    s.stop();
    s.ended().await;
}

#[tokio::test]
async fn deleted_queue_does_not_end_the_source() {
    let mut s = start(source(), &[]);
    s.settled().await;
    s.queues.delete_queue("work").unwrap();
    s.pass(60).await;
    s.queues.create("work", &BTreeMap::new()).unwrap();
    s.send("a");
    s.pass(60).await;
    assert_eq!(s.call().await.bodies(), ["a"]);
}
