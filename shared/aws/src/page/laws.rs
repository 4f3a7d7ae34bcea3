//! The fast path held to the plain one, and to its promises on bytes that are no answer.

use std::collections::BTreeMap;

use lead_export_core::lead::Value;
use lead_export_core::page::Cell;
use lead_export_core::value::push_row;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use writer::Writer;

mod writer;

pub(crate) type Item = (String, BTreeMap<String, Value>);

pub(crate) const NAMES: [&str; 14] = [
    "email",
    "phones",
    "name",
    "a",
    "b",
    "ab",
    "größe",
    "quote\"d",
    "back\\slash",
    "S",
    "M",
    "sk",
    "a_rather_long_name_of_an_attribute_1",
    "a_rather_long_name_of_an_attribute_2",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 @.+-]{0,30}",
        2 => any::<String>(),
        1 => "[\"\\\\\\n\\r,;=\u{0}-\u{1f}\u{7f}ä€😀]{0,12}",
        1 => "[a-z]{60,200}",
        1 => "[a-z,;]{1,60}",
    ]
}

fn number() -> impl Strategy<Value = String> {
    "-?[1-9][0-9]{0,37}|0|-?[0-9]\\.[0-9]{1,36}|[1-9]E-[1-9]"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::Text),
        2 => number().prop_map(Value::Number),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Binary),
        1 => proptest::collection::vec(text().prop_map(Value::Text), 0..5).prop_map(Value::Set),
        1 => proptest::collection::vec(number().prop_map(Value::Number), 0..5).prop_map(Value::Set),
        1 => proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Binary), 0..4)
            .prop_map(Value::Set),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::btree_map(text(), inner, 0..5).prop_map(Value::Map),
        ]
    })
}

pub(crate) fn item() -> impl Strategy<Value = Item> {
    let key = "20[0-9]{2}-01-01T00:00:00.000Z#[a-zä\"😀]{1,12}";
    let names = select(NAMES.to_vec()).prop_map(str::to_owned);
    (key, proptest::collection::btree_map(names, value(), 0..10))
}

/// An answer of these items, its members in any order.
pub(crate) fn answer(items: &[Item], next: Option<&str>, style: (u64, bool, bool, bool)) -> String {
    let (seed, blanks, escapes, shuffled) = style;
    let mut writer = Writer::new(seed, blanks, escapes);
    let mut members = [
        "Items",
        "Count",
        "ScannedCount",
        "ConsumedCapacity",
        "LastEvaluatedKey",
        "Else",
    ];
    if shuffled {
        writer.shuffle(&mut members);
    }
    let members: Vec<_> = members
        .into_iter()
        .filter(|member| next.is_some() || *member != "LastEvaluatedKey")
        .collect();
    writer.items(["{", "}"], &members, |w, member| {
        w.member(member, |w| match *member {
            "Items" => w.items(["[", "]"], items, |w, (key, values)| {
                let mut attributes: Vec<(&str, Value)> = values
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.clone()))
                    .collect();
                attributes.push(("PK", "acme#crm#3".into()));
                if shuffled {
                    w.shuffle(&mut attributes);
                    // The first of an attribute that comes twice is overruled.
                    if w.draw(3) == 0 {
                        attributes.insert(0, attributes[attributes.len() - 1].clone());
                        attributes[0].1 = Value::List(vec!["overruled".into()]);
                    }
                }
                let place = usize::try_from(w.draw(attributes.len() as u64 + 1)).unwrap();
                attributes.insert(place, ("SK", key.as_str().into()));
                w.items(["{", "}"], &attributes, |w, (name, value)| {
                    w.member(name, |w| w.value(value));
                });
            }),
            "Count" => w.token(&items.len().to_string()),
            "ScannedCount" => w.token(&(items.len() + 7).to_string()),
            "LastEvaluatedKey" => {
                let key = [("PK", "acme#crm#3"), ("SK", next.unwrap_or_default())];
                w.items(["{", "}"], &key, |w, (name, text)| {
                    w.member(name, |w| w.value(&Value::from(*text)));
                });
            }
            "ConsumedCapacity" => {
                w.token("{");
                w.member("TableName", |w| w.string("leads"));
                w.token(",");
                w.member("CapacityUnits", |w| w.token("128.5"));
                w.token("}");
            }
            _ => w.token(r#"[{"a":[]},{},-0.5e+3,true,false,null,"x\u0041",[[{"b":{}}]]]"#),
        });
    });
    writer.out
}

