//! TM22, BI10: a list's cursor opens nothing but the list it is given to.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lead_export_core::access::Role;
use lead_export_core::record::Status;

use crate::apps::{Apps, SOURCES};
use crate::cases;
use crate::dice::Dice;
use crate::http_api::{Http, body};
use crate::model::{Function, State};

async fn list(apps: &Apps, of: &str, name: &str, cursor: &str) -> (u16, serde_json::Value) {
    let encoded = percent_encoding::utf8_percent_encode(cursor, percent_encoding::NON_ALPHANUMERIC);
    let event = Http::of("list-exports")
        .path(&format!("/sources/{name}/exports"))
        .query(&format!("limit=2&cursor={encoded}"))
        .claims(apps.claims(of, "adam"));
    let answer = apps.answer(Function::Download, &event).await;
    (answer.status().as_u16(), body(&answer))
}

#[tokio::test]
async fn turned_cursors_show_ones_own_rows_or_nothing() {
    let apps = Apps::plain().await;
    let mut own = std::collections::BTreeMap::<(&str, &str), BTreeSet<String>>::new();
    for (of, name) in SOURCES {
        apps.grant(of, "adam", None, Some(Role::Admin));
        for _ in 0..5 {
            let id = apps.put(of, name, "adam", State::Is(Status::Failed)).await;
            own.entry((of, name)).or_default().insert(id.to_string());
            apps.world.clock.advance(Duration::from_millis(7));
        }
    }
    let mut cursors = Vec::new();
    for (of, name) in SOURCES {
        let (_, page) = list(&apps, of, name, "").await;
        // An empty cursor is none of ours; the first page has none.
        assert!(page["errors"].is_array());
        let event = Http::of("list-exports")
            .path(&format!("/sources/{name}/exports"))
            .query("limit=2")
            .claims(apps.claims(of, "adam"));
        let page = body(&apps.answer(Function::Download, &event).await);
        cursors.push(page["next_cursor"].as_str().unwrap().to_owned());
    }
    let mut dice = Dice(22);
    let (mut pages, mut refused) = (0, 0);
    for _ in 0..cases(10_000) {
        let known = dice.pick(&cursors).clone();
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(&known).unwrap()).unwrap();
        let cursor = match dice.below(9) {
            0 => known,
            1 => {
                let mut bytes = known.into_bytes();
                let at = dice.below(bytes.len());
                bytes[at] = b"AZaz09-_=+/."[dice.below(12)];
                String::from_utf8(bytes).unwrap()
            }
            2 => URL_SAFE_NO_PAD.encode(plain.replace('#', "#acme#")),
            3 => URL_SAFE_NO_PAD.encode(format!("globex#solar#{plain}")),
            4 => URL_SAFE_NO_PAD.encode(format!("{plain}#globex")),
            5 => URL_SAFE_NO_PAD.encode(plain.replacen(
                "2025",
                ["0000", "9999", "-001", "2026"][dice.below(4)],
                1,
            )),
            6 => URL_SAFE_NO_PAD.encode(format!(r#"{{"PK":{{"S":"globex#{plain}"}}}}"#)),
            7 => known[..dice.below(known.len())].to_owned(),
            _ => URL_SAFE_NO_PAD.encode(dice.text(8)),
        };
        let (of, name) = *dice.pick(&SOURCES);
        let (status, page) = list(&apps, of, name, &cursor).await;
        if matches!(status, 400 | 422) {
            refused += 1;
            continue;
        }
        assert_eq!(status, 200, "{cursor}: {page}");
        pages += 1;
        for export in page["exports"].as_array().unwrap() {
            let id = export["id"].as_str().unwrap();
            assert!(
                own[&(of, name)].contains(id),
                "{of}/{name} {cursor}: {export}"
            );
        }
    }
    assert!(
        pages > 500 && refused > 500,
        "{pages} pages, {refused} refused"
    );
}
