//! RFC 4180, byte order mark, header row, and the profiles as a whole.

use super::*;

#[test]
fn a_cell_is_quoted_exactly_when_the_contract_says_so() {
    let plain = [
        "",
        "a",
        "a b",
        "a;b",
        "a\tb",
        "a'b",
        "ä",
        "日本語",
        "a\0b",
        "\u{a0}a\u{a0}",
        "\\",
        "a\u{2028}b",
        "\u{85}",
        "#x",
        "e\u{301}",
        "\u{202e}abc",
        "a|b",
        "👩‍👩‍👧",
        "\u{10ffff}",
        "\u{feff}x",
        "\u{1}",
        "a\u{b}",
    ];
    for text in plain {
        assert_eq!(cell(Kind::Text, text, Profile::Standard), text, "{text:?}");
        assert_eq!(cell(Kind::Text, text, Profile::Raw), text, "{text:?}");
    }
    let quoted = [
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("\"", "\"\"\"\""),
        ("\"\"", "\"\"\"\"\"\""),
        ("a\rb", "\"a\rb\""),
        ("a\nb", "\"a\nb\""),
        ("a\r\nb", "\"a\r\nb\""),
        ("a\n", "\"a\n\""),
        (" a", "\" a\""),
        ("a ", "\"a \""),
        (" ", "\" \""),
        ("x\",\"y", "\"x\"\",\"\"y\""),
        ("日本,語", "\"日本,語\""),
    ];
    for (text, written) in quoted {
        assert_eq!(cell(Kind::Text, text, Profile::Standard), written);
        assert_eq!(cell(Kind::Text, text, Profile::Raw), written);
    }
    for (text, comma, semicolon, tab) in [
        ("a,b", "\"a,b\"", "a,b", "a,b"),
        ("a;b", "a;b", "\"a;b\"", "a;b"),
        ("a\tb", "a\tb", "a\tb", "\"a\tb\""),
    ] {
        assert_eq!(cell(Kind::Text, text, Profile::Excel), comma);
        assert_eq!(cell(Kind::Text, text, Profile::ExcelSemicolon), semicolon);
        assert_eq!(cell(Kind::Text, text, Profile::Tsv), tab);
    }
}

#[test]
fn only_an_empty_cell_alone_in_its_row_is_quoted_for_being_empty() {
    let one = [column("x", "x", Kind::Text)];
    let two = [column("x", "x", Kind::Text), column("y", "y", Kind::Date)];
    for value in [Value::from(""), Value::Null, list(&[]), list(&["", ""])] {
        for profile in PROFILES {
            let format = format(profile, Header::None);
            let leads = [lead([("x", value.clone())])];
            let bom = if Dialect::of(profile).excel {
                "\u{feff}"
            } else {
                ""
            };
            let out = file(&one, &format, &leads);
            assert_eq!(out, format!("{bom}\"\"\r\n").as_bytes(), "{value:?}");
            let out = file(&two, &format, &leads);
            let delimiter = char::from(Dialect::of(profile).delimiter);
            assert_eq!(out, format!("{bom}{delimiter}\r\n").as_bytes());
        }
    }
    let header = [column("x", "", Kind::Text)];
    let out = file(&header, &format(Profile::Standard, Header::Labels), &[]);
    assert_eq!(out, b"\"\"\r\n");
}

#[test]
fn first_row_holds_the_headers_or_is_not_there() {
    let columns = [
        column("lead_id", "Lead ID", Kind::Id),
        column("x", "Sold, or \"not\"", Kind::Text),
    ];
    let leads = [lead([("x", "é".into())])];
    for header in [Header::Keys, Header::Labels] {
        let out = file(&columns, &format(Profile::Standard, header), &leads);
        let expected = "Lead ID,\"Sold, or \"\"not\"\"\"\r\nl-1,é\r\n";
        assert_eq!(out, expected.as_bytes());
    }
    let out = file(&columns, &format(Profile::Standard, Header::None), &leads);
    assert_eq!(out, "l-1,é\r\n".as_bytes());
    let out = file(&columns, &format(Profile::Excel, Header::None), &leads);
    assert_eq!(out, "\u{feff}l-1,é\r\n".as_bytes());
    let out = file(&columns, &format(Profile::Excel, Header::None), &[]);
    assert_eq!(out, "\u{feff}".as_bytes());
}