fn shown(cell: Cell<'_>) -> String {
    let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match cell {
        Cell::Missing => "missing".into(),
        Cell::Text(text) => format!("text {}", read(text)),
        Cell::Number(number) => format!("number {}", read(number)),
        Cell::Bool(value) => format!("bool {value}"),
        Cell::Binary(base64) => format!("binary {}", read(base64)),
        Cell::Json(json) => format!("json {}", read(json)),
        Cell::List(list) => {
            let items: Vec<String> = list.iter().map(shown).collect();
            format!("list {items:?}")
        }
    }
}

pub(crate) fn cells(page: &Page, slots: &Slots) -> Vec<Vec<String>> {
    page.rows()
        .map(|row| {
            (0..slots.width())
                .map(|slot| shown(row.cell(slot)))
                .collect()
        })
        .collect()
}

fn plain(items: &[Item], slots: &Slots) -> Page {
    let mut builder = PageBuilder::new(Bytes::new(), slots);
    for (key, values) in items {
        push_row(&mut builder, slots, key, values);
    }
    builder.finish()
}

fn read(body: &str, slots: &Slots) -> Result<Decoded, BadPage> {
    decode(&Bytes::copy_from_slice(body.as_bytes()), slots)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_cell_is_that_of_the_plain_path(
        items in proptest::collection::vec(item(), 0..12),
        wanted in proptest::collection::vec(select(NAMES.to_vec()), 0..10),
        next in proptest::option::of("[a-z#\"ä]{1,20}"),
        style in any::<(u64, bool, bool, bool)>(),
    ) {
        let slots = Slots::new(wanted);
        let body = answer(&items, next.as_deref(), style);
        let decoded = read(&body, &slots).map_err(|error| TestCaseError::fail(format!("{error}: {body}")))?;
        prop_assert_eq!(cells(&decoded.page, &slots), cells(&plain(&items, &slots), &slots));
        for row in decoded.page.rows() {
            for (cell, plain) in (0..slots.width()).map(|slot| row.marked(slot)) {
                let special = |text: &[u8]| text.iter().any(|byte| b"\",\r\n\t".contains(byte));
                prop_assert!(!plain || !special(cell.text().unwrap()), "{cell:?} is marked plain");
            }
        }
        prop_assert_eq!(decoded.next.as_ref().map(LeadKey::as_str), next.as_deref());
        prop_assert_eq!(decoded.scanned, items.len() as u64 + 7);
        prop_assert_eq!(decoded.consumed, Some(128.5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn an_answer_cut_anywhere_is_an_error(
        items in proptest::collection::vec(item(), 0..4),
        style in any::<(u64, bool, bool, bool)>(),
    ) {
        let slots = Slots::new(NAMES);
        let body = answer(&items, Some("k"), style);
        let body = body.trim_end();
        for end in 0..body.len() {
            let cut = decode(&Bytes::copy_from_slice(&body.as_bytes()[..end]), &slots);
            prop_assert!(cut.is_err(), "{}", &body[..end]);
            prop_assert!(cut.unwrap_err().offset <= end);
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_what_passes_is_json(
        items in proptest::collection::vec(item(), 1..4),
        wanted in proptest::collection::vec(select(NAMES.to_vec()), 0..10),
        style in any::<(u64, bool, bool, bool)>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(), select(b"{}[]\",:\\ 0tnSNMLB\x00\x1f\xff".to_vec())
        ]), 1..4),
    ) {
        let slots = Slots::new(wanted);
        let mut body = answer(&items, Some("k"), style).into_bytes();
        for (index, byte) in changes {
            let at = index.index(body.len());
            body[at] = byte;
        }
        if let Ok(decoded) = decode(&Bytes::from(body.clone()), &slots) {
            let _ = cells(&decoded.page, &slots);
            let json = serde_json::from_slice::<serde::de::IgnoredAny>(&body);
            prop_assert!(json.is_ok(), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn any_bytes_at_all_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&Bytes::from(body), &Slots::new(NAMES)).is_err());
    }
}

fn wrong(body: &str) -> (What, usize, Option<usize>) {
    let error = read(body, &Slots::new(["a"])).unwrap_err();
    (error.what, error.offset, error.item)
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let items = |items: &str| format!(r#"{{"Items":[{items}]}}"#);
    let good = r#"{"SK":{"S":"k"}}"#;
    assert!(read(&items(good), &Slots::new(["a"])).is_ok());
    let second = |item: &str| wrong(&items(&format!("{good},{item}")));
    let place = 10 + good.len() + 1;
    for (item, what, offset) in [
        ("{}", What::NoKey, 2),
        (r#"{"a":{"S":"x"}}"#, What::NoKey, 15),
        (r#"{"SK":{"N":"1"}}"#, What::Key, 14),
        (r#"{"SK":{"NULL":true}}"#, What::Key, 18),
        (r#"{"a":{"X":"x"}}"#, What::Type, 10),
        (r#"{"a":{"L":[{"X":"x"}]}}"#, What::Type, 16),
        (r#"{"a":{"S":"x","N":"1"}}"#, What::Syntax, 13),
        (r#"{"b":{"S":"x","N":"1"}}"#, What::Syntax, 13),
        (r#"{"a":{"S":null}}"#, What::Syntax, 10),
        (r#"{"a":{"S":"x\y"}}"#, What::Escape, 12),
        (r#"{"b":{"S":"x\u12x4"}}"#, What::Escape, 12),
        ("{\"b\":{\"S\":\"x\ny\"}}", What::Control, 12),
        (r#"{"b":{"M":{"x":{"BOOL":tru}}}}"#, What::Syntax, 23),
        (r#"{"b":{"M":{"x":{"N":01}}}}"#, What::Syntax, 22),
        (r#"{"b":{"L":[1,]}}"#, What::Syntax, 13),
        ("null", What::Syntax, 0),
    ] {
        assert_eq!(second(item), (what, place + offset, Some(1)), "{item}");
    }
    for (body, what) in [
        ("", What::Cut),
        (" ", What::Cut),
        ("{}", What::Count),
        (r#"{"Items":[],"Count":1}"#, What::Count),
        (r#"{"Count":0}"#, What::Count),
        (r#"{"Items":[],"Items":[]}"#, What::Twice),
        (r#"{"Items":[],"Count":0,"Count":0}"#, What::Twice),
        (r#"{"Items":[],"Count":-1}"#, What::Syntax),
        (r#"{"Items":[],"LastEvaluatedKey":{}}"#, What::NoKey),
        (
            r#"{"Items":[],"LastEvaluatedKey":{"PK":{"S":"p"}}}"#,
            What::NoKey,
        ),
        (
            r#"{"Items":[],"LastEvaluatedKey":{"SK":{"N":"1"}}}"#,
            What::Key,
        ),
        (r#"{"Items":[]}{}"#, What::Behind),
        (r#"{"Items":[]},"#, What::Behind),
        ("<html></html>", What::Syntax),
    ] {
        assert_eq!(wrong(body).0, what, "{body}");
    }
    let error = decode(&Bytes::from_static(b"{\"a\":\"\xff\"}"), &Slots::new([])).unwrap_err();
    assert_eq!((error.what, error.offset), (What::Utf8, 6));
    assert_eq!(error.to_string(), "not UTF-8, at byte 6");
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    let slots = Slots::new(["a", "m"]);
    let body = r#"{"Items":[{"SK":{"S":"k\ud800"},"a":{"S":"\ud83d\ude00 \udc00x"},"m":{"M":{"\ud800":{"S":"\ud800"}}}}]}"#;
    let page = read(body, &slots).unwrap().page;
    assert_eq!(
        cells(&page, &slots),
        [[
            "text k\u{FFFD}",
            "text 😀 \u{FFFD}x",
            "json {\"\u{FFFD}\":\"\u{FFFD}\"}"
        ]]
    );
}

#[test]
fn depth_is_what_a_table_stores_and_no_more() {
    let deep = |levels: usize, name: &str| {
        let (open, close) = (r#"{"L":["#.repeat(levels), "]}".repeat(levels));
        format!(r#"{{"Items":[{{"SK":{{"S":"k"}},"{name}":{open}{{"S":"x"}}{close}}}]}}"#)
    };
    let slots = Slots::new(["a"]);
    // Wanted or not.
    for name in ["a", "b"] {
        assert!(read(&deep(33, name), &slots).is_ok());
        for levels in [100, 200_000] {
            assert_eq!(
                read(&deep(levels, name), &slots).unwrap_err().what,
                What::Depth
            );
        }
    }
    for hostile in ["[", "{\"a\":", "{\"M\":{\"a\":"] {
        let body = format!("{{\"Else\":{}", hostile.repeat(200_000));
        assert_eq!(read(&body, &slots).unwrap_err().what, What::Depth);
    }
}

#[test]
fn more_names_than_are_remembered_are_read_all_the_same() {
    let items: Vec<Item> = (0..40)
        .map(|n| {
            let names = (0..30).map(|m| (format!("name_{}", n * 20 + m), Value::from("x")));
            (format!("k{n}"), names.collect())
        })
        .collect();
    let names: Vec<String> = (0..900).step_by(7).map(|n| format!("name_{n}")).collect();
    let slots = Slots::new(names.iter().map(String::as_str));
    let decoded = read(&answer(&items, None, (1, false, false, true)), &slots);
    // The style draws attributes that come twice; those are lists only where they are overruled.
    assert_eq!(
        cells(&decoded.unwrap().page, &slots),
        cells(&plain(&items, &slots), &slots)
    );
}
