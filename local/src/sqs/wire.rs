//! The AWS JSON 1.0 protocol (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>).

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use super::operations;
use super::queues::Queues;
use super::refusal::{Code, Refusal};

/// A message of 1 MiB needs up to six bytes of JSON for each of its own; SQS gives no number for the request.
const MAX_REQUEST_BYTES: usize = 16 * 1_048_576;

struct Server {
    queues: Arc<Queues>,
    /// What queue URLs begin with.
    base: String,
    access_key: String,
    /// Tells the long polls to end.
    stopping: watch::Receiver<bool>,
}

/// Serves `queues` over HTTP until `shutdown`; then ends long polls empty-handed, finishes the other requests and returns.
///
/// A request needs an `Authorization` header of Signature Version 4 with `access_key` in it. The signature itself is not
/// verified. Queue URLs are `http://ADDRESS:PORT/000000000000/NAME` with the listener's address.
///
/// # Errors
/// When the listener has no address or cannot be served.
pub async fn serve(
    listener: TcpListener,
    queues: Arc<Queues>,
    access_key: String,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("the queues' listener has no address")?;
    let (stop, stopping) = watch::channel(false);
    let server = Arc::new(Server {
        queues,
        base: format!("http://{address}"),
        access_key,
        stopping,
    });
    let router = Router::new()
        // boto3 and the older SDKs post to the queue's URL, the newer ones to the root: the body names the queue.
        .route("/", post(answer))
        .route("/{account}/{queue}", post(answer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(server);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            shutdown.await;
            stop.send_replace(true);
        })
        .await
        .context("the queues cannot be served")
}

async fn answer(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let (status, refused, body) = match server.run(&headers, &body).await {
        Ok(answer) => (200, None, answer),
        Err(refusal) => {
            let fault = if refusal.code.is_senders() {
                "Sender"
            } else {
                "Receiver"
            };
            let header = format!("{};{fault}", refusal.code.query());
            let body = json!({ "__type": refusal.code.shape(), "message": refusal.message });
            (refusal.code.status(), Some(header), body)
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    for (name, value) in [
        ("x-amzn-requestid", Some(request_id)),
        ("x-amzn-query-error", refused),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    response
}

impl Server {
    async fn run(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        authenticate(headers, &self.access_key)?;
        let operation = headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok()?.strip_prefix("AmazonSQS."))
            .ok_or_else(|| {
                Refusal::new(
                    Code::UnknownOperation,
                    "The header x-amz-target must be AmazonSQS. and an operation: only the JSON protocol is spoken here.",
                )
            })?;
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            answer = operations::run(&self.queues, &self.base, operation, body) => answer,
            // Only ReceiveMessage ever waits, and it has received nothing while it does.
            _ = stopping.wait_for(|stopping| *stopping) => Ok(json!({})),
        }
    }
}

/// Checks that the request claims to be signed with our key.
fn authenticate(headers: &HeaderMap, access_key: &str) -> Result<(), Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Err(Refusal::new(
            Code::MissingAuthenticationToken,
            "Request is missing Authentication Token",
        ));
    };
    let scope = header
        .to_str()
        .ok()
        .and_then(|header| header.strip_prefix("AWS4-HMAC-SHA256 "))
        .and_then(|fields| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix("Credential="))
        });
    match scope.and_then(|scope| scope.split_once('/')) {
        Some((key, _)) if key == access_key => Ok(()),
        Some(_) => Err(Refusal::new(
            Code::InvalidClientTokenId,
            "The security token included in the request is invalid.",
        )),
        None => Err(Refusal::new(
            Code::IncompleteSignature,
            "The Authorization header is not AWS4-HMAC-SHA256 with a Credential.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_access_key_is_let_in() {
        let code = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            authenticate(&headers, "local").map_err(|refusal| refusal.code)
        };
        let signed = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(code(Some(signed)), Ok(()));
        assert_eq!(code(Some(&signed.replace(", ", ","))), Ok(()));
        assert_eq!(code(None), Err(Code::MissingAuthenticationToken));
        assert_eq!(
            code(Some(&signed.replace("local", "other"))),
            Err(Code::InvalidClientTokenId)
        );
        assert_eq!(
            code(Some(&signed.replace("local", "local2"))),
            Err(Code::InvalidClientTokenId)
        );
        for broken in [
            "Bearer x",
            "AWS4-HMAC-SHA256 SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=local",
        ] {
            assert_eq!(
                code(Some(broken)),
                Err(Code::IncompleteSignature),
                "{broken}"
            );
        }
    }
}
