//! The main job by HTTP: sources, fields, filters, a file.

use std::io::Read;

use lead_export_core::access::Role;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::util::{World, rows, small_world};

fn ids(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().skip(1).map(|row| row[0].as_str()).collect()
}

#[tokio::test]
async fn a_file_holds_what_was_asked_for() {
    let world = World::start().await;
    small_world(&world).await;

    let sources: Json = world.get("alice", "/sources").await.json().await.unwrap();
    assert_eq!(
        sources,
        json!({"sources": [{"source_id": "home-insurance", "name": "home-insurance", "role": "exporter", "time_zone": "America/New_York"}]})
    );
    let fields: Json = world
        .get("vera", "/sources/home-insurance/fields")
        .await
        .json()
        .await
        .unwrap();
    let keys: Vec<&str> = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys[..3], ["lead_id", "name", "first_name"]);
    assert_eq!(
        keys[14..],
        [
            "annual_income",
            "roof_type",
            "opted_in",
            "homeowner",
            "campaign",
            "created_at",
            "updated_at",
            "source_id"
        ]
    );
    assert_eq!(
        fields["fields"][15]["options"],
        json!(["tile", "slate", "metal"])
    );

    let answer = world
        .call("alice", Method::POST, "/sources/home-insurance/exports")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        answer.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .is_ok()
    );
    assert!(answer.headers().contains_key("x-request-id"));
    let asked: Json = answer.json().await.unwrap();
    assert_eq!(
        location,
        format!("/exports/{}", asked["id"].as_str().unwrap())
    );
    assert_eq!(
        (&asked["status"], &asked["delivery"], &asked["filters"]),
        (&json!("pending"), &json!("file"), &json!({}))
    );

    let id = asked["id"].as_str().unwrap();
    let export = world.ended("vera", id).await;
    assert_eq!(export["status"], "completed", "{export}");
    assert_eq!(
        (&export["lead_count"], &export["truncated"]),
        (&json!(6), &json!(false))
    );
    assert_eq!(
        export["progress"],
        json!({"leads_read": 6, "leads_written": 6, "fraction": 1.0})
    );
    let bytes = world.download("alice", id).await;
    assert_eq!(export["size_bytes"], json!(bytes.len()));
    let sha = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    let hex = sha
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(export["sha256"], json!(hex));
    let rows = rows(&bytes);
    assert_eq!(ids(&rows), ["l-1", "l-2", "l-3", "l-4", "l-5", "l-6"]);
    assert_eq!(rows[0].len(), keys.len());
    assert_eq!(rows[2][1], "'=1+1", "the guard");
    assert_eq!(rows[5][2], "line\r\nbreak");
    // Who downloaded is part of the history.
    let again: Json = world
        .get("vera", &format!("/exports/{id}"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["downloads"][0]["by"]["id"], "alice");
    world.stop().await;
}

