//! The Exported Files page in a real browser, over a stack of its own.
//!
//! Skipped, with a line that says so, where Chromium and its driver are not installed; `.ci/run` installs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod browser;
mod history;
mod pictures;
mod sign_in;

use lead_export_core::access::Role;
use serde_json::{Value, json};

use crate::util::{World, rows, small_world};
use browser::Browser;

const FORM: &str = "form.new";
const DOWNLOAD: &str = "[data-act=download]";

/// A stack with the small world and a browser; none where no browser is installed.
async fn world() -> Option<(World, Browser)> {
    let browser = Browser::start().await?;
    let world = World::start().await;
    small_world(&world).await;
    world.grant("acme", "adam", "*", Role::Admin).await;
    Some((world, browser))
}

async fn enter(world: &World, browser: &Browser, user: &str) {
    browser.open(&world.stack.file().url).await;
    browser.click(&format!("[data-user={user}]")).await;
    browser.until("document.querySelector('#exports')").await;
}

/// What stays of somebody on this machine: never a token.
async fn nothing_is_kept(browser: &Browser) {
    let kept =
        browser.value("JSON.stringify({ ...localStorage }) + document.cookie + location.href");
    let kept = kept.await.as_str().unwrap().to_owned();
    let token = browser
        .value("JSON.parse(sessionStorage['lead-export.session']).token")
        .await;
    let token = token.as_str().unwrap().to_owned();
    assert!(token.len() > 100 && !kept.contains(&token[..40]), "{kept}");
}

async fn accessible(browser: &Browser, what: &str) {
    if let Some(axe) = browser::axe() {
        let found = browser.inaccessible(&axe).await;
        assert!(found.is_empty(), "{what}: {found:#?}");
    }
}

/// Asks for the preview until it is counted: on a busy machine the time may not do, and an estimate is an answer too.
async fn counted(browser: &Browser) {
    for _ in 0..20 {
        browser
            .click(&format!("{FORM} .actions button:not(.link, .primary)"))
            .await;
        browser
            .until("document.querySelector('.preview:not([aria-busy]) .count')")
            .await;
        if !browser.text(".preview .count").await.contains(" – ") {
            return;
        }
    }
    panic!("the leads are never counted");
}

/// Kathmandu: five hours and three quarters before UTC.
const ZONE: &str = "Asia/Kathmandu";

/// Columns, the status capitalised, times in the viewer's zone and, on hover, in UTC.
async fn table_has_the_columns_of_the_contract(browser: &Browser) {
    let heads =
        "[...document.querySelectorAll('.history thead th')].map((head) => head.textContent)";
    assert_eq!(
        browser.value(heads).await,
        json!([
            "File Name",
            "Requested By",
            "Requested At",
            "Completed At",
            "Status",
            "Lead Count",
            "Download"
        ])
    );
    let status = "document.querySelector('.badge.completed').textContent";
    assert_eq!(browser.value(status).await, "Completed");
    let times = format!(
        "[...document.querySelectorAll('.history time')].map(({{ dateTime, textContent, title }}) => {{ \
           const text = (timeZone) => new Intl.DateTimeFormat(undefined, {{ dateStyle: 'medium', timeStyle: 'short', timeZone }}).format(new Date(dateTime)); \
           return [textContent === text('{ZONE}'), text('UTC') !== text('{ZONE}'), title === dateTime.slice(0, 19).replace('T', ' ') + ' UTC']; }})"
    );
    let right = json!([true, true, true]);
    assert_eq!(browser.value(&times).await, json!([right, right]));
}

