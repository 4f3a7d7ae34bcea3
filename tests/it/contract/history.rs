//! The history: its filters, its cursors, what an entry shows.

use lead_export_core::access::Role;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

async fn page(world: &World, source: &str, query: &str) -> (u16, Json) {
    let path = format!("/sources/{source}/exports?{query}");
    let answer = world.get("alice", &path).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn ids(page: &Json) -> Vec<&str> {
    let exports = page["exports"].as_array().unwrap().iter();
    exports
        .map(|export| export["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn history_is_filtered_and_a_cursor_is_a_place_in_one_source() {
    let world = World::start().await;
    small_world(&world).await;
    world.source("other", |_| ()).await;
    world.grant("acme", "alice", "other", Role::Exporter).await;
    let bob = ("acme", "bob", "home-insurance");
    world.grant(bob.0, bob.1, bob.2, Role::Exporter).await;
    let request = async |user: &str, source: &str| -> String {
        let asked = world.request(user, source, &json!({"limit": 2})).await;
        let id = asked["id"].as_str().unwrap().to_owned();
        world.ended(user, &id).await;
        id
    };
    let first = request("alice", "home-insurance").await;
    let second = request("bob", "home-insurance").await;
    let third = request("alice", "home-insurance").await;
    let elsewhere = request("alice", "other").await;
    let deleted = world.call("alice", Method::DELETE, &format!("/exports/{first}"));
    assert_eq!(deleted.send().await.unwrap().status(), 200);
    world.download("alice", &third).await;

    let all = [third.as_str(), &second, &first];
    let requested_at = async |id: &str| -> String {
        let export: Json = world
            .get("alice", &format!("/exports/{id}"))
            .await
            .json()
            .await
            .unwrap();
        export["requested_at"].as_str().unwrap().to_owned()
    };
    let (at, last) = (requested_at(&second).await, requested_at(&third).await);
    // The source's today, and any day that is not.
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let instant: jiff::Timestamp = at.parse().unwrap();
    let today = instant.to_zoned(zone).date();
    for (query, expected) in [
        (String::new(), &all[..]),
        ("status=completed".into(), &all[..2]),
        ("status=expired".into(), &all[2..]),
        ("status=expired,completed".into(), &all[..]),
        ("status=expired&status=completed".into(), &all[..]),
        ("status=failed".into(), &[]),
        ("requested_by=bob".into(), &all[1..2]),
        ("requested_by=bob&status=expired".into(), &[]),
        (format!("from={at}&to={at}"), &all[1..2]),
        (format!("to={at}"), &all[1..]),
        (format!("from={last}"), &all[..1]),
        (format!("from={today}&to={today}"), &all[..]),
        (format!("to={}", today.yesterday().unwrap()), &[]),
        (format!("from={}", today.tomorrow().unwrap()), &[]),
        ("limit=100".into(), &all[..]),
    ] {
        let mut wrong = String::new();
        // The list may lag behind the records by seconds.
        for _ in 0..40 {
            let (status, found) = page(&world, "home-insurance", &query).await;
            assert_eq!(status, 200, "{query}: {found}");
            if ids(&found) == expected {
                wrong.clear();
                break;
            }
            wrong = format!("{query}: {found}");
        }
        assert_eq!(wrong, "");
    }

    let (_, one) = page(&world, "home-insurance", "limit=1").await;
    let entry = &one["exports"][0];
    for left_out in ["filters", "fields"] {
        assert_eq!(entry.get(left_out), None);
    }
    assert_eq!(entry["downloads"][0]["by"]["id"], "alice");
    assert_eq!(entry["downloads"].as_array().unwrap().len(), 1);
    let cursor = one["next_cursor"].as_str().unwrap().to_owned();
    let (_, rest) = page(&world, "home-insurance", &format!("cursor={cursor}")).await;
    assert_eq!(ids(&rest), &all[1..]);
    assert_eq!(rest["next_cursor"], Json::Null);
    // On another source it is a place in time: that source's older exports, of which there are none.
    let (status, turned) = page(&world, "other", &format!("cursor={cursor}")).await;
    assert_eq!((status, ids(&turned)), (200, vec![]));
    assert_eq!(ids(&page(&world, "other", "").await.1), [elsewhere]);
    for bad in [
        String::new(),
        "x".into(),
        format!("{cursor}="),
        format!("{cursor}{cursor}"),
        cursor[1..].to_owned(),
        "%00".into(),
        format!("{cursor}&cursor={cursor}"),
    ] {
        let (status, problem) = page(&world, "home-insurance", &format!("cursor={bad}")).await;
        assert_eq!(status, 400, "{bad}: {problem}");
        assert_eq!(problem["errors"][0]["field"], "cursor");
    }
    world.stop().await;
}
