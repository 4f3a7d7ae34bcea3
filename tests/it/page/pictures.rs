//! The README's pictures: `make screenshots`.

use std::path::Path;

use serde_json::json;

use super::{FORM, counted, enter};
use crate::util::World;
use crate::util::options;
use lead_export_local::stack::{Stack, StackOptions};
use tempfile::TempDir;

use super::browser::Browser;

/// Writes them into `tests/page`, light and dark, of the demo that a first start shows.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes the README's pictures; run by make screenshots"]
async fn pictures_of_the_readme() {
    let browser = Browser::start().await.expect("chromium and chromedriver");
    let dir = TempDir::new().unwrap();
    let stack = Stack::start(StackOptions {
        leads: 1000,
        ..options(&dir)
    });
    let world = World {
        stack: stack.await.unwrap(),
        dir,
        client: crate::util::client(),
    };
    for body in [
        json!({"filters": {"status": ["sold"]}, "fields": ["lead_id", "name", "email"]}),
        json!({"filters": {"attributes": {"homeowner": ["Yes"]}}, "format": {"profile": "excel", "header": "labels"}}),
    ] {
        world.export("alice", "home-insurance", &body).await;
    }
    enter(&world, &browser, "alice").await;
    browser.click(&format!("{FORM} input[value=active]")).await;
    browser
        .fill("[data-path='filters.custom.annual_income.min']", "50000")
        .await;
    counted(&browser).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    std::fs::create_dir_all(&folder).unwrap();
    for scheme in ["light", "dark"] {
        // Colours that are on their way to the other scheme would be in the picture.
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        browser.devtools("Emulation.setEmulatedMedia", &media).await;
        let height = browser
            .value("document.querySelector('main').getBoundingClientRect().bottom - 50")
            .await;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a page's height in pixels"
        )]
        let height = height.as_f64().unwrap() as u32;
        browser
            .picture(&folder.join(format!("{scheme}.webp")), (1280, height))
            .await;
    }
    browser.stop().await;
    world.stop().await;
}
