//! The table of exports: its pages, a run that is cancelled, an end that is told to one who looks elsewhere.

use lead_export_core::access::Role;
use lead_export_core::lead::Value;
use lead_export_local::stack::Settings;
use reqwest::Method;
use serde_json::json;

use super::browser::Browser;
use super::{FORM, enter};
use crate::util::{World, lead, small_world};

const OLDER: &str = "[aria-labelledby=exports] .actions button:last-child";
const NEWER: &str = "[aria-labelledby=exports] .actions button:first-child";

/// The desktop's notifications and whether somebody looks, which a browser without a screen cannot say, as the page asks for them.
const DESKTOP: &str = "
    window.told = [];
    window.away = false;
    window.Notification = class {
      static permission = 'default';
      static async requestPermission() { return (Notification.permission = 'granted'); }
      constructor(title, { body, tag }) { Object.assign(this, { title, body, tag }); told.push(this); }
    };
    Object.defineProperty(Document.prototype, 'hidden', { get: () => away });";

/// A source of two pages in one shard: with one read unit a second the second page is minutes away.
async fn slow_source(world: &World) {
    let slow = world.source("slow", |source| source.shards = 1).await;
    let city = "x".repeat(20_000);
    let city = |number: i64| {
        let values = [("city", Value::Text(city.clone()))];
        lead(&format!("s-{number}"), number, &values)
    };
    world
        .load(&slow, &(0..75).map(city).collect::<Vec<_>>())
        .await;
    world.grant("acme", "alice", "slow", Role::Exporter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_paged_told_on_the_desktop_and_cancelled() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let world = World::start_with(Settings::default().with("READ_UNITS", "1")).await;
    small_world(&world).await;
    slow_source(&world).await;
    // One more than a page of the table has.
    for _ in 0..21 {
        let body = json!({"selection": {"mode": "manual", "includedIds": ["l-1"]}, "source": "home-insurance"});
        let call = world.call("alice", Method::POST, "/api/v1/operations/export");
        let answer = call.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let stub = json!({ "source": DESKTOP });
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", &stub)
        .await;
    enter(&world, &browser, "alice").await;

    browser
        .until("document.querySelectorAll('tbody tr').length === 20")
        .await;
    assert_eq!(browser.text("tbody .tag").await, "in the answer");
    // What was given in an answer has no file, and is not asked for again.
    assert!(browser.value("document.querySelector('tbody [data-act=download], tbody [data-act=again], tbody [data-act=remove]')").await.is_null());
    let first = "document.querySelector('tbody tr').dataset.export";
    let newest = browser.value(first).await;
    browser.click(OLDER).await;
    browser
        .until("document.querySelectorAll('tbody tr').length === 1")
        .await;
    let disabled = format!("document.querySelector('{OLDER}').disabled");
    assert_eq!(browser.value(&disabled).await, true);
    assert_ne!(browser.value(first).await, newest);
    browser.click(NEWER).await;
    browser
        .until("document.querySelectorAll('tbody tr').length === 20")
        .await;
    assert_eq!(browser.value(first).await, newest);

    // Told on the desktop once that was allowed, while nobody looks at the page.
    browser.click(".title .choices button").await;
    let promised = "You will be told on the desktop while this page is open.";
    assert!(browser.text(".notice").await.contains(promised));
    assert!(
        browser
            .value("document.querySelector('.title .choices button')")
            .await
            .is_null()
    );
    browser
        .until(&format!(
            "document.querySelector('{FORM} button.primary') && !document.querySelector('{FORM} button.primary').disabled"
        ))
        .await;
    browser
        .run(&format!(
            "document.querySelector('{FORM} button.primary').click(); away = true;"
        ))
        .await;
    browser.until("told.length").await;
    let body = browser.value("told[0].body").await;
    let body = body.as_str().unwrap();
    assert!(body.ends_with(".csv is ready: 6 leads."), "{body}");
    browser.run("away = false; told[0].onclick();").await;
    let opened = browser.text("dialog h2").await;
    assert!(body.starts_with(&opened), "{opened}: {body}");
    browser
        .run("document.querySelector('dialog').close();")
        .await;

    browser.fill("#source", "slow").await;
    browser
        .until("document.querySelector('p.empty')?.getClientRects().length")
        .await;
    browser.click(&format!("{FORM} button.primary")).await;
    browser
        .until("document.querySelector('.badge.processing')")
        .await;
    browser.click("[data-act=cancel]").await;
    browser
        .until("document.querySelector('.badge.cancelled') && !document.querySelector('tbody progress, [data-act=cancel]')")
        .await;
    let id = browser.value(first).await;
    let path = format!("/exports/{}", id.as_str().unwrap());
    let shown = world.get("alice", &path).await;
    let shown: serde_json::Value = shown.json().await.unwrap();
    assert_eq!(
        (&shown["status"], &shown["ended_by"]["id"]),
        (&json!("cancelled"), &json!("alice"))
    );
    // Who looks at the page is not told on the desktop besides.
    assert_eq!(browser.value("told.length").await, 1);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    world.stop().await;
}
