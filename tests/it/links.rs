//! T-URL over the local S3: what a link opens, and when it stops to.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::time::Duration;

use lead_export_local::stack::Settings;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::util::{World, small_world};

/// Sends `method` for a URL with nothing but the `Host` that HTTP/1.1 demands; the status and the body.
async fn bare(method: &str, url: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let length = if method == "PUT" {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    let request =
        format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{length}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

async fn link(world: &World, id: &str) -> Json {
    let answer = world
        .call("alice", Method::GET, &format!("/exports/{id}/download"))
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

async fn completed(world: &World) -> String {
    let asked = world
        .request("alice", "home-insurance", &json!({"fields": ["lead_id"]}))
        .await;
    let id = asked["id"].as_str().unwrap().to_owned();
    assert_eq!(world.ended("alice", &id).await["status"], "completed");
    id
}

#[tokio::test]
async fn link_opens_one_file_with_no_header_and_nothing_else() {
    let world = World::start().await;
    small_world(&world).await;
    let (first, second) = (completed(&world).await, completed(&world).await);
    let (one, two) = (link(&world, &first).await, link(&world, &second).await);
    let (one, two) = (one["url"].as_str().unwrap(), two["url"].as_str().unwrap());
    let (status, body) = bare("GET", one).await;
    assert_eq!(status, 200);
    assert!(body.contains("lead_id\r\nl-1\r\n"), "{body}");

    for method in ["HEAD", "PUT", "POST", "DELETE"] {
        let (status, _) = bare(method, one).await;
        assert!(matches!(status, 403 | 405), "{method}: {status}");
    }
    // The key of the other file under this signature, and the other way about.
    let (path_one, query_one) = one.split_once('?').unwrap();
    let (path_two, query_two) = two.split_once('?').unwrap();
    for url in [
        format!("{path_two}?{query_one}"),
        format!("{path_one}?{query_two}"),
        path_one.to_owned(),
    ] {
        let (status, body) = bare("GET", &url).await;
        assert_eq!(status, 403, "{body}");
    }
    // Every parameter, changed, dropped, emptied; others, added.
    let pairs: Vec<&str> = query_one.split('&').collect();
    for at in 0..pairs.len() {
        let (name, value) = pairs[at].split_once('=').unwrap();
        let last = if value.ends_with('0') { "1" } else { "0" };
        let changed = format!("{name}={}{last}", &value[..value.len().saturating_sub(1)]);
        for replaced in [
            vec![changed.as_str()],
            vec![],
            vec![&pairs[at][..=name.len()]],
        ] {
            let mut all = pairs.clone();
            all.splice(at..=at, replaced.iter().copied());
            let (status, body) = bare("GET", &format!("{path_one}?{}", all.join("&"))).await;
            assert!(
                // 501: the local S3 knows one algorithm.
                matches!(status, 400 | 403 | 501),
                "{name} as {replaced:?}: {status} {body}"
            );
            assert!(!body.contains("l-1"), "{name}");
        }
    }
    for added in [
        "response-content-encoding=x",
        "versionId=1",
        "acl",
        "partNumber=1",
    ] {
        let (status, _) = bare("GET", &format!("{one}&{added}")).await;
        assert_eq!(status, 403, "{added}");
    }
    assert_eq!(bare("GET", one).await.0, 200, "all the while it works");

    // DELETE: no link any more, and the object is gone under those that are out.
    let deleted = world
        .call("alice", Method::DELETE, &format!("/exports/{first}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 200);
    let gone = world
        .get("alice", &format!("/exports/{first}/download"))
        .await;
    assert_eq!(gone.status(), 410);
    assert_eq!(bare("GET", one).await.0, 404);
    assert_eq!(bare("GET", two).await.0, 200, "the other file is untouched");
    world.stop().await;
}

#[tokio::test]
async fn link_and_file_end_in_time() {
    let settings = Settings::default()
        .with("DOWNLOAD_TTL", "1s")
        .with("RETENTION", "6s");
    let world = World::start_with(settings).await;
    small_world(&world).await;
    let id = completed(&world).await;
    let link = link(&world, &id).await;
    let url = link["url"].as_str().unwrap();
    let ends: jiff::Timestamp = link["url_expires_at"].as_str().unwrap().parse().unwrap();
    // Until it says so, and not two seconds past it: S3 counts whole seconds.
    let refused = loop {
        let (status, body) = bare("GET", url).await;
        let now = jiff::Timestamp::now();
        match status {
            200 => assert!(now < ends + Duration::from_secs(2), "{now} is past {ends}"),
            403 => break body,
            other => panic!("{other}: {body}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(refused.contains("Request has expired"), "{refused}");
    assert!(jiff::Timestamp::now() >= ends - Duration::from_secs(1));

    // The file's own time: no new link once it is over, whether the sweeper has come by or not; then the object goes.
    loop {
        let answer = world.get("alice", &format!("/exports/{id}/download")).await;
        let export: Json = world
            .get("alice", &format!("/exports/{id}"))
            .await
            .json()
            .await
            .unwrap();
        let over: jiff::Timestamp = export["file_expires_at"].as_str().unwrap().parse().unwrap();
        match answer.status().as_u16() {
            303 => assert!(jiff::Timestamp::now() < over + Duration::from_secs(1)),
            410 => break,
            other => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let s3 = world.stack.file().clients().unwrap().s3;
    for _ in 0..200 {
        let listed = s3
            .list_objects_v2()
            .bucket(&world.stack.file().bucket)
            .prefix("files/")
            .send()
            .await
            .unwrap();
        if listed.key_count() == Some(0) {
            assert_eq!(world.ended("alice", &id).await["status"], "expired");
            world.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the file stays");
}