#[tokio::test]
async fn every_filter_selects_what_it_says() {
    let world = World::start().await;
    small_world(&world).await;
    for (filters, expected) in [
        (
            json!({"status": ["active", "SOLD"]}),
            vec!["l-1", "l-2", "l-3", "l-5"],
        ),
        (
            json!({"created": {"from": "2026-01-01T00:00:02Z", "to": "2026-01-01T00:00:03Z"}}),
            vec!["l-2", "l-3", "l-4"],
        ),
        // All of them are on New York's last evening of 2025.
        (json!({"created": {"from": "2026-01-01"}}), vec![]),
        (
            json!({"created": {"from": "2026-01-01"}, "time_zone": "UTC"}),
            vec!["l-1", "l-2", "l-3", "l-4", "l-5", "l-6"],
        ),
        (json!({"updated": {"from": "2020-01-01"}}), vec![]),
        (json!({"attributes": {"HOMEOWNER": ["yes"]}}), vec!["l-1"]),
        (json!({"attributes": {"campaign": true}}), vec!["l-2"]),
        (
            json!({"attributes": {"homeowner": false}, "status": ["sold"]}),
            vec!["l-3"],
        ),
        (json!({"search": "jane"}), vec!["l-1"]),
        (json!({"search": "åsa"}), vec!["l-3"]),
        (json!({"search": "(555) 010"}), vec!["l-1"]),
        (
            json!({"custom": {"annual_income": {"min": 50000}}}),
            vec!["l-1", "l-5"],
        ),
        (
            json!({"custom": {"annual_income": {"min": 49999.99, "max": 50000}}}),
            vec!["l-1", "l-2"],
        ),
        (
            json!({"custom": {"roof_type": ["TILE", "slate"]}}),
            vec!["l-3"],
        ),
        (json!({"custom": {"opted_in": false}}), vec!["l-4"]),
        (json!({"has": ["email"]}), vec!["l-1", "l-3"]),
        (json!({"lacks": ["name"]}), vec!["l-6"]),
        (json!({"status": ["nothing"]}), vec![]),
    ] {
        let (export, rows) = world
            .export(
                "alice",
                "home-insurance",
                &json!({"filters": filters, "fields": ["lead_id"]}),
            )
            .await;
        assert_eq!(ids(&rows), expected, "{filters}");
        assert_eq!(rows[0], ["lead_id"], "a file without leads has its header");
        assert_eq!(
            (&export["filters"], &export["lead_count"]),
            (&filters, &json!(expected.len()))
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn columns_order_limit_and_profile_are_as_asked() {
    let world = World::start().await;
    small_world(&world).await;
    let body = json!({
        "fields": ["lead_id", {"key": "first_name", "header": "=Given, name"}, "*"],
        "order": "-created_at", "limit": 3, "format": {"profile": "raw"},
    });
    let (export, rows) = world.export("alice", "home-insurance", &body).await;
    assert_eq!(ids(&rows), ["l-6", "l-5", "l-4"]);
    assert_eq!(
        rows[0][..4],
        ["lead_id", "=Given, name", "name", "last_name"]
    );
    assert_eq!(
        (&export["truncated"], &export["limit"], &export["order"]),
        (&json!(true), &json!(3), &json!("-created_at"))
    );
    assert_eq!(
        export["fields"][1],
        json!({"key": "first_name", "header": "=Given, name"})
    );
    assert_eq!(export["format"]["profile"], "raw");

    let bytes = {
        let body = json!({"fields": ["lead_id", "first_name"], "format": {"header": "labels"}, "filters": {"status": ["rejected"]}});
        let asked = world.request("alice", "home-insurance", &body).await;
        let id = asked["id"].as_str().unwrap();
        world.ended("alice", id).await;
        world.download("alice", id).await
    };
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "Lead ID,First Name\r\nl-4,\"a \"\"quoted\"\", name\"\r\n"
    );
    world.stop().await;
}

#[tokio::test]
async fn the_history_lists_newest_first_in_pages() {
    let world = World::start().await;
    small_world(&world).await;
    let mut asked = Vec::new();
    for number in 0..5 {
        let body = json!({"filters": {"status": [format!("s{number}")]}});
        let export = world.request("alice", "home-insurance", &body).await;
        asked.push(export["id"].as_str().unwrap().to_owned());
    }
    for id in &asked {
        world.ended("alice", id).await;
    }
    asked.reverse();
    let mut listed = Vec::new();
    let mut path = "/sources/home-insurance/exports?limit=2".to_owned();
    loop {
        let page: Json = world.get("vera", &path).await.json().await.unwrap();
        for export in page["exports"].as_array().unwrap() {
            assert!(export.get("filters").is_none() && export.get("fields").is_none());
            assert!(export["progress"].is_object() && export["links"]["self"].is_string());
            listed.push(export["id"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                path = format!("/sources/home-insurance/exports?limit=2&cursor={cursor}");
            }
            None => break,
        }
    }
    assert_eq!(listed, asked);
    let of = async |query: &str| -> usize {
        let page: Json = world
            .get("vera", &format!("/sources/home-insurance/exports?{query}"))
            .await
            .json()
            .await
            .unwrap();
        page["exports"].as_array().unwrap().len()
    };
    assert_eq!(of("status=completed&requested_by=alice").await, 5);
    assert_eq!(of("status=failed,cancelled").await, 0);
    assert_eq!(of("requested_by=vera").await, 0);
    assert_eq!(of("to=2020-01-01").await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_link_is_a_redirect_or_json_and_works_for_whoever_holds_it() {
    let world = World::start().await;
    small_world(&world).await;
    let asked = world.request("alice", "home-insurance", &json!({})).await;
    let id = asked["id"].as_str().unwrap();
    let path = format!("/exports/{id}/download");
    // Before it is ready: 409, or it was quick.
    let early = world.get("alice", &path).await;
    assert!(
        early.status() == 409 && early.headers().contains_key("retry-after")
            || early.status() == 303
    );
    let export = world.ended("alice", id).await;
    let redirect = world.get("alice", &path).await;
    assert_eq!(redirect.status(), 303);
    assert_eq!(redirect.headers()["cache-control"], "no-store");
    let url = redirect.headers()["location"].to_str().unwrap().to_owned();
    let body: Json = redirect.json().await.unwrap();
    assert_eq!(
        (&body["url"], &body["sha256"]),
        (&json!(url), &export["sha256"])
    );
    let mut keys: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "crc64nvme",
            "file_name",
            "lead_count",
            "sha256",
            "size_bytes",
            "url",
            "url_expires_at"
        ]
    );

    let file = reqwest::get(&url).await.unwrap();
    assert_eq!(file.status(), 200);
    let name = export["file_name"].as_str().unwrap();
    let disposition = file.headers()["content-disposition"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        disposition.starts_with("attachment") && disposition.contains(name),
        "{disposition}"
    );
    assert_eq!(file.headers()["cache-control"], "private, no-store");
    assert_eq!(file.headers()["content-type"], "text/csv; charset=utf-8");
    let etag = file.headers()["etag"].clone();
    let whole = file.bytes().await.unwrap();
    // A broken download goes on with a fresh link.
    let fresh = world.get("alice", &path).await.headers()["location"]
        .to_str()
        .unwrap()
        .to_owned();
    let rest = world
        .client
        .get(&fresh)
        .header("range", "bytes=10-")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.headers()["etag"], etag);
    assert_eq!(rest.bytes().await.unwrap(), whole.slice(10..));
    // Any other use of it is refused.
    assert_eq!(
        world
            .client
            .get(url.replace("files/", "work/"))
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(
        world.client.delete(&url).send().await.unwrap().status(),
        403
    );
    world.stop().await;
}

#[tokio::test]
async fn a_gzip_export_holds_what_the_plain_one_holds() {
    let world = World::start().await;
    small_world(&world).await;
    let asked = world.request("alice", "home-insurance", &json!({})).await;
    let id = asked["id"].as_str().unwrap();
    world.ended("alice", id).await;
    let plain = world.download("alice", id).await;

    let body = json!({"format": {"compression": "gzip"}});
    let asked = world.request("alice", "home-insurance", &body).await;
    let export = world.ended("vera", asked["id"].as_str().unwrap()).await;
    assert_eq!(export["status"], "completed", "{export}");
    assert_eq!(export["format"]["compression"], "gzip");
    assert_eq!(export["lead_count"], 6);
    let name = export["file_name"].as_str().unwrap();
    assert!(name.ends_with("Z.csv.gz"), "{name}");

    let path = format!("/exports/{}/download", export["id"].as_str().unwrap());
    let redirect = world.get("alice", &path).await;
    let url = redirect.headers()["location"].to_str().unwrap();
    let file = reqwest::get(url).await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/gzip");
    // The file is the compressed one: an encoding would have clients store it unpacked.
    assert!(!file.headers().contains_key("content-encoding"));
    let disposition = file.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.contains(name), "{disposition}");
    let packed = file.bytes().await.unwrap();
    assert_eq!(export["size_bytes"], json!(packed.len()));
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
    world.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_makes_one_export() {
    let world = World::start().await;
    small_world(&world).await;
    let send = async |key: &str, body: Json| {
        let request = world.call("alice", Method::POST, "/sources/home-insurance/exports");
        request
            .header("idempotency-key", key)
            .json(&body)
            .send()
            .await
            .unwrap()
    };
    let first = send("k-1", json!({})).await;
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first: Json = first.json().await.unwrap();
    let second = send("k-1", json!({})).await;
    assert_eq!(second.status(), 202);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    let second: Json = second.json().await.unwrap();
    assert_eq!(first["id"], second["id"]);
    let other = send("k-1", json!({"limit": 1})).await;
    assert_eq!(other.status(), 422);
    let problem: Json = other.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/key-reused");
    assert_eq!(send("a,b", json!({})).await.status(), 400);
    world.stop().await;
}

#[tokio::test]
async fn a_cancel_or_delete_ends_an_export_for_good() {
    let world = World::start().await;
    small_world(&world).await;
    world.grant("acme", "adam", "*", Role::Admin).await;
    world
        .grant("acme", "bob", "home-insurance", Role::Exporter)
        .await;
    let asked = world.request("alice", "home-insurance", &json!({})).await;
    let id = asked["id"].as_str().unwrap();
    world.ended("alice", id).await;
    let path = format!("/exports/{id}");
    let delete = async |user: &str| {
        world
            .call(user, Method::DELETE, &path)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(delete("bob").await.status(), 403);
    assert_eq!(delete("vera").await.status(), 403);
    let link: Json = world
        .call("alice", Method::GET, &format!("{path}/download"))
        .header("accept", "application/json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let gone = delete("adam").await;
    assert_eq!(gone.status(), 200);
    let gone: Json = gone.json().await.unwrap();
    assert_eq!(
        (&gone["status"], &gone["ended_by"]["id"]),
        (&json!("expired"), &json!("adam"))
    );
    // The file is gone at once, even for a link made before.
    assert_eq!(
        reqwest::get(link["url"].as_str().unwrap())
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        world
            .get("alice", &format!("{path}/download"))
            .await
            .status(),
        410
    );
    assert_eq!(
        delete("alice").await.status(),
        200,
        "repeating it is harmless"
    );
    world.stop().await;
}
