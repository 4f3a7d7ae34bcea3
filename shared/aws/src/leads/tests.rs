//! The Query through a real client, against a server on loopback that answers from a script.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::operation::query::QueryError;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::page::Page;
use proptest::prelude::{Strategy as _, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::hook::Damaged;
use super::*;
use crate::page::{What, laws};

/// Gives one connection after the other one of these answers, and returns the requests.
struct Script {
    at: SocketAddr,
    requests: JoinHandle<Vec<Value>>,
}

impl Script {
    fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let requests = std::thread::spawn(move || {
            answers
                .into_iter()
                .map(|answer| {
                    let (mut stream, _) = listener.accept().unwrap();
                    let request = request(&mut stream);
                    stream.write_all(&answer).unwrap();
                    request
                })
                .collect()
        });
        Self { at, requests }
    }

    fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(format!("http://{}", self.at))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(1))
                    .with_max_backoff(Duration::from_millis(1)),
            )
            .build();
        Client::from_conf(config)
    }

    fn leads(&self) -> DynamoLeads {
        DynamoLeads::new(self.client(), "leads".into(), true)
    }

    fn requests(self) -> Vec<Value> {
        self.requests.join().unwrap()
    }
}

fn request(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request ended too early");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(head) = memchr::memmem::find(&bytes, b"\r\n\r\n") else {
            continue;
        };
        let text = String::from_utf8(bytes[..head].to_vec())
            .unwrap()
            .to_lowercase();
        assert!(
            text.contains("x-amz-target: dynamodb_20120810.query"),
            "{text}"
        );
        assert!(text.contains("authorization: aws4-hmac-sha256"), "{text}");
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if bytes.len() == head + 4 + length {
            return serde_json::from_slice(&bytes[head + 4..]).unwrap();
        }
    }
}

fn answer(status: u16, headers: &str, length: usize, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn crc(body: &str) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body.as_bytes())
}

fn good(body: &str) -> Vec<u8> {
    answer(
        200,
        &format!("x-amz-crc32: {}\r\n", crc(body)),
        body.len(),
        body,
    )
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body =
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "no"});
    let body = body.to_string();
    answer(status, "", body.len(), &body)
}

const PAGE: &str = r#"{"ConsumedCapacity":{"CapacityUnits":2.0,"TableName":"leads"},"Count":2,"Items":[
    {"PK":{"S":"acme#crm#3"},"SK":{"S":"k1"},"email":{"S":"a@b"},"tags":{"SS":["y","x"]},"more":{"M":{"b":{"N":"1.50"},"a":{"S":"\u00e4"}}}},
    {"PK":{"S":"acme#crm#3"},"SK":{"S":"k2"},"email":{"NULL":true},"tags":{"L":[{"S":"z"},{"N":"7"},{"B":"AP8="}]}}],
    "LastEvaluatedKey":{"PK":{"S":"acme#crm#3"},"SK":{"S":"k2"}},"ScannedCount":5}"#;

fn query(after: Option<&str>, descending: bool, slots: Slots) -> PageQuery {
    PageQuery {
        most: None,
        pushed: [].into(),
        org: OrgId::parse("acme").unwrap(),
        source: SourceId::parse("crm").unwrap(),
        shard: 3,
        from: LeadKey::from_stored("b"),
        to: LeadKey::from_stored("m"),
        after: after.map(LeadKey::from_stored),
        descending,
        slots,
    }
}

fn slots() -> Slots {
    Slots::new(["email", "tags", "more"])
}

fn cells(page: &Page) -> Vec<String> {
    page.rows()
        .flat_map(|row| (0..4).map(move |slot| row.cell(slot)))
        .map(|cell| {
            let texts = cell.each().map(|cell| cell.text().unwrap().to_vec());
            String::from_utf8(texts.collect::<Vec<_>>().join(&b'|')).unwrap()
        })
        .collect()
}

/// The failure of these answers, which shows nothing of the leads in them, and the number of calls.
async fn failure(answers: Vec<Vec<u8>>) -> (StoreError, usize) {
    let script = Script::new(answers);
    let error = script.leads().page(&query(None, false, slots())).await;
    let error = error.unwrap_err();
    assert!(!format!("{error:?}").contains("a@b"), "{error:?}");
    (error, script.requests().len())
}

fn cause<E: std::error::Error + 'static>(error: &StoreError) -> Option<&E> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

