//! Presigned URLs, as a browser opens them: no header but what every client sends.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lead_export_local::s3::Storage;
use s3s::crypto::{Checksum as _, Sha1};

use crate::rig::{BUCKET, Rig, client, crc64nvme, fresh, md5_hex, over, refusal};

const LIFE: Duration = Duration::from_mins(5);

async fn url_from(rig: &Rig, key: &str, start: SystemTime) -> String {
    let get = rig.client.get_object().bucket(BUCKET).key(key);
    let get = get
        .response_content_disposition("attachment; filename=\"a.csv\"; filename*=UTF-8''%C3%A4.csv")
        .response_content_type("text/csv; charset=utf-8")
        .response_cache_control("private, no-store");
    let config = PresigningConfig::builder()
        .start_time(start)
        .expires_in(LIFE)
        .build()
        .unwrap();
    get.presigned(config).await.unwrap().uri().to_owned()
}

async fn url(rig: &Rig, key: &str) -> String {
    url_from(rig, key, SystemTime::now()).await
}

#[tokio::test]
async fn a_url_opens_with_no_header_and_names_the_file() {
    let (rig, _dir) = fresh().await;
    rig.put("files/é/r 1", b"0123456789").await;
    let url = url(&rig, "files/é/r 1").await;
    assert!(url.contains("X-Amz-SignedHeaders=host&"), "{url}");
    let got = rig.http.get(&url).send().await.unwrap();
    assert_eq!(got.status(), 200);
    let header = |name: &str| got.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"a.csv\"; filename*=UTF-8''%C3%A4.csv"
    );
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!(header("accept-ranges"), "bytes");
    assert_eq!(header("content-length"), "10");
    assert_eq!(got.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_download_resumes_with_another_url() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"0123456789").await;
    let old = url_from(&rig, "k", SystemTime::now() - Duration::from_mins(1)).await;
    let new = url(&rig, "k").await;
    assert_ne!(old, new);
    let first = rig
        .http
        .get(&old)
        .header("range", "bytes=0-3")
        .send()
        .await
        .unwrap();
    assert_eq!(first.status(), 206);
    let etag = first.headers()["etag"].clone();
    let rest = rig
        .http
        .get(&new)
        .header("range", "bytes=4-")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (rest.status().as_u16(), &rest.headers()["etag"]),
        (206, &etag)
    );
    assert_eq!(rest.headers()["content-range"], "bytes 4-9/10");
    assert_eq!(rest.bytes().await.unwrap(), "456789");
    rig.put("k", b"another").await;
    let whole = rig
        .http
        .get(&new)
        .header("range", "bytes=4-")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.bytes().await.unwrap(), "another");
}

#[tokio::test]
async fn an_expired_url_is_refused() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    let old = url_from(&rig, "k", SystemTime::now() - LIFE - Duration::from_secs(2)).await;
    let response = rig.http.get(&old).send().await.unwrap();
    assert_eq!(response.status(), 403);
    let body = response.text().await.unwrap();
    assert!(
        body.contains("<Code>AccessDenied</Code>")
            && body.contains("<Message>Request has expired</Message>")
    );
}

#[tokio::test]
async fn a_url_ends_by_the_clock_that_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let ahead = std::sync::Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let shared = std::sync::Arc::clone(&ahead);
    let clock = std::sync::Arc::new(move || SystemTime::now() + *shared.lock().unwrap());
    let rig = over(Storage::open_with_clock(dir.path(), clock).unwrap()).await;
    rig.put("k", b"v").await;
    let url = url(&rig, "k").await;
    assert_eq!(rig.http.get(&url).send().await.unwrap().status(), 200);
    *ahead.lock().unwrap() = LIFE + Duration::from_secs(1);
    let response = rig.http.get(&url).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn an_altered_url_is_refused_whatever_was_altered() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    rig.put("other", b"secret").await;
    let url = url(&rig, "k").await;
    let last = url
        .split("X-Amz-Signature=")
        .nth(1)
        .unwrap()
        .chars()
        .next()
        .unwrap();
    let flipped = if last == '0' { '1' } else { '0' };
    for (from, to) in [
        ("/k?".to_owned(), "/other?".to_owned()),
        (
            "X-Amz-Expires=300".to_owned(),
            "X-Amz-Expires=301".to_owned(),
        ),
        ("a.csv".to_owned(), "b.exe".to_owned()),
        ("text%2Fcsv".to_owned(), "text%2Fhtml".to_owned()),
        ("no-store".to_owned(), "public".to_owned()),
        (
            format!("X-Amz-Signature={last}"),
            format!("X-Amz-Signature={flipped}"),
        ),
        ("us-east-1".to_owned(), "eu-west-1".to_owned()),
    ] {
        let altered = url.replacen(&from, &to, 1);
        assert_ne!(altered, url, "{from}");
        let response = rig.http.get(&altered).send().await.unwrap();
        assert_eq!(
            refusal(response).await,
            (403, "SignatureDoesNotMatch".to_owned()),
            "{from}"
        );
    }
    let added = rig
        .http
        .get(format!("{url}&versionId=1"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(added).await,
        (403, "SignatureDoesNotMatch".to_owned())
    );
    let written = rig.http.put(&url).body("x").send().await.unwrap();
    assert_eq!(
        refusal(written).await,
        (403, "SignatureDoesNotMatch".to_owned())
    );
    let deleted = rig.http.delete(&url).send().await.unwrap();
    assert_eq!(
        refusal(deleted).await,
        (403, "SignatureDoesNotMatch".to_owned())
    );
    assert_eq!(rig.get("k").await.unwrap(), b"v");
}

