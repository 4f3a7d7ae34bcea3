//! TM16: what is too large, too deep or too long is refused before any work: no lead is read and nothing is written; what is over
//! the size of a body is not even looked at. `tests/it/limits.rs` measures what it costs a real process.

use lead_export_core::limits;

use crate::apps::{Apps, event};
use crate::hostile::{KINDS, hostile};
use crate::http_api::{Http, text};
use crate::matrix::WRITES;
use crate::model::{OPERATION, ROUTES, Route};

/// Routes that read a body, and the most that it may have.
fn readers() -> impl Iterator<Item = (&'static Route, usize)> {
    let readers = ROUTES.iter().filter(|route| !route.body.is_empty());
    readers.map(|route| match route.key {
        OPERATION => (route, limits::ANSWER_BODY_BYTES),
        _ => (route, limits::BODY_BYTES),
    })
}

struct Told {
    status: u16,
    calls: Vec<&'static str>,
    bytes: usize,
}

async fn ask(apps: &Apps, route: &Route, event: Http) -> Told {
    let before = apps.world.plan.calls().len();
    let event = event.claims(apps.claims("acme", "alice"));
    let answer = apps.answer(route.function, &event).await;
    let calls = &apps.world.plan.calls()[before..];
    Told {
        status: answer.status().as_u16(),
        calls: calls.iter().map(|call| call.name).collect(),
        bytes: text(&answer).len(),
    }
}

#[tokio::test]
async fn hostile_bodies_are_refused_before_any_work() {
    let apps = Apps::plain().await;
    let mut largest = 0;
    for (route, most) in readers() {
        for kind in KINDS {
            let body = hostile(kind, most);
            let over = body.len() > most;
            let event = event(route, "home-insurance", "").body(body);
            let told = ask(&apps, route, event).await;
            let expected: &[u16] = if over { &[413] } else { &[400, 422] };
            let name = format!("{} {kind}: {}", route.key, told.status);
            assert!(expected.contains(&told.status), "{name}");
            assert!(!over || told.calls.is_empty(), "{name}: {:?}", told.calls);
            let written = told.calls.iter().find(|call| WRITES.contains(*call));
            assert_eq!(written, None, "{name}");
            // What is named in the answer is bounded too, whatever there was to name.
            assert!(told.bytes < 512 << 10, "{name}: {} bytes", told.bytes);
            largest = largest.max(told.bytes);
        }
    }
    println!("the largest refusal has {largest} bytes");
    assert!(apps.world.exports.inner().all().is_empty());
}

/// The last byte that is taken, and the first that is not.
#[tokio::test]
async fn sizes_are_limits_to_the_byte() {
    let apps = Apps::plain().await;
    for (route, most) in readers() {
        let good = event(route, "home-insurance", "");
        let body = good.0["body"].as_str().unwrap().to_owned();
        for (bytes, refused) in [(most, false), (most + 1, true)] {
            let padded = format!("{body}{}", " ".repeat(bytes - body.len()));
            let told = ask(&apps, route, good.clone().body(padded)).await;
            let name = format!("{} {bytes}: {}", route.key, told.status);
            assert_eq!(told.status == 413, refused, "{name}");
            assert!(refused || told.status < 300, "{name}");
            assert!(!refused || told.calls.is_empty(), "{name}");
        }
    }
}

/// A body with so many of something.
type Body<'a> = &'a dyn Fn(usize) -> String;

/// Each bound on what a body holds: as many as there may be are read, one more is refused with nothing done.
#[tokio::test]
async fn depths_and_lengths_are_limits_to_the_one() {
    let apps = Apps::plain().await;
    let route = |key: &str| ROUTES.iter().find(|route| route.key == key).unwrap();
    let (file, answer) = (route("POST /sources/{source}/exports"), route(OPERATION));
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let filter = |count| format!(r#"{{"filters":{{"status":[{}]}}}}"#, many("\"a\"", count));
    let search = |count| format!(r#"{{"filters":{{"search":"{}"}}}}"#, "é".repeat(count));
    let manual = |count| {
        let ids: Vec<String> = (1..=count)
            .map(|number| format!("\"l-{number}\""))
            .collect();
        format!(
            r#"{{"selection":{{"mode":"manual","includedIds":[{}]}}}}"#,
            ids.join(",")
        )
    };
    let id = |count| {
        format!(
            r#"{{"selection":{{"mode":"manual","includedIds":["l-1","{}"]}}}}"#,
            "x".repeat(count)
        )
    };
    let range = |count| {
        format!(r#"{{"selection":{{"mode":"bulk","targetCount":{count},"filters":{{}}}}}}"#)
    };
    let terms = |count| {
        format!(
            r#"{{"selection":{{"mode":"bulk","filters":{{"contact":{{"skill":{{"any":{{"exclude":[{}]}}}}}}}}}}}}"#,
            many("\"a\"", count)
        )
    };
    let bodies: [(&str, &Route, Body<'_>, usize); 6] = [
        ("values of a filter", file, &filter, 100),
        ("characters of a search", file, &search, 200),
        ("ids", answer, &manual, limits::ANSWER_LEADS),
        ("characters of an id", answer, &id, 128),
        ("leads of a range", answer, &range, limits::ANSWER_LEADS),
        ("terms", answer, &terms, 100),
    ];
    for (name, route, body, most) in bodies {
        for (count, refused) in [(most, false), (most + 1, true)] {
            let event = event(route, "home-insurance", "").body(body(count));
            let told = ask(&apps, route, event).await;
            let seen = format!("{name} {count}: {}", told.status);
            if refused {
                assert!(matches!(told.status, 400 | 422), "{seen}");
                let written = told.calls.iter().find(|call| WRITES.contains(*call));
                assert_eq!(written, None, "{seen}");
            } else {
                assert!(told.status < 300, "{seen}");
            }
        }
    }
}