#[test]
fn headers_are_guarded_but_never_wrapped_for_excel() {
    for (header, guarded) in [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("@x", "'@x"),
        (" =x, y", "\"' =x, y\""),
        ("＝x", "'＝x"),
        ("2026", "2026"),
        ("+1 555 0100", "+1 555 0100"),
    ] {
        let columns = [
            column("x", header, Kind::Number),
            column("y", "y", Kind::Text),
        ];
        let standard = file(&columns, &format(Profile::Standard, Header::Labels), &[]);
        assert_eq!(standard, format!("{guarded},y\r\n").as_bytes());
        let excel = file(&columns, &format(Profile::Excel, Header::Labels), &[]);
        assert_eq!(excel, format!("\u{feff}{guarded},y\r\n").as_bytes());
    }
    let raw = file(
        &[column("x", "=1+1", Kind::Text)],
        &format(Profile::Raw, Header::Keys),
        &[],
    );
    assert_eq!(raw, b"=1+1\r\n");
}

/// The table of profiles: one lead, every profile, byte for byte.
#[test]
fn each_profile_is_written_as_its_row_of_the_table_says() {
    let columns = [
        column("lead_id", "lead_id", Kind::Id),
        column("phone", "phone", Kind::Phone),
        column("zip", "zip", Kind::Text),
        column("note", "note", Kind::Text),
        column("income", "income", Kind::Number),
        column("emails", "emails", Kind::List),
        column("created_at", "created_at", Kind::Instant),
        column("source_id", "source_id", Kind::Id),
    ];
    let leads = [lead([
        ("phone", "+1 555 0100".into()),
        ("zip", "01234".into()),
        ("note", "=1;2".into()),
        ("income", number("-1234.50")),
        ("emails", list(&["a@b", "c@d"])),
    ])];
    for (profile, expected) in [
        (
            Profile::Standard,
            "lead_id,phone,zip,note,income,emails,created_at,source_id\r\n\
             l-1,+1 555 0100,01234,'=1;2,-1234.50,\"a@b, c@d\",2026-11-22T02:43:00.120Z,home-insurance\r\n",
        ),
        (
            Profile::Raw,
            "lead_id,phone,zip,note,income,emails,created_at,source_id\r\n\
             l-1,+1 555 0100,01234,=1;2,-1234.50,\"a@b, c@d\",2026-11-22T02:43:00.120Z,home-insurance\r\n",
        ),
        (
            Profile::Excel,
            "\u{feff}lead_id,phone,zip,note,income,emails,created_at,source_id\r\n\
             l-1,\"=\"\"+1 555 0100\"\"\",\"=\"\"01234\"\"\",'=1;2,-1234.50,\"a@b, c@d\",2026-11-22 02:43:00,home-insurance\r\n",
        ),
        (
            Profile::ExcelSemicolon,
            "\u{feff}lead_id;phone;zip;note;income;emails;created_at;source_id\r\n\
             l-1;\"=\"\"+1 555 0100\"\"\";\"=\"\"01234\"\"\";\"'=1;2\";-1234,50;a@b, c@d;2026-11-22 02:43:00;home-insurance\r\n",
        ),
        (
            Profile::Tsv,
            "lead_id\tphone\tzip\tnote\tincome\temails\tcreated_at\tsource_id\r\n\
             l-1\t+1 555 0100\t01234\t'=1;2\t-1234.50\ta@b, c@d\t2026-11-22T02:43:00.120Z\thome-insurance\r\n",
        ),
    ] {
        let out = file(&columns, &format(profile, Header::Keys), &leads);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{profile:?}");
    }
}

#[test]
fn attributes_are_those_that_the_columns_read() {
    let columns =
        ["name", "email", "phones", "source_id", "zip"].map(|key| column(key, key, Kind::Text));
    let names: Vec<&str> = attributes(&columns).collect();
    assert_eq!(
        names,
        [
            "first_name",
            "last_name",
            "name",
            "email",
            "emails",
            "phone",
            "phones",
            "zip"
        ]
    );
}

#[test]
fn fallbacks_are_read_and_made_values_do_not_leak_into_other_cells() {
    let columns = [
        column("name", "name", Kind::Derived),
        column("email", "email", Kind::Text),
        column("emails", "emails", Kind::List),
        column("phones", "phones", Kind::Phones),
    ];
    let leads = [
        lead([
            ("first_name", "=Ann".into()),
            ("last_name", "Lee, Jr".into()),
            ("emails", list(&["a@b", "c@d"])),
            ("phone", "+1 2".into()),
        ]),
        lead([("email", "x@y".into())]),
    ];
    let out = file(&columns, &format(Profile::Standard, Header::None), &leads);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\"'=Ann Lee, Jr\",a@b,\"a@b, c@d\",+1 2\r\n,x@y,x@y,\r\n"
    );
}
