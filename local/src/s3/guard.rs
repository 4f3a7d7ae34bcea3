//! What S3 refuses of a signed request before it looks at the signature, and s3s does not.
//!
//! s3s checks the signature, and the end of a presigned URL against the real time. Here: the end against our clock, the
//! longest life of a URL, parameters that are missing, and headers that change a request's meaning without being signed.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderMap, header};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3Result, s3_error};

/// A presigned URL lives a week at most ("Authenticating Requests: Using Query Parameters").
const EXPIRES_MAX_SECONDS: u64 = 7 * 24 * 60 * 60;

/// Lets a request on to s3s.
///
/// # Errors
/// `AccessDenied` for an expired URL and for an unsigned `x-amz-` header; `SignatureDoesNotMatch` for a signature that
/// can be none; `AuthorizationQueryParametersError` for parameters that are missing or out of bounds;
/// `InvalidArgument` for two signatures, `InvalidRequest` for a header of version 2.
pub(super) fn check(parts: &Parts, now: SystemTime) -> S3Result<()> {
    let query = Query(parts.uri.query().unwrap_or_default());
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .map(|it| it.to_str().unwrap_or_default());
    let presigned = query.has_any(&["X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential"]);
    let second_version = query.has_any(&["Signature", "AWSAccessKeyId"]);
    if authorization.is_some_and(|it| it.starts_with("AWS ")) {
        return Err(s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        ));
    }
    // `aws s3 presign` signs so for an endpoint that is not Amazon's. s3s checks the signature.
    if second_version && !presigned && authorization.is_none() {
        let expires = query.get("Expires").and_then(|it| it.parse().ok());
        return match expires
            .and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)))
        {
            Some(end) if now <= end => Ok(()),
            Some(_) => Err(expired()),
            None => Err(s3_error!(
                AccessDenied,
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            )),
        };
    }
    match (presigned || second_version, authorization) {
        (true, Some(_)) => Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
        )),
        (true, None) => {
            let signed = check_presigned(&query, now)?;
            check_headers(&parts.headers, &signed)
        }
        (false, Some(authorization)) => {
            let signed = authorization
                .split("SignedHeaders=")
                .nth(1)
                .unwrap_or_default();
            check_headers(
                &parts.headers,
                signed.split([',', ' ']).next().unwrap_or_default(),
            )
        }
        (false, None) => Ok(()),
    }
}

/// Gives the list of signed headers.
fn check_presigned<'a>(query: &Query<'a>, now: SystemTime) -> S3Result<Cow<'a, str>> {
    let value = |name: &str| {
        query.get(name).ok_or_else(|| {
            s3_error!(AuthorizationQueryParametersError, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
        })
    };
    for name in ["X-Amz-Algorithm", "X-Amz-Credential"] {
        value(name)?;
    }
    let (signature, signed) = (value("X-Amz-Signature")?, value("X-Amz-SignedHeaders")?);
    let (date, expires) = (value("X-Amz-Date")?, value("X-Amz-Expires")?);
    let seconds: u64 = expires.parse().map_err(|_| {
        s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires should be a number"
        )
    })?;
    if !(1..=EXPIRES_MAX_SECONDS).contains(&seconds) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires must be between 1 and {EXPIRES_MAX_SECONDS} seconds"
        ));
    }
    let begin = DateTime::strptime("%Y%m%dT%H%M%SZ", date.as_bytes())
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map(|date| SystemTime::from(date.timestamp()))
        .map_err(|_| {
            s3_error!(
                AuthorizationQueryParametersError,
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
            )
        })?;
    if begin + Duration::from_secs(seconds) < now {
        return Err(expired());
    }
    if signature.len() != 64
        || !signature
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Err(s3_error!(
            SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        ));
    }
    Ok(signed)
}

fn expired() -> S3Error {
    s3_error!(AccessDenied, "Request has expired")
}

fn check_headers(headers: &HeaderMap, signed: &str) -> S3Result<()> {
    let is_signed = |name: &str| signed.split(';').any(|it| it.eq_ignore_ascii_case(name));
    let meaning = |name: &str| name.starts_with("x-amz-") && name != "x-amz-content-sha256";
    if !is_signed("host")
        || headers
            .keys()
            .any(|name| meaning(name.as_str()) && !is_signed(name.as_str()))
    {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed"
        ));
    }
    Ok(())
}

struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let pairs = self
            .0
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let found = pairs
            .into_iter()
            .find(|(key, _)| percent_decode_str(key).eq(name.bytes()));
        found.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
    }

    fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101%2Fr%2Fs3%2Faws4_request\
        &X-Amz-Date=20260101T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=0000000000000000000000000000000000000000000000000000000000000000";

    fn code(url: &str, headers: &[(&'static str, &str)], seconds: u64) -> String {
        let mut request = http::Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        // 2026-01-01T00:00:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + seconds);
        check(&parts, now)
            .err()
            .map_or_else(String::new, |error| error.code().as_str().to_owned())
    }

    #[test]
    fn a_url_ends_when_its_seconds_are_over() {
        assert_eq!(code(URL, &[], 0), "");
        assert_eq!(code(URL, &[], 300), "");
        assert_eq!(code(URL, &[], 301), "AccessDenied");
    }

    #[test]
    fn a_url_lives_a_week_at_most() {
        for (expires, expected) in [
            ("604800", ""),
            ("604801", "A"),
            ("0", "A"),
            ("-1", "A"),
            ("x", "A"),
        ] {
            let url = URL.replace("Expires=300", &format!("Expires={expires}"));
            let expected = if expected.is_empty() {
                ""
            } else {
                "AuthorizationQueryParametersError"
            };
            assert_eq!(code(&url, &[], 0), expected, "{expires}");
        }
    }

    #[test]
    fn every_parameter_must_be_there() {
        for name in [
            "Algorithm",
            "Credential",
            "Date",
            "Expires",
            "SignedHeaders",
            "Signature",
        ] {
            let url = URL.replace(&format!("X-Amz-{name}="), "X=");
            assert_eq!(
                code(&url, &[], 0),
                "AuthorizationQueryParametersError",
                "{name}"
            );
        }
        assert_eq!(
            code(&URL.replace("Date=2026", "Date=26"), &[], 0),
            "AuthorizationQueryParametersError"
        );
        assert_eq!(
            code(&URL.replace("Signature=0", "Signature=z"), &[], 0),
            "SignatureDoesNotMatch"
        );
    }

    #[test]
    fn unsigned_headers_of_s3_and_second_signatures_are_refused() {
        assert_eq!(
            code(URL, &[("x-amz-checksum-mode", "ENABLED")], 0),
            "AccessDenied"
        );
        assert_eq!(code(URL, &[("range", "bytes=0-1")], 0), "");
        assert_eq!(
            code(
                &URL.replace("SignedHeaders=host", "SignedHeaders=range"),
                &[],
                0
            ),
            "AccessDenied"
        );
        assert_eq!(
            code(URL, &[("authorization", "AWS4-HMAC-SHA256 x")], 0),
            "InvalidArgument"
        );
        let second = "/b/k?AWSAccessKeyId=a&Signature=b&Expires=1767225700";
        assert_eq!(code(second, &[], 100), "");
        assert_eq!(code(second, &[], 101), "AccessDenied");
        assert_eq!(
            code(&second.replace("Expires", "E"), &[], 0),
            "AccessDenied"
        );
        assert_eq!(
            code(
                &second.replace("=1767225700", &format!("={}", u64::MAX)),
                &[],
                0
            ),
            "AccessDenied"
        );
        assert_eq!(
            code(second, &[("authorization", "AWS4-HMAC-SHA256 x")], 0),
            "InvalidArgument"
        );
        assert_eq!(
            code("/b/k", &[("authorization", "AWS k:s")], 0),
            "InvalidRequest"
        );
        let signed = "AWS4-HMAC-SHA256 Credential=k/x, SignedHeaders=host;x-amz-date, Signature=s";
        assert_eq!(
            code("/b/k", &[("authorization", signed), ("x-amz-date", "d")], 0),
            ""
        );
        assert_eq!(
            code("/b/k", &[("authorization", signed), ("x-amz-acl", "d")], 0),
            "AccessDenied"
        );
    }
}
