//! Single objects as they are read: headers, checksums, keys, ranges, conditions.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::rig::{BUCKET, MIB, bytes, client, code, crc64nvme, fresh, md5_hex};

#[tokio::test]
async fn an_object_comes_back_with_its_headers_and_checksum() {
    let (rig, _dir) = fresh().await;
    let data = bytes(1, 3 * MIB + 17);
    let put = rig
        .client
        .put_object()
        .bucket(BUCKET)
        .key("files/a.csv")
        .body(data.clone().into());
    let put = put
        .content_type("text/csv; charset=utf-8")
        .content_disposition("attachment; filename=\"a.csv\"")
        .cache_control("private, no-store")
        .metadata("export-id", "6f1c")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .send()
        .await
        .unwrap();
    assert_eq!(put.checksum_crc64_nvme(), Some(crc64nvme(&data).as_str()));
    let etag = format!("\"{}\"", md5_hex(&data));
    assert_eq!(put.e_tag(), Some(etag.as_str()));

    let head = rig.client.head_object().bucket(BUCKET).key("files/a.csv");
    let plain = head.clone().send().await.unwrap();
    assert_eq!(
        plain.content_length(),
        Some(i64::try_from(data.len()).unwrap())
    );
    assert_eq!(plain.content_type(), Some("text/csv; charset=utf-8"));
    assert_eq!(
        plain.content_disposition(),
        Some("attachment; filename=\"a.csv\"")
    );
    assert_eq!(plain.cache_control(), Some("private, no-store"));
    assert_eq!(plain.content_encoding(), None);
    assert_eq!(plain.metadata().unwrap()["export-id"], "6f1c");
    assert_eq!(plain.checksum_crc64_nvme(), None);
    let asked = head
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.checksum_crc64_nvme(), Some(crc64nvme(&data).as_str()));
    assert_eq!(asked.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(rig.get("files/a.csv").await.unwrap(), data);
}

#[tokio::test]
async fn every_checksum_algorithm_of_the_sdk_is_accepted_and_kept() {
    let (rig, _dir) = fresh().await;
    let data = bytes(2, 100_000);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let key = algorithm.as_str();
        let put = rig
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(data.clone().into());
        put.checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap();
        // The SDK checks what it is sent back.
        assert_eq!(rig.get(key).await.unwrap(), data, "{key}");
        let head = rig
            .client
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        let sums = [
            head.checksum_crc32(),
            head.checksum_crc32_c(),
            head.checksum_crc64_nvme(),
            head.checksum_sha1(),
            head.checksum_sha256(),
        ];
        assert_eq!(sums.iter().flatten().count(), 1, "{key}");
    }
}

#[tokio::test]
async fn bytes_that_do_not_match_their_digest_are_refused_and_change_nothing() {
    let (rig, dir) = fresh().await;
    rig.put("k", b"before").await;
    let put = || {
        rig.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(b"after".to_vec().into())
    };
    let wrong_md5 = STANDARD.encode(Md5::digest(b"other"));
    assert_eq!(code(put().content_md5(wrong_md5).send().await), "BadDigest");
    assert_eq!(
        code(put().content_md5("no digest").send().await),
        "InvalidDigest"
    );
    assert_eq!(
        code(put().checksum_crc64_nvme(crc64nvme(b"other")).send().await),
        "BadDigest"
    );
    assert_eq!(
        code(put().checksum_sha256(STANDARD.encode([7; 32])).send().await),
        "BadDigest"
    );
    assert_eq!(
        code(put().checksum_crc32("short").send().await),
        "InvalidRequest"
    );
    assert_eq!(rig.get("k").await.unwrap(), b"before");
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 1);
}

#[tokio::test]
async fn only_the_given_keys_work() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    for (access, secret, expected) in [
        ("local", "wrong", "SignatureDoesNotMatch"),
        ("other", "secret", "InvalidAccessKeyId"),
    ] {
        let other = client(&rig.url, access, secret);
        let refused = other
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
        assert_eq!(
            code(other.get_object().bucket(BUCKET).key("k").send().await),
            expected
        );
        assert_eq!(
            code(other.put_object().bucket(BUCKET).key("k").send().await),
            expected
        );
    }
    let anonymous = rig
        .http
        .get(format!("{}/{BUCKET}/k", rig.url))
        .send()
        .await
        .unwrap();
    assert_eq!(
        crate::rig::refusal(anonymous).await,
        (403, "AccessDenied".to_owned())
    );
    assert_eq!(rig.get("k").await.unwrap(), b"v");
}

#[tokio::test]
async fn ranges_are_partial_content_of_one_etag() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"0123456789").await;
    rig.put("empty", b"").await;
    for (range, expected, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
    ] {
        let get = rig
            .client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .send()
            .await
            .unwrap();
        assert_eq!(get.content_range(), Some(content_range));
        assert_eq!(
            get.e_tag(),
            Some(format!("\"{}\"", md5_hex(b"0123456789")).as_str())
        );
        assert_eq!(
            get.body.collect().await.unwrap().to_vec(),
            expected.as_bytes()
        );
    }
    for (key, range) in [
        ("k", "bytes=10-"),
        ("k", "bytes=-0"),
        ("empty", "bytes=0-"),
        ("empty", "bytes=-1"),
    ] {
        let refused = rig
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .range(range)
            .send()
            .await;
        assert_eq!(code(refused), "InvalidRange", "{key} {range}");
    }
    assert_eq!(rig.get("empty").await.unwrap(), b"");
}

#[tokio::test]
async fn conditions_on_reading_are_kept() {
    let (rig, _dir) = fresh().await;
    rig.put("k", b"v").await;
    let etag = format!("\"{}\"", md5_hex(b"v"));
    let get = || rig.client.get_object().bucket(BUCKET).key("k");
    assert!(get().if_match(&etag).send().await.is_ok());
    assert_eq!(
        code(get().if_match("\"other\"").send().await),
        "PreconditionFailed"
    );
    let same = get().if_none_match(&etag).send().await.unwrap_err();
    let raw = same.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 304);
    assert_eq!(raw.headers().get("etag"), Some(etag.as_str()));
    assert!(get().if_none_match("\"other\"").send().await.is_ok());
    assert_eq!(
        code(
            rig.client
                .get_object()
                .bucket(BUCKET)
                .key("none")
                .send()
                .await
        ),
        "NoSuchKey"
    );
    assert_eq!(
        code(
            rig.client
                .get_object()
                .bucket("no-bucket")
                .key("k")
                .send()
                .await
        ),
        "NoSuchBucket"
    );
    let head = rig
        .client
        .head_object()
        .bucket(BUCKET)
        .key("none")
        .send()
        .await
        .unwrap_err();
    assert!(head.into_service_error().is_not_found());
}
