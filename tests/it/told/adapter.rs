//! The adapter of EventBridge and SES by itself: every end, and what AWS does not take.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use lead_export_aws::clients::Aws;
use lead_export_aws::notifier::{AwsNotifier, Telling};
use lead_export_core::access::Person;
use lead_export_core::ask::Asked;
use lead_export_core::fields::Source;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::mail::Address;
use lead_export_core::moves::Finish;
use lead_export_core::ports::{Notifier as _, StoreErrorKind};
use lead_export_core::record::{Export, ExportId, FailureCode, File, Progress, RunId};
use lead_export_core::time::Instant;
use lead_export_local::events::{Outbox, serve};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{CANARY, assert_told, schema};
use crate::template::reading::{Template, root};

/// An export in each state that is told.
fn ended() -> Vec<Export> {
    let source = Source {
        org: OrgId::parse("acme").unwrap(),
        id: SourceId::parse("crm").unwrap(),
        name: String::new(),
        time_zone: "UTC".into(),
        people: false,
        shards: 8,
        lead_count: None,
        custom: vec![],
        attributes: vec![],
    };
    let now = Instant::from_millis(1_767_225_600_123);
    let body = json!({"filters": {"status": [CANARY]}}).to_string();
    let asked = Asked::parse(body.as_bytes(), &source, now, &|_| None).unwrap();
    let person = Person {
        id: "u".into(),
        name: "=<b>\r\nBcc: x@y.z".into(),
    };
    let by = RunId(Uuid::from_u128(2));
    let new = |id: u128| {
        let id = ExportId(Uuid::from_u128(id));
        Export::new(
            id,
            source.org.clone(),
            by,
            person.clone(),
            asked.plan.clone(),
            asked.file_name.clone(),
            None,
        )
    };
    let file = File {
        run: by,
        size_bytes: 9,
        sha256: None,
        crc64nvme: "AAAAAAAAAAA=".into(),
    };
    let finish = Finish {
        file,
        rows: 0,
        truncated: false,
        pieces: 0,
        progress: Progress::default(),
        warnings: vec![],
    };
    vec![
        new(1)
            .leased(by, now)
            .finished(finish, now, Duration::from_mins(1)),
        new(2).failed(by, FailureCode::SourceGone, now),
        new(3).cancelled(by, person.clone(), now),
    ]
}

fn aws(endpoint: &str) -> Aws {
    let aws = Aws::from_variables(|name| match name {
        "AWS_ENDPOINT_URL_EVENTBRIDGE" | "AWS_ENDPOINT_URL_SESV2" => Some(endpoint.to_owned()),
        "AWS_REGION" => Some("us-east-1".into()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".into()),
        _ => None,
    });
    aws.unwrap()
}

fn notifier(endpoint: &str, mail_from: Option<&str>) -> AwsNotifier {
    let telling = Telling {
        bus: "a-bus".into(),
        mail_from: mail_from.map(|from| Address::parse(from).unwrap()),
        page_url: "https://exports.example.com".into(),
    };
    AwsNotifier::new(aws(endpoint), telling)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

#[tokio::test]
async fn every_end_is_an_event_and_a_mail_that_aws_takes() {
    let dir = TempDir::new().unwrap();
    let outbox = Arc::new(Outbox::open(dir.path()).unwrap());
    let (listener, endpoint) = listen().await;
    tokio::spawn(serve(
        listener,
        Arc::clone(&outbox),
        "local".into(),
        std::future::pending(),
    ));
    let notifier = notifier(&endpoint, Some("exports@example.com"));
    let to = Address::parse("ann@example.com").unwrap();
    let schema = schema();
    for export in ended() {
        notifier.tell(&export).await.unwrap();
        notifier.mail(&export, &to).await.unwrap();
    }
    let all = outbox.shown();
    let kinds: Vec<&str> = all["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["detail-type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, lead_export_core::event::DETAIL_TYPES);
    for event in all["events"].as_array().unwrap() {
        assert_told(event, &schema);
        assert_eq!(
            (&event["bus"], &event["time"]),
            (&json!("a-bus"), &json!("2026-01-01T00:00:00.123Z"))
        );
    }
    let mails = all["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 3);
    for mail in mails {
        assert_eq!(mail["to"], json!(["ann@example.com"]));
        assert!(!mail["html"].as_str().unwrap().contains("<b>"), "{mail}");
        assert!(!mail.to_string().contains(CANARY), "{mail}");
    }
}

#[tokio::test]
async fn what_aws_does_not_take_is_an_error_that_repeats_neither_event_nor_address() {
    let events = post(|| async {
        let failed = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "event of acme"});
        axum::Json(json!({"FailedEntryCount": 1, "Entries": [failed]}))
    });
    let mails = post(|| async {
        let body = axum::Json(json!({"message": "Email address is not verified: ann@example.com"}));
        (
            axum::http::StatusCode::BAD_REQUEST,
            [("x-amzn-errortype", "MessageRejected")],
            body,
        )
    });
    let router = Router::new()
        .route("/", events)
        .route("/v2/email/outbound-emails", mails);
    let (listener, endpoint) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    let export = &ended()[0];
    let to = Address::parse("ann@example.com").unwrap();
    let chain = |error: &lead_export_core::ports::StoreError| lead_export_aws::http::chain(error);

    let notifier_of = |from| notifier(&endpoint, from);
    let error = notifier_of(None).tell(export).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    assert!(
        chain(&error).contains("ThrottlingException") && !chain(&error).contains("acme"),
        "{}",
        chain(&error)
    );
    let error = notifier_of(Some("exports@example.com"))
        .mail(export, &to)
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);
    assert!(
        chain(&error).contains("MessageRejected") && !chain(&error).contains("ann@"),
        "{}",
        chain(&error)
    );
    // The sender was taken away after the request.
    let error = notifier_of(None).mail(export, &to).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);

    // Nobody listens at all.
    let (listener, endpoint) = listen().await;
    drop(listener);
    let error = notifier(&endpoint, None).tell(export).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
}

/// The pattern of the rule that is deployed, and of the one in the README, take every event there is.
#[test]
fn rules_take_the_events_that_are_told() {
    let template = Template::load();
    let pattern = &template.properties("EventRule")["EventPattern"];
    assert_eq!(pattern["source"], json!([lead_export_core::event::SOURCE]));
    assert_eq!(
        pattern["detail-type"],
        json!(lead_export_core::event::DETAIL_TYPES)
    );
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, block) = readme.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let copied = Template::parse(&format!("Resources:\n{block}"));
    assert_eq!(&copied.properties("WebhookRule")["EventPattern"], pattern);
}
