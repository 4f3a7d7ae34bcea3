//! The Exported Files page: one set of files, built into the function, for everybody. What it shows it asks of the API, with the
//! token of whoever signed in.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Response, StatusCode};
use lambda_http::Body;
use lead_export_aws::config::SignIn;
use lead_export_aws::http::{Call, json};
use lead_export_aws::problem::Problem;
use lead_export_core::piece::{crc64, crc64_text};
use serde_json::json as object;

/// A file of the page.
struct File {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(File { name: $name, text: include_str!(concat!("../page/", $name)) }),*]
    };
}

const INDEX: &str = include_str!("../page/index.html");

/// What `GET /assets/{name}` serves.
const ASSETS: &[File] = files! {
    "api.js" "app.js" "auth.js" "columns.js" "controls.js" "details.js" "dom.js" "export-form.js" "filters.js" "history.js"
    "notices.js" "presets.js" "preview.js" "row.js" "time.js" "visit.js"
    "base.css" "form.css" "table.css" "icon.svg"
};

/// The page, and where those who use it sign in.
#[derive(Debug, Clone)]
pub struct Page {
    sign_in: SignIn,
    policy: HeaderValue,
}

impl Page {
    /// The page of a deployment.
    pub fn new(sign_in: SignIn) -> Self {
        Self {
            policy: policy(&sign_in),
            sign_in,
        }
    }

    /// Answers a call of one of the open routes; none if it is of another.
    ///
    /// # Errors
    /// 404 for an asset that there is not.
    pub fn answer(&self, call: &Call) -> Option<Result<Response<Body>, Problem>> {
        if call.method != Method::GET {
            return None;
        }
        match call.route().as_slice() {
            [""] => {
                let mut answer = text(call, INDEX, "text/html; charset=utf-8");
                let headers = answer.headers_mut();
                headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
                headers.insert(
                    HeaderName::from_static("cross-origin-opener-policy"),
                    HeaderValue::from_static("same-origin"),
                );
                Some(Ok(answer))
            }
            ["assets", name] => {
                let file = ASSETS.iter().find(|file| file.name == *name);
                Some(
                    file.map(|file| text(call, file.text, kind(file.name)))
                        .ok_or_else(Problem::not_found),
                )
            }
            ["config.json"] => {
                let mut answer = json(
                    StatusCode::OK,
                    &object!({
                        "issuer": self.sign_in.issuer,
                        "client_id": self.sign_in.client_id,
                        "scope": self.sign_in.scope,
                        "audience": self.sign_in.audience,
                    }),
                );
                let unkept = HeaderValue::from_static("no-cache");
                answer.headers_mut().insert(CACHE_CONTROL, unkept);
                Some(Ok(answer))
            }
            _ => None,
        }
    }
}

/// What the page may do: run and load its own files, and talk to this API and to the provider where people sign in. Nothing inline,
/// no frame around it, no markup made from text.
fn policy(sign_in: &SignIn) -> HeaderValue {
    let mut connect = String::from("'self'");
    for origin in std::iter::once(sign_in.issuer.as_str())
        .chain(sign_in.origins.iter().map(String::as_str))
        .filter_map(origin)
    {
        connect.push(' ');
        connect.push_str(origin);
    }
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Scheme, host and port of an address; none if something else would get into the policy with it.
fn origin(address: &str) -> Option<&str> {
    let host = address.find("://")? + 3;
    let end = address[host..]
        .find('/')
        .map_or(address.len(), |at| host + at);
    let origin = &address[..end];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-[]".contains(c);
    (end > host && origin.chars().all(is_plain)).then_some(origin)
}

/// A file as an answer. Browsers keep it and ask whether it is still the same: names stay, contents change with a deployment.
fn text(call: &Call, text: &'static str, kind: &'static str) -> Response<Body> {
    let tag = format!("\"{}\"", crc64_text(crc64(text.as_bytes())));
    let known = call.header(&IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| {
        let mut tags = known
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|known| known == tag)
    });
    let mut answer = if is_known {
        let mut answer = Response::new(Body::Empty);
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        Response::new(Body::Text(text.to_owned()))
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    answer
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    }
}

#[cfg(test)]
mod tests;
