//! Signing in at an OpenID provider, in a real browser under the page's real policy.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lead_export_local::stack::Settings;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::browser::Browser;
use super::nothing_is_kept;
use crate::util::{World, small_world};

/// A provider: it knows one client and one code, and gives its token to whoever proves to have begun the flow.
struct Provider {
    url: String,
    token: OnceLock<String>,
    /// `code_challenge` of the flow that was begun.
    challenge: OnceLock<String>,
}

fn pairs(text: &str) -> HashMap<String, String> {
    let decoded = |part: &str| {
        let plain = part.replace('+', " ");
        percent_decode_str(&plain)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

impl Provider {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            token: OnceLock::new(),
            challenge: OnceLock::new(),
        });
        let serving = Arc::clone(&provider);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&serving);
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        provider
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut text = String::new();
        let mut buffer = [0; 8192];
        loop {
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let target = head.split(' ').nth(1).unwrap();
                let answer = self.answer(target, &pairs(body));
                stream.write_all(answer.as_bytes()).await.unwrap();
                return;
            }
        }
    }

    fn answer(&self, target: &str, form: &HashMap<String, String>) -> String {
        let json = |status: &str, body: String| {
            format!(
                "HTTP/1.1 {status}\r\naccess-control-allow-origin: *\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let url = &self.url;
        match path {
            "/.well-known/openid-configuration" => json(
                "200 OK",
                format!(
                    r#"{{"issuer":"{url}","authorization_endpoint":"{url}/authorize","token_endpoint":"{url}/token"}}"#
                ),
            ),
            "/authorize" => {
                let asked = pairs(query);
                assert_eq!(asked["client_id"], "the-page");
                assert_eq!(asked["response_type"], "code");
                assert_eq!(asked["code_challenge_method"], "S256");
                assert_eq!(asked["scope"], "openid email");
                assert_eq!(asked["audience"], "https://leads.example.com/");
                self.challenge.set(asked["code_challenge"].clone()).unwrap();
                format!(
                    "HTTP/1.1 302 Found\r\nlocation: {}?code=the-code&state={}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                    asked["redirect_uri"], asked["state"]
                )
            }
            "/token" => {
                let proof =
                    URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
                let is_right = form["code"] == "the-code"
                    && form["client_id"] == "the-page"
                    && self.challenge.get() == Some(&proof);
                if is_right {
                    let token = self.token.get().unwrap();
                    json(
                        "200 OK",
                        format!(
                            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
                        ),
                    )
                } else {
                    json("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned())
                }
            }
            _ => json("404 Not Found", "{}".to_owned()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_signs_people_in_by_code_and_proof() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let provider = Provider::start().await;
    let settings = Settings::default()
        .with("JWT_ISSUER", &provider.url)
        .with("PAGE_CLIENT_ID", "the-page")
        .with("PAGE_AUDIENCE", "https://leads.example.com/");
    let world = World::start_with(settings).await;
    small_world(&world).await;
    provider.token.set(world.token("acme", "alice")).unwrap();
    let url = &world.stack.file().url;

    // An answer to a flow that was not begun here is not taken, and leaves the address.
    browser
        .open(&format!("{url}/?code=stolen&state=other"))
        .await;
    let notice = browser.text(".notice.error").await;
    assert!(
        notice.contains("This sign-in was not begun here"),
        "{notice}"
    );
    assert_eq!(browser.value("location.search").await, "");
    assert_eq!(browser.value("sessionStorage.length").await, 0);

    browser.open(&format!("{url}/?export=no-such-export")).await;
    assert!(
        browser
            .value("document.querySelector('.person')")
            .await
            .is_null()
    );
    browser.click(".people .primary").await;
    browser.until("document.querySelector('form.new')").await;
    // The address of before is taken up again, without what the provider added.
    assert!(
        browser
            .text(".notice.error")
            .await
            .contains("no such source or export")
    );
    assert!(
        !browser
            .value("location.href")
            .await
            .as_str()
            .unwrap()
            .contains("code=")
    );
    nothing_is_kept(&browser).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    browser.click("#who button").await;
    browser.until("document.querySelector('.welcome')").await;
    assert_eq!(
        browser.value("sessionStorage['lead-export.session']").await,
        serde_json::Value::Null
    );
    browser.stop().await;
    world.stop().await;
}
