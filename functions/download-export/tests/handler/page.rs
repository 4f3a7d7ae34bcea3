//! The page: for everybody, with no store touched.

use lead_export_aws::config::SignIn;

use crate::http_api::{Http, NOT_FOUND, body, text};
use crate::world::World;
use crate::{answer, sources};

pub(crate) fn sign_in() -> SignIn {
    SignIn {
        issuer: "https://issuer.example.com/pool".into(),
        client_id: Some("the-page".into()),
        scope: "openid email".into(),
        audience: Some("https://leads.example.com/".into()),
        origins: vec!["https://login.example.com".into()],
    }
}

#[tokio::test]
async fn page_and_its_files_are_for_everybody() {
    let world = World::new();
    for event in [sources()].iter().chain(&sources().of_nobody()) {
        let index = answer(&world, &event.clone().path("/")).await;
        assert_eq!(index.status(), 200);
        assert!(text(&index).contains("<title>Exported Files</title>"));
        let header = |name: &str| index.headers()[name].to_str().unwrap();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("https://issuer.example.com https://login.example.com;"));
        assert!(!policy.contains("unsafe"));
        for (name, kind) in [
            ("app.js", "text/javascript; charset=utf-8"),
            ("base.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
        ] {
            let asset = answer(&world, &event.clone().path(&format!("/assets/{name}"))).await;
            assert_eq!(asset.headers()["content-type"], kind);
            assert_eq!(asset.headers()["x-content-type-options"], "nosniff");
        }
        let config = answer(&world, &event.clone().path("/config.json")).await;
        assert_eq!(
            body(&config),
            serde_json::json!({"issuer": "https://issuer.example.com/pool", "client_id": "the-page", "scope": "openid email", "audience": "https://leads.example.com/"})
        );
    }
    assert!(world.calls().is_empty(), "{:?}", world.calls());
}

#[tokio::test]
async fn files_that_are_known_are_not_sent_again() {
    let world = World::new();
    for path in ["/", "/assets/app.js"] {
        let event = sources().path(path);
        let first = answer(&world, &event).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"other\", W/{tag}")] {
            let again = answer(&world, &event.clone().header("if-none-match", &known)).await;
            assert_eq!(again.status(), 304, "{known}");
        }
        let other = answer(&world, &event.header("if-none-match", "\"other\"")).await;
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_not_there() {
    let world = World::new();
    for path in [
        "/assets/",
        "/assets/index.html",
        "/assets/App.js",
        "/assets/..%2Fsrc%2Flib.rs",
        "/assets/app.js/x",
    ] {
        let missing = answer(&world, &sources().path(path)).await;
        assert_eq!(text(&missing), NOT_FOUND, "{path}");
    }
    let posted: Http = sources().path("/").method("POST");
    assert_eq!(answer(&world, &posted).await.status(), 404);
}
