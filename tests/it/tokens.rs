//! TM01: no token but a good one gets any route to a function. `local/tests/gateway/tokens.rs` has every way to spoil one; here each
//! of the deployed routes meets the kinds.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lead_export_local::identity::{Claims, Identity};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::util::World;

/// What anybody may read: contract §3.
const OPEN: [&str; 4] = [
    "GET /",
    "GET /openapi.json",
    "GET /config.json",
    "GET /assets/{name}",
];

/// HMAC-SHA-256, RFC 2104, with a key of any length.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, text: &[u8]| {
        let mut sha = Sha256::new();
        sha.update(block.map(|byte| byte ^ pad));
        sha.update(text);
        sha.finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, text))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Tokens that are none, by what is wrong with them.
fn bad(world: &World, elsewhere: &TempDir) -> Vec<(&'static str, String)> {
    let ours = Identity::open(&world.dir.path().join("data")).unwrap();
    let theirs = Identity::open(elsewhere.path()).unwrap();
    let file = world.stack.file();
    let claims = Claims {
        sub: "alice".into(),
        org: Some("acme".into()),
        ..Claims::default()
    };
    let (now, hour) = (Timestamp::now(), Duration::from_hours(1));
    let sign = |by: &Identity, issuer: &str, audience: &str, from: Timestamp| {
        by.token(&claims, issuer, audience, from, hour).unwrap()
    };
    let good = sign(&ours, &file.issuer, &file.audience, now);
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let admin: Value = {
        let bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
        let mut claims: Value = serde_json::from_slice(&bytes).unwrap();
        claims["sub"] = json!("adam");
        claims
    };
    let none = part(&json!({"alg": "none", "typ": "JWT", "kid": ours.kid()}));
    let hs256 = part(&json!({"alg": "HS256", "typ": "JWT", "kid": ours.kid()}));
    let jwks = ours.jwks();
    let modulus = URL_SAFE_NO_PAD
        .decode(jwks["keys"][0]["n"].as_str().unwrap())
        .unwrap();
    let by_public = |key: &[u8]| {
        let mac = hmac(key, format!("{hs256}.{body}").as_bytes());
        format!("{hs256}.{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let forged_kid = {
        let head = part(&json!({"alg": "RS256", "typ": "JWT", "kid": ours.kid()}));
        let foreign = sign(&theirs, &file.issuer, &file.audience, now);
        format!("{head}.{}", foreign.split_once('.').unwrap().1)
    };
    vec![
        ("missing", String::new()),
        ("no token", "x".into()),
        (
            "another key",
            sign(&theirs, &file.issuer, &file.audience, now),
        ),
        ("another key under our name", forged_kid),
        (
            "expired",
            sign(
                &ours,
                &file.issuer,
                &file.audience,
                now - Duration::from_hours(2),
            ),
        ),
        (
            "of the future",
            sign(
                &ours,
                &file.issuer,
                &file.audience,
                now + Duration::from_hours(2),
            ),
        ),
        (
            "another audience",
            sign(&ours, &file.issuer, "somebody-else", now),
        ),
        (
            "another issuer",
            sign(&ours, "https://issuer.example.com", &file.audience, now),
        ),
        (
            "other claims under the signature",
            format!("{head}.{}.{signature}", part(&admin)),
        ),
        ("no signature", format!("{head}.{body}.")),
        (
            "half a signature",
            format!("{head}.{body}.{}", &signature[..signature.len() / 2]),
        ),
        ("alg none", format!("{none}.{body}.")),
        (
            "alg none with a signature",
            format!("{none}.{body}.{signature}"),
        ),
        ("HS256 by the public modulus", by_public(&modulus)),
        (
            "HS256 by the key set",
            by_public(jwks.to_string().as_bytes()),
        ),
        ("HS256 by nothing", by_public(b"")),
        (
            "RS256's signature under HS256",
            format!("{hs256}.{body}.{signature}"),
        ),
    ]
}

#[tokio::test]
async fn no_route_is_reached_with_a_bad_token() {
    let world = World::start().await;
    let elsewhere = TempDir::new().unwrap();
    let routes = [request_export::ROUTES, download_export::ROUTES].concat();
    let bad = bad(&world, &elsewhere);
    let mut refused = 0;
    for key in &routes {
        let (method, path) = key.split_once(' ').unwrap();
        let path = path
            .replace("{source}", "home-insurance")
            .replace("{id}", "6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e")
            .replace("{name}", "weekly");
        if OPEN.contains(key) {
            continue;
        }
        for (what, token) in &bad {
            let url = format!("{}{path}", world.stack.file().url);
            let call = world.client.request(method.parse().unwrap(), url);
            let call = if token.is_empty() {
                call
            } else {
                call.bearer_auth(token)
            };
            let answer = call.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{key} with {what}");
            assert!(
                answer.headers()["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Bearer")
            );
            assert_eq!(
                answer.text().await.unwrap(),
                r#"{"message":"Unauthorized"}"#
            );
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
    // No function has been called: none has written a line.
    let dir = world.stop().await;
    for name in ["request-export", "download-export"] {
        let log = std::fs::read_to_string(dir.path().join(format!("data/logs/{name}.log")))
            .unwrap_or_default();
        assert_eq!(log, "", "{name}");
    }
}
