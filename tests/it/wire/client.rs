//! An HTTP client that breaks calls as planned, around the real one.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};

/// What becomes of an HTTP call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// The service refuses, with this status and code.
    Refuse(u16, &'static str),
    /// The connection is reset before anything is sent.
    Reset,
    /// It is carried out, and the connection is reset before the answer.
    Lost,
    /// It is carried out, and the answer's body ends in the middle.
    Cut,
    /// A status of 200 whose body says that it failed; nothing is carried out (S-7).
    FalseSuccess,
    /// A status of 200 that has done nothing yet, and says what is left: keys unread, a page of nothing with a key behind it (D-3), objects
    /// undeleted.
    Part,
    /// A byte of what is sent changes on the way.
    FlipSent,
    /// A byte of the answer changes on the way.
    FlipAnswer,
}

/// Which calls: those of this operation (all if it is empty), from the nth on, so many of them.
type Planned = (&'static str, usize, usize, Break);

#[derive(Debug, Default)]
struct Plan {
    planned: Vec<Planned>,
    seen: Vec<String>,
    /// Reads of DynamoDB that may show what was before.
    stale: Vec<String>,
}

/// The client. A clone is the same one.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    plan: Arc<Mutex<Plan>>,
}

impl Wire {
    pub(crate) fn new(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// Breaks the calls of `operation` from the `nth` on, `times` of them.
    pub(crate) fn plan(&self, operation: &'static str, nth: usize, times: usize, how: Break) {
        let mut plan = self.plan.lock().unwrap();
        plan.planned.push((operation, nth, times, how));
    }

    /// The operations seen, every attempt of the SDK.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.plan.lock().unwrap().seen.clone()
    }

    /// Whether any call is broken like this.
    pub(crate) fn has(&self, how: Break) -> bool {
        let plan = self.plan.lock().unwrap();
        plan.planned.iter().any(|(.., planned)| *planned == how)
    }

    /// The bodies of reads that do not ask for what was written last.
    pub(crate) fn stale(&self) -> Vec<String> {
        self.plan.lock().unwrap().stale.clone()
    }

    fn note_read(&self, operation: &str, request: &HttpRequest) {
        if !matches!(operation, "GetItem" | "BatchGetItem" | "Query") {
            return;
        }
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        if !body.contains(r#""ConsistentRead":true"#) {
            self.plan.lock().unwrap().stale.push(body.into_owned());
        }
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        let seen = self.seen();
        seen.iter().filter(|seen| *seen == operation).count()
    }

    fn decide(&self, operation: &str) -> Option<Break> {
        let mut plan = self.plan.lock().unwrap();
        plan.seen.push(operation.to_owned());
        let of = |name: &str| {
            plan.seen
                .iter()
                .filter(|seen| name.is_empty() || *seen == name)
                .count()
        };
        plan.planned
            .iter()
            .find(|(name, nth, times, _)| {
                let number = of(name);
                (name.is_empty() || *name == operation) && number >= *nth && number < nth + times
            })
            .map(|(.., how)| *how)
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            inner: self.inner.http_connector(settings, components),
            wire: self.clone(),
        })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    wire: Wire,
}

/// The name of the operation, by what the request looks like.
fn operation(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    match request.method() {
        "PUT" if request.headers().get("x-amz-copy-source").is_some() => "UploadPartCopy",
        "PUT" if has("partNumber") => "UploadPart",
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "POST" => "DeleteObjects",
        "HEAD" => "HeadObject",
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" => "GetObject",
        _ if has("uploadId") => "AbortMultipartUpload",
        _ => "DeleteObject",
    }
    .to_owned()
}

fn cut() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof)
}

fn reset() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

/// An error as the request's protocol words it.
fn refusal(status: u16, code: &str, is_json: bool) -> HttpResponse {
    let body = if is_json {
        format!(r#"{{"__type":"com.amazonaws#{code}","message":"as planned"}}"#)
    } else {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>as planned</Message></Error>"#
        )
    };
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
}

/// An answer of 200 that leaves all for later; none of a call that goes on where such an answer ended.
fn part(operation: &str, request: &HttpRequest) -> Option<HttpResponse> {
    let asked = request.body().bytes().unwrap_or_default();
    let asked: Value = serde_json::from_slice(asked).unwrap_or_default();
    let body = match operation {
        "BatchGetItem" => {
            json!({"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}).to_string()
        }
        "Query" if asked.get("ExclusiveStartKey").is_some() => return None,
        "Query" => {
            let value = |name: &str| asked["ExpressionAttributeValues"].get(name);
            let first = json!({"S": "0"});
            let key = match (value(":shard"), value(":pk")) {
                (Some(shard), _) => {
                    json!({"PK": first, "SK": first, "DUE_SHARD": shard, "due_at": first})
                }
                (_, partition) => json!({"PK": partition, "SK": {"S": "~"}}),
            };
            json!({"Items": [], "Count": 0, "ScannedCount": 9, "LastEvaluatedKey": key}).to_string()
        }
        "DeleteObjects" => {
            "<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>".into()
        }
        "ListMultipartUploads" => {
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>0</NextKeyMarker>\
             <NextUploadIdMarker>0</NextUploadIdMarker></ListMultipartUploadsResult>"
                .into()
        }
        other => panic!("{other} has no parts"),
    };
    Some(HttpResponse::new(
        200.try_into().unwrap(),
        SdkBody::from(body),
    ))
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation(&request);
        let is_json = request.headers().get("x-amz-target").is_some();
        let how = self.wire.decide(&operation);
        self.wire.note_read(&operation, &request);
        match how {
            Some(Break::Refuse(status, code)) => {
                return HttpConnectorFuture::ready(Ok(refusal(status, code, is_json)));
            }
            Some(Break::FalseSuccess) => {
                return HttpConnectorFuture::ready(Ok(refusal(200, "InternalError", false)));
            }
            Some(Break::Part) => {
                if let Some(answer) = part(&operation, &request) {
                    return HttpConnectorFuture::ready(Ok(answer));
                }
            }
            Some(Break::Reset) => return HttpConnectorFuture::ready(Err(reset())),
            Some(Break::FlipSent) => {
                let mut bytes = request.body().bytes().unwrap_or_default().to_vec();
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 0x20;
                }
                *request.body_mut() = SdkBody::from(bytes);
            }
            _ => {}
        }
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let Some(how @ (Break::Lost | Break::Cut | Break::FlipAnswer)) = how else {
                return Ok(answer);
            };
            // Whole, so that it has been carried out to its end.
            let body = ByteStream::new(answer.take_body()).collect().await;
            let mut bytes = body.map_err(|_| reset())?.into_bytes().to_vec();
            let middle = bytes.len() / 2;
            match how {
                Break::Lost => return Err(reset()),
                Break::Cut => {
                    bytes.truncate(middle);
                    let frames = [Ok(Frame::data(Bytes::from(bytes))), Err(cut())];
                    let body = StreamBody::new(stream::iter(frames));
                    *answer.body_mut() = SdkBody::from_body_1_x(body);
                    return Ok(answer);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(middle) {
                        *byte ^= 0x20;
                    }
                }
            }
            *answer.body_mut() = SdkBody::from(bytes);
            Ok(answer)
        })
    }
}
