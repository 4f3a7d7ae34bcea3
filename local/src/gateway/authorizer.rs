//! The JWT authorizer of an HTTP API.

use std::collections::HashMap;

use anyhow::Context as _;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Checks bearer tokens by the rules of
/// [JWT authorizers](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html):
///
/// - one `Authorization` header: the token alone, or after `Bearer ` in this spelling;
/// - signed RS256 by the key its `kid` names;
/// - `iss` is ours; `aud` names one of ours, or `client_id` does where `aud` is absent;
/// - `exp` is there and after now; `nbf` and `iat`, where present, are not. No leeway.
#[derive(Clone)]
pub struct Authorizer {
    issuer: String,
    audience: Vec<String>,
    keys: HashMap<String, DecodingKey>,
}

/// Shows no key material.
impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("kids", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no token at all.
    #[error("there is no token")]
    Missing,
    /// There is one, but it is not good. The sentence becomes `error_description` (RFC 6750 §3) and names no part of
    /// the token.
    #[error("{0}")]
    Invalid(&'static str),
}

impl Authorizer {
    /// Accepts tokens of `issuer` for any of `audience`, signed by an RSA key of the JSON Web Key Set `jwks`.
    ///
    /// # Errors
    /// The set is malformed, or holds no RSA key with a `kid`.
    pub fn new(
        issuer: &str,
        audience: impl IntoIterator<Item = String>,
        jwks: &Value,
    ) -> anyhow::Result<Self> {
        let mut keys = HashMap::new();
        for key in jwks["keys"].as_array().into_iter().flatten() {
            if let (Some("RSA"), Some(kid), Some(n), Some(e)) = (
                key["kty"].as_str(),
                key["kid"].as_str(),
                key["n"].as_str(),
                key["e"].as_str(),
            ) {
                let key = DecodingKey::from_rsa_components(n, e)
                    .with_context(|| format!("the key {kid} is malformed"))?;
                keys.insert(kid.to_owned(), key);
            }
        }
        anyhow::ensure!(!keys.is_empty(), "the key set holds no RSA key with a kid");
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.into_iter().collect(),
            keys,
        })
    }

    /// Checks the request's token at the instant `now` and returns its claims.
    ///
    /// # Errors
    /// [`Denied`], whichever rule above is broken first.
    pub fn check(&self, headers: &HeaderMap, now: Timestamp) -> Result<Map<String, Value>, Denied> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Denied::Missing)?;
        if values.next().is_some() {
            return Err(Denied::Invalid("there is more than one token"));
        }
        let value = value
            .to_str()
            .map_err(|_| Denied::Invalid("the token cannot be decoded"))?;
        let token = value.strip_prefix("Bearer ").unwrap_or(value);
        if token.is_empty() || token == "Bearer" {
            return Err(Denied::Missing);
        }
        let claims = self.verified(token)?;
        self.accept(&claims, now)?;
        Ok(claims)
    }

    /// The claims of a token whose signature is right.
    fn verified(&self, token: &str) -> Result<Map<String, Value>, Denied> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Denied::Invalid("the token cannot be decoded"))?;
        if header.alg != Algorithm::RS256 {
            return Err(Denied::Invalid("the token's algorithm is not supported"));
        }
        let key = header
            .kid
            .and_then(|kid| self.keys.get(&kid))
            .ok_or(Denied::Invalid("the token's key is not known"))?;
        let mut rules = Validation::new(Algorithm::RS256);
        // The claims are checked by `accept`: the library reads the machine's clock and allows a leeway.
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_aud = false;
        jsonwebtoken::decode(token, key, &rules)
            .map(|token| token.claims)
            .map_err(|_| Denied::Invalid("the token's signature is not valid"))
    }

    fn accept(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), Denied> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(Denied::Invalid("the token does not have a valid issuer"));
        }
        let ours = |value: &Value| {
            value
                .as_str()
                .is_some_and(|value| self.audience.iter().any(|ours| ours == value))
        };
        let valid = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(ours),
            Some(one) => ours(one),
            None => claims.get("client_id").is_some_and(ours),
        };
        if !valid {
            // AWS's own words: "Troubleshooting issues with HTTP API JWT authorizers".
            return Err(Denied::Invalid("the token does not have a valid audience"));
        }
        match instant(claims, "exp")? {
            None => return Err(Denied::Invalid("the token has no expiry")),
            Some(exp) if exp <= seconds(now) => {
                return Err(Denied::Invalid("the token has expired"));
            }
            Some(_) => {}
        }
        if instant(claims, "nbf")?.is_some_and(|nbf| nbf > seconds(now)) {
            return Err(Denied::Invalid("the token is not valid yet"));
        }
        if instant(claims, "iat")?.is_some_and(|iat| iat > seconds(now)) {
            return Err(Denied::Invalid("the token was issued in the future"));
        }
        Ok(())
    }
}

/// A NumericDate of RFC 7519 §2, which may have a fraction.
fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Denied> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(Denied::Invalid("the token's times are malformed")),
    }
}

/// Milliseconds are exact in an f64 far beyond any token's life.
#[allow(clippy::cast_precision_loss)]
fn seconds(now: Timestamp) -> f64 {
    now.as_millisecond() as f64 / 1000.0
}

/// Flattens claims as an HTTP API hands them over: every value a string, a list as `[a b]`.
///
/// Other kinds follow the same printing rules (Go's `%v`): an object is `map[k:v]`, its keys sorted. A claim that is
/// null is left out.
pub(super) fn flattened(claims: &Map<String, Value>) -> Map<String, Value> {
    claims
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), Value::String(printed(value))))
        .collect()
}

fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(printed).collect();
            format!("[{}]", values.join(" "))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", printed(value)))
                .collect();
            members.sort();
            format!("map[{}]", members.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_become_strings() {
        let claims = json!({
            "sub": "alice", "exp": 1_772_323_290, "ratio": 0.5, "email_verified": true,
            "groups": ["a", "b c"], "none": [], "numbers": [1, 2], "nested": [["x"], null],
            "realm": { "b": 1, "a": ["r"] }, "nothing": null,
        });
        assert_eq!(
            Value::Object(flattened(claims.as_object().unwrap())),
            json!({
                "sub": "alice", "exp": "1772323290", "ratio": "0.5", "email_verified": "true",
                "groups": "[a b c]", "none": "[]", "numbers": "[1 2]", "nested": "[[x] <nil>]",
                "realm": "map[a:[r] b:1]",
            })
        );
    }

    #[test]
    fn a_key_set_without_a_usable_key_is_refused() {
        for jwks in [
            json!({}),
            json!({ "keys": [] }),
            json!({ "keys": [{ "kty": "RSA", "n": "x", "e": "AQAB" }] }),
        ] {
            assert!(
                Authorizer::new("i", ["a".to_owned()], &jwks).is_err(),
                "{jwks}"
            );
        }
    }
}