#[tokio::test]
async fn a_url_signed_by_another_opens_nothing() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    for (access, secret, expected) in [
        ("local", "wrong", "SignatureDoesNotMatch"),
        ("other", "secret", "InvalidAccessKeyId"),
    ] {
        let get = client(&rig.url, access, secret)
            .get_object()
            .bucket(BUCKET)
            .key("k");
        let url = get
            .presigned(PresigningConfig::expires_in(LIFE).unwrap())
            .await
            .unwrap()
            .uri()
            .to_owned();
        let response = rig.http.get(url).send().await.unwrap();
        assert_eq!(refusal(response).await, (403, expected.to_owned()));
    }
}

#[tokio::test]
async fn a_name_that_no_header_can_carry_is_a_bad_request() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    for (name, status) in [("日本.csv", 400), ("a\nb", 400), ("é.csv", 200)] {
        let get = rig
            .client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .response_content_disposition(name);
        let url = get
            .presigned(PresigningConfig::expires_in(LIFE).unwrap())
            .await
            .unwrap()
            .uri()
            .to_owned();
        let response = rig.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), status, "{name:?}");
        if status == 200 {
            assert_eq!(
                response.headers()["content-disposition"].as_bytes(),
                b"\xe9.csv"
            );
        }
    }
}

#[tokio::test]
async fn a_presigned_write_gets_the_default_checksum_and_its_body_is_checked() {
    let (rig, _dir) = fresh().await;
    // The SDK would sign a checksum of the empty body; a browser knows of none.
    let put = rig
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .customize()
        .config_override(aws_sdk_s3::Config::builder().request_checksum_calculation(
            aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired,
        ));
    let url = put
        .presigned(PresigningConfig::expires_in(LIFE).unwrap())
        .await
        .unwrap()
        .uri()
        .to_owned();
    let sent = rig.http.put(&url).body("v").send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(
        sent.headers()["x-amz-checksum-crc64nvme"],
        crc64nvme(b"v").as_str()
    );
    assert_eq!(
        sent.headers()["etag"],
        format!("\"{}\"", md5_hex(b"v")).as_str()
    );
    let flipped = rig
        .http
        .put(&url)
        .header("x-amz-content-sha256", "0".repeat(64))
        .body("w")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(flipped).await,
        (400, "XAmzContentSHA256Mismatch".to_owned())
    );
    assert_eq!(rig.get("k").await.unwrap(), b"v");
}

#[tokio::test]
async fn a_page_of_any_origin_may_read_a_download() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    let url = url(&rig, "k").await;
    let got = rig
        .http
        .get(&url)
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert_eq!(got.headers()["access-control-allow-origin"], "*");
    let asked = rig
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://app.example");
    let asked = asked
        .header("access-control-request-method", "GET")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 204);
    assert_eq!(asked.headers()["access-control-allow-methods"], "GET, HEAD");
}

/// As `aws s3 presign` signs for an endpoint that is not Amazon's (signature version 2: HMAC-SHA1 over four lines).
fn second_version(rig: &Rig, key: &str, expires: u64, secret: &str) -> String {
    let text = format!("GET\n\n\n{expires}\n/{BUCKET}/{key}");
    let signature = STANDARD.encode(hmac_sha1(secret.as_bytes(), text.as_bytes()));
    let signature: String = form_urlencoded(&signature);
    format!(
        "{}/{BUCKET}/{key}?AWSAccessKeyId=local&Signature={signature}&Expires={expires}",
        rig.url
    )
}

fn form_urlencoded(text: &str) -> String {
    text.replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

/// RFC 2104.
fn hmac_sha1(key: &[u8], text: &[u8]) -> [u8; 20] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha1::checksum(&[&block.map(|it| it ^ 0x36), text].concat());
    Sha1::checksum(&[block.map(|it| it ^ 0x5c).as_slice(), &inner].concat())
}

#[tokio::test]
async fn a_url_as_the_command_line_signs_it_opens_until_it_ends() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let open = rig
        .http
        .get(second_version(&rig, "k", now + 60, "secret"))
        .send()
        .await
        .unwrap();
    assert_eq!(open.status(), 200);
    let over = rig
        .http
        .get(second_version(&rig, "k", now - 2, "secret"))
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(over).await, (403, "AccessDenied".to_owned()));
    let forged = rig
        .http
        .get(second_version(&rig, "k", now + 60, "guess"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(forged).await,
        (403, "SignatureDoesNotMatch".to_owned())
    );
}
