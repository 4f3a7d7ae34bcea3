//! Who may not, what does not fit, and what comes later.

use super::*;

#[tokio::test]
async fn grants_and_sources_decide_what_is_asked() {
    let world = World::new();
    world.fill(4);
    let body = |source: Option<&str>| {
        let mut body = json!({"selection": bulk(&json!({}))});
        if let Some(source) = source {
            body["source"] = json!(source);
        }
        body
    };
    for (user, source, expected) in [
        ("ann", None, Ok(4)),
        ("ann", Some("aa"), Ok(2)),
        ("one", None, Ok(2)),
        ("ann", Some("seen"), Err(Refusal::Forbidden)),
        ("ann", Some("hidden"), Err(Refusal::NotFound)),
        ("ann", Some("no slug"), Err(Refusal::NotFound)),
        ("vic", None, Err(Refusal::Forbidden)),
        ("vic", Some("aa"), Err(Refusal::Forbidden)),
        ("bob", None, Err(Refusal::Forbidden)),
        ("bob", Some("aa"), Err(Refusal::NotFound)),
    ] {
        let answer = world.ask(user, &body(source)).await;
        let answer = match answer {
            Ok(answer) => Ok(answer.leads),
            Err(AnswerError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{user} {source:?}: {other}"),
        };
        assert_eq!(answer, expected, "{user} {source:?}");
    }
    // Who may not is told so before anything is said of the rest.
    let bad = json!({"source": "hidden"});
    let refused = world.ask("ann", &bad).await;
    assert!(matches!(
        refused,
        Err(AnswerError::Refused(Refusal::NotFound))
    ));
}

#[tokio::test]
async fn nothing_selected_is_no_data_and_leaves_no_record() {
    let world = World::new();
    world.fill(4);
    let nobody = json!({"contact": {"seniority": {"any": {"include": ["intern"]}}}});
    for selection in [
        json!({"mode": "manual"}),
        json!({"mode": "manual", "includedIds": []}),
        json!({"mode": "manual", "includedIds": ["nobody"]}),
        bulk(&json!({"startIndex": 4})),
        bulk(&json!({"filters": nobody})),
        bulk(&json!({"targetCount": 1, "excludedIds": ["l00"]})),
    ] {
        let answer = world.ask("ann", &json!({"selection": selection})).await;
        assert!(matches!(answer, Err(AnswerError::NoData)), "{selection}");
    }
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn an_answer_that_would_be_too_large_or_too_late_is_refused() {
    let world = World::new();
    let big = "x".repeat(70_000);
    for number in 0..100_u64 {
        world.put(
            "aa",
            &format!("b{number:02}"),
            number,
            &[("name", big.as_str().into())],
        );
    }
    let ask = |count: u64| json!({"selection": bulk(&json!({"targetCount": count})), "exportFields": ["name"]});
    assert_eq!(world.ask("ann", &ask(89)).await.unwrap().leads, 89);
    assert!(matches!(
        world.ask("ann", &ask(100)).await,
        Err(AnswerError::TooLarge)
    ));
    let records = world.exports.inner().all().len();
    assert_eq!(records, 1);

    let world = World::with(FaultPlan::every("leads.page", Fault::CrashBefore));
    world.fill(4);
    let clock = world.clock.clone();
    let body = ask(4);
    let late = async {
        while clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        clock.advance(limits::ANSWER_TIME);
    };
    let (answer, ()) = tokio::join!(world.ask("ann", &body), late);
    assert!(matches!(answer, Err(AnswerError::TooLate)));
    assert!(world.exports.inner().all().is_empty());
}

#[tokio::test]
async fn answers_take_of_the_daily_volume_and_stop_at_its_end() {
    let mut world = World::new();
    world.volume = DailyVolume::new(5);
    world.fill(10);
    let ask = |count: u64| json!({"selection": bulk(&json!({"targetCount": count}))});
    let over = |answer: Result<Answer, AnswerError>| match answer {
        Err(AnswerError::Request(RequestError::Volume(over))) => (over.most, over.used),
        other => panic!("{other:?}"),
    };
    assert_eq!(world.ask("ann", &ask(3)).await.unwrap().leads, 3);
    assert_eq!(over(world.ask("ann", &ask(3)).await), (5, 3));
    assert_eq!(world.ask("ann", &ask(2)).await.unwrap().leads, 2);
    assert_eq!(over(world.ask("ann", &ask(1)).await), (5, 5));
    // Two answers, each over both sources; what was refused has left no record.
    assert_eq!(world.exports.inner().all().len(), 4);
    assert_eq!(world.ask("one", &ask(3)).await.unwrap().leads, 3);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.ask("ann", &ask(5)).await.unwrap().leads, 5);
}

#[tokio::test]
async fn later_makes_an_export_of_the_same_body() {
    let world = World::new();
    world.fill(4);
    let use_case = world.use_case();
    let later = async |user: &str, key: Option<&str>, body: &Json| {
        let body = body.to_string();
        let path = "/api/v1/operations/export";
        use_case
            .later(&principal(user), path, key, body.as_bytes())
            .await
    };
    let body = json!({"selection": bulk(&json!({"startIndex": 1, "targetCount": 50_000})), "exportFields": ["postalCode"], "source": "aa"});
    let accepted = later("ann", Some("k"), &body).await.unwrap();
    let export = &accepted.export;
    assert_eq!(
        (export.status(), export.head.delivery),
        (Status::Pending, Delivery::File)
    );
    assert_eq!(export.head.file_name, "lance-prospects-2026-11-22.csv");
    assert_eq!(export.plan.columns[0].header, "Postal Code");
    assert_eq!(export.plan.columns[0].key, "zip");
    assert_eq!(world.queue.inner().sent().len(), 1);
    let again = later("ann", Some("k"), &body).await.unwrap();
    assert!(again.replayed && again.export.id() == export.id());

    let unnamed = json!({"selection": bulk(&json!({}))});
    let refused = later("ann", None, &unnamed).await.unwrap_err().to_string();
    assert_eq!(refused, "source is required: you may export from aa, bb");
    let one = later("one", None, &unnamed).await.unwrap();
    assert_eq!(one.export.head.source.as_str(), "aa");
    let full = later("one", None, &unnamed).await.unwrap_err();
    assert!(matches!(full, AnswerError::Request(RequestError::Quota(_))));
    // A pick cannot be said in a body of the other kind: it would hold more.
    let filled = crate::presets::understand(
        crate::input::Json::object(format!(r#"{{"again": "{}"}}"#, export.id()).as_bytes())
            .unwrap(),
        &source_of("aa", 3),
        world.clock.now(),
        &crate::mail::MailTo::Unasked,
        &*use_case.request.presets,
        &*use_case.request.exports,
    )
    .await;
    assert!(filled.is_err());
    let stored = world
        .exports
        .get(&org(), export.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.plan.pick, export.plan.pick);
    assert!(world.plan.count("leads.page") == 0, "nothing is read yet");
}

#[tokio::test]
async fn leads_of_after_the_request_do_not_join() {
    // C4: their clock may be ahead.
    let world = World::new();
    world.fill(3);
    let name = |name: &str| [("name", Value::from(name))];
    world.put("aa", "now", 1000, &name("now"));
    world.put("aa", "ahead", 1001, &name("ahead"));
    let selection = json!({"mode": "manual", "includedIds": ["l01", "now", "ahead"]});
    assert_eq!(world.names(&selection).await, ["l01", "now"]);
}
