//! Cross-origin requests, as an HTTP API answers them.

use std::time::Duration;

use anyhow::Context as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue};

/// The CORS configuration of an API
/// ([page](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html)).
///
/// With one, the gateway answers preflights itself and ignores what functions say about CORS. Credentials are never
/// allowed: the API knows bearer tokens only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins that may read answers: exact (`https://app.example`), or `*`, `https://*`, `http://*`.
    pub origins: Vec<String>,
    /// Methods named to a preflight, or `*`.
    pub methods: Vec<String>,
    /// Request headers named to a preflight, or `*`.
    pub headers: Vec<String>,
    /// Response headers scripts may read.
    pub expose: Vec<String>,
    /// How long a browser may keep a preflight's answer; whole seconds, left out if `None`.
    pub max_age: Option<Duration>,
}

/// A configuration whose values are known to be valid in a header.
#[derive(Debug)]
pub(super) struct CorsAnswers {
    origins: Vec<String>,
    preflight: HeaderMap,
    expose: Option<HeaderValue>,
}

impl CorsAnswers {
    /// # Errors
    /// A name cannot stand in a header.
    pub(super) fn new(cors: Cors) -> anyhow::Result<Self> {
        let list = |names: &[String]| -> anyhow::Result<Option<HeaderValue>> {
            if names.is_empty() {
                return Ok(None);
            }
            HeaderValue::from_str(&names.join(","))
                .map(Some)
                .context("a CORS setting cannot stand in a header")
        };
        let mut preflight = HeaderMap::new();
        if let Some(methods) = list(&cors.methods)? {
            preflight.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(headers) = list(&cors.headers)? {
            preflight.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        if let Some(max_age) = cors.max_age {
            preflight.insert(ACCESS_CONTROL_MAX_AGE, max_age.as_secs().into());
        }
        Ok(Self {
            expose: list(&cors.expose)?,
            origins: cors.origins,
            preflight,
        })
    }

    /// Takes out what a function said about CORS: with a configuration it does not count.
    pub(super) fn silence(answer: &mut HeaderMap) {
        let theirs: Vec<_> = answer
            .keys()
            .filter(|name| name.as_str().starts_with("access-control-"))
            .cloned()
            .collect();
        for name in theirs {
            answer.remove(name);
        }
    }

    /// Adds to an answer what the request's origin is owed: nothing, unless it is a configured one.
    pub(super) fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let everyone = self.origins.iter().any(|ours| ours == "*");
        if !everyone {
            answer.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = request.get(ORIGIN) else {
            return;
        };
        if everyone {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if self.allows(origin) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        } else {
            return;
        }
        if let Some(expose) = &self.expose {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// The headers of a preflight's answer, besides those of [`Self::apply`].
    pub(super) fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let asked = request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match request.get(ORIGIN) {
            Some(origin) if asked && self.allows(origin) => self.preflight.clone(),
            _ => HeaderMap::new(),
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.origins.iter().any(|ours| match ours.as_str() {
            "*" => true,
            "https://*" | "http://*" => origin.starts_with(ours.trim_end_matches('*')),
            exact => exact == origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, value.parse().unwrap())])
    }

    fn allowed(origins: &[&str], asking: &str) -> Option<String> {
        let cors = CorsAnswers::new(Cors {
            origins: origins.iter().map(ToString::to_string).collect(),
            ..Cors::default()
        })
        .unwrap();
        let mut answer = HeaderMap::new();
        cors.apply(&origin(asking), &mut answer);
        let value = answer.get(ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_configured_origins_are_allowed() {
        let one = ["https://app.example", "http://localhost:5173"];
        assert_eq!(
            allowed(&one, "https://app.example").as_deref(),
            Some("https://app.example")
        );
        assert_eq!(
            allowed(&one, "http://localhost:5173").as_deref(),
            Some("http://localhost:5173")
        );
        for other in [
            "https://app.example.evil",
            "http://app.example",
            "https://APP.example",
            "null",
            "",
        ] {
            assert_eq!(allowed(&one, other), None, "{other}");
        }
        assert_eq!(allowed(&["*"], "https://x").as_deref(), Some("*"));
        assert_eq!(
            allowed(&["https://*"], "https://x").as_deref(),
            Some("https://x")
        );
        assert_eq!(allowed(&["https://*"], "http://x"), None);
    }

    #[test]
    fn a_setting_that_cannot_be_a_header_is_refused() {
        let cors = Cors {
            expose: vec!["a\nb".to_owned()],
            ..Cors::default()
        };
        assert!(CorsAnswers::new(cors).is_err());
    }
}
