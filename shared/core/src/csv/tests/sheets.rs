//! The two profiles for Excel.

use super::*;
use crate::limits::EXCEL_CELL_CHARS;

const CHANGED: [&str; 40] = [
    "0",
    "5",
    "00123",
    "01234-5678",
    "1-2",
    "1/2",
    "3.14",
    "1.000",
    "12:30",
    "(5)",
    "(555) 010-0100",
    "+1 555 0100",
    "+49 (30) 123-45.67",
    "-5",
    "+5",
    " 5",
    "5 ",
    ".5",
    "-1-1",
    "1E5",
    "0e0",
    "12E345",
    "00e12",
    "TRUE",
    "FALSE",
    "true",
    "False",
    "MAR1",
    "mar-1",
    "Mar 1",
    "DEC2026",
    "jan01",
    "Feb-29",
    "APR5",
    "may7",
    "Jun 8",
    "JUL-9",
    "aug10",
    "Sep11",
    "oct12",
];

const KEPT: [&str; 34] = [
    "a",
    "A1",
    "1a",
    "1,5",
    "$5",
    "5%",
    "5€",
    "+",
    "()",
    " ",
    "-",
    "./:",
    "1E",
    "E5",
    "1E5E5",
    "1E+5",
    "1.0E5",
    "TRUEX",
    "YES",
    "T",
    "March 1",
    "mar",
    "MAR",
    "mar--1",
    "mar  1",
    "MAR1a",
    "1 Mar",
    "ma1",
    "x5",
    "+1 555 x5",
    "5\u{a0}5",
    "５",
    "v1",
    "2026-11-22T",
];

#[test]
fn what_excel_would_change_is_wrapped_in_text_ids_zips_and_phones() {
    for kind in [
        Kind::Id,
        Kind::Derived,
        Kind::Text,
        Kind::List,
        Kind::Phone,
        Kind::Phones,
        Kind::Dropdown,
    ] {
        for text in CHANGED {
            for profile in [Profile::Excel, Profile::ExcelSemicolon] {
                let written = format!("\"=\"\"{text}\"\"\"");
                assert_eq!(cell(kind, text, profile), written, "{kind:?}");
                assert_eq!(cell(kind, list(&[text]), profile), written, "{kind:?}");
                assert_eq!(read_back(&field(kind, text, profile), kind), text);
            }
        }
        for text in KEPT {
            for profile in [Profile::Excel, Profile::ExcelSemicolon] {
                let written = field(kind, text, profile);
                assert!(!written.starts_with('='), "{written}");
                assert_eq!(written.trim_start_matches('\''), text);
            }
        }
    }
}

#[test]
fn other_profiles_wrap_nothing() {
    for text in CHANGED {
        for profile in [Profile::Standard, Profile::Raw, Profile::Tsv] {
            assert_eq!(
                field(Kind::Text, text, profile).trim_start_matches('\''),
                text
            );
        }
    }
}

#[test]
fn numbers_booleans_instants_and_days_are_for_excel_to_read() {
    for profile in [Profile::Excel, Profile::ExcelSemicolon] {
        assert_eq!(cell(Kind::Number, number("5"), profile), "5");
        assert_eq!(cell(Kind::Number, "5", profile), "5");
        assert_eq!(cell(Kind::Number, number("1E5"), profile), "1E5");
        assert_eq!(cell(Kind::Boolean, Value::Bool(true), profile), "true");
        assert_eq!(cell(Kind::Boolean, "TRUE", profile), "TRUE");
        assert_eq!(cell(Kind::Boolean, number("1"), profile), "1");
        assert_eq!(cell(Kind::Date, "2026-11-22", profile), "2026-11-22");
        assert_eq!(
            cell(Kind::Date, "22/11/2026", profile),
            "\"=\"\"22/11/2026\"\"\""
        );
        assert_eq!(
            cell(Kind::Instant, "2026-11-22T02:43:00.120Z", profile),
            "2026-11-22 02:43:00"
        );
    }
}

#[test]
fn a_phone_or_zip_stored_as_a_number_keeps_its_digits() {
    assert_eq!(
        cell(Kind::Phone, number("4915555010100"), Profile::Excel),
        "\"=\"\"4915555010100\"\"\""
    );
    assert_eq!(
        cell(Kind::Text, number("2139"), Profile::Excel),
        "\"=\"\"2139\"\"\""
    );
    assert_eq!(
        cell(Kind::Text, number("12.5"), Profile::ExcelSemicolon),
        "\"=\"\"12.5\"\"\""
    );
}

#[test]
fn a_text_that_looks_wrapped_is_guarded_and_comes_back() {
    for text in [
        "=\"123\"",
        "=\"\"",
        "'=\"123\"",
        "=\"1\"+cmd",
        "=\"1\"\"2\"",
    ] {
        for profile in [Profile::Standard, Profile::Excel] {
            let written = field(Kind::Text, text, profile);
            assert_eq!(written, format!("'{text}"));
            assert_eq!(read_back(&written, Kind::Text), text);
        }
    }
    assert_eq!(read_back("=\"1\"+cmd\"", Kind::Text), "=\"1\"+cmd\"");
    assert_eq!(read_back("=\"", Kind::Text), "=\"");
}

#[test]
fn a_cell_beyond_what_excel_holds_is_noticed_in_every_profile() {
    let long = |text: &str, times: usize| text.repeat(times);
    // U+10000 and beyond are two UTF-16 units each.
    let cases = [
        (long("a", EXCEL_CELL_CHARS), false),
        (long("a", EXCEL_CELL_CHARS + 1), true),
        (long("ä", EXCEL_CELL_CHARS), false),
        (long("ä", EXCEL_CELL_CHARS + 1), true),
        (long("語", EXCEL_CELL_CHARS), false),
        (long("語", EXCEL_CELL_CHARS + 1), true),
        (long("👍", EXCEL_CELL_CHARS / 2), false),
        (long("👍", EXCEL_CELL_CHARS / 2 + 1), true),
        (long("\"", EXCEL_CELL_CHARS), false),
        (long("=", EXCEL_CELL_CHARS), true),
        (long("=", EXCEL_CELL_CHARS - 1), false),
        (long("7", EXCEL_CELL_CHARS), false),
        (long("7", EXCEL_CELL_CHARS + 1), true),
    ];
    for (text, over) in cases {
        for profile in PROFILES {
            let format = format(profile, Header::None);
            let (_, facts) = cell_and_facts(Kind::Text, text.as_str().into(), &format);
            // The guard's own character counts where there is a guard.
            let over = over && (Dialect::of(profile).guard || text.len() > EXCEL_CELL_CHARS);
            assert_eq!(facts.excel_cell, over, "{profile:?} {}", text.len());
        }
    }
}
