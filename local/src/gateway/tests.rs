//! What needs a fixed clock; the rest is tested over HTTP in `tests/gateway`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::*;
use crate::identity::{Claims, Identity};

const ISSUER: &str = "http://issuer.test";
const NOW: &str = "2026-03-01T12:00:00.250Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// An identity and the key it signs with, for tokens it would not sign.
struct Keys {
    identity: Identity,
    signing: EncodingKey,
}

impl Keys {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        let pem = std::fs::read(dir.path().join("identity.pem")).unwrap();
        let signing = EncodingKey::from_rsa_pem(&pem).unwrap();
        Self { identity, signing }
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.identity.kid().to_owned());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }

    fn check(&self, value: &str) -> Result<Value, Denied> {
        let authorizer = self.identity.authorizer(ISSUER, "web").unwrap();
        let headers =
            http::HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        authorizer.check(&headers, now()).map(Value::Object)
    }
}

#[test]
fn claims_are_checked_to_the_second() {
    let keys = Keys::new();
    let second = now().as_second();
    let denied = |why| Err(Denied::Invalid(why));
    let expired = denied("the token has expired");
    let early = denied("the token is not valid yet");
    let future = denied("the token was issued in the future");
    let times = denied("the token's times are malformed");
    let audience = denied("the token does not have a valid audience");
    let issuer = denied("the token does not have a valid issuer");
    for (change, expected) in [
        (json!({}), Ok(())),
        (json!({ "exp": second + 1 }), Ok(())),
        (json!({ "exp": second }), expired),
        (json!({ "exp": 0 }), expired),
        (json!({ "exp": -1 }), expired),
        (json!({ "exp": 1e300 }), Ok(())),
        (json!({ "exp": (second + 60).to_string() }), times),
        (json!({ "exp": null }), times),
        (json!({ "nbf": second }), Ok(())),
        (json!({ "nbf": second + 1 }), early),
        (json!({ "nbf": "0" }), times),
        (json!({ "iat": second }), Ok(())),
        (json!({ "iat": second + 1 }), future),
        (json!({ "aud": ["other", "web"] }), Ok(())),
        (json!({ "aud": ["other"] }), audience),
        (json!({ "aud": [] }), audience),
        (json!({ "aud": "web2" }), audience),
        (json!({ "aud": "other", "client_id": "web" }), audience),
        (json!({ "aud": null, "client_id": "web" }), audience),
        (json!({ "iss": "http://issuer.test/" }), issuer),
        (json!({ "iss": [ISSUER] }), issuer),
        (json!({ "iss": null }), issuer),
    ] {
        let mut claims = json!({ "iss": ISSUER, "aud": "web", "sub": "alice", "exp": second + 60 });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let checked = keys.check(&format!("Bearer {}", keys.sign(&claims)));
        assert_eq!(checked, expected.map(|()| claims), "{change}");
    }
    let client = json!({ "iss": ISSUER, "client_id": "web", "exp": second + 1 });
    assert_eq!(keys.check(&keys.sign(&client)), Ok(client.clone()));
    let endless = json!({ "iss": ISSUER, "aud": "web" });
    assert_eq!(
        keys.check(&keys.sign(&endless)),
        Err(Denied::Invalid("the token has no expiry"))
    );
}

#[test]
fn no_character_of_a_token_can_be_changed() {
    let keys = Keys::new();
    let token = keys
        .identity
        .token(
            &Claims::default(),
            ISSUER,
            "web",
            now(),
            Duration::from_mins(1),
        )
        .unwrap();
    assert!(keys.check(&token).is_ok());
    for place in 0..token.len() {
        for other in ['A', '_'] {
            let mut changed = token.clone().into_bytes();
            if changed[place] == other as u8 {
                continue;
            }
            changed[place] = other as u8;
            let changed = String::from_utf8(changed).unwrap();
            assert!(keys.check(&changed).is_err(), "{changed}");
        }
        assert!(keys.check(&token[..place]).is_err());
    }
}

/// Keeps the last event, and answers when it is let go.
struct Slow {
    event: Mutex<Option<(String, Value)>>,
    go: Notify,
    ended: AtomicBool,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            event: Mutex::new(None),
            go: Notify::new(),
            ended: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Invoke for Slow {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        let event = serde_json::from_slice(&payload).unwrap();
        *self.event.lock().unwrap() = Some((function.to_owned(), event));
        self.go.notified().await;
        self.ended.store(true, Ordering::SeqCst);
        Ok(Bytes::from_static(b"{}"))
    }
}

fn front(keys: &Keys, invoke: Arc<dyn Invoke>) -> Front {
    let routes = vec![
        Route::parse("POST /sources/{source}/exports", "request-export", false).unwrap(),
        Route::parse("ANY /open/{proxy+}", "page", true).unwrap(),
    ];
    Front {
        routes: Routes::new(routes).unwrap(),
        invoke,
        authorizer: keys.identity.authorizer(ISSUER, "web").unwrap(),
        cors: None,
        patience: INTEGRATION_TIMEOUT,
    }
}

fn arrival() -> Arrival {
    Arrival {
        now: now(),
        request_id: "ATfSmjLgPHcESJw=".to_owned(),
        source: "127.0.0.1".parse().unwrap(),
        port: 3000,
        trace: "1bae89e2512ec92d5d9438a0".to_owned(),
    }
}