#[tokio::test(flavor = "multi_thread")]
async fn exporter_filters_previews_exports_and_downloads_the_very_bytes() {
    let Some((world, browser)) = world().await else {
        return;
    };
    // The viewer's zone: no whole hour from UTC, and no other machine's.
    let zone = json!({ "timezoneId": ZONE });
    browser
        .devtools("Emulation.setTimezoneOverride", &zone)
        .await;
    browser.open(&world.stack.file().url).await;
    browser.until("document.querySelector('.person')").await;
    accessible(&browser, "the welcome").await;
    enter(&world, &browser, "alice").await;

    browser.click(&format!("{FORM} input[value=active]")).await;
    let programs = "[...document.querySelectorAll('.programs strong, .programs b')].map((words) => words.textContent)";
    assert_eq!(
        browser.value(programs).await,
        json!(["Excel", "Excel with semicolons", "Another program"])
    );
    browser
        .click(&format!("{FORM} input[value=standard]"))
        .await;
    browser
        .click(&format!("{FORM} input[name=columns]:not(:checked)"))
        .await;
    browser
        .fill("[data-path='fields[2].header']", "Mail, or \"none\"")
        .await;
    counted(&browser).await;
    assert_eq!(
        browser.text(".preview .count").await.split(',').next(),
        Some("2 leads")
    );
    let cells = "[...document.querySelectorAll('.preview tr')].map((row) => [...row.cells].map((cell) => cell.textContent))";
    let preview = browser.value(cells).await;
    accessible(&browser, "the form with a preview").await;

    // The bar is on the page from the answer to the request on, until the next look says that the run has ended.
    browser
        .run("window.bars = 0; new MutationObserver(() => { bars += document.querySelectorAll('tbody progress').length; }).observe(document.body, { childList: true, subtree: true });")
        .await;
    browser.click(&format!("{FORM} button.primary")).await;
    browser
        .until("document.querySelector('.badge.completed')")
        .await;
    assert!(browser.value("bars").await.as_u64().unwrap() > 0);
    table_has_the_columns_of_the_contract(&browser).await;
    assert_eq!(browser.text("td[data-label='Lead Count']").await, "2");
    assert_eq!(
        browser.text("td[data-label='Requested By']").await,
        "alice@example.com"
    );
    assert!(
        browser
            .text(".notice.good")
            .await
            .contains("is ready: 2 leads.")
    );

    browser.click(DOWNLOAD).await;
    let hint = browser.text(".do .hint").await;
    assert!(
        hint.starts_with("The link works for whoever holds it until "),
        "{hint}"
    );
    assert!(hint.ends_with(". Send the file, not the link."), "{hint}");
    let name = browser.text("button.file").await;
    let bytes = browser.downloaded(&name).await;
    let id = browser
        .value("document.querySelector('tr[data-export]').dataset.export")
        .await;
    let id = id.as_str().unwrap();
    assert_eq!(bytes, world.download("alice", id).await);
    let table = rows(&bytes);
    assert_eq!(table.len(), 3);
    assert_eq!(table[0][2], "Mail, or \"none\"");
    assert_eq!(preview, json!(table), "the preview is the file");

    accessible(&browser, "the table").await;
    nothing_is_kept(&browser).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_sees_the_table_and_may_do_nothing() {
    let Some((world, browser)) = world().await else {
        return;
    };
    world.export("alice", "home-insurance", &json!({})).await;
    enter(&world, &browser, "vera").await;
    browser
        .until("document.querySelector('.badge.completed')")
        .await;
    assert_eq!(
        browser.value("document.querySelector('form')").await,
        Value::Null
    );
    let words = browser
        .value("[...document.querySelectorAll('button')].map((button) => button.textContent)")
        .await;
    for word in ["Export", "Download", "Export again", "Cancel", "Delete"] {
        assert!(
            !words.as_array().unwrap().contains(&json!(word)),
            "{word}: {words}"
        );
    }
    accessible(&browser, "the viewer's page").await;
    // Forced, past the page: the API is who says no.
    let forced = "const { token } = JSON.parse(sessionStorage['lead-export.session']); \
         const ask = (method, path) => fetch(path, { method, headers: { authorization: 'Bearer ' + token, accept: 'application/json' } }).then(({ status }) => status); \
         const id = document.querySelector('tr[data-export]').dataset.export; \
         return [await ask('POST', 'sources/home-insurance/exports'), await ask('POST', 'sources/home-insurance/exports/preview'), \
           await ask('GET', `exports/${id}/download`), await ask('DELETE', `exports/${id}`)];";
    assert_eq!(browser.run(forced).await, json!([403, 403, 403, 403]));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_opens_changes_and_saves() {
    let Some((world, browser)) = world().await else {
        return;
    };
    let asked = json!({"filters": {"status": ["sold"], "custom": {"annual_income": {"max": 60000}}}, "limit": 3});
    let (first, _) = world.export("alice", "home-insurance", &asked).await;
    let id = first["id"].as_str().unwrap();

    // The link of a mail: sign in, and the export is open.
    browser
        .open(&format!("{}/?export={id}", world.stack.file().url))
        .await;
    browser.click("[data-user=adam]").await;
    assert_eq!(
        browser.text("dialog h2").await,
        first["file_name"].as_str().unwrap()
    );
    accessible(&browser, "the details").await;
    browser.click("dialog [data-act=edit]").await;
    browser
        .until("!document.querySelector('dialog') && !location.search")
        .await;
    assert_eq!(
        browser
            .value("document.querySelector('input[value=sold]').checked")
            .await,
        true
    );
    assert_eq!(
        browser
            .value("document.querySelector('[data-path=limit]').value")
            .await,
        "3"
    );

    // What was wrong is said in the API's words, at its place.
    browser.fill("[data-path=limit]", "none").await;
    browser.click(&format!("{FORM} button.primary")).await;
    assert!(
        browser
            .text(".errors")
            .await
            .contains("limit must be a number, not a text")
    );
    assert_eq!(
        browser
            .value("document.querySelector('[data-path=limit]').ariaInvalid")
            .await,
        "true"
    );
    browser.fill("[data-path=limit]", "2").await;

    // A preset stands for the form, for whoever loads it.
    browser.click(".presets > button:last-child").await;
    browser.fill("dialog input", "Sold, low").await;
    browser.click("dialog .primary").await;
    assert!(browser.text("dialog [role=alert]").await.contains("name"));
    browser.fill("dialog input", "Sold low").await;
    browser.click("dialog .primary").await;
    browser
        .until("document.querySelector('.presets select').value === 'Sold low'")
        .await;
    let saved: Value = world
        .get("vera", "/sources/home-insurance/presets/Sold%20low")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(saved["request"]["filters"], asked["filters"]);
    assert_eq!(saved["request"]["limit"], 2);
    browser.click("#new-export-form > .actions .link").await;
    browser
        .until("document.querySelector('[data-path=limit]').value === ''")
        .await;
    browser.fill(".presets select", "Sold low").await;
    browser
        .until("document.querySelector('[data-path=limit]').value === '2'")
        .await;
    browser.click(".presets > .link").await;
    browser.click("dialog .danger").await;
    browser
        .until("document.querySelector('.presets select').options.length === 1")
        .await;
    let gone = world
        .get("vera", "/sources/home-insurance/presets/Sold%20low")
        .await;
    assert_eq!(gone.status(), 404);

    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_repeated_deleted_and_found_again() {
    let Some((world, browser)) = world().await else {
        return;
    };
    world.export("alice", "home-insurance", &json!({})).await;
    enter(&world, &browser, "adam").await;
    browser.until("document.querySelector('form.new')").await;
    // Again, then gone.
    browser.click("[data-act=again]").await;
    browser
        .until("document.querySelectorAll('.badge.completed').length === 2")
        .await;
    browser.click("[data-act=remove]").await;
    browser.click("dialog .danger").await;
    browser
        .until("document.querySelector('.badge.expired')")
        .await;

    // What ended while nobody looked comes first at the next visit.
    browser.open("about:blank").await;
    let (late, _) = world.export("alice", "home-insurance", &json!({})).await;
    browser.open(&world.stack.file().url).await;
    assert!(
        browser
            .text(".since")
            .await
            .contains(late["file_name"].as_str().unwrap())
    );
    // By status and person, page by page.
    browser.fill("select[aria-label=Status]", "expired").await;
    browser.until("document.querySelectorAll('tbody tr').length === 1 && document.querySelector('.badge.expired')").await;
    browser
        .fill("select[aria-label='Requested by']", "alice")
        .await;
    browser
        .until("document.querySelector('p.empty')?.getClientRects().length")
        .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    world.stop().await;
}

/// Everything by keys alone, at the width of a phone.
#[tokio::test(flavor = "multi_thread")]
async fn phone_and_keyboard_are_enough() {
    let Some((world, browser)) = world().await else {
        return;
    };
    let phone = json!({"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": true});
    browser
        .devtools("Emulation.setDeviceMetricsOverride", &phone)
        .await;
    browser.open(&world.stack.file().url).await;
    browser.until("document.querySelector('.person')").await;
    keys(
        &browser,
        "document.activeElement?.dataset?.user === 'alice'",
        "\u{E007}",
    )
    .await;
    browser.until("document.querySelector('.fold')").await;
    keys(
        &browser,
        "document.activeElement?.matches?.('.fold')",
        "\u{E007}",
    )
    .await;
    keys(
        &browser,
        "document.activeElement?.matches?.('form.new button.primary')",
        "\u{E007}",
    )
    .await;
    browser
        .until("document.querySelector('.badge.completed')")
        .await;
    let widths = browser
        .value("[document.documentElement.scrollWidth, innerWidth]")
        .await;
    assert_eq!(widths[0], widths[1], "nothing sticks out");
    accessible(&browser, "the phone").await;
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.devtools("Emulation.setEmulatedMedia", &dark).await;
    accessible(&browser, "the phone in the dark").await;
    browser.stop().await;
    world.stop().await;
}

/// Presses TAB until a place is reached, then a key.
async fn keys(browser: &Browser, place: &str, key: &str) {
    for _ in 0..200 {
        if browser.value(place).await == true {
            return browser.press(key).await;
        }
        browser.press("\u{E004}").await;
    }
    panic!("TAB never leads to {place}");
}
