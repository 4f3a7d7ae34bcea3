//! Chromium, driven over WebDriver: some calls of <https://www.w3.org/TR/webdriver2/> that are plain HTTP and JSON.
//!
//! A client crate would bring its own HTTP stack for six calls.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose browser does not answer has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long anything on the page may take: machines that test are busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where `.ci/run` says that there must be a browser, a test that cannot find one fails.
const REQUIRED: &str = "REQUIRE_BROWSER";

/// A browser of one test's own, with nothing remembered.
pub(crate) struct Browser {
    driver: Child,
    client: reqwest::Client,
    session: String,
    dir: TempDir,
}

/// The first of these programs that is installed.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        let places = folders.iter().map(|folder| folder.join(name));
        places.into_iter().find(|place| place.is_file())
    })
}

/// The text of axe-core, if `AXE_CORE` says where it is.
pub(crate) fn axe() -> Option<String> {
    let place = std::env::var_os("AXE_CORE");
    if place.is_none() {
        assert!(std::env::var_os(REQUIRED).is_none(), "AXE_CORE is not set");
        eprintln!("skipped the check of accessibility: AXE_CORE names no axe.min.js");
    }
    Some(std::fs::read_to_string(place?).unwrap())
}

impl Browser {
    /// Starts a browser; none, and it says so, where none is installed.
    pub(crate) async fn start() -> Option<Self> {
        let driver = installed(&["chromedriver"]);
        let program = installed(&["chromium", "google-chrome", "chrome"]);
        let (Some(driver), Some(program)) = (driver, program) else {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "chromium and chromedriver are required"
            );
            eprintln!("skipped: chromium and chromedriver are not installed");
            return None;
        };
        let dir = TempDir::new().unwrap();
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // Nobody reads on, and a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = reqwest::Client::new();
        let downloads = dir.path().join("downloads");
        std::fs::create_dir(&downloads).unwrap();
        let asked = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "timeouts": {"script": 120_000},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": program,
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
                    format!("--user-data-dir={}", dir.path().join("profile").display()),
                ],
                "prefs": {"download.default_directory": downloads, "download.prompt_for_download": false},
            },
        }}});
        let url = format!("http://127.0.0.1:{port}/session");
        let made = client.post(&url).json(&asked).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let id = made["value"]["sessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("no browser: {made}"));
        Some(Self {
            driver,
            client,
            session: format!("{url}/{id}"),
            dir,
        })
    }

    async fn call(&self, path: &str, body: &Value) -> Value {
        let call = self.client.post(format!("{}/{path}", self.session));
        let answer = call.json(body).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(
            status.is_success(),
            "{path}: {}",
            answer["value"]["message"]
        );
        answer["value"].clone()
    }

    pub(crate) async fn open(&self, url: &str) {
        self.call("url", &json!({"url": url})).await;
    }

    /// Runs the body of an async function in the page; what it throws fails the test.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then((value) => done({{ value: value ?? null }}), \
             (error) => done({{ error: String(error.stack ?? error) }}));"
        );
        let body = json!({"script": script, "args": []});
        let answer = self.call("execute/async", &body).await;
        assert!(answer["error"].is_null(), "{}", answer["error"]);
        answer["value"].clone()
    }

    /// What an expression comes to.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});")).await
    }

    /// Waits until an expression is true of the page; its value.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.value(expression).await;
            let is_true =
                !matches!(&value, Value::Null | Value::Bool(false)) && value != 0 && value != "";
            if is_true {
                return value;
            }
            if Instant::now() > end {
                let text = self.value("document.body.innerText").await;
                panic!("never: {expression}\n{}", text.as_str().unwrap());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for an element and clicks it as a person would: it must be there, shown and enabled.
    pub(crate) async fn click(&self, selector: &str) {
        let quoted = json!(selector);
        self.until(&format!(
            "(() => {{ const element = document.querySelector({quoted}); return Boolean(element) && !element.disabled && element.getClientRects().length > 0; }})()"
        ))
        .await;
        self.run(&format!("document.querySelector({quoted}).click();"))
            .await;
    }

    /// The visible text of an element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let quoted = json!(selector);
        let text = format!("document.querySelector({quoted})?.innerText");
        self.until(&text).await.as_str().unwrap().to_owned()
    }

    /// Types into a field and leaves it.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let (quoted, text) = (json!(selector), json!(text));
        self.run(&format!(
            "const field = document.querySelector({quoted}); field.value = {text}; \
             field.dispatchEvent(new Event('input', {{ bubbles: true }})); field.dispatchEvent(new Event('change', {{ bubbles: true }}));"
        ))
        .await;
    }

    /// Presses and releases a key ("Keyboard actions": U+E004 is TAB, U+E007 is Enter).
    pub(crate) async fn press(&self, key: &str) {
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
        ]}]});
        self.call("actions", &actions).await;
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, params: &Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.call("goog/cdp/execute", &body).await
    }

    /// A picture of the page as WebP, some kilobytes.
    pub(crate) async fn picture(&self, file: &Path, (width, height): (u32, u32)) {
        let params = json!({
            "format": "webp", "quality": 80, "captureBeyondViewport": true,
            "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        });
        let picture = self.devtools("Page.captureScreenshot", &params).await;
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// What axe-core finds wrong with the page as it is now, from "serious" on.
    pub(crate) async fn inaccessible(&self, axe: &str) -> Vec<String> {
        // By the tools, not by the page: its policy takes no script of others.
        self.devtools("Runtime.evaluate", &json!({"expression": axe}))
            .await;
        let found = self
            .run(
                "const found = await axe.run(document); if (found.passes.length < 10) throw new Error('axe looked at nothing'); \
                 return found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)) \
                   .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' '));",
            )
            .await;
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    }

    /// What the console says, but for answers that a test provoked.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.call("se/log", &json!({"type": "browser"})).await;
        let messages = entries.as_array().unwrap().iter();
        messages
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .filter(|message| !message.contains("the server responded with a status of"))
            .collect()
    }

    /// Waits for a download to be whole; its bytes.
    pub(crate) async fn downloaded(&self, name: &str) -> Vec<u8> {
        let place = self.dir.path().join("downloads").join(name);
        let end = Instant::now() + PATIENCE;
        // Chromium writes under another name and renames at the end.
        while !place.is_file() {
            assert!(Instant::now() < end, "{name} is not downloaded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::fs::read(place).unwrap()
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.client.delete(&self.session).send().await;
        let _ = self.driver.kill().await;
    }
}
