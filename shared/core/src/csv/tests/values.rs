//! Values of every shape in fields of every kind.

use super::*;

#[test]
fn missing_and_null_are_empty_whatever_the_kind() {
    for kind in KINDS {
        for profile in PROFILES {
            assert_eq!(cell(kind, Value::Null, profile), "");
            assert_eq!(cell(kind, "", profile), "");
        }
    }
}

#[test]
fn values_are_written_by_their_shape() {
    let nested = map(&[
        (
            "b",
            Value::List(vec![number("1.50"), Value::Null, Value::Bool(true)]),
        ),
        ("a", "x\"y".into()),
        ("c", Value::Binary(vec![1])),
    ]);
    let cases = [
        (list(&["b", "a", "b"]), "b, a, b"),
        (list(&["a"]), "a"),
        (list(&["a, b", "c"]), "a, b, c"),
        (
            Value::Set(vec!["b".into(), "a".into(), "B".into()]),
            "B, a, b",
        ),
        (
            Value::List(vec![
                Value::Null,
                "a".into(),
                "".into(),
                "b".into(),
                Value::Null,
            ]),
            "a, b",
        ),
        (
            Value::List(vec![number("1.50"), Value::Bool(false), "x".into()]),
            "1.50, false, x",
        ),
        (
            Value::List(vec![list(&["a", "b"]), nested.clone()]),
            r#"["a","b"], {"a":"x\"y","b":[1.50,null,true],"c":"AQ=="}"#,
        ),
        (nested, r#"{"a":"x\"y","b":[1.50,null,true],"c":"AQ=="}"#),
        (map(&[]), "{}"),
        (Value::Binary(vec![0, 255, 16]), "AP8Q"),
        (Value::Bool(true), "true"),
        (Value::Bool(false), "false"),
        (number("0"), "0"),
        (number("-0.10"), "-0.10"),
        (number("1E+30"), "1E+30"),
        (
            number("12345678901234567890123456789012345678"),
            "12345678901234567890123456789012345678",
        ),
    ];
    for (value, text) in cases {
        for kind in KINDS {
            for profile in [Profile::Standard, Profile::Raw, Profile::Tsv] {
                assert_eq!(
                    field(kind, value.clone(), profile),
                    text,
                    "{kind:?} {profile:?}"
                );
            }
        }
    }
}

#[test]
fn a_number_is_exempt_where_it_is_stored_or_meant_as_one_and_well_formed() {
    for kind in KINDS {
        for text in ["-5", "-0.5", "-1E-7", "+5", "-.5", "-5."] {
            assert_eq!(
                field(kind, number(text), Profile::Standard),
                text,
                "{kind:?}"
            );
        }
        // No store holds such numbers; none may get through as one.
        for text in [
            "=1", "-", "-1-1", "-1+cmd", "-1E", "-1.2.3", "-.", "--1", "-1 ", "-１", "@1", "-0x1F",
        ] {
            assert_eq!(
                field(kind, number(text), Profile::Standard),
                format!("'{text}"),
                "{kind:?}"
            );
        }
    }
    assert_eq!(field(Kind::Number, "-5", Profile::Standard), "-5");
    assert_eq!(field(Kind::Number, "-5-5", Profile::Standard), "'-5-5");
    assert_eq!(field(Kind::Text, "-5", Profile::Standard), "'-5");
    assert_eq!(
        field(
            Kind::List,
            Value::List(vec![number("-5")]),
            Profile::Standard
        ),
        "'-5"
    );
    assert_eq!(field(Kind::Text, "-5", Profile::Raw), "-5");
}

#[test]
fn decimal_commas_are_for_numbers_in_excel_semicolon_alone() {
    for (value, kind, written) in [
        (number("1234.50"), Kind::Number, "1234,50"),
        (number("-0.5"), Kind::Number, "-0,5"),
        (number("1.5E-7"), Kind::Number, "1,5E-7"),
        (number("7"), Kind::Number, "7"),
        (Value::from("1.5"), Kind::Number, "1,5"),
        (number("-1.5"), Kind::Boolean, "-1,5"),
        (number("-1.5E-7"), Kind::Dropdown, "-1,5E-7"),
        (Value::from("1.5 m"), Kind::Number, "1.5 m"),
        (Value::from("v1.5"), Kind::Text, "v1.5"),
        (
            Value::List(vec![number("1.5"), number("2.5")]),
            Kind::List,
            "1.5, 2.5",
        ),
    ] {
        assert_eq!(cell(kind, value.clone(), Profile::ExcelSemicolon), written);
        assert_eq!(
            field(kind, value, Profile::Excel),
            written.replace(',', ".").replace(". ", ", ")
        );
    }
}

#[test]
fn base64_and_json_are_guarded_like_any_text() {
    assert_eq!(
        field(
            Kind::Text,
            Value::Binary(vec![0xFB, 0xEF]),
            Profile::Standard
        ),
        "'++8="
    );
    assert_eq!(
        field(Kind::Text, map(&[("=1", "=1".into())]), Profile::Standard),
        r#"{"=1":"=1"}"#
    );
}

#[test]
fn a_value_of_the_wrong_shape_is_text() {
    for kind in [Kind::Number, Kind::Instant, Kind::Date, Kind::Boolean] {
        for text in ["=1", "-x", "@SUM(A1)", "\tx"] {
            assert_eq!(field(kind, text, Profile::Standard), format!("'{text}"));
            assert_eq!(
                field(kind, list(&[text]), Profile::Standard),
                format!("'{text}")
            );
        }
        assert_eq!(
            field(kind, "5 000", Profile::Excel),
            "=\"5 000\"",
            "{kind:?}"
        );
        assert_eq!(field(kind, "5 000", Profile::Standard), "5 000");
    }
}
