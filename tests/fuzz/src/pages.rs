//! Pages of DynamoDB: the hot path against the plain one (BI9, BI12).

use bytes::Bytes;
use lead_export_aws::oracle::plain_page;
use lead_export_aws::page::decode;
use lead_export_core::page::{Cell, Page, Slots};

const NAMES: [&str; 8] = ["a", "b", "email", "phones", "größe", "quote\"d", "S", "SK2"];

fn shown(cell: Cell<'_>) -> String {
    // A decoder that hands out what is no text has failed here.
    let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match cell {
        Cell::Missing => "missing".into(),
        Cell::Text(text) => format!("text {}", read(text)),
        Cell::Number(number) => format!("number {}", read(number)),
        Cell::Bool(value) => format!("bool {value}"),
        Cell::Binary(base64) => format!("binary {}", read(base64)),
        Cell::Json(json) => format!("json {}", read(json)),
        Cell::List(list) => format!("list {:?}", list.iter().map(shown).collect::<Vec<_>>()),
    }
}

fn cells(page: &Page, slots: &Slots) -> Vec<Vec<String>> {
    page.rows()
        .map(|row| {
            (0..slots.width())
                .map(|slot| shown(row.cell(slot)))
                .collect()
        })
        .collect()
}

/// The body of an answer: what the fast path takes is JSON, and is to the last cell what the SDK makes of it, if that takes it.
pub(crate) fn page(bytes: &[u8]) {
    let Some((which, body)) = bytes.split_first() else {
        return;
    };
    let wanted = NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| which & (1 << bit) != 0);
    let slots = Slots::new(wanted.map(|(_, name)| *name));
    let Ok(fast) = decode(&Bytes::copy_from_slice(body), &slots) else {
        return;
    };
    let read = cells(&fast.page, &slots);
    assert!(
        serde_json::from_slice::<Box<serde_json::value::RawValue>>(body).is_ok(),
        "it was no JSON"
    );
    if let Some(plain) = plain_page(body, &slots) {
        assert_eq!(read, cells(&plain.page, &slots));
        assert_eq!(fast.next, plain.next);
        if plain.scanned > 0 {
            assert_eq!(fast.scanned, plain.scanned);
        }
    }
}
