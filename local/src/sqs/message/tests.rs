use super::*;

fn text(data_type: &str, value: &str) -> Attribute {
    Attribute {
        data_type: data_type.into(),
        string_value: Some(value.into()),
        binary_value: None,
    }
}

fn binary(value: &[u8]) -> Attribute {
    Attribute {
        data_type: "Binary".into(),
        string_value: None,
        binary_value: Some(STANDARD.encode(value)),
    }
}

fn with(name: &str, attribute: Attribute) -> Outgoing {
    Outgoing {
        attributes: Some(BTreeMap::from([(name.to_owned(), attribute)])),
        ..Outgoing::new("body")
    }
}

fn refused(message: &Outgoing) -> Code {
    message
        .check()
        .expect_err(&format!("{message:?} passed"))
        .code
}

#[test]
fn body_is_at_least_one_character() {
    assert_eq!(refused(&Outgoing::new("")), Code::MissingParameter);
    Outgoing::new(" ").check().unwrap();
}

#[test]
fn characters_are_those_of_xml() {
    let edges = "\u{9}\u{A}\u{D}\u{20}\u{7F}\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}";
    Outgoing::new(edges).check().unwrap();
    for bad in [
        '\0', '\u{8}', '\u{B}', '\u{C}', '\u{E}', '\u{1F}', '\u{FFFE}', '\u{FFFF}',
    ] {
        let body = Outgoing::new(format!("a{bad}b"));
        assert_eq!(refused(&body), Code::InvalidMessageContents, "{bad:?}");
        let attribute = with("name", text("String", &bad.to_string()));
        assert_eq!(refused(&attribute), Code::InvalidMessageContents, "{bad:?}");
    }
}

#[test]
fn delay_is_0_to_900_seconds() {
    for (delay, good) in [(-1, false), (0, true), (900, true), (901, false)] {
        let message = Outgoing {
            delay_seconds: Some(delay),
            ..Outgoing::new("body")
        };
        assert_eq!(message.check().is_ok(), good, "{delay}");
    }
}

#[test]
fn group_is_1_to_128_printable_ascii_characters() {
    for (group, good) in [
        ("org#1".to_owned(), true),
        ("x".repeat(128), true),
        ("x".repeat(129), false),
        (String::new(), false),
        ("a b".into(), false),
        ("é".into(), false),
    ] {
        let message = Outgoing {
            group: Some(group.clone()),
            ..Outgoing::new("body")
        };
        assert_eq!(message.check().is_ok(), good, "{group}");
    }
}

#[test]
fn deduplication_is_for_fifo_queues() {
    let message: Outgoing =
        serde_json::from_str(r#"{"MessageBody":"b","MessageDeduplicationId":"1"}"#).unwrap();
    assert_eq!(refused(&message), Code::InvalidParameterValue);
}

#[test]
fn attribute_names_follow_the_page() {
    for good in ["a", "A_b-c.9", &"x".repeat(256), "awsome", "amazonas"] {
        with(good, text("String", "v")).check().unwrap();
    }
    for bad in [
        "",
        ".a",
        "a.",
        "a..b",
        "a b",
        "é",
        "AWS.a",
        "aws.a",
        "Amazon.a",
        "AMAZON.a",
        &"x".repeat(257),
    ] {
        assert_eq!(
            refused(&with(bad, text("String", "v"))),
            Code::InvalidParameterValue,
            "{bad}"
        );
    }
}

#[test]
fn attribute_values_are_of_their_type() {
    for good in [
        text("String", "v"),
        text("String.label", "v"),
        text("Number", "-1.5e3"),
        text("Number.int", "7"),
        binary(b"\0"),
    ] {
        with("a", good).check().unwrap();
    }
    let mut both = text("String", "v");
    both.binary_value = Some("AA==".into());
    let mut not_base64 = binary(b"");
    not_base64.binary_value = Some("*".into());
    for bad in [
        text("String", ""),
        text("Text", "v"),
        text("", "v"),
        text("string", "v"),
        text("Number", "seven"),
        text("Number", "inf"),
        text("Number", ""),
        text("Binary", "v"),
        binary(b""),
        both,
        not_base64,
    ] {
        assert_eq!(
            refused(&with("a", bad.clone())),
            Code::InvalidParameterValue,
            "{bad:?}"
        );
    }
}

#[test]
fn ten_attributes_are_the_most() {
    let many = |count: usize| Outgoing {
        attributes: Some(
            (0..count)
                .map(|n| (format!("a{n}"), text("String", "v")))
                .collect(),
        ),
        ..Outgoing::new("body")
    };
    many(10).check().unwrap();
    assert_eq!(refused(&many(11)), Code::InvalidParameterValue);
}

#[test]
fn trace_header_is_the_only_system_attribute() {
    let system = |name: &str, attribute| Outgoing {
        system_attributes: Some(BTreeMap::from([(name.to_owned(), attribute)])),
        ..Outgoing::new("body")
    };
    let good = system(
        "AWSTraceHeader",
        text("String", "Root=1-5759e988-bd862e3fe1be46a994272793"),
    );
    good.check().unwrap();
    assert!(good.trace().is_some());
    assert_eq!(good.size_bytes(), 4);
    assert_eq!(
        refused(&system("AWSTraceHeader", text("Number", "1"))),
        Code::InvalidParameterValue
    );
    assert_eq!(
        refused(&system("SenderId", text("String", "me"))),
        Code::InvalidParameterValue
    );
}

#[test]
fn size_counts_names_types_and_raw_values() {
    let message = with("name", binary(&[0; 100]));
    assert_eq!(message.size_bytes(), 4 + 4 + 6 + 100);
}

/// Digests computed with the algorithm's published implementation in Python (`hashlib`, `struct.pack("!I", …)`).
#[test]
fn digests_equal_those_of_an_independent_implementation() {
    assert_eq!(md5_of_text("hello"), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    let attributes = BTreeMap::from([
        ("city".to_owned(), text("String", "Zürich")),
        ("Age".to_owned(), text("Number.int", "42")),
        ("raw".to_owned(), binary(&[0, 1, 255])),
    ]);
    assert_eq!(
        md5_of_attributes(&attributes).as_deref(),
        Some("2e08d3de79aff68d0d11bc2c6c33621c")
    );
}
