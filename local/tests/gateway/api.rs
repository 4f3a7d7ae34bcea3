//! An API on a port of its own, and what its functions saw.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use lead_export_local::gateway::{Cors, Gateway, Route, serve};
use lead_export_local::identity::{Claims, Identity};
use lead_export_local::invoke::{Invoke, InvokeError};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) const ISSUER: &str = "http://issuer.test";
pub(crate) const AUDIENCE: &str = "web";

/// Making a key takes a while, so the tests share one.
pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);

pub(crate) struct Keys {
    pub(crate) identity: Identity,
    /// The private key itself, for tokens an identity would not sign.
    pub(crate) signing: EncodingKey,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        let pem = std::fs::read(dir.path().join("identity.pem")).unwrap();
        Self {
            identity,
            signing: EncodingKey::from_rsa_pem(&pem).unwrap(),
        }
    }
}

/// A good token of alice.
pub(crate) fn token() -> String {
    let claims = Claims {
        sub: "alice".into(),
        org: Some("acme".into()),
        extra: json!({ "groups": ["a", "b"], "email_verified": true })
            .as_object()
            .unwrap()
            .clone(),
        ..Claims::default()
    };
    KEYS.identity
        .token(
            &claims,
            ISSUER,
            AUDIENCE,
            Timestamp::now(),
            Duration::from_mins(10),
        )
        .unwrap()
}

pub(crate) type Answer = Result<Bytes, InvokeError>;
type Script = Box<dyn Fn(&Value) -> Answer + Send + Sync>;

/// Functions that answer from a script and remember their events.
pub(crate) struct Functions {
    script: Script,
    pub(crate) seen: Mutex<Vec<(String, Value)>>,
    pub(crate) called: Notify,
    /// Where there is one, an invocation ends only after it.
    pub(crate) gate: Option<Arc<Notify>>,
}

#[async_trait]
impl Invoke for Functions {
    async fn invoke(&self, function: &str, payload: Bytes) -> Answer {
        let event: Value = serde_json::from_slice(&payload).unwrap();
        self.seen
            .lock()
            .unwrap()
            .push((function.to_owned(), event.clone()));
        self.called.notify_one();
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        (self.script)(&event)
    }
}

pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) functions: Arc<Functions>,
    stop: Arc<Notify>,
    served: JoinHandle<anyhow::Result<()>>,
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) cors: Option<Cors>,
    pub(crate) extra: Router,
    pub(crate) gate: Option<Arc<Notify>>,
    pub(crate) more_routes: Vec<Route>,
}

impl Setup {
    pub(crate) async fn start(
        self,
        script: impl Fn(&Value) -> Answer + Send + Sync + 'static,
    ) -> Api {
        let functions = Arc::new(Functions {
            script: Box::new(script),
            seen: Mutex::default(),
            called: Notify::new(),
            gate: self.gate,
        });
        let mut routes: Vec<_> = [
            ("GET /sources", "download", false),
            ("POST /sources/{source}/exports", "request", false),
            ("GET /exports/{id}", "download", false),
            ("GET /page", "page", true),
            ("POST /page", "page", true),
            ("ANY /files/{proxy+}", "page", true),
        ]
        .into_iter()
        .map(|(key, function, open)| Route::parse(key, function, open).unwrap())
        .collect();
        routes.extend(self.more_routes);
        let gateway = Gateway {
            routes,
            invoke: functions.clone(),
            authorizer: KEYS.identity.authorizer(ISSUER, AUDIENCE).unwrap(),
            cors: self.cors,
            extra: self.extra,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let served = tokio::spawn(serve(listener, gateway, async move {
            stopped.notified().await;
        }));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Api {
            url,
            client,
            functions,
            stop,
            served,
        }
    }
}

impl Api {
    /// Functions that answer 204.
    pub(crate) async fn quiet() -> Self {
        Setup::default()
            .start(|_| answer(&json!({ "statusCode": 204 })))
            .await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The one event the functions saw.
    pub(crate) fn event(&self) -> Value {
        let mut seen = self.functions.seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0).1
    }

    pub(crate) fn calls(&self) -> usize {
        self.functions.seen.lock().unwrap().len()
    }

    /// Sends bytes as they are and returns all that comes back until the connection is closed.
    pub(crate) async fn raw(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn connect(&self) -> tokio::net::TcpStream {
        let address = self.url.strip_prefix("http://").unwrap();
        tokio::net::TcpStream::connect(address).await.unwrap()
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.notify_one();
    }

    pub(crate) async fn stopped(self) {
        self.served.await.unwrap().unwrap();
    }
}

#[allow(clippy::unnecessary_wraps)] // a script may fail
pub(crate) fn answer(value: &Value) -> Answer {
    Ok(Bytes::from(value.to_string()))
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// An answer of the gateway itself.
pub(crate) async fn assert_refused(response: Response, status: u16, message: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "apigw-requestid").len(), 16);
    assert_eq!(
        response.text().await.unwrap(),
        format!(r#"{{"message":"{message}"}}"#)
    );
}
