//! Who is let in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::api::{AUDIENCE, Api, ISSUER, KEYS, Keys, Setup, answer, assert_refused, header, token};

fn good_claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "org_id": "acme", "iat": now, "exp": now + 600 })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(ToOwned::to_owned);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn ours(claims: &Value) -> String {
    signed(
        Algorithm::RS256,
        Some(KEYS.identity.kid()),
        claims,
        &KEYS.signing,
    )
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The public key as PEM, the secret of the classic HS256 confusion.
fn public_pem() -> String {
    let jwks = KEYS.identity.jwks();
    let number = |name: &str| {
        let text = jwks["keys"][0][name].as_str().unwrap();
        rsa::BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap())
    };
    rsa::RsaPublicKey::new(number("n"), number("e"))
        .unwrap()
        .to_public_key_pem(LineEnding::LF)
        .unwrap()
}

#[tokio::test]
async fn a_good_token_is_let_in_and_its_claims_are_handed_over_as_strings() {
    let api = Api::quiet().await;
    let response = api
        .request("GET", "/sources")
        .bearer_auth(token())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 204);
    let event = api.event();
    let jwt = &event["requestContext"]["authorizer"]["jwt"];
    assert_eq!(jwt["scopes"], Value::Null);
    let claims = jwt["claims"].as_object().unwrap();
    assert!(claims.values().all(Value::is_string), "{claims:?}");
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["org_id"], "acme");
    assert_eq!(claims["groups"], "[a b]");
    assert_eq!(claims["email_verified"], "true");
    claims["exp"].as_str().unwrap().parse::<i64>().unwrap();
}

#[tokio::test]
async fn the_token_may_stand_alone() {
    let api = Api::quiet().await;
    let request = api.request("GET", "/sources");
    let response = request.header("Authorization", token()).send().await;
    assert_eq!(response.unwrap().status(), 204);
}

