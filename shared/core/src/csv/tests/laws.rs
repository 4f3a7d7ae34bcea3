//! Laws over any leads (house §7, law 4; TM09, BI1).

use super::model;
use super::*;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        ",", ";", "\"", "\r", "\n", "\t", " ", "'", "=", "+", "-", "@", "\0", "\u{feff}", "1", "a",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(special, 0..8).prop_map(|pieces| pieces.concat()),
        "\\PC{0,40}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::Text),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => "-?[0-9]{1,9}(\\.[0-9]{1,4})?".prop_map(Value::Number),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(text(), inner, 0..3).prop_map(Value::Map),
        ]
    })
}

/// The cell's text without guard, and whether it is a number, by the sentences of the contract.
fn expected(value: &Value) -> (String, bool) {
    let slots = Slots::new(["x"]);
    let mut builder = PageBuilder::new(Bytes::new(), &slots);
    crate::value::push_lead(&mut builder, &slots, &lead([("x", value.clone())]));
    let page = builder.finish();
    let cell = page.row(0).cell(1);
    let texts: Vec<&str> = cell
        .each()
        .filter_map(|item| item.text())
        .map(|text| str::from_utf8(text).unwrap())
        .filter(|text| !text.is_empty())
        .collect();
    (texts.join(", "), matches!(value, Value::Number(_)))
}

proptest! {
    /// The csv crate and the strict parser read the same cells, which are the values' texts, guarded where they must be.
    #[test]
    fn file_read_back_is_what_was_stored_less_the_guard(
        rows in prop::collection::vec((value(), value(), value()), 1..8),
        profile in prop::sample::select(vec![Profile::Standard, Profile::Raw, Profile::Tsv]),
        width in 1usize..4,
    ) {
        let columns = ["a", "b", "c"].map(|key| column(key, key, Kind::Text));
        let columns = &columns[..width];
        let leads: Vec<Lead> = rows
            .iter()
            .map(|(a, b, c)| lead([("a", a.clone()), ("b", b.clone()), ("c", c.clone())]))
            .collect();
        let out = file(columns, &format(profile, Header::Keys), &leads);
        let dialect = Dialect::of(profile);
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .from_reader(out.as_slice());
        let theirs: Vec<Vec<Vec<u8>>> = reader
            .byte_records()
            .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
            .collect();
        let mine = model::parse(&out, dialect.delimiter);
        prop_assert_eq!(&theirs[..], &mine[1..]);
        prop_assert_eq!(theirs.len(), rows.len());
        for (record, (a, b, c)) in theirs.iter().zip(&rows) {
            prop_assert_eq!(record.len(), width);
            for (cell, value) in record.iter().zip([a, b, c]) {
                let cell = str::from_utf8(cell).unwrap();
                let (text, number) = expected(value);
                let guarded = dialect.guard && !number && model::guarded(&text);
                let prefix = if guarded { "'" } else { "" };
                prop_assert_eq!(cell, format!("{prefix}{text}"));
                if dialect.guard && !number {
                    prop_assert_eq!(read_back(cell, Kind::Text), text);
                }
            }
        }
    }

    /// Same leads, same bytes: an encoder keeps nothing from row to row, so a file can be cut and resumed at any row end.
    #[test]
    fn rows_do_not_depend_on_the_rows_before(
        rows in prop::collection::vec((value(), value()), 1..8),
        profile in prop::sample::select(PROFILES.to_vec()),
        kind in prop::sample::select(KINDS.to_vec()),
        zone in prop::sample::select(vec!["UTC", "America/New_York"]),
    ) {
        let columns = [column("a", "a", kind), column("name", "Name", Kind::Derived), column("created_at", "c", Kind::Instant)];
        let format = Format { time_zone: zone.into(), ..format(profile, Header::Labels) };
        let leads: Vec<Lead> = rows
            .iter()
            .enumerate()
            .map(|(index, (a, b))| Lead {
                created_at: Instant::from_millis(1_700_000_000_000 + 40_000_000_000 * i64::try_from(index).unwrap()),
                ..lead([("a", a.clone()), ("first_name", b.clone()), ("last_name", a.clone())])
            })
            .collect();
        let (page, slots) = page(&columns, &leads);
        let encoder = Encoder::new(&columns, &format, &slots, &source()).unwrap();
        let mut apart = Vec::new();
        encoder.header(&mut apart);
        for row in page.rows() {
            encoder.clone().row(&row, &mut apart);
        }
        prop_assert_eq!(apart, file(&columns, &format, &leads));
    }

    /// Any text in a number field of any guarded profile comes back; in Excel's, too, but for the decimal comma.
    #[test]
    fn texts_come_back_from_fields_of_every_kind(text in text(), kind in prop::sample::select(KINDS.to_vec())) {
        for profile in [Profile::Standard, Profile::Tsv, Profile::Excel] {
            let written = field(kind, text.as_str(), profile);
            prop_assert_eq!(read_back(&written, kind), &text);
        }
    }
}

#[test]
fn a_cell_of_400_kb_passes_whole() {
    let pieces = ["a\"b", "é,", "\r\n", "👍", "=\0"];
    let text: String = pieces.iter().cycle().take(100_000).copied().collect();
    assert!(text.len() > 200_000);
    for profile in PROFILES {
        assert_eq!(field(Kind::Text, text.as_str(), profile), text);
    }
}
