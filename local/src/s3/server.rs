//! The HTTP server: connections, CORS, request ids, an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3Result, s3_error};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Keys;
use super::front::Front;
use super::guard;
use super::storage::{Clock, Storage};

/// How long requests under way may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long an accept that failed for want of a resource waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

#[derive(Clone)]
struct Server {
    service: S3Service,
    clock: Clock,
}

pub(super) async fn run(
    listener: TcpListener,
    storage: Arc<Storage>,
    keys: Keys,
    shutdown: impl Future<Output = ()> + Send,
) {
    let clock = storage.clock();
    let mut builder = S3ServiceBuilder::new(Front::new(storage));
    builder.set_auth(OneKey(SimpleAuth::from_single(
        keys.access_key,
        keys.secret_key,
    )));
    let server = Server {
        service: builder.build(),
        clock,
    };
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(server.clone().connection(stream, stopped.clone()));
                }
                // Out of file handles, say: that passes.
                Err(error) => {
                    tracing::warn!(%error, "the local S3 could not take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop((listener, stop));
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!("the local S3 stops with requests under way");
    }
    connections.shutdown().await;
}

impl Server {
    async fn connection(self, stream: TcpStream, mut stopped: watch::Receiver<()>) {
        // Small answers would otherwise wait for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let service = service_fn(move |request| {
            let server = self.clone();
            async move { server.answer(request).await }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // The sender is dropped, never used.
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to the local S3 broke off");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let browser = request.headers().contains_key(ORIGIN);
        let (parts, body) = request.into_parts();
        let mut response = if parts.method == Method::OPTIONS && browser {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        } else {
            match guard::check(&parts, (self.clock)()) {
                Ok(()) => {
                    let request = Request::from_parts(parts, Body::from(body));
                    let answered = self.service.call(request).await;
                    answered.unwrap_or_else(|error| {
                        let error: s3s::StdError = error.into();
                        tracing::error!(%error, "the local S3 could not answer");
                        refusal(s3_error!(InternalError))
                    })
                }
                Err(error) => refusal(error),
            }
        };
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().simple().to_string()) {
            headers.insert(REQUEST_ID, id);
        }
        if browser {
            // A download page of any origin may read what a signed URL opens; the URL is the secret.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, HEAD"),
            );
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(
                    "ETag, Content-Length, Content-Range, Content-Disposition, Accept-Ranges",
                ),
            );
        }
        Ok(response)
    }
}

fn refusal(error: S3Error) -> Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// The one pair of keys that works; an unknown one is refused in S3's own words.
struct OneKey(SimpleAuth);

#[async_trait::async_trait]
impl s3s::auth::S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<s3s::auth::SecretKey> {
        self.0.lookup(access_key).cloned().ok_or_else(|| {
            s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )
        })
    }
}