#[tokio::test]
async fn the_event_has_the_shape_of_payload_format_2() {
    let keys = Keys::new();
    let invoke = Slow::new();
    invoke.go.notify_one();
    let claims = Claims {
        sub: "alice".into(),
        org: Some("acme".into()),
        ..Claims::default()
    };
    let token = keys
        .identity
        .token(&claims, ISSUER, "web", now(), Duration::from_mins(1))
        .unwrap();
    let request = Request::builder()
        .method("POST")
        .uri("/sources/home%20insurance/exports?status=a&status=b%20c&x")
        .header("Host", "api.local.test:3000")
        .header("User-Agent", "curl/8.7.1")
        .header("Content-Type", "application/json")
        .header("X-Probe", "first")
        .header("X-Probe", "second")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("X-Forwarded-Proto", "https")
        .header("Cookie", "session=abc; theme=dark")
        .header("Cookie", "third=3")
        .header("Authorization", format!("Bearer {token}"))
        .extension(arrival())
        .body(Body::from(r#"{"limit":1,"ü":"λ"}"#))
        .unwrap();
    let response = front(&keys, invoke.clone()).answer(request).await;
    assert_eq!(response.status(), 200);
    let second = now().as_second();
    let expected = json!({
        "version": "2.0",
        "routeKey": "POST /sources/{source}/exports",
        "rawPath": "/sources/home insurance/exports",
        "rawQueryString": "status=a&status=b%20c&x",
        "cookies": ["session=abc", "theme=dark", "third=3"],
        "headers": {
            "authorization": format!("Bearer {token}"),
            "content-type": "application/json",
            "host": "api.local.test:3000",
            "user-agent": "curl/8.7.1",
            "x-amzn-trace-id": format!("Root=1-{second:08x}-1bae89e2512ec92d5d9438a0"),
            "x-forwarded-for": "10.0.0.1, 127.0.0.1",
            "x-forwarded-port": "3000",
            "x-forwarded-proto": "http",
            "x-probe": "first,second",
        },
        "queryStringParameters": { "status": "a,b c", "x": "" },
        "pathParameters": { "source": "home insurance" },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": { "jwt": {
                "claims": {
                    "aud": "web", "exp": (second + 60).to_string(), "iat": second.to_string(),
                    "iss": ISSUER, "org_id": "acme", "sub": "alice", "token_use": "access",
                },
                "scopes": null,
            }},
            "domainName": "api.local.test",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/sources/home insurance/exports",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8.7.1",
            },
            "requestId": "ATfSmjLgPHcESJw=",
            "routeKey": "POST /sources/{source}/exports",
            "stage": "$default",
            "time": "01/Mar/2026:12:00:00 +0000",
            "timeEpoch": 1_772_366_400_250_i64,
        },
        "body": "{\"limit\":1,\"ü\":\"λ\"}",
        "isBase64Encoded": false,
    });
    let seen = invoke.event.lock().unwrap().take();
    assert_eq!(seen, Some(("request-export".to_owned(), expected)));
}

#[tokio::test]
async fn what_does_not_apply_is_absent() {
    let keys = Keys::new();
    let invoke = Slow::new();
    invoke.go.notify_one();
    let request = Request::builder()
        .uri("/open/a/b")
        .extension(arrival())
        .body(Body::empty())
        .unwrap();
    front(&keys, invoke.clone()).answer(request).await;
    let (function, event) = invoke.event.lock().unwrap().take().unwrap();
    assert_eq!(function, "page");
    let mut members: Vec<_> = event.as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(
        members,
        [
            "headers",
            "isBase64Encoded",
            "pathParameters",
            "rawPath",
            "rawQueryString",
            "requestContext",
            "routeKey",
            "version"
        ]
    );
    assert_eq!(event["routeKey"], "ANY /open/{proxy+}");
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["requestContext"]["domainName"], "localhost");
    assert_eq!(event["requestContext"].get("authorizer"), None);
}

#[tokio::test]
async fn a_function_that_takes_too_long_goes_on_but_its_client_is_told() {
    assert_eq!(INTEGRATION_TIMEOUT, Duration::from_secs(30));
    let keys = Keys::new();
    let invoke = Slow::new();
    let request = Request::builder()
        .uri("/open/slow")
        .extension(arrival())
        .body(Body::empty())
        .unwrap();
    let mut front = front(&keys, invoke.clone());
    front.patience = Duration::from_millis(1);
    let response = front.answer(request).await;
    assert_eq!(response.status(), 503);
    let body = axum::body::to_bytes(response.into_body(), 1000)
        .await
        .unwrap();
    assert_eq!(body, r#"{"message":"Service Unavailable"}"#);
    assert!(!invoke.ended.load(Ordering::SeqCst));
    invoke.go.notify_one();
    while !invoke.ended.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_when_its_grace_is_over() {
    let keys = Keys::new();
    let invoke = Slow::new();
    let gateway = Gateway {
        routes: vec![Route::parse("GET /slow", "slow", true).unwrap()],
        invoke: invoke.clone(),
        authorizer: keys.identity.authorizer(ISSUER, "web").unwrap(),
        cors: None,
        extra: Router::new(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/slow", listener.local_addr().unwrap());
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let served = tokio::spawn(server::run(
        listener,
        router(gateway).unwrap(),
        async move { stopped.notified().await },
        Duration::ZERO,
    ));
    let asked = tokio::spawn(reqwest::get(url));
    while invoke.event.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    stop.notify_one();
    served.await.unwrap().unwrap();
    assert!(asked.await.unwrap().is_err());
}