#[tokio::test]
async fn a_page_is_read_from_the_bytes_and_equals_the_plain_one() {
    let script = Script::new(vec![good(PAGE), good(PAGE)]);
    let query = query(Some("d"), false, slots());
    let page = script.leads().page(&query).await.unwrap();
    assert_eq!(
        cells(&page.page),
        [
            "k1",
            "a@b",
            "x|y",
            r#"{"a":"ä","b":1.50}"#,
            "k2",
            "",
            "z|7|AP8=",
            ""
        ]
    );
    assert_eq!(page.next, Some(LeadKey::from_stored("k2")));
    assert_eq!(page.scanned, 5);
    let plain = PlainLeads::new(script.client(), "leads".into(), true);
    let plain = plain.page(&query).await.unwrap();
    assert_eq!(cells(&plain.page), cells(&page.page));
    assert_eq!((plain.next, plain.scanned), (page.next, page.scanned));
    let requests = script.requests();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(
        requests[0],
        json!({
            "TableName": "leads",
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
            "ExpressionAttributeNames": {"#p": "PK", "#s": "SK", "#a0": "email", "#a1": "tags", "#a2": "more"},
            "ExpressionAttributeValues": {":p": {"S": "acme#crm#3"}, ":a": {"S": "b"}, ":b": {"S": "m"}},
            "ProjectionExpression": "#s,#a0,#a1,#a2",
            "ExclusiveStartKey": {"PK": {"S": "acme#crm#3"}, "SK": {"S": "d"}},
            "ConsistentRead": true,
            "ScanIndexForward": true,
            "ReturnConsumedCapacity": "TOTAL",
        })
    );
}

#[tokio::test]
async fn pages_of_any_shape_are_those_that_the_sdk_reads() {
    let mut runner = TestRunner::deterministic();
    let mut drawn = || {
        let items = proptest::collection::vec(laws::item(), 0..12);
        let style = any::<(u64, bool, bool, bool)>();
        let (items, style) = (items, style).new_tree(&mut runner).unwrap().current();
        laws::answer(&items, Some("k"), style)
    };
    let bodies: Vec<String> = (0..100).map(|_| drawn()).collect();
    let answers = bodies.iter().flat_map(|body| [good(body), good(body)]);
    let script = Script::new(answers.collect());
    let fast = script.leads();
    let plain = PlainLeads::new(script.client(), "leads".into(), true);
    let query = query(None, false, Slots::new(laws::NAMES));
    let mut leads = 0;
    for body in &bodies {
        let (fast, plain) = (fast.page(&query).await, plain.page(&query).await);
        let (fast, plain) = (fast.unwrap(), plain.unwrap());
        assert_eq!(
            laws::cells(&fast.page, &query.slots),
            laws::cells(&plain.page, &query.slots),
            "{body}"
        );
        assert_eq!((fast.next, fast.scanned), (plain.next, plain.scanned));
        leads += fast.page.len();
    }
    assert!(leads > 300, "{leads}");
}

#[tokio::test]
async fn many_attributes_are_not_named_and_the_sort_key_always_comes() {
    let script = Script::new(vec![good(PAGE), good(PAGE), good(PAGE)]);
    let names: Vec<String> = (0..=PROJECTED_AT_MOST).map(|n| format!("f{n}")).collect();
    let of = |count: usize| Slots::new(names[..count].iter().map(String::as_str));
    let leads = DynamoLeads::new(script.client(), "leads".into(), false);
    for count in [0, PROJECTED_AT_MOST, PROJECTED_AT_MOST + 1] {
        let page = leads.page(&query(None, true, of(count))).await.unwrap();
        assert_eq!(page.page.row(1).key(), b"k2");
    }
    let requests = script.requests();
    assert_eq!(requests[0]["ProjectionExpression"], "#s");
    let fields = requests[1]["ProjectionExpression"].as_str().unwrap();
    assert_eq!(fields.split(',').count(), PROJECTED_AT_MOST + 1);
    assert_eq!(requests[2]["ProjectionExpression"], Value::Null);
    assert_eq!(requests[2]["ExclusiveStartKey"], Value::Null);
    assert_eq!(requests[2]["ScanIndexForward"], false);
    assert_eq!(requests[2]["ConsistentRead"], false);
}

#[test]
fn a_start_outside_the_bounds_is_the_first_bound_or_the_end() {
    let after = |key: &str, descending| {
        let query = query(Some(key), descending, slots());
        Start::of(&query).map(|start| match start {
            Start::Bound => String::new(),
            Start::After(key) => key.as_str().to_owned(),
        })
    };
    let some = |text: &str| Some(text.to_owned());
    for (key, up, down) in [
        ("a", some(""), None),
        ("b", some("b"), None),
        ("b!", some("b!"), some("b!")),
        ("m", None, some("m")),
        ("m!", None, some("")),
    ] {
        assert_eq!((after(key, false), after(key, true)), (up, down), "{key}");
    }
    let mut empty = query(None, false, slots());
    assert_eq!(Start::of(&empty), Some(Start::Bound));
    empty.from = LeadKey::from_stored("z");
    assert_eq!(Start::of(&empty), None);
}

