use super::*;

#[tokio::test]
async fn create_is_idempotent_and_notices_other_values() {
    let s = setup(&[("VisibilityTimeout", "40")]);
    s.queues
        .create("work", &map(&[("VisibilityTimeout", "40")]))
        .unwrap();
    s.queues.create("work", &map(&[])).unwrap();
    let other = s
        .queues
        .create("work", &map(&[("VisibilityTimeout", "41")]));
    assert_eq!(code(other), Code::QueueNameExists);
    for bad in ["", "a b", "a.fifo", &"x".repeat(81)] {
        assert_eq!(
            code(s.queues.create(bad, &map(&[]))),
            Code::InvalidParameterValue,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn deleted_name_rests_for_a_minute_and_comes_back_empty() {
    let s = setup(&[]);
    s.send("one");
    let handle = s.receive_one().await.receipt_handle;
    s.queues.delete_queue("work").unwrap();
    assert_eq!(
        code(s.queues.send("work", &Outgoing::new("two"))),
        Code::QueueDoesNotExist
    );
    s.pass(59);
    assert_eq!(
        code(s.queues.create("work", &map(&[]))),
        Code::QueueDeletedRecently
    );
    s.pass(1);
    s.queues.create("work", &map(&[])).unwrap();
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
    assert_eq!(
        code(s.queues.delete("work", &handle)),
        Code::ReceiptHandleIsInvalid
    );
}

#[tokio::test]
async fn purge_empties_the_queue_once_a_minute() {
    let s = setup(&[]);
    s.send("one");
    s.receive_one().await;
    s.send("two");
    s.queues.purge("work").unwrap();
    assert_eq!(s.counts("work"), ["0", "0", "0"]);
    s.pass(59);
    assert_eq!(code(s.queues.purge("work")), Code::PurgeQueueInProgress);
    s.pass(1);
    s.queues.purge("work").unwrap();
}
