//! [`LeadSource`]: the values in a page.

use std::collections::BTreeMap;

use super::leads::{LeadWriter, SHARDS, at, key_of, lead, put};
use super::must;
use crate::lead::{Lead, Value};
use crate::page::{Cell, KEY, Slots};
use crate::ports::{LeadSource, PageQuery};

fn shown(cell: Cell<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match cell {
        Cell::Missing => "missing".into(),
        Cell::Text(bytes) => format!("text {}", text(bytes)),
        Cell::Number(bytes) => format!("number {}", text(bytes)),
        Cell::Bool(value) => format!("bool {value}"),
        Cell::Binary(bytes) => format!("binary {}", text(bytes)),
        Cell::Json(bytes) => format!("json {}", text(bytes)),
        Cell::List(list) => {
            let items: Vec<String> = list.iter().map(shown).collect();
            format!("list [{}]", items.join("; "))
        }
    }
}

/// Every shape of value that DynamoDB holds, each in the slot that asked for it, and nothing that was not asked for.
pub async fn cells_hold_the_values_asked_for(store: &dyn LeadSource, writer: &dyn LeadWriter) {
    let text = |text: &str| Value::Text(text.into());
    let number = |number: &str| Value::Number(number.into());
    let nested = Value::Map(BTreeMap::from([
        ("b".into(), Value::List(vec![number("1"), Value::Null])),
        ("a \"ü\"".into(), text("x\n")),
    ]));
    let values = [
        ("plain", text("a"), "text a"),
        (
            "escaped",
            text("\"\\\r\n\t\u{1}ü\u{1F600}/"),
            "text \"\\\r\n\t\u{1}ü\u{1F600}/",
        ),
        ("empty", text(""), "text "),
        ("number", number("-12.5"), "number -12.5"),
        (
            "long",
            number("12345678901234567890123456789012345678"),
            "number 12345678901234567890123456789012345678",
        ),
        ("yes", Value::Bool(true), "bool true"),
        ("no", Value::Bool(false), "bool false"),
        ("null", Value::Null, "missing"),
        ("bytes", Value::Binary(vec![0, 255]), "binary AP8="),
        (
            "list",
            Value::List(vec![text("b"), number("2"), text("a")]),
            "list [text b; number 2; text a]",
        ),
        ("nothing", Value::List(vec![]), "list []"),
        (
            "set",
            Value::Set(vec![text("b"), text("a")]),
            "list [text a; text b]",
        ),
        (
            "map",
            nested.clone(),
            r#"json {"a \"ü\"":"x\n","b":[1,null]}"#,
        ),
        (
            "deep",
            Value::List(vec![nested]),
            r#"list [json {"a \"ü\"":"x\n","b":[1,null]}]"#,
        ),
    ];
    let mut full = lead("full", at(0));
    for (name, value, _) in &values {
        full.values.insert((*name).to_owned(), value.clone());
    }
    let bare = Lead {
        values: BTreeMap::new(),
        ..lead("bare", at(0))
    };
    let whole = put(writer, &[full.clone(), bare.clone()]).await;
    let mut names: Vec<&str> = values.iter().map(|(name, ..)| *name).collect();
    names.extend(["lead_id", "created_at", "absent"]);
    // Also in another order than the store's.
    names.reverse();
    let slots = Slots::new(names.iter().copied());
    for lead in [&full, &bare] {
        let query = PageQuery {
            shard: lead.id.shard(SHARDS),
            from: lead.key(),
            to: lead.key(),
            slots: slots.clone(),
            ..whole.clone()
        };
        let answer = must(store.page(&query).await, "page");
        assert_eq!(answer.page.len(), 1, "the one lead of this key");
        let row = answer.page.row(0);
        assert_eq!(key_of(row.key()), lead.key(), "the key");
        assert_eq!(shown(row.cell(KEY)), format!("text {}", lead.key()));
        let cell = |name: &str| slots.of(name).map(|slot| shown(row.cell(slot)));
        let id = format!("text {}", lead.id);
        let created_at = format!("text {}", lead.created_at);
        assert_eq!(cell("lead_id"), Some(id), "the id is an attribute");
        assert_eq!(cell("created_at"), Some(created_at), "so is the instant");
        assert_eq!(cell("absent").as_deref(), Some("missing"), "no such value");
        for (name, value, expected) in &values {
            let expected = if lead.id == full.id {
                *expected
            } else {
                "missing"
            };
            assert_eq!(cell(name).as_deref(), Some(expected), "{name}: {value:?}");
        }
    }
}