#[tokio::test]
async fn without_a_token_nobody_is_let_in() {
    let api = Api::quiet().await;
    for value in [None, Some(""), Some("Bearer"), Some("Bearer ")] {
        let mut request = api.request("GET", "/sources");
        if let Some(value) = value {
            request = request.header("Authorization", value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(header(&response, "www-authenticate"), "Bearer", "{value:?}");
        assert_refused(response, 401, "Unauthorized").await;
    }
    assert_eq!(api.calls(), 0);
}

/// Tokens whose claims are good and whose signature or key is not.
fn forged() -> Vec<(&'static str, String)> {
    let stranger = Keys::new();
    let kid = KEYS.identity.kid();
    let good = good_claims();
    let secret = |secret: &str, claims| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        signed(Algorithm::HS256, Some(kid), claims, &key)
    };
    let modulus = KEYS.identity.jwks()["keys"][0]["n"].to_string();
    let theirs = &stranger.identity.jwks()["keys"][0];
    let key = &KEYS.signing;
    let real = ours(&good);
    let (body, signature) = real.rsplit_once('.').unwrap();
    let claimed = |header: Value, claims| unsigned(&header, claims, signature);
    let rs256 = |kid, key| signed(Algorithm::RS256, kid, &good, key);
    let mallory = changed("sub", "mallory".into());
    vec![
        (
            "alg none",
            unsigned(&json!({ "alg": "none", "kid": kid }), &good, ""),
        ),
        (
            "alg None",
            claimed(json!({ "alg": "None", "kid": kid }), &good),
        ),
        ("no alg", claimed(json!({ "kid": kid }), &good)),
        ("HS256 with the public key", secret(&public_pem(), &good)),
        ("HS256 with the modulus", secret(&modulus, &good)),
        ("HS256 with nothing", secret("", &good)),
        (
            "RS512 with our key",
            signed(Algorithm::RS512, Some(kid), &good, key),
        ),
        (
            "PS256 with our key",
            signed(Algorithm::PS256, Some(kid), &good, key),
        ),
        ("no kid", rs256(None, key)),
        ("another kid", rs256(Some("other"), key)),
        ("a path as kid", rs256(Some("../../dev/null"), key)),
        (
            "a stranger",
            rs256(Some(stranger.identity.kid()), &stranger.signing),
        ),
        (
            "a stranger under our kid",
            rs256(Some(kid), &stranger.signing),
        ),
        (
            "a stranger's key in the header",
            claimed(json!({ "alg": "RS256", "kid": kid, "jwk": theirs }), &good),
        ),
        (
            "another body",
            claimed(json!({ "alg": "RS256", "kid": kid }), &mallory),
        ),
        ("no signature", format!("{body}.")),
        ("two parts", body.to_owned()),
        ("four parts", format!("{real}.{signature}")),
        ("two tokens in one", format!("{real},{real}")),
        ("a blank before", format!(" {real}")),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
    ]
}

/// Tokens we signed and whose claims are not good.
fn unfit() -> Vec<(&'static str, String)> {
    let now = Timestamp::now().as_second();
    let text = (now + 600).to_string();
    [
        (
            "another issuer",
            changed("iss", "http://issuer.test.evil".into()),
        ),
        ("no issuer", without("iss")),
        ("another audience", changed("aud", "other".into())),
        ("no audience", without("aud")),
        ("expired", changed("exp", (now - 1).into())),
        ("no exp", without("exp")),
        ("exp a string", changed("exp", text.into())),
        ("nbf in the future", changed("nbf", (now + 300).into())),
        ("iat in the future", changed("iat", (now + 300).into())),
        ("claims that are no object", json!(["alice"])),
    ]
    .map(|(attack, claims)| (attack, ours(&claims)))
    .into()
}

#[tokio::test]
async fn no_bad_token_is_let_in() {
    let api = Api::quiet().await;
    for (attack, token) in forged().into_iter().chain(unfit()) {
        let request = api.request("GET", "/sources");
        let request = request.header("Authorization", format!("Bearer {token}"));
        let response = request.send().await.unwrap();
        let challenge = header(&response, "www-authenticate");
        assert!(
            challenge.starts_with(r#"Bearer scope="" error="invalid_token" error_description=""#),
            "{attack}: {challenge}"
        );
        assert_refused(response, 401, "Unauthorized").await;
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn a_good_token_is_refused_under_another_scheme_or_spelling() {
    let api = Api::quiet().await;
    let token = token();
    for value in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Basic {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer Bearer {token}"),
    ] {
        let request = api.request("GET", "/sources");
        let response = request.header("Authorization", &value).send().await;
        assert_refused(response.unwrap(), 401, "Unauthorized").await;
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn of_two_authorization_headers_neither_counts() {
    let api = Api::quiet().await;
    let good = format!("Bearer {}", token());
    for second in [good.as_str(), "Bearer garbage", ""] {
        let request = api.request("GET", "/sources");
        let request = request
            .header("Authorization", &good)
            .header("Authorization", second);
        assert_refused(request.send().await.unwrap(), 401, "Unauthorized").await;
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn an_open_route_looks_at_no_token() {
    let api = Api::quiet().await;
    let request = api.request("GET", "/page");
    let response = request.bearer_auth("garbage").send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(api.event()["requestContext"].get("authorizer"), None);
}

#[tokio::test]
async fn others_find_the_key_and_can_check_a_token_with_it() {
    let extra = KEYS.identity.discovery(ISSUER);
    let setup = Setup {
        extra,
        ..Setup::default()
    };
    let api = setup.start(|_| answer(&json!({}))).await;
    let read = async |path: &str| -> Value {
        let response = api.request("GET", path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    };
    let configuration = read("/.well-known/openid-configuration").await;
    assert_eq!(configuration["issuer"], ISSUER);
    assert_eq!(
        configuration["jwks_uri"],
        format!("{ISSUER}/.well-known/jwks.json")
    );
    let jwks: jsonwebtoken::jwk::JwkSet =
        serde_json::from_value(read("/.well-known/jwks.json").await).unwrap();
    let token = token();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules)
        .unwrap()
        .claims;
    assert_eq!(claims["sub"], "alice");
}
