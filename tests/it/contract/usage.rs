//! What a source's exports came to.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::util::{World, small_world};

#[tokio::test]
async fn usage_counts_exports_leads_bytes_and_downloads_by_day_and_by_user() {
    let world = World::start().await;
    small_world(&world).await;
    let mut bytes = 0;
    for limit in [6, 2] {
        let asked = world
            .request("alice", "home-insurance", &json!({"limit": limit}))
            .await;
        let id = asked["id"].as_str().unwrap();
        bytes += world.ended("alice", id).await["size_bytes"]
            .as_u64()
            .unwrap();
        world.download("alice", id).await;
        world.download("alice", id).await;
        if limit == 2 {
            // What was exported stays counted when the file goes.
            let call = world.call("alice", Method::DELETE, &format!("/exports/{id}"));
            assert_eq!(call.send().await.unwrap().status(), 200);
        }
    }
    let usage = async |user: &str, query: &str| -> Json {
        let path = format!("/sources/home-insurance/usage{query}");
        let answer = world.get(user, &path).await;
        assert_eq!(answer.status(), 200, "{user} {query}");
        answer.json().await.unwrap()
    };
    let counted = json!({"exports": 2, "leads": 8, "bytes": bytes, "downloads": 4});
    let mut found = Json::Null;
    for _ in 0..40 {
        // It may lag some seconds.
        found = usage("vera", "").await;
        if found["total"] == counted {
            break;
        }
    }
    assert_eq!(found["total"], counted);
    assert_eq!(found["by"], "day");
    assert_eq!(found["time_zone"], "America/New_York");
    let days = found["usage"].as_array().unwrap();
    let day = days[0]["day"].as_str().unwrap();
    assert!(day.parse::<jiff::civil::Date>().is_ok(), "{day}");
    let users = usage("vera", "?by=user").await;
    let mut expected = counted.clone();
    expected["user"] = json!({"id": "alice", "name": "alice"});
    assert_eq!(users["usage"], json!([expected]));
    let long_ago = usage("alice", "?from=2020-01-01&to=2020-12-31").await;
    assert_eq!(long_ago["usage"], json!([]));
    assert_eq!(long_ago["from"], "2020-01-01T05:00:00.000Z");
    assert_eq!(long_ago["to"], "2021-01-01T04:59:59.999Z");
    world.stop().await;
}
