//! The formula guard (TM08, BI2).

use super::corpus::{self, HARMLESS, HOSTILE, PAYLOADS, PHONES};
use super::model::{self, Hostile};
use super::*;

#[test]
fn payloads_are_guarded_by_one_apostrophe_in_every_profile_but_raw() {
    for text in PAYLOADS {
        for kind in [
            Kind::Text,
            Kind::Id,
            Kind::Phone,
            Kind::Dropdown,
            Kind::Derived,
        ] {
            for profile in [Profile::Standard, Profile::Tsv] {
                assert_eq!(field(kind, text, profile), format!("'{text}"));
            }
            assert_eq!(field(kind, text, Profile::Raw), text);
            let excel = field(kind, text, Profile::Excel);
            // What is only digits and signs is held as text instead.
            assert!(
                [format!("'{text}"), format!("=\"{text}\"")].contains(&excel),
                "{excel}"
            );
        }
        for kind in KINDS {
            let in_list = field(kind, list(&[text]), Profile::Standard);
            assert_eq!(in_list, format!("'{text}"), "{kind:?}");
            let first_of_list = field(kind, list(&[text, "b"]), Profile::Standard);
            assert_eq!(first_of_list, format!("'{text}, b"), "{kind:?}");
        }
        assert!(model::guarded(text), "{text:?}");
    }
}

#[test]
fn harmless_texts_are_left_alone() {
    for text in HARMLESS {
        for profile in [Profile::Standard, Profile::Tsv, Profile::Raw] {
            assert_eq!(field(Kind::Text, text, profile), text);
        }
        assert_eq!(read_back(text, Kind::Text), text);
        assert!(!model::guarded(text), "{text:?}");
    }
}

#[test]
fn phones_survive_byte_for_byte_in_fields_of_every_kind() {
    for phone in PHONES {
        for kind in KINDS {
            for profile in [Profile::Standard, Profile::Raw, Profile::Tsv] {
                assert_eq!(field(kind, phone, profile), phone, "{kind:?}");
                assert_eq!(field(kind, list(&[phone]), profile), phone, "{kind:?}");
                let two = format!("{phone}, 555-0199");
                assert_eq!(field(kind, list(&[phone, "555-0199"]), profile), two);
                let reversed = format!("(555) 0199, {phone}");
                assert_eq!(field(kind, list(&["(555) 0199", phone]), profile), reversed);
            }
        }
        for profile in [Profile::Excel, Profile::ExcelSemicolon] {
            let written = field(Kind::Phone, phone, profile);
            assert_eq!(read_back(&written, Kind::Phone), phone);
            assert!(!written.starts_with('\''), "{written}");
        }
        assert!(model::phones(phone), "{phone}");
        assert_eq!(unguard(phone, Kind::Phone), phone);
        // Someone typed the apostrophe: it is theirs, and comes back.
        let typed = format!("'{phone}");
        assert_eq!(
            field(Kind::Phone, typed.as_str(), Profile::Standard),
            format!("'{typed}")
        );
        assert_eq!(unguard(&format!("'{typed}"), Kind::Phone), typed);
        assert_eq!(unguard(&typed, Kind::Phone), typed);
    }
}

/// BI2: ways to write a phone, in the countries of the corpus, all of them different: whoever imports the file elsewhere
/// finds each as it was stored.
#[test]
fn four_hundred_formats_of_phones_survive_byte_for_byte() {
    let formats = corpus::phone_formats();
    assert!(formats.len() >= 400, "{}", formats.len());
    let columns = [
        column("x", "x", Kind::Phone),
        column("y", "y", Kind::Phones),
        column("z", "z", Kind::Text),
    ];
    let leads: Vec<Lead> = formats
        .iter()
        .map(|phone| {
            let phone = phone.as_str();
            lead([
                ("x", phone.into()),
                ("y", list(&[phone, "555-0199"])),
                ("z", phone.into()),
            ])
        })
        .collect();
    for profile in [Profile::Standard, Profile::Raw, Profile::Tsv] {
        let out = file(&columns, &format(profile, Header::None), &leads);
        let rows = model::parse(&out, Dialect::of(profile).delimiter);
        assert_eq!(rows.len(), formats.len());
        for (row, phone) in rows.iter().zip(&formats) {
            let listed = format!("{phone}, 555-0199");
            let expected = [phone.as_bytes(), listed.as_bytes(), phone.as_bytes()];
            assert_eq!(row, &expected, "{profile:?}");
        }
    }
    for phone in &formats {
        assert!(!model::guarded(phone), "{phone}");
        for profile in [Profile::Excel, Profile::ExcelSemicolon] {
            let written = field(Kind::Phone, phone.as_str(), profile);
            assert_eq!(read_back(&written, Kind::Phone), phone);
        }
    }
}

#[test]
fn exempt_ids_instants_and_days_are_written_as_they_are() {
    for id in ["a", "0", "A-b_c.d:e", "1.5", "L-", "9__", "deadbeef-0000"] {
        assert_eq!(field(Kind::Id, id, Profile::Standard), id);
    }
    for id in ["=1", "-a", "@a", " =a", "+x"] {
        assert_eq!(field(Kind::Id, id, Profile::Standard), format!("'{id}"));
    }
    assert_eq!(
        field(Kind::Instant, "2026-11-22T02:43:00.000Z", Profile::Standard),
        "2026-11-22T02:43:00.000Z"
    );
    assert_eq!(
        field(Kind::Date, "2026-11-22", Profile::Standard),
        "2026-11-22"
    );
}