#[tokio::test]
async fn the_end_needs_no_call() {
    let script = Script::new(vec![]);
    let page = script
        .leads()
        .page(&query(Some("m"), false, slots()))
        .await
        .unwrap();
    assert!(page.page.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn refusals_stay_typed_and_are_not_tried_again() {
    let (error, calls) = failure(vec![refusal(400, "ValidationException")]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Denied, 1));
    let typed: &QueryError = cause(&error).unwrap();
    assert_eq!(typed.meta().code(), Some("ValidationException"));
    assert_eq!(typed.meta().message(), Some("no"));

    let (error, calls) = failure(vec![refusal(400, "ResourceNotFoundException")]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::NotFound, 1));
    let typed: &QueryError = cause(&error).unwrap();
    assert!(typed.is_resource_not_found_exception());
    let (error, calls) = failure(vec![refusal(400, "AccessDeniedException")]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Denied, 1));
}

#[tokio::test]
async fn throttling_is_tried_again_until_it_ends_or_the_attempts_do() {
    let throttled = || refusal(400, "ProvisionedThroughputExceededException");
    let script = Script::new(vec![
        throttled(),
        refusal(503, "ServiceUnavailable"),
        good(PAGE),
    ]);
    let page = script
        .leads()
        .page(&query(None, false, slots()))
        .await
        .unwrap();
    assert_eq!(page.page.len(), 2);
    assert_eq!(script.requests().len(), 3);

    let (error, calls) = failure(vec![throttled(), throttled(), throttled()]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Throttled, 3));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_damaged_answer_is_asked_for_again() {
    let wrong_crc = || answer(200, "x-amz-crc32: 7\r\n", PAGE.len(), PAGE);
    let no_crc = || answer(200, "x-amz-crc32: seven\r\n", PAGE.len(), PAGE);
    let cut = || answer(200, "", PAGE.len(), &PAGE[..200]);
    let script = Script::new(vec![wrong_crc(), cut(), good(PAGE)]);
    let page = script
        .leads()
        .page(&query(None, false, slots()))
        .await
        .unwrap();
    assert_eq!(page.page.len(), 2);
    assert_eq!(script.requests().len(), 3);

    let (error, calls) = failure(vec![wrong_crc(), wrong_crc(), wrong_crc()]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Unavailable, 3));
    let found = u32::try_from(crc(PAGE)).unwrap();
    assert_eq!(cause(&error), Some(&Damaged::Checksum { found, said: 7 }));
    let (error, calls) = failure(vec![no_crc(), no_crc(), no_crc()]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Unavailable, 3));
    let (error, calls) = failure(vec![cut(), cut(), cut()]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Unavailable, 3));
    assert_eq!(cause::<BadPage>(&error), None);
}

#[tokio::test]
async fn what_is_no_page_is_corrupt_at_once_if_it_came_as_sent() {
    let keyless = r#"{"Count":1,"Items":[{"email":{"S":"a@b"}}]}"#;
    let (error, calls) = failure(vec![good(keyless)]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Corrupt, 1));
    let bad: &BadPage = cause(&error).unwrap();
    assert_eq!((bad.what, bad.item), (What::NoKey, Some(0)));

    // Without a checksum it may have been damaged on its way.
    let plain = |body: &str| answer(200, "", body.len(), body);
    let half = &PAGE[..100];
    let (error, calls) = failure(vec![plain(half), plain(""), plain(half)]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Corrupt, 3));
    assert_eq!(
        cause::<BadPage>(&error).map(|bad| (bad.what, bad.offset)),
        Some((What::Cut, 100))
    );
}

#[tokio::test]
async fn no_answer_is_unavailable() {
    let (error, calls) = failure(vec![vec![], vec![], vec![]]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Unavailable, 3));
    let (error, calls) = failure(vec![refusal(500, "InternalServerError"); 3]).await;
    assert_eq!((error.kind, calls), (StoreErrorKind::Unavailable, 3));
}

#[tokio::test]
async fn a_throttled_query_is_asked_again_until_it_is_answered() {
    // Seven refusals: more than the SDK's three attempts, twice over.
    let refused = || refusal(400, "ProvisionedThroughputExceededException");
    let mut answers: Vec<_> = (0..7).map(|_| refused()).collect();
    answers.push(good(PAGE));
    let script = Script::new(answers);
    let paced = PacedLeads::new(script.leads(), None);
    let page = paced.page(&query(None, false, slots())).await.unwrap();
    assert_eq!((page.page.len(), script.requests().len()), (2, 8));
    // Any other failure is told at once.
    let script = Script::new(vec![refusal(400, "AccessDeniedException")]);
    let paced = PacedLeads::new(script.leads(), Some(100));
    let error = paced.page(&query(None, false, slots())).await.unwrap_err();
    assert_eq!(
        (error.kind, script.requests().len()),
        (StoreErrorKind::Denied, 1)
    );
}
