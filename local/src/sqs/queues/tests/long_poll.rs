use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::*;

/// Polls a receive once and expects it to wait.
async fn waits(
    receive: &mut std::pin::Pin<
        &mut (impl Future<Output = Result<Vec<Message>, Refusal>> + ?Sized),
    >,
) {
    let pending = poll_fn(|context| Poll::Ready(receive.as_mut().poll(context).is_pending())).await;
    assert!(pending, "the receive did not wait");
}

#[tokio::test]
async fn long_poll_is_woken_by_send_expiry_delay_and_change() {
    let s = setup(&[]);
    let how = Receive {
        wait_s: Some(20),
        ..Receive::default()
    };

    let mut sent = pin!(s.queues.receive("work", &how));
    waits(&mut sent).await;
    s.send("one");
    let handle = sent.await.unwrap().remove(0).receipt_handle;

    // Hidden until 30 s after its receipt.
    s.pass(15);
    let mut expired = pin!(s.queues.receive("work", &how));
    waits(&mut expired).await;
    s.pass(14);
    waits(&mut expired).await;
    s.pass(1);
    let latest = expired.await.unwrap().remove(0);
    assert_ne!(latest.receipt_handle, handle);

    let mut changed = pin!(s.queues.receive("work", &how));
    waits(&mut changed).await;
    s.queues
        .change_visibility("work", &latest.receipt_handle, 0)
        .unwrap();
    let latest = changed.await.unwrap().remove(0);
    s.queues.delete("work", &latest.receipt_handle).unwrap();

    let delayed = Outgoing {
        delay_seconds: Some(10),
        ..Outgoing::new("two")
    };
    s.queues.send("work", &delayed).unwrap();
    let mut due = pin!(s.queues.receive("work", &how));
    waits(&mut due).await;
    s.pass(10);
    assert_eq!(due.await.unwrap().remove(0).body, "two");
}

#[tokio::test]
async fn long_poll_ends_empty_after_its_time_or_the_queues() {
    for (attribute, wait_s) in [("0", Some(7)), ("7", None)] {
        let s = setup(&[("ReceiveMessageWaitTimeSeconds", attribute)]);
        let how = Receive {
            wait_s,
            ..Receive::default()
        };
        let mut receive = pin!(s.queues.receive("work", &how));
        waits(&mut receive).await;
        s.pass(6);
        waits(&mut receive).await;
        s.pass(1);
        assert!(receive.await.unwrap().is_empty());
    }
    let s = setup(&[("ReceiveMessageWaitTimeSeconds", "7")]);
    let how = Receive {
        wait_s: Some(0),
        ..Receive::default()
    };
    assert!(s.queues.receive("work", &how).await.unwrap().is_empty());
}

#[tokio::test]
async fn long_poll_on_the_dead_letter_queue_sees_the_move() {
    let s = setup(&[]);
    s.queues.create("dead", &map(&[])).unwrap();
    s.queues
        .set_attributes("work", &map(&[("RedrivePolicy", &redrive_to_dead(1))]))
        .unwrap();
    s.send("poison");
    s.receive_one().await;
    let how = Receive {
        wait_s: Some(20),
        ..Receive::default()
    };
    s.pass(30);
    let mut dead = pin!(s.queues.receive("dead", &how));
    waits(&mut dead).await;
    assert!(s.receive().await.is_empty());
    assert_eq!(dead.await.unwrap().remove(0).body, "poison");
}

#[tokio::test]
async fn dropped_long_poll_takes_no_message() {
    let s = setup(&[]);
    let how = Receive {
        wait_s: Some(20),
        ..Receive::default()
    };
    {
        let mut dropped = pin!(s.queues.receive("work", &how));
        waits(&mut dropped).await;
        s.send("one");
    }
    assert_eq!(s.receive_one().await.receive_count, 1);
}

#[tokio::test]
async fn deleting_the_queue_ends_a_long_poll() {
    let s = setup(&[]);
    let how = Receive {
        wait_s: Some(20),
        ..Receive::default()
    };
    let mut receive = pin!(s.queues.receive("work", &how));
    waits(&mut receive).await;
    s.queues.delete_queue("work").unwrap();
    assert_eq!(code(receive.await), Code::QueueDoesNotExist);
}
