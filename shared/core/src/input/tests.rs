use super::*;
use proptest::prelude::*;
use serde_json::json;

fn errors(result: Result<impl fmt::Debug, InvalidRequest>) -> Vec<String> {
    let invalid = result.unwrap_err();
    assert!(!invalid.errors.is_empty());
    let field = |error: FieldError| format!("{}: {}", error.field, error.message);
    invalid.errors.into_iter().map(field).collect()
}

#[test]
fn what_is_no_json_object_is_malformed() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let bodies: [&[u8]; 17] = [
        b" ",
        b"{",
        b"{}x",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"{\"a\":NaN}",
        b"{\"a\":\"\t\"}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"\"{}\"",
        b"{\"a\":\"\\ud800\"}",
        b"{\"\\ud800\":1}",
        b"{\"a\":1,\"a\":1}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let error = Json::object(body).unwrap_err();
        assert_eq!(
            error.fault,
            Fault::Malformed,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(Json::object(b"").unwrap(), Json::object(b" {} ").unwrap());
}

#[test]
fn nesting_ends_at_32_levels() {
    let body = |lists: usize| format!("{{\"a\":{}{}}}", "[".repeat(lists), "]".repeat(lists));
    assert!(Json::object(body(31).as_bytes()).is_ok());
    let errors = errors(Json::object(body(32).as_bytes()));
    assert!(errors[0].contains("32 lists and objects"), "{errors:?}");
}

#[test]
fn every_repeated_key_is_named_even_if_spelled_otherwise() {
    let body = br#"{"a":{"b":1,"\u0062":2},"c":[0,{"d":1,"d":1}],"a":1}"#;
    assert_eq!(
        errors(Json::object(body)),
        [
            "a.b: is given twice",
            "c[1].d: is given twice",
            "a: is given twice"
        ]
    );
}

#[test]
fn numbers_keep_their_text_and_lose_no_digit_when_shown() {
    let body = br#"{"a":1.50,"b":9007199254740993.5,"c":1e400,"d":-0,"e":18446744073709551615}"#;
    let json = Json::object(body).unwrap();
    assert_eq!(json.member("a"), Some(&Json::Number("1.50".into())));
    assert_eq!(
        json.to_value(),
        json!({"a": 1.5, "b": "9007199254740993.5", "c": "1e400", "d": -0.0, "e": u64::MAX})
    );
}

#[test]
fn all_bad_fields_are_recorded_with_their_paths() {
    let body = br#"{"a":1,"b":[true,""],"c":{"x":"no","y":0.5},"z":null,"zz":{}}"#;
    let json = Json::object(body).unwrap();
    let mut problems = Problems::default();
    let mut members = Node::root(&json).members(&mut problems).unwrap();
    assert_eq!(members.take("a").unwrap().text(&mut problems), None);
    for item in members.take("b").unwrap().list(&mut problems).unwrap() {
        assert_eq!(item.text(&mut problems), None);
    }
    let mut inner = members.take("c").unwrap().members(&mut problems).unwrap();
    let choices = [("yes", 1), ("perhaps", 2)];
    assert_eq!(
        inner.take("x").unwrap().choice(&mut problems, &choices),
        None
    );
    assert_eq!(inner.take("y").unwrap().whole(&mut problems, 1, 100), None);
    assert!(inner.need(&mut problems, "w").is_none());
    inner.finish(&mut problems);
    members.finish(&mut problems);
    let result = problems.or(Some(()));
    assert_eq!(result.as_ref().unwrap_err().fault, Fault::Malformed);
    assert_eq!(
        errors(result),
        [
            "a: must be a text, not a number",
            "b[0]: must be a text, not true or false",
            "b[1]: must not be empty",
            "c.x: 'no' is none of: yes, perhaps",
            "c.y: must be a whole number from 1 to 100",
            "c.w: is missing",
            "z: is unknown: known are a, b, c",
            "zz: is unknown: known are a, b, c",
        ]
    );
}

#[test]
fn a_refused_value_alone_is_not_malformed() {
    let mut problems = Problems::default();
    problems.refuse("limit", "is too large");
    let invalid = problems.or(Some(())).unwrap_err();
    assert_eq!(invalid.fault, Fault::Refused);
    assert_eq!(invalid.to_string(), "limit: is too large");
}

#[test]
fn words_of_a_query_read_as_what_is_wanted() {
    let query = [
        ("limit", "50"),
        ("all", "true"),
        ("status", "failed"),
        ("empty", ""),
        ("bad", "5x"),
    ];
    let json = Json::query(query).unwrap();
    let mut problems = Problems::default();
    let mut members = Node::root(&json).members(&mut problems).unwrap();
    let mut take = |key| members.take(key).unwrap();
    assert_eq!(take("limit").whole(&mut problems, 1, 100), Some(50));
    assert_eq!(take("all").bool(&mut problems), Some(true));
    assert_eq!(take("status").text(&mut problems), Some("failed"));
    assert!(!problems.any());
    assert_eq!(take("empty").text(&mut problems), None);
    assert_eq!(take("bad").whole(&mut problems, 1, 100), None);
    assert_eq!(
        errors(problems.or(Some(()))),
        [
            "empty: must not be empty",
            "bad: must be a number, not a text"
        ]
    );
    assert_eq!(
        errors(Json::query([("a", "1"), ("a", "2")])),
        ["a: is given twice"]
    );
}

#[test]
fn an_answer_stays_small_whatever_is_wrong() {
    let long = "k".repeat(30_000);
    let mut body = format!("{{\"{long}\":{{");
    body.extend((0..20_000).map(|_| "\"a\":1,"));
    body.push_str("\"b\":2}}");
    let errors = errors(Json::object(body.as_bytes()));
    assert_eq!(errors.len(), 501);
    assert_eq!(errors[500], ": 19499 more fields are bad");
    assert!(errors.iter().map(String::len).sum::<usize>() < 100_000);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        "\\PC{0,6}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
            proptest::collection::btree_map("\\PC{0,4}", inner, 0..5)
                .prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_serde_json_reads_it(value in value()) {
        let body = json!({ "a": value });
        prop_assert_eq!(Json::object(body.to_string().as_bytes()).unwrap().to_value(), body.clone());
        let pretty = serde_json::to_string_pretty(&body).unwrap();
        prop_assert_eq!(Json::object(pretty.as_bytes()).unwrap().to_value(), body);
    }

    #[test]
    fn any_bytes_are_read_or_refused_as_serde_json_does(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..60).boxed(), "[{}\\[\\]\":,0-9a-eE.+-]{0,40}".prop_map(String::into_bytes).boxed()]
    ) {
        let known: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(&bytes);
        match Json::object(&bytes) {
            Ok(_) if bytes.is_empty() => {}
            Ok(json) => prop_assert!(known.is_ok() || format!("{json:?}").contains("Number"), "{json:?}"),
            Err(error) => prop_assert_eq!(error.fault, Fault::Malformed),
        }
    }
}
