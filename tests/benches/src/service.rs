//! The Lambda service of one function, the queue it is fed from, and the switchboard of the benches.
//!
//! - `/2018-06-01/runtime/…`: the Runtime API of one process at a time
//! - SQS's `SendMessage`: a hint becomes the next event
//! - EventBridge's `PutEvents`: heard, and forgotten
//! - `POST /canned/exports`: records an export of this body, as `request-export` would; its id
//! - `GET /canned/exports/{id}`: the record as callers see it
//! - `GET /canned/files`, `GET /canned/count`: what was stored, and what was read
//! - `POST /canned/events?count=N`: hands this event over N times; answers with the last answer when all are answered

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, Method, StatusCode};
use lead_export_core::access::Principal;
use lead_export_core::lead::OrgId;
use lead_export_core::ports::ExportStore;
use lead_export_core::record::ExportId;
use lead_export_core::request::{Request, RequestExport};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::dynamodb::Canned;
use crate::leads::{ORG, SOURCE};
use crate::s3::CannedS3;
use crate::serve::{Answer, Asked, answer};

/// The user who asks.
pub const USER: &str = "bench";
/// What a run keeps free before its deadline: [`lead_export_core::limits::STOP_BEFORE_DEADLINE`].
const KEPT_FREE: Duration = lead_export_core::limits::STOP_BEFORE_DEADLINE;

/// The service.
pub struct Service {
    /// The function's own work, done here for the caller.
    pub request: RequestExport,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// The table.
    pub dynamodb: Arc<Canned>,
    /// The bucket.
    pub s3: Arc<CannedS3>,
    /// How long an invocation works before it pauses; none: as long as it likes.
    pub slice: Option<Duration>,
    events: (
        mpsc::UnboundedSender<String>,
        Mutex<mpsc::UnboundedReceiver<String>>,
    ),
    answers: (
        mpsc::UnboundedSender<String>,
        Mutex<mpsc::UnboundedReceiver<String>>,
    ),
    invocations: AtomicU64,
}

impl Service {
    /// A service of one function.
    pub fn new(
        request: RequestExport,
        exports: Arc<dyn ExportStore>,
        dynamodb: Arc<Canned>,
        s3: Arc<CannedS3>,
        slice: Option<Duration>,
    ) -> Self {
        let channel = || {
            let (sender, receiver) = mpsc::unbounded_channel();
            (sender, Mutex::new(receiver))
        };
        Self {
            request,
            exports,
            dynamodb,
            s3,
            slice,
            events: channel(),
            answers: channel(),
            invocations: AtomicU64::new(0),
        }
    }

    /// Answers a call.
    pub async fn handle(self: Arc<Self>, asked: Asked) -> Answer {
        let path = asked.uri.path();
        if asked.header("x-amz-target") == "AmazonSQS.SendMessage" {
            return self.send(&asked);
        }
        if asked.header("x-amz-target") == "AWSEvents.PutEvents" {
            return answer(
                StatusCode::OK,
                r#"{"FailedEntryCount":0,"Entries":[{"EventId":"canned"}]}"#,
            );
        }
        let invocation = path.strip_prefix("/2018-06-01/runtime/invocation/");
        match (&asked.method, path, invocation) {
            (_, _, Some("next")) => self.next().await,
            (_, _, Some(_)) => {
                let text = String::from_utf8_lossy(&asked.body).into_owned();
                // Nobody may be waiting for it.
                let _ = self.answers.0.send(text);
                answer(StatusCode::ACCEPTED, "{}")
            }
            (&Method::POST, "/canned/exports", _) => match self.ask(&asked).await {
                Ok(id) => answer(StatusCode::ACCEPTED, id.to_string()),
                Err(error) => answer(StatusCode::BAD_REQUEST, format!("{error:#}")),
            },
            (&Method::POST, "/canned/events", _) => self.hand_over(&asked).await,
            (_, "/canned/files", _) => answer(StatusCode::OK, self.s3.files()),
            (_, "/canned/count", _) => {
                let count = self.dynamodb.count();
                let invocations = self.invocations.load(Ordering::Relaxed);
                let count = json!({"pages": count.pages, "throttled": count.throttled, "units": count.units, "invocations": invocations});
                answer(StatusCode::OK, count.to_string())
            }
            _ => match path.strip_prefix("/canned/exports/") {
                Some(id) => self.show(id).await,
                None => answer(StatusCode::NOT_FOUND, ""),
            },
        }
    }

    async fn ask(&self, asked: &Asked) -> anyhow::Result<ExportId> {
        let principal = Principal {
            org: OrgId::parse(ORG)?,
            user: USER.to_owned(),
            name: None,
            email: None,
        };
        let request = Request {
            principal: &principal,
            source: SOURCE,
            path: "/canned",
            key: None,
            body: &asked.body,
        };
        Ok(self.request.request(request).await?.export.id())
    }

    async fn show(&self, id: &str) -> Answer {
        let (Ok(org), Some(id)) = (OrgId::parse(ORG), ExportId::parse(id)) else {
            return answer(StatusCode::BAD_REQUEST, "no id");
        };
        match self.exports.get(&org, id).await {
            Ok(Some(export)) => {
                let view = lead_export_core::view::export(&export, &[]);
                answer(StatusCode::OK, view.to_string())
            }
            Ok(None) => answer(StatusCode::NOT_FOUND, ""),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    fn send(&self, asked: &Asked) -> Answer {
        let message: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let body = message["MessageBody"].as_str().unwrap_or_default();
        let number = self.invocations.load(Ordering::Relaxed);
        let digest = Md5::digest(body.as_bytes());
        let md5 = digest
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let event = json!({"Records": [{
            "messageId": format!("m-{number}"), "receiptHandle": "r", "body": body, "attributes": {}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:canned", "awsRegion": "us-east-1",
        }]});
        let _ = self.events.0.send(event.to_string());
        answer(
            StatusCode::OK,
            json!({"MessageId": format!("m-{number}"), "MD5OfMessageBody": md5}).to_string(),
        )
    }

    async fn next(&self) -> Answer {
        let Some(event) = self.events.1.lock().await.recv().await else {
            return answer(StatusCode::GONE, "");
        };
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let time = self
            .slice
            .map_or(Duration::from_hours(12), |slice| slice + KEPT_FREE);
        let mut next = answer(StatusCode::OK, event);
        for (name, value) in [
            (
                "lambda-runtime-aws-request-id",
                format!("00000000-0000-4000-8000-{number:012}"),
            ),
            (
                "lambda-runtime-deadline-ms",
                (now + time).as_millis().to_string(),
            ),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:canned".to_owned(),
            ),
            (
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"
                    .to_owned(),
            ),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                next.headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        next
    }

    async fn hand_over(&self, asked: &Asked) -> Answer {
        let count = asked
            .query("count")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        let event = String::from_utf8_lossy(&asked.body).into_owned();
        let mut last = String::new();
        for _ in 0..count {
            let _ = self.events.0.send(event.clone());
            let mut answers = self.answers.1.lock().await;
            last = answers.recv().await.unwrap_or_default();
        }
        answer(StatusCode::OK, last)
    }
}
