//! Events of the HTTP API, changed as a test wants, and answers as a snapshot shows them.
#![allow(dead_code, reason = "each function's tests use their part")]

use std::fmt::Write as _;

use http::Response;
use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::world::event;

/// The only body of a 404 (contract §1).
pub(crate) const NOT_FOUND: &str = r#"{"type":"/problems/not-found","title":"Not found","status":404,"detail":"There is no such source or export, or you may not see it."}"#;

/// An event, to be changed. It carries the bearer's token, as the gateway hands it on.
#[derive(Debug, Clone)]
pub(crate) struct Http(pub(crate) Value);

impl Http {
    pub(crate) fn of(name: &str) -> Self {
        Self(event(name)).header("authorization", "Bearer canary-token")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = json!(value);
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.0["headers"].as_object_mut().unwrap().remove(name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.0["body"] = json!(body.into());
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.0["requestContext"]["http"]["method"] = json!(method);
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.0["rawPath"] = json!(path);
        self.0["requestContext"]["http"]["path"] = json!(path);
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = json!(query);
        self
    }

    /// Another user; the name is the grant's or the user's own, since no e-mail is claimed.
    pub(crate) fn user(self, org: &str, user: &str) -> Self {
        self.claims(json!({ "org_id": org, "sub": user }))
    }

    pub(crate) fn claims(mut self, claims: Value) -> Self {
        self.0["requestContext"]["authorizer"]["jwt"]["claims"] = claims;
        self
    }

    /// The event in all forms that name nobody.
    pub(crate) fn of_nobody(&self) -> Vec<Self> {
        let jwt = |jwt: Value| {
            let mut event = self.clone();
            event.0["requestContext"]["authorizer"] = jwt;
            event
        };
        let mut all = vec![jwt(Value::Null), jwt(json!({}))];
        let mut bare = self.clone();
        let context = bare.0["requestContext"].as_object_mut().unwrap();
        context.remove("authorizer");
        all.push(bare);
        for claims in [
            json!({}),
            json!({ "org_id": "acme" }),
            json!({ "org_id": "acme", "sub": "" }),
            json!({ "org_id": "acme", "sub": "[alice]" }),
            json!({ "sub": "alice" }),
            json!({ "sub": "alice", "org_id": "" }),
            json!({ "sub": "alice", "org_id": "[acme globex]" }),
            json!({ "sub": "alice", "org_id": "[acme]" }),
            json!({ "sub": "alice", "org_id": "acme#home-insurance" }),
        ] {
            all.push(self.clone().claims(claims));
        }
        all
    }

    /// As Lambda hands it over.
    pub(crate) fn request(&self) -> Request {
        lead_export_aws::entry::request(self.0.clone()).unwrap()
    }
}

/// Status, headers by name, a blank line, the body's bytes.
pub(crate) fn raw(answer: &Response<Body>) -> String {
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    format!(
        "{}\n{}\n\n{}",
        answer.status(),
        headers.join("\n"),
        text(answer)
    )
}

/// As [`raw`], the body laid out, its members in their order.
pub(crate) fn shown(answer: &Response<Body>) -> String {
    let raw = raw(answer);
    let (head, body) = raw.split_once("\n\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    format!("{head}\n\n{body:#}")
}

pub(crate) fn text(answer: &Response<Body>) -> &str {
    match answer.body() {
        Body::Text(text) => text,
        other => panic!("the body is no text: {other:?}"),
    }
}

pub(crate) fn body(answer: &Response<Body>) -> Value {
    serde_json::from_str(text(answer)).unwrap()
}

/// Several answers under their names.
pub(crate) fn listed<'a>(answers: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut all = String::new();
    for (name, answer) in answers {
        writeln!(all, "== {name}\n{answer}\n").unwrap();
    }
    all
}
