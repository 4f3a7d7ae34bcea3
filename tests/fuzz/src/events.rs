//! Events of the HTTP API, and the claims in them (BI6, BI7).

use std::collections::HashMap;

use lambda_http::Body;
use lead_export_aws::http::Call;
use serde_json::{Value, json};

use crate::apps::Apps;
use crate::claims_model::{names_somebody, strict};
use crate::done;
use crate::http_api::{Http, NOT_FOUND};
use crate::model::{Function, ROUTES};

const EVENTS: [&str; 5] = [
    "request-export",
    "get-sources",
    "list-exports",
    "download-export",
    "delete-export",
];

/// The first byte says which part of which good event the rest stands for; or the rest is the whole event.
fn made(bytes: &[u8]) -> Option<(Function, Value)> {
    let ([what, which], rest) = bytes.split_first_chunk::<2>()?;
    let name = EVENTS[usize::from(*which) % EVENTS.len()];
    let function = if name == "request-export" || which & 0x80 != 0 {
        Function::Request
    } else {
        Function::Download
    };
    let mut event = Http::of(name).0;
    let text = String::from_utf8_lossy(rest).into_owned();
    let (head, tail) = text.split_once('\n').unwrap_or(("accept", &text));
    match what % 10 {
        0 => event = serde_json::from_slice(rest).ok()?,
        1 => event["body"] = json!(text),
        2 => event["rawPath"] = json!(text),
        3 => event["rawQueryString"] = json!(text),
        4 => event["headers"][head] = json!(tail),
        5 => event["requestContext"]["authorizer"]["jwt"]["claims"][head] = json!(tail),
        6 => {
            event["body"] = json!(text);
            event["isBase64Encoded"] = json!(true);
        }
        7 => {
            let route = ROUTES[usize::from(*which) % ROUTES.len()];
            event["requestContext"]["http"]["method"] = json!(route.method());
            event["rawPath"] = json!(format!("/{text}"));
        }
        8 => {
            event["requestContext"]["http"]["method"] = json!("PUT");
            event["rawPath"] = json!(format!("/sources/home-insurance/presets/{head}"));
            event["body"] = json!(tail);
        }
        _ => event["requestContext"]["stage"] = json!(text),
    }
    Some((function, event))
}

/// An event is answered in words of the contract: never a 500, never a panic, and what is refused says so in one form.
pub(crate) fn event(bytes: &[u8]) {
    let Some((function, event)) = made(bytes) else {
        return;
    };
    let request = match lead_export_aws::entry::request(event) {
        Ok(request) => request,
        Err(answer) => {
            assert_eq!(answer.status(), 400);
            return;
        }
    };
    let apps = done(Apps::plain());
    let answer = done(apps.answer_to(function, request));
    let status = answer.status().as_u16();
    assert!(
        matches!(
            status,
            200 | 202 | 204 | 303 | 304 | 400 | 401 | 403 | 404 | 409 | 410 | 413 | 422 | 429
        ),
        "{status}"
    );
    let Body::Text(text) = answer.body() else {
        assert!(matches!(status, 204 | 304));
        return;
    };
    let kind = answer.headers()["content-type"].to_str().unwrap();
    if !kind.contains("json") {
        // The page and its files.
        assert_eq!(status, 200, "{kind}");
        return;
    }
    let body: Value = serde_json::from_str(text).unwrap();
    if status >= 400 && body["error"] != Value::Null {
        // The export in the answer: the published form, which `answers` looks at.
        assert_eq!(kind, "application/json");
        return;
    }
    if status >= 400 {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(body["status"], status);
        assert!(body["type"].as_str().unwrap().starts_with("/problems/"));
        assert!(body["detail"].is_string() && body["title"].is_string());
    }
    if status == 404 {
        assert_eq!(text, NOT_FOUND);
    }
    assert!(text.len() < 5 << 20);
}

/// Lines `name=value` as claims: somebody is named exactly when the model says so.
pub(crate) fn claims(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let claims: HashMap<String, String> = text
        .split('\n')
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace('\t', "\n")))
        .collect();
    let authorizer = json!({ "jwt": { "claims": claims } });
    let principal = strict().principal(&claims);
    assert_eq!(
        principal.is_some(),
        names_somebody(&authorizer),
        "{claims:?}"
    );
    if let Some(principal) = principal {
        assert_eq!(principal.user, claims["sub"]);
        assert_eq!(principal.org.as_str(), claims["org_id"]);
    }
    // The same within an event.
    let mut event = Http::of("get-sources").0;
    event["requestContext"]["authorizer"] = authorizer;
    let call = Call::new(lead_export_aws::entry::request(event).unwrap());
    assert_eq!(
        call.principal(&strict()).is_ok(),
        strict().principal(&claims).is_some()
    );
}
