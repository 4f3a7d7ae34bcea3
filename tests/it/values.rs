//! Values of any shape give a row, never an aborted or silently shortened file.

use std::collections::BTreeMap;

use lead_export_core::access::Role;
use lead_export_core::lead::Value;
use serde_json::json;

use crate::util::{World, lead, list, rows, text};

#[tokio::test]
async fn values_of_any_shape_are_written_as_the_contract_says() {
    let world = World::start().await;
    let source = world.source("odd", |_| {}).await;
    world.grant("acme", "alice", "odd", Role::Exporter).await;
    let long = "x".repeat(100 * 1024);
    let number = |value: &str| Value::Number(value.to_owned());
    let map = Value::Map(BTreeMap::from([
        ("b".to_owned(), number("1.5")),
        (
            "a".to_owned(),
            Value::List(vec![text("\"q\""), Value::Null, Value::Bool(true)]),
        ),
    ]));
    let cases: Vec<(&str, Value, &str)> = vec![
        (
            "city",
            text("quotes \" and, commas\r\nand lines\0"),
            "quotes \" and, commas\r\nand lines\0",
        ),
        (
            "city",
            text("😀 \u{202e}rtl\u{202c} ａ e\u{301}"),
            "😀 \u{202e}rtl\u{202c} ａ e\u{301}",
        ),
        (
            "city",
            text(" leading and trailing "),
            " leading and trailing ",
        ),
        ("city", text(&long), &long),
        (
            "city",
            number("12345678901234567890123456789012345678"),
            "12345678901234567890123456789012345678",
        ),
        ("city", number("-0.5"), "-0.5"),
        ("city", Value::Bool(true), "true"),
        ("city", Value::Null, ""),
        ("city", map, r#"{"a":["\"q\"",null,true],"b":1.5}"#),
        ("city", Value::Set(vec![text("b"), text("a")]), "a, b"),
        ("city", Value::Set(vec![number("2"), number("10")]), "10, 2"),
        ("city", Value::Binary(vec![0, 1, 255]), "AAH/"),
        ("emails", text("not a list"), "not a list"),
        ("emails", list(&["a@b.c", "d@e.f"]), "a@b.c, d@e.f"),
        ("phone", text("+1 (555) 010-0001"), "+1 (555) 010-0001"),
        (
            "city",
            text("=HYPERLINK(\"http://evil\")"),
            "'=HYPERLINK(\"http://evil\")",
        ),
        ("city", text("\u{feff}＝cmd"), "'\u{feff}＝cmd"),
    ];
    let leads: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(at, (key, value, _))| {
            lead(
                &format!("l-{at:02}"),
                i64::try_from(at).unwrap(),
                &[(key, value.clone())],
            )
        })
        .collect();
    world.load(&source, &leads).await;
    let (export, rows) = world
        .export(
            "alice",
            "odd",
            &json!({"fields": ["lead_id", "city", "emails", "phone"]}),
        )
        .await;
    assert_eq!(export["lead_count"], json!(cases.len()));
    for (at, (key, _, expected)) in cases.iter().enumerate() {
        let column = match *key {
            "city" => 1,
            "emails" => 2,
            _ => 3,
        };
        assert_eq!(rows[at + 1][column], *expected, "{key} of l-{at:02}");
        assert_eq!(rows[at + 1].len(), 4);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_file_of_many_pieces_is_whole() {
    let world = World::start().await;
    let source = world
        .source("big", |source| source.lead_count = Some(260))
        .await;
    world.grant("acme", "alice", "big", Role::Exporter).await;
    // 260 leads of 100 KB are six pieces of 5 MiB: an assembled object.
    let leads: Vec<_> = (0..260)
        .map(|at| {
            lead(
                &format!("l-{at:03}"),
                at / 2,
                &[("city", text(&format!("{at:03}").repeat(100 * 1024 / 3)))],
            )
        })
        .collect();
    world.load(&source, &leads).await;
    let asked = world
        .request(
            "alice",
            "big",
            &json!({"fields": ["lead_id", "city"], "format": {"header": "none"}}),
        )
        .await;
    let id = asked["id"].as_str().unwrap();
    let export = world.ended("alice", id).await;
    assert_eq!(
        (&export["status"], &export["lead_count"]),
        (&json!("completed"), &json!(260)),
        "{export}"
    );
    let bytes = world.download("alice", id).await;
    assert!(bytes.len() > 25_000_000);
    assert_eq!(
        export["crc64nvme"],
        json!(lead_export_core::piece::crc64_text(
            lead_export_core::piece::crc64(&bytes)
        ))
    );
    for (at, row) in rows(&bytes).iter().enumerate() {
        assert_eq!(row[0], format!("l-{at:03}"));
        assert!(row[1].starts_with(&format!("{at:03}{at:03}")) && row[1].len() == 102_399);
    }
    world.stop().await;
}
