//! The event a function is given: payload format 2.0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::authorizer::flattened;
use super::route::Match;

/// What is known of a request before it is read.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) now: Timestamp,
    pub(super) request_id: String,
    pub(super) source: IpAddr,
    pub(super) port: u16,
    /// Twelve bytes that are nobody else's, in hex: the second half of the trace id.
    pub(super) trace: String,
}

impl Arrival {
    /// A request that arrives now.
    pub(super) fn new(source: IpAddr, port: u16) -> Self {
        Self {
            now: Timestamp::now(),
            // AWS's ids look like `ATfSmjLgPHcESJw=`.
            request_id: URL_SAFE.encode(rand::random::<[u8; 11]>()),
            source,
            port,
            trace: hex::encode(rand::random::<[u8; 12]>()),
        }
    }

    /// The answer's `apigw-requestid`; base64 is always fit for a header.
    pub(super) fn id_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.request_id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// Builds the event
/// ([payload format](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)).
///
/// `path` is the decoded path, `claims` those of the token on a route that wants one. What does not apply is absent:
/// cookies, query string parameters, path parameters, authorizer, body.
pub(super) fn event(
    arrival: &Arrival,
    parts: &Parts,
    path: &str,
    found: &Match<'_>,
    claims: Option<&Map<String, Value>>,
    body: &Bytes,
) -> Value {
    let query = parts.uri.query().unwrap_or_default();
    let key = found.route.key();
    let domain = domain(&parts.headers);
    let mut context = json!({
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": format!("{:?}", parts.version),
            "sourceIp": arrival.source.to_string(),
            "userAgent": parts.headers.get(USER_AGENT).map(text).unwrap_or_default(),
        },
        "requestId": arrival.request_id,
        "routeKey": key,
        "stage": "$default",
        "time": arrival.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": arrival.now.as_millisecond(),
    });
    if let Some(claims) = claims {
        context["authorizer"] = json!({ "jwt": { "claims": flattened(claims), "scopes": null } });
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(arrival, &parts.headers),
        "requestContext": context,
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = json!(parameters);
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = found
            .parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
            .collect();
    }
    if !body.is_empty() {
        let plain = is_text(parts.headers.get(CONTENT_TYPE))
            .then(|| std::str::from_utf8(body).ok())
            .flatten();
        if let Some(text) = plain {
            event["body"] = text.into();
        } else {
            event["body"] = STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// The host's name without its port.
fn domain(headers: &HeaderMap) -> String {
    headers
        .get(HOST)
        .and_then(|host| host.to_str().ok()?.parse::<http::uri::Authority>().ok())
        .map_or_else(|| "localhost".to_owned(), |host| host.host().to_owned())
}

/// Names in lower case, a repeated header joined by commas, cookies apart, and what the gateway adds.
fn headers(arrival: &Arrival, sent: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in sent.iter().filter(|(name, _)| *name != COOKIE) {
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&text(value));
            })
            .or_insert_with(|| text(value));
    }
    let source = arrival.source.to_string();
    headers
        .entry("x-forwarded-for".to_owned())
        .and_modify(|chain| {
            chain.push_str(", ");
            chain.push_str(&source);
        })
        .or_insert(source);
    headers.insert("x-forwarded-port".to_owned(), arrival.port.to_string());
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    headers.insert(
        "x-amzn-trace-id".to_owned(),
        format!("Root=1-{:08x}-{}", arrival.now.as_second(), arrival.trace),
    );
    headers
}

/// A header's value; bytes that are not UTF-8 are Latin-1, as they were before RFC 7230.
fn text(value: &HeaderValue) -> String {
    std::str::from_utf8(value.as_bytes()).map_or_else(
        |_| value.as_bytes().iter().copied().map(char::from).collect(),
        ToOwned::to_owned,
    )
}

fn cookies(sent: &HeaderMap) -> Vec<String> {
    sent.get_all(COOKIE)
        .iter()
        .map(text)
        .flat_map(|line| {
            line.split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Decoded, `+` a blank, a repeated one joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        parameters
            .entry(decode(name))
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// Whether a body of this type is handed over as it is: text, JSON, XML, JavaScript. A form is not. A body without a
/// type counts as text.
fn is_text(content_type: Option<&HeaderValue>) -> bool {
    let Some(content_type) = content_type else {
        return true;
    };
    let essence = text(content_type).to_ascii_lowercase();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || matches!(
            essence,
            "application/json" | "application/xml" | "application/javascript"
        )
        || (essence.starts_with("application/")
            && (essence.ends_with("+json") || essence.ends_with("+xml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_those_of_a_live_capture() {
        // `vokerhttp/testdata/apigwv2-request.json` of github.com/hotsock/voker.
        let given = query_parameters(
            "repeat=one&repeat=two&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb&literalPlus=a+b&encodedPlus=a%2Bb&empty=",
        );
        assert_eq!(
            json!(given),
            json!({
                "empty": "", "encodedPlus": "a+b", "literalPlus": "a b",
                "redirect": "https://example.com/a/b", "repeat": "one,two",
            })
        );
        assert_eq!(
            json!(query_parameters("&a&=b&a=%FF")),
            json!({ "": "b", "a": ",\u{fffd}" })
        );
    }

    #[test]
    fn text_is_told_from_bytes_by_its_type() {
        for (content_type, text) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/csv", true),
            ("application/problem+json", true),
            ("application/xml", true),
            ("application/x-www-form-urlencoded", false),
            ("application/octet-stream", false),
            ("image/svg+xml", false),
            ("", false),
        ] {
            let value = HeaderValue::from_str(content_type).unwrap();
            assert_eq!(is_text(Some(&value)), text, "{content_type}");
        }
        assert!(is_text(None));
    }

    #[test]
    fn a_header_that_is_not_utf8_survives() {
        let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
        assert_eq!(text(&value), "café");
    }
}
