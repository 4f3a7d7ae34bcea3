//! What the page needs of the local stack: who may continue, and tokens for them.
//!
//! Where the service is deployed people sign in at their provider. Here a token is a click away, so the click must be one on this
//! very page. `POST /local/token` therefore asks for three things, each of which stops another's page from asking in its stead:
//!
//! - `Host` is a name of loopback: a name of somebody else's that was made to lead here (DNS rebinding) is not taken.
//! - `Origin` is there and is this page's own: another origin's page, also one on another port of this machine, is refused.
//! - the body is `application/json`: a form cannot send that, and a script elsewhere would have to ask first and is not let.
//!
//! The answer carries no CORS header, so nobody else can read it either.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::identity::{Claims, Identity};
use crate::stack::Settings;

/// The demo's users: organization, user, what they may do.
const USERS: [(&str, &str, &str); 4] = [
    ("acme", "alice", "Exporter of Home Insurance at acme"),
    ("acme", "vera", "Viewer of Home Insurance at acme"),
    ("acme", "adam", "Admin of everything at acme"),
    ("globex", "gina", "Exporter of Solar at globex"),
];

/// How long a token of the page is good: a working day, as the command line's.
const TTL: Duration = Duration::from_hours(12);

struct Door {
    identity: Identity,
    issuer: String,
    audience: String,
}

/// The routes of the page that exist on this machine alone: `/config.json` with the demo's users, and `/local/token`.
///
/// Where the stack is given a client id for the page, people sign in as in a deployment: there are no such routes.
pub fn router(identity: Identity, issuer: &str, audience: &str, settings: &Settings) -> Router {
    if settings
        .iter()
        .any(|(name, value)| name == "PAGE_CLIENT_ID" && !value.is_empty())
    {
        return Router::new();
    }
    let users: Value = USERS
        .iter()
        .map(|(org, user, about)| json!({"org": org, "user": user, "about": about}))
        .collect();
    let config =
        json!({"issuer": issuer, "client_id": null, "users": users, "token": "local/token"});
    let door = Arc::new(Door {
        identity,
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
    });
    Router::new()
        .route(
            "/config.json",
            get(move || async move { ([(CACHE_CONTROL, "no-cache")], axum::Json(config)) }),
        )
        .route("/local/token", post(token))
        .with_state(door)
}

async fn token(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_own_page(&headers) {
        return refusal(
            StatusCode::FORBIDDEN,
            "Tokens are given to the page of this very stack alone.",
        );
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let known = USERS
        .iter()
        .find(|(org, user, _)| asked["org"] == *org && asked["user"] == *user);
    let Some((org, user, _)) = known else {
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, "There is no such user.");
    };
    let claims = Claims {
        sub: (*user).to_owned(),
        org: Some((*org).to_owned()),
        email: Some(format!("{user}@example.com")),
        ..Claims::default()
    };
    let now = jiff::Timestamp::now();
    match door
        .identity
        .token(&claims, &door.issuer, &door.audience, now, TTL)
    {
        Ok(token) => {
            let body =
                json!({"access_token": token, "token_type": "Bearer", "expires_in": TTL.as_secs()});
            ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "no token could be made");
            refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "No token could be made; see the log.",
            )
        }
    }
}

/// Whether a request comes from the page that this stack serves.
fn is_own_page(headers: &HeaderMap) -> bool {
    let single = |name| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    let (Some(host), Some(origin), Some(kind)) =
        (single(HOST), single(ORIGIN), single(CONTENT_TYPE))
    else {
        return false;
    };
    // Whoever got here has connected to this port of loopback: which one the name says makes no difference to others' names.
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        && origin.strip_prefix("http://") == Some(host)
        && kind.split(';').next().map(str::trim) == Some("application/json")
}

fn refusal(status: StatusCode, detail: &str) -> Response {
    let body = json!({"type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail});
    let kind = [(CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(pairs: &[(http::HeaderName, &'static str)]) -> bool {
        let headers = pairs.iter().map(|(name, value)| {
            let value = http::HeaderValue::from_static(value);
            (name.clone(), value)
        });
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(name, value);
        }
        is_own_page(&all)
    }

    #[test]
    fn only_the_own_page_is_given_tokens() {
        let json = (CONTENT_TYPE, "application/json");
        for host in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"] {
            let origin: &'static str = format!("http://{host}").leak();
            assert!(
                asks(&[(HOST, host), (ORIGIN, origin), json.clone()]),
                "{host}"
            );
        }
        let (host, origin) = ((HOST, "127.0.0.1:3000"), (ORIGIN, "http://127.0.0.1:3000"));
        for (what, headers) in [
            (
                "no origin, as a form of an old browser",
                vec![host.clone(), json.clone()],
            ),
            (
                "another origin",
                vec![host.clone(), (ORIGIN, "https://evil.example"), json.clone()],
            ),
            (
                "another port",
                vec![
                    host.clone(),
                    (ORIGIN, "http://127.0.0.1:8000"),
                    json.clone(),
                ],
            ),
            (
                "a sandboxed frame",
                vec![host.clone(), (ORIGIN, "null"), json.clone()],
            ),
            (
                "a name made to lead here",
                vec![
                    (HOST, "evil.example:3000"),
                    (ORIGIN, "http://evil.example:3000"),
                    json.clone(),
                ],
            ),
            (
                "a name that begins like ours",
                vec![
                    (HOST, "localhost.evil.example"),
                    (ORIGIN, "http://localhost.evil.example"),
                    json.clone(),
                ],
            ),
            (
                "a form",
                vec![host.clone(), origin.clone(), (CONTENT_TYPE, "text/plain")],
            ),
            ("no type", vec![host.clone(), origin.clone()]),
            (
                "two origins",
                vec![
                    host.clone(),
                    origin.clone(),
                    (ORIGIN, "https://evil.example"),
                    json.clone(),
                ],
            ),
            ("no host", vec![origin, json]),
        ] {
            assert!(!asks(&headers), "{what}");
        }
    }

    #[tokio::test]
    async fn tokens_are_for_the_demos_users_alone() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        let door = Arc::new(Door {
            identity,
            issuer: "http://127.0.0.1:3000".into(),
            audience: "lead-export".into(),
        });
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (HOST, "127.0.0.1:3000"),
            (ORIGIN, "http://127.0.0.1:3000"),
            (CONTENT_TYPE, "application/json"),
        ] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        for (body, status) in [
            (r#"{"org": "acme", "user": "alice"}"#, 200),
            (r#"{"org": "globex", "user": "gina"}"#, 200),
            (r#"{"org": "globex", "user": "alice"}"#, 422),
            (r#"{"org": "acme", "user": "root"}"#, 422),
            ("", 422),
        ] {
            let answer = token(State(door.clone()), headers.clone(), body.into()).await;
            assert_eq!(answer.status(), status, "{body}");
            assert!(!answer.headers().contains_key("access-control-allow-origin"));
        }
        let answer = token(State(door), HeaderMap::new(), Bytes::new()).await;
        assert_eq!(answer.status(), 403);
    }
}
