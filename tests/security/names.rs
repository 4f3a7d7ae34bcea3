//! BI3, TM10: the name that a file is downloaded under, as a browser reads it: RFC 6266 and RFC 8187, by a parser of its own.

use lead_export_core::lead::SourceId;

use crate::cases;
use crate::dice::Dice;
use crate::link::signed;
use crate::sigv4::Asked;

/// The parameters of a `Content-Disposition`, read strictly: RFC 6266 §4.1 over the tokens of RFC 9110 §5.6.
fn parsed(header: &str) -> Option<(String, Vec<(String, String)>)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let bytes = header.as_bytes();
    let mut at = 0;
    let token = |at: &mut usize| {
        let from = *at;
        while bytes.get(*at).is_some_and(|byte| is_token(*byte)) {
            *at += 1;
        }
        (*at > from).then(|| header[from..*at].to_owned())
    };
    let kind = token(&mut at)?;
    let mut parameters = Vec::new();
    while at < bytes.len() {
        if bytes[at] != b';' {
            return None;
        }
        at += 1;
        while bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        let name = token(&mut at)?;
        if bytes.get(at) != Some(&b'=') {
            return None;
        }
        at += 1;
        let value = if bytes.get(at) == Some(&b'"') {
            at += 1;
            let mut value = String::new();
            loop {
                match bytes.get(at)? {
                    b'"' => break,
                    b'\\' => {
                        at += 1;
                        value.push(char::from(*bytes.get(at)?));
                    }
                    byte @ (b' '..=b'~' | b'\t') => value.push(char::from(*byte)),
                    _ => return None,
                }
                at += 1;
            }
            at += 1;
            value
        } else {
            token(&mut at)?
        };
        if parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value));
    }
    Some((kind, parameters))
}

/// `ext-value` of RFC 8187 §3.2.1.
fn extended(value: &str) -> Option<String> {
    let rest = value.strip_prefix("UTF-8''")?;
    let mut bytes = Vec::new();
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        match byte {
            b'%' => {
                let digits = [left.next()?, left.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) => {
                bytes.push(byte);
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

async fn disposition(name: &str) -> String {
    let asked = Asked::get(&signed(name).await);
    let (_, value) = asked
        .query
        .iter()
        .find(|(name, _)| name == "response-content-disposition")
        .unwrap();
    percent_encoding::percent_decode_str(value)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

async fn check(name: &str) {
    let header = disposition(name).await;
    assert!(
        header.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{header:?}"
    );
    let (kind, parameters) = parsed(&header).unwrap_or_else(|| panic!("{header:?}"));
    assert_eq!(kind, "attachment", "{header}");
    let [(plain_name, plain), (full_name, full)] = parameters.as_slice() else {
        panic!("{header}")
    };
    assert_eq!(
        (plain_name.as_str(), full_name.as_str()),
        ("filename", "filename*")
    );
    assert_eq!(extended(full).as_deref(), Some(name), "{header}");
    // What an old browser stores it under leads nowhere else.
    assert!(
        !plain.contains(['/', '\\', '"', '%', ':']) || name.contains(':'),
        "{header}"
    );
    assert_eq!(plain.chars().count(), name.chars().count());
}

#[tokio::test]
async fn any_name_is_a_header_that_reads_back() {
    for name in [
        "crm.csv",
        "",
        "..",
        "../../etc/passwd",
        "..\\..\\x.exe",
        "a\r\nSet-Cookie: x=1",
        "a\"; filename=\"b.exe",
        "a\"\\\"b",
        "%0d%0aX: y",
        "\u{202e}vsc.exe",
        "\u{2066}x\u{2069}.csv",
        "Größe 日本語 👍.csv",
        "e\u{301}.csv",
        "a;b=c.csv",
        "a'b''c.csv",
        "CON.csv",
        "a\0b.csv",
        "UTF-8''x.csv",
        "=?utf-8?q?x?=.csv",
        "a\tb.csv",
        " .csv",
        "\u{feff}x.csv",
        "\u{7f}.csv",
        "\u{85}.csv",
    ] {
        check(name).await;
    }
    let mut dice = Dice(3);
    for _ in 0..cases(3_000) {
        check(&dice.text(12)).await;
    }
}

#[test]
fn parser_refuses_what_is_no_header() {
    for bad in [
        "",
        "attachment;",
        "attachment; filename",
        "attachment; filename=\"a",
        "attachment; filename=a b",
        "attachment; filename=\"a\r\n\"",
        "attachment; filename=a; filename=b",
        "attachment filename=a",
        "attachment; filename=\"é\"",
    ] {
        assert_eq!(parsed(bad), None, "{bad:?}");
    }
    assert!(parsed("attachment; filename=\"a\\\"b\"; filename*=UTF-8''a%22b").is_some());
    for bad in [
        "utf-8''a",
        "UTF-8'en'a",
        "UTF-8''%4",
        "UTF-8''%zz",
        "UTF-8''a b",
        "UTF-8''(",
        "UTF-8''%ff",
    ] {
        assert_eq!(extended(bad), None, "{bad}");
    }
}

/// A source's display name may be anything; its id, which names files and stands in keys, may not.
#[test]
fn source_ids_are_slugs_and_nothing_else_names_a_file() {
    for good in ["a", "0", "home-insurance", &"a".repeat(63)] {
        assert!(SourceId::parse(good).is_ok(), "{good}");
    }
    let mut dice = Dice(33);
    let mut refused = 0;
    let model = |text: &str| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    for _ in 0..cases(100_000) {
        let text = dice.text(5);
        assert_eq!(SourceId::parse(&text).is_ok(), model(&text), "{text:?}");
        refused += u32::from(!model(&text));
    }
    assert!(refused > 10_000);
    assert!(SourceId::parse("a".repeat(64)).is_err());
}
