//! A small HTTP server: whole requests in, whole answers out.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A request, read to its end.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// A header's text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// A parameter of the query, as it stands there; a parameter without a value is empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// An answer of this status with this body.
pub fn answer(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
}

/// Serves on a free port of loopback until the process ends; the address.
///
/// # Errors
/// No port is to be had.
pub async fn serve<S, F>(
    state: Arc<S>,
    handle: fn(Arc<S>, Asked) -> F,
) -> anyhow::Result<SocketAddr>
where
    S: Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    serve_on(
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        state,
        handle,
    )
}

/// As [`serve`], on this listener.
///
/// # Errors
/// The listener has no address.
pub fn serve_on<S, F>(
    listener: TcpListener,
    state: Arc<S>,
    handle: fn(Arc<S>, Asked) -> F,
) -> anyhow::Result<SocketAddr>
where
    S: Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let state = Arc::clone(&state);
            // Nagle's algorithm would hold small answers back for the other side's acknowledgement.
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let state = Arc::clone(&state);
                    async move {
                        let (head, body) = request.into_parts();
                        let Ok(body) = body.collect().await else {
                            return Ok::<_, Infallible>(answer(StatusCode::BAD_REQUEST, "cut off"));
                        };
                        let asked = Asked {
                            method: head.method,
                            uri: head.uri,
                            headers: head.headers,
                            body: body.to_bytes(),
                        };
                        Ok(handle(state, asked).await)
                    }
                });
                let server = hyper::server::conn::http1::Builder::new();
                // A client that goes away ends its connection; nobody needs to know.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

/// Passes a request on to another server; its answer.
///
/// # Errors
/// The other server does not answer.
pub async fn pass_on(to: SocketAddr, asked: Asked) -> anyhow::Result<Answer> {
    let stream = tokio::net::TcpStream::connect(to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(asked.body));
    *request.method_mut() = asked.method;
    *request.uri_mut() = asked.uri;
    *request.headers_mut() = asked.headers;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut answer = answer(head.status, body);
    for (name, value) in &head.headers {
        if name != http::header::CONTENT_LENGTH && name != http::header::TRANSFER_ENCODING {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    Ok(answer)
}
