//! The front door: an HTTP API (API Gateway v2) before the functions.
//!
//! A request passes, in this order: the size of its head, its route, its token, its body, the function. What stops it on
//! the way is answered as AWS answers it, `{"message": "…"}`. Nothing here logs a URL or a token.

mod answer;
mod authorizer;
mod body;
mod cors;
mod event;
mod route;
mod server;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::net::TcpListener;

pub use authorizer::{Authorizer, Denied};
pub use cors::Cors;
pub use route::{Route, RouteMethod};

use crate::invoke::{Invoke, InvokeError};
use answer::{INVOCATION_BYTES, Refusal};
use cors::CorsAnswers;
use event::Arrival;
use route::Routes;

/// Request line and header values together
/// ([quotas](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)).
const HEAD_BYTES: usize = 10_240;

/// The longest an integration may take (the same page). The function is not stopped by it.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests under way have to end when the gateway stops.
const GRACE: Duration = Duration::from_secs(10);

/// An API: what is served, by whom, to whom.
pub struct Gateway {
    /// The routes. The most specific one wins.
    pub routes: Vec<Route>,
    /// Where the functions run.
    pub invoke: Arc<dyn Invoke>,
    /// The check of tokens, on every route that is not open.
    pub authorizer: Authorizer,
    /// What other origins may do; without it, `OPTIONS` is a method like any other.
    pub cors: Option<Cors>,
    /// Local-only routes such as `/local/outbox`, asked first. Its fallback is replaced.
    pub extra: Router,
}

/// Serves the API on `listener` until `shutdown`. Then idle connections are closed, and requests under way have 10 s.
///
/// # Errors
/// A route or a CORS setting is malformed, or the listener has no address.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    server::run(listener, router(gateway)?, shutdown, GRACE).await
}

fn router(gateway: Gateway) -> anyhow::Result<Router> {
    let front = Arc::new(Front {
        routes: Routes::new(gateway.routes)?,
        invoke: gateway.invoke,
        authorizer: gateway.authorizer,
        cors: gateway.cors.map(CorsAnswers::new).transpose()?,
        patience: INTEGRATION_TIMEOUT,
    });
    let answer = move |request: Request| {
        let front = Arc::clone(&front);
        async move { front.answer(request).await }
    };
    Ok(gateway
        .extra
        .method_not_allowed_fallback(answer.clone())
        .fallback(answer))
}

/// The API behind the local-only routes.
struct Front {
    routes: Routes,
    invoke: Arc<dyn Invoke>,
    authorizer: Authorizer,
    cors: Option<CorsAnswers>,
    /// How long a function may take: [`INTEGRATION_TIMEOUT`], but in tests.
    patience: Duration,
}

impl Front {
    async fn answer(&self, request: Request) -> Response {
        let (parts, mut body) = request.into_parts();
        let mut response = match self.pass(&parts, &mut body).await {
            Ok(response) => response,
            Err(refusal) => {
                // A client that waits for `100 Continue` has sent nothing, and reading would ask it to.
                if !parts.headers.contains_key(EXPECT) {
                    body::drain(body, body::DRAIN_TIME).await;
                }
                refusal.response()
            }
        };
        if let Some(cors) = &self.cors {
            cors.apply(&parts.headers, response.headers_mut());
        }
        response
    }

    async fn pass(&self, parts: &Parts, body: &mut Body) -> Result<Response, Refusal> {
        let arrival = parts.extensions.get::<Arrival>().ok_or(Refusal::Internal)?;
        if head_bytes(parts) > HEAD_BYTES {
            return Err(Refusal::HeadersTooLarge);
        }
        check_host(parts)?;
        let path = route::decoded(parts.uri.path()).ok_or(Refusal::BadRequest)?;
        let Some(found) = self.routes.find(&parts.method, &path) else {
            return self.preflight(parts).ok_or(Refusal::NotFound);
        };
        let claims = if found.route.open {
            None
        } else {
            let checked = self.authorizer.check(&parts.headers, arrival.now);
            Some(checked.map_err(Refusal::Unauthorized)?)
        };
        let body = body::read(body, body::ARRIVES_IN).await?;
        let event = event::event(arrival, parts, &path, &found, claims.as_ref(), &body);
        let event = Bytes::from(event.to_string());
        if event.len() > INVOCATION_BYTES {
            return Err(Refusal::RequestTooLong);
        }
        let function = &found.route.function;
        let answer = self.invoked(arrival, function, event).await?;
        let mut response = answer::from_function(&answer).map_err(|error| {
            tracing::warn!(request.id = %arrival.request_id, function, %error, "the function {function} gave no usable answer");
            Refusal::Internal
        })?;
        if self.cors.is_some() {
            CorsAnswers::silence(response.headers_mut());
        }
        Ok(response)
    }

    /// What an API with CORS says to `OPTIONS` where no route takes it, token or not.
    fn preflight(&self, parts: &Parts) -> Option<Response> {
        let cors = self.cors.as_ref()?;
        if parts.method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.headers_mut() = cors.preflight(&parts.headers);
        Some(response)
    }

    async fn invoked(
        &self,
        arrival: &Arrival,
        function: &str,
        event: Bytes,
    ) -> Result<Bytes, Refusal> {
        let invoke = Arc::clone(&self.invoke);
        let name = function.to_owned();
        // A task of its own: neither a client that leaves nor the 30 s take a running function down.
        let running = tokio::spawn(async move { invoke.invoke(&name, event).await });
        let error = match tokio::time::timeout(self.patience, running).await {
            Ok(Ok(Ok(answer))) => return Ok(answer),
            Ok(Ok(Err(error))) => error,
            Ok(Err(_panicked)) => return Err(Refusal::Internal),
            Err(_elapsed) => {
                tracing::warn!(request.id = %arrival.request_id, function, "the function {function} gave no answer in time");
                return Err(Refusal::Unavailable);
            }
        };
        // A function's message may quote its input, so only the kind of error is told.
        let (kind, refusal) = match &error {
            InvokeError::Function { error_type, .. } => (error_type.as_str(), Refusal::Internal),
            InvokeError::TimedOut => ("timed out", Refusal::Internal),
            InvokeError::Unknown(_) => ("no such function", Refusal::Internal),
            InvokeError::Throttled => ("throttled", Refusal::TooManyRequests),
            InvokeError::Stopped => ("stopping", Refusal::Unavailable),
        };
        tracing::warn!(request.id = %arrival.request_id, function, error = kind, "the function {function} failed");
        Err(refusal)
    }
}

/// Bytes of the request line and of all header values.
fn head_bytes(parts: &Parts) -> usize {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let values: usize = parts.headers.values().map(http::HeaderValue::len).sum();
    // Two blanks, `HTTP/1.1` and the line's end.
    parts.method.as_str().len() + target + 12 + values
}

/// A function builds its own URL from the host, so one that is none ends here. AWS never sees such a request: it would
/// not find the API.
fn check_host(parts: &Parts) -> Result<(), Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return Ok(());
    };
    let good = host
        .to_str()
        .ok()
        .and_then(|host| host.parse::<http::uri::Authority>().ok())
        .is_some_and(|host| !host.as_str().contains('@'));
    if good && hosts.next().is_none() {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

#[cfg(test)]
mod tests;
