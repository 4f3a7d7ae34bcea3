use super::*;

#[tokio::test]
async fn no_more_invocations_than_allowed_and_no_message_pulled_in_advance() {
    let single = EventSource {
        batch_size: 1,
        max_concurrency: 3,
        ..source()
    };
    let mut s = start(single, &["1", "2", "3", "4", "5"]);
    let mut running = vec![s.call().await, s.call().await, s.call().await];
    s.no_call().await;
    s.assert_counts(2, 3).await;
    running.remove(1).answer("{}");
    running.push(s.call().await);
    s.no_call().await;
    s.assert_counts(1, 3).await;
    for call in running {
        call.end(Err(function_error()));
    }
    assert_eq!(s.call().await.bodies(), ["5"]);
}

#[tokio::test]
async fn all_of_a_high_concurrency_is_used() {
    let wide = EventSource {
        batch_size: 1,
        max_concurrency: 12,
        ..source()
    };
    let bodies: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    let mut s = start(wide, &bodies);
    let mut running = Vec::new();
    for _ in 0..12 {
        running.push(s.call().await);
    }
    s.assert_counts(0, 12).await;
}

#[tokio::test]
async fn batch_is_no_larger_than_its_size() {
    let pairs = EventSource {
        batch_size: 2,
        ..source()
    };
    let mut s = start(pairs, &["a", "b", "c"]);
    let (first, second) = (s.call().await, s.call().await);
    assert_eq!((first.bodies().len(), second.bodies().len()), (2, 1));
}

#[tokio::test]
async fn window_gathers_messages_until_it_ends_or_the_batch_is_full() {
    let windowed = || EventSource {
        batch_size: 3,
        batch_window: Duration::from_secs(10),
        ..source()
    };
    let mut s = start(windowed(), &["a"]);
    s.pass(5).await;
    s.send("b");
    s.no_call().await;
    s.pass(4).await;
    s.no_call().await;
    s.pass(1).await;
    // Two pollers gather side by side: either may have got the second message, and each waits for its own window.
    let first = s.call().await;
    if first.bodies() == ["a"] {
        s.no_call().await;
        s.pass(5).await;
        assert_eq!(s.call().await.bodies(), ["b"]);
    } else {
        assert_eq!(first.bodies(), ["a", "b"]);
    }

    let mut s = start(windowed(), &["a", "b", "c"]);
    assert_eq!(s.call().await.bodies(), ["a", "b", "c"]);
}

#[tokio::test]
async fn batch_of_more_than_ten_is_gathered_from_several_receives() {
    let large = EventSource {
        batch_size: 12,
        batch_window: Duration::from_secs(5),
        ..source()
    };
    let bodies: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    let mut s = start(large.clone(), &bodies);
    assert_eq!(s.call().await.bodies(), bodies);

    let mut s = start(large, &bodies[..11]);
    s.no_call().await;
    s.pass(5).await;
    assert_eq!(s.call().await.bodies(), bodies[..11]);
}

#[tokio::test]
async fn batch_beyond_six_megabytes_is_given_in_portions() {
    let body = "\n".repeat(1_048_576);
    let mut s = start(source(), &[&body, &body, &body]);
    let first = s.call().await;
    assert_eq!(first.bodies().len(), 2);
    first.answer("{}");
    s.assert_counts(0, 1).await;
    let second = s.call().await;
    assert_eq!(second.bodies().len(), 1);
    second.answer("{}");
    s.assert_counts(0, 0).await;
}
