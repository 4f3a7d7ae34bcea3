//! The API as a caller uses it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;

use super::output::visible;

/// Tries of a call that got no answer, or one that says to try again: all our calls may come twice.
const TRIES: u32 = 4;
/// The wait before the second try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A wait that a service asks for is no longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// An API and who is calling.
#[derive(Debug)]
pub(super) struct Api {
    http: Client,
    base: Url,
    token: String,
}

/// An answer of success.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its body.
    pub(super) body: Value,
    /// When to ask again, if it says so.
    pub(super) retry_after: Option<Duration>,
}

impl Api {
    /// The API of this machine.
    pub(super) fn local(url: &str, token: &str) -> anyhow::Result<Self> {
        // A proxy could not reach loopback.
        Self::new(builder().no_proxy(), url, token)
    }

    /// The API of a deployed service.
    pub(super) fn deployed(url: &str, token: &str) -> anyhow::Result<Self> {
        Self::new(builder(), url, token)
    }

    fn new(builder: reqwest::ClientBuilder, url: &str, token: &str) -> anyhow::Result<Self> {
        // A last segment without `/` would be replaced by what is joined.
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/')))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .with_context(|| {
                format!("'{url}' is no address such as https://exports.example.com")
            })?;
        Ok(Self {
            http: builder.build()?,
            base,
            token: token.to_owned(),
        })
    }

    /// Reads what is at `path`, which begins without `/`.
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Answer> {
        let call = self.call(Method::GET, path)?.query(query);
        self.send(call).await
    }

    /// Asks for something new. Under the same key the same thing is asked for, however often.
    pub(super) async fn post(&self, path: &str, body: String, key: &str) -> anyhow::Result<Answer> {
        let call = self
            .call(Method::POST, path)?
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(body);
        self.send(call).await
    }

    /// Ends what is at `path`. Repeated it ends nothing more.
    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.call(Method::DELETE, path)?).await
    }

    /// A call of a file's address, which needs no token and must not be told one.
    pub(super) fn file(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    fn call(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = self.base.join(path)?;
        let call = self.http.request(method, url);
        Ok(call
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(ACCEPT, "application/json"))
    }

    async fn send(&self, call: RequestBuilder) -> anyhow::Result<Answer> {
        let mut wait = FIRST_WAIT;
        for left in (0..TRIES).rev() {
            let call = call.try_clone().context("a call can be made again")?;
            match call.send().await {
                Ok(answer) if passes(&answer) && left > 0 => {
                    tokio::time::sleep(retry_after(&answer).unwrap_or(wait)).await;
                }
                Ok(answer) => return read(answer).await,
                Err(error) if left == 0 || error.is_builder() => {
                    return Err(error.without_url()).with_context(|| {
                        format!(
                            "{} does not answer",
                            self.base.as_str().trim_end_matches('/')
                        )
                    });
                }
                Err(_) => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
        bail!("{} is not available", self.base)
    }
}

/// Whether a failure may be over at the next try: the service's own 503, or the gateway in front of it that got no good answer. The
/// service's 500 is a problem with its own words, and comes again.
fn passes(answer: &reqwest::Response) -> bool {
    let is_ours = || {
        let kind = answer.headers().get(CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"))
    };
    match answer.status() {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            true
        }
        StatusCode::INTERNAL_SERVER_ERROR => !is_ours(),
        _ => false,
    }
}

fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_mins(1))
        .user_agent(concat!("lead-export/", env!("CARGO_PKG_VERSION")))
}

fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let seconds = answer
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

async fn read(answer: reqwest::Response) -> anyhow::Result<Answer> {
    let status = answer.status();
    let retry_after = retry_after(&answer);
    let text = answer.text().await.context("the answer broke off")?;
    let body: Option<Value> = serde_json::from_str(&text).ok();
    if status.is_success() {
        let body = body.context("the answer is no JSON: is this the address of the API?")?;
        return Ok(Answer { body, retry_after });
    }
    bail!(refusal(status, body.as_ref()))
}

/// A refusal as a sentence, and below it each bad field.
fn refusal(status: StatusCode, body: Option<&Value>) -> String {
    let text = |name: &str| body.and_then(|body| body[name].as_str());
    let sentence = match (text("detail").or_else(|| text("message")), status) {
        (_, StatusCode::UNAUTHORIZED) => "the token is not accepted".to_owned(),
        (Some(said), _) => visible(said),
        (None, _) => format!("the service answered {status}"),
    };
    let mut lines = vec![sentence];
    let errors = body.and_then(|body| body["errors"].as_array());
    for error in errors.into_iter().flatten() {
        let part = |name: &str| visible(error[name].as_str().unwrap_or_default());
        lines.push(format!("\n  {}: {}", part("field"), part("message")));
    }
    let exports = body.and_then(|body| body["export_ids"].as_array());
    let ids: Vec<String> = exports
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(visible)
        .collect();
    if !ids.is_empty() {
        lines.push(format!("\n  under way: {}", ids.join(", ")));
    }
    if let Some(id) = text("request_id") {
        lines.push(format!(" (request {})", visible(id)));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_are_sentences_with_their_fields() {
        let problem = json!({"detail": "The request is not valid.", "errors": [
            {"field": "limit", "message": "must be 1 or more"}, {"field": "fields[0]", "message": "'x' is no field"}
        ]});
        assert_eq!(
            refusal(StatusCode::UNPROCESSABLE_ENTITY, Some(&problem)),
            "The request is not valid.\n  limit: must be 1 or more\n  fields[0]: 'x' is no field"
        );
        let quota = json!({"detail": "Too many exports.", "export_ids": ["a", "b"]});
        assert!(refusal(StatusCode::TOO_MANY_REQUESTS, Some(&quota)).ends_with("under way: a, b"));
        let internal = json!({"detail": "It is our fault.", "request_id": "r-1"});
        assert_eq!(
            refusal(StatusCode::INTERNAL_SERVER_ERROR, Some(&internal)),
            "It is our fault. (request r-1)"
        );
        let gateway = json!({"message": "Unauthorized"});
        assert_eq!(
            refusal(StatusCode::UNAUTHORIZED, Some(&gateway)),
            "the token is not accepted"
        );
        assert_eq!(
            refusal(StatusCode::BAD_GATEWAY, None),
            "the service answered 502 Bad Gateway"
        );
    }

    #[test]
    fn addresses_may_have_a_path_and_must_be_addresses() {
        let api = Api::deployed("https://x.example/prod", "t").unwrap();
        assert_eq!(
            api.base.join("exports/1").unwrap().as_str(),
            "https://x.example/prod/exports/1"
        );
        for bad in ["x.example", "ftp://x.example", ""] {
            assert!(Api::deployed(bad, "t").is_err(), "{bad}");
        }
    }
}
