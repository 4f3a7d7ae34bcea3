//! Starting and stopping, and what is served besides the API.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use lead_export_local::gateway::{Cors, Gateway, Route, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::api::{AUDIENCE, Api, ISSUER, KEYS, Setup, answer, assert_refused, header};

#[tokio::test]
async fn a_stop_lets_requests_under_way_end_and_closes_idle_connections() {
    let gate = Arc::new(Notify::new());
    let setup = Setup {
        gate: Some(Arc::clone(&gate)),
        ..Setup::default()
    };
    let api = setup
        .start(|_| answer(&json!({ "statusCode": 200, "body": "done" })))
        .await;
    let mut silent = api.connect().await;
    let mut idle = api.connect().await;
    let request = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    idle.write_all(request).await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 404");
    let under_way = tokio::spawn(api.request("GET", "/page").send());
    api.functions.called.notified().await;

    api.begin_stop();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert_eq!(silent.read_to_end(&mut rest).await.unwrap(), 0);
    let address = api.url.strip_prefix("http://").unwrap().to_owned();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(!under_way.is_finished());

    gate.notify_one();
    let response = under_way.await.unwrap().unwrap();
    assert_eq!(header(&response, "connection"), "close");
    assert_eq!(response.text().await.unwrap(), "done");
    api.stopped().await;
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_the_function() {
    let gate = Arc::new(Notify::new());
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let setup = Setup {
        gate: Some(Arc::clone(&gate)),
        ..Setup::default()
    };
    let api = setup
        .start(move |_| {
            tell.notify_one();
            answer(&json!({}))
        })
        .await;
    let asked = tokio::spawn(api.request("GET", "/page").send());
    api.functions.called.notified().await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    gate.notify_one();
    ended.notified().await;
}

#[tokio::test]
async fn local_routes_are_asked_first_and_only_for_what_they_serve() {
    let extra = Router::new()
        .route("/local/outbox", get(|| async { "mail" }))
        .route("/sources", get(|| async { "local" }))
        .route("/page", axum::routing::put(|| async { "put" }));
    let setup = Setup {
        extra,
        ..Setup::default()
    };
    let api = setup.start(|_| answer(&json!("function"))).await;
    for (method, path, body) in [
        ("GET", "/local/outbox", "mail"),
        ("GET", "/sources", "local"),
        ("PUT", "/page", "put"),
        ("GET", "/page", "function"),
    ] {
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(header(&response, "apigw-requestid").len(), 16);
        assert_eq!(response.text().await.unwrap(), body, "{method} {path}");
    }
    let response = api.request("POST", "/local/outbox").send().await.unwrap();
    assert_refused(response, 404, "Not Found").await;
}

#[tokio::test]
async fn a_malformed_api_is_not_served() {
    let broken = async |routes: Vec<Route>, cors: Option<Cors>| {
        let functions = Api::quiet().await.functions;
        let gateway = Gateway {
            routes,
            invoke: functions,
            authorizer: KEYS.identity.authorizer(ISSUER, AUDIENCE).unwrap(),
            cors,
            extra: Router::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = serve(listener, gateway, std::future::pending()).await;
        format!("{:#}", served.unwrap_err())
    };
    let route = |key| Route::parse(key, "f", true).unwrap();
    let error = broken(vec![route("GET /{a+}/b")], None).await;
    assert!(error.contains("GET /{a+}/b"), "{error}");
    let error = broken(vec![route("GET /{a}"), route("GET /{b}")], None).await;
    assert!(error.contains("clash"), "{error}");
    let cors = Cors {
        methods: vec!["\u{1}".to_owned()],
        ..Cors::default()
    };
    assert!(broken(vec![], Some(cors)).await.contains("CORS"));
}