#[test]
fn a_reader_takes_off_one_apostrophe_and_only_a_guard() {
    for (cell, kind, text) in [
        ("'=1", Kind::Text, "=1"),
        ("''=1", Kind::Text, "'=1"),
        ("'-5", Kind::Text, "-5"),
        ("'-5", Kind::Number, "'-5"),
        ("'-5-5", Kind::Number, "-5-5"),
        ("''-5", Kind::Number, "'-5"),
        ("'+1 555", Kind::Text, "'+1 555"),
        ("'a", Kind::Text, "'a"),
        ("'", Kind::Text, "'"),
        ("", Kind::Text, ""),
        ("=1", Kind::Text, "=1"),
        ("' =1", Kind::Text, " =1"),
        ("'\u{feff}＝1", Kind::Text, "\u{feff}＝1"),
        ("=\"00123\"", Kind::Text, "00123"),
        ("=\"abc\"", Kind::Text, "=\"abc\""),
    ] {
        assert_eq!(read_back(cell, kind), text, "{cell:?} {kind:?}");
    }
}

/// The guard against the slow model; that it is closed and reversible; that the file keeps its structure.
#[test]
fn guard_equals_its_model_on_hostile_cells() {
    let mut hostile = Hostile(7);
    let (mut guarded, mut phones) = (0, 0);
    // `make security` asks for ten million.
    let cells = std::env::var("CELLS").map_or(100_000, |cells| cells.parse().unwrap());
    for _ in 0..cells {
        let text = hostile.text();
        let needed = guard::is_needed(text.as_bytes(), false);
        assert_eq!(needed, model::guarded(&text), "{text:?}");
        guarded += usize::from(needed);
        phones += usize::from(model::phones(&text) && text.starts_with('+'));
        let written = if needed {
            format!("'{text}")
        } else {
            text.clone()
        };
        assert_eq!(unguard(&written, Kind::Text), text, "bijective");
        assert!(!model::guarded(&written) || needed, "closed: {written:?}");
        // Guarding what is guarded is reversible too, so files can be imported and exported again and again.
        let twice = if guard::is_needed(written.as_bytes(), false) {
            format!("'{written}")
        } else {
            written.clone()
        };
        assert_eq!(unguard(&twice, Kind::Text), written);
        let numeric = guard::is_needed(text.as_bytes(), true);
        let written = if numeric {
            format!("'{text}")
        } else {
            text.clone()
        };
        assert_eq!(unguard(&written, Kind::Number), text);
    }
    println!("{cells} cells, {guarded} guarded, {phones} phones with +");
    // The generator would prove nothing if it missed one side.
    assert!(
        guarded > 20_000 && phones > 2_000,
        "{guarded} guarded, {phones} phones"
    );
}

/// Every cell, alone and in a row, in every profile: what is read back is what was stored, less the guard.
#[test]
fn hostile_cells_stay_cells() {
    let mut generator = Hostile(11);
    let generated: Vec<String> = (0..3_000).map(|_| generator.text()).collect();
    let kept = HOSTILE
        .iter()
        .chain(&PAYLOADS)
        .chain(&PHONES)
        .chain(&HARMLESS);
    let texts: Vec<&str> = kept
        .copied()
        .chain(generated.iter().map(String::as_str))
        .collect();
    let columns = ["a", "b", "c"].map(|key| column(key, key, Kind::Text));
    let leads: Vec<Lead> = texts
        .iter()
        .map(|text| {
            lead([
                ("a", (*text).into()),
                ("b", "x".into()),
                ("c", (*text).into()),
            ])
        })
        .collect();
    for profile in PROFILES {
        let dialect = Dialect::of(profile);
        for width in [1, 3] {
            let out = file(&columns[..width], &format(profile, Header::Keys), &leads);
            let body = out.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&out);
            let rows = model::parse(body, dialect.delimiter);
            assert_eq!(rows.len(), texts.len() + 1);
            let mut rewritten = String::new();
            for (row, text) in rows[1..].iter().zip(&texts) {
                assert_eq!(row.len(), width);
                for cell in row.iter().step_by(2) {
                    let cell = str::from_utf8(cell).unwrap();
                    let back = if profile == Profile::Raw {
                        cell
                    } else {
                        read_back(cell, Kind::Text)
                    };
                    assert_eq!(back, *text, "{profile:?}");
                    let trigger = dialect.guard && model::guarded(cell) && !cell.starts_with('\'');
                    assert!(
                        !trigger || (dialect.excel && cell.starts_with("=\"")),
                        "{cell:?}"
                    );
                }
            }
            // Quoted exactly where the contract says so, by another writer.
            for row in &rows {
                for (index, cell) in row.iter().enumerate() {
                    let cell = str::from_utf8(cell).unwrap();
                    if index > 0 {
                        rewritten.push(char::from(dialect.delimiter));
                    }
                    if model::quoted(cell, char::from(dialect.delimiter), width == 1) {
                        rewritten.push('"');
                        rewritten.push_str(&cell.replace('"', "\"\""));
                        rewritten.push('"');
                    } else {
                        rewritten.push_str(cell);
                    }
                }
                rewritten.push_str("\r\n");
            }
            assert!(rewritten.as_bytes() == body, "{profile:?}");
        }
    }
}
