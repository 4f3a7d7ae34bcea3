//! What stops and crashes leave behind.

use std::path::{Path, PathBuf};

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use lead_export_local::s3::Storage;
use tokio::io::AsyncWriteExt as _;

use crate::rig::{BUCKET, Rig, files, fresh, on};

async fn open_upload(rig: &Rig, key: &str) -> (String, CompletedPart) {
    let create = rig.client.create_multipart_upload().bucket(BUCKET).key(key);
    let create = create
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata("m", "1");
    let id = create.send().await.unwrap().upload_id.unwrap();
    let part = rig
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(&id)
        .part_number(1);
    let part = part
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(b"part".to_vec().into());
    let etag = part.send().await.unwrap().e_tag;
    (
        id,
        CompletedPart::builder()
            .part_number(1)
            .set_e_tag(etag)
            .build(),
    )
}

async fn complete(rig: &Rig, key: &str, id: &str, part: CompletedPart) -> Result<(), String> {
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = rig
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id);
    let done = complete.multipart_upload(parts).send().await;
    done.map(|_| ()).map_err(|error| format!("{error:?}"))
}

fn uploads(root: &Path) -> PathBuf {
    root.join("buckets").join(BUCKET).join("uploads")
}

#[tokio::test]
async fn a_restart_keeps_objects_and_uploads() {
    let (rig, dir) = fresh().await;
    rig.put("k", b"v").await;
    let (id, part) = open_upload(&rig, "u").await;
    rig.stop().await;

    let rig = on(dir.path()).await;
    assert_eq!(rig.get("k").await.unwrap(), b"v");
    complete(&rig, "u", &id, part.clone()).await.unwrap();
    rig.stop().await;

    let rig = on(dir.path()).await;
    assert_eq!(rig.get("u").await.unwrap(), b"part");
    let head = rig
        .client
        .head_object()
        .bucket(BUCKET)
        .key("u")
        .send()
        .await
        .unwrap();
    assert_eq!(head.metadata().unwrap()["m"], "1");
    complete(&rig, "u", &id, part).await.unwrap();
}

#[tokio::test]
async fn a_kill_between_the_object_and_the_end_of_its_upload_is_mended() {
    let (rig, dir) = fresh().await;
    let (id, part) = open_upload(&rig, "u").await;
    let upload = uploads(dir.path()).join(&id);
    let saved: Vec<_> = std::fs::read_dir(&upload)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    complete(&rig, "u", &id, part).await.unwrap();
    rig.stop().await;
    // As if the directory had not been removed yet.
    std::fs::create_dir(&upload).unwrap();
    for (path, json) in saved {
        std::fs::write(path, json).unwrap();
    }
    let rig = on(dir.path()).await;
    assert_eq!(rig.get("u").await.unwrap(), b"part");
    let list = rig
        .client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert!(list.uploads().is_empty());
    rig.stop().await;
    assert_eq!(files(&uploads(dir.path())), 0);
}

#[tokio::test]
async fn what_a_kill_left_half_done_is_removed_at_the_next_start() {
    let (rig, dir) = fresh().await;
    rig.put("k", b"v").await;
    let (id, _) = open_upload(&rig, "u").await;
    rig.stop().await;
    let blobs = dir.path().join("blobs");
    std::fs::write(
        blobs.join("00000000000000000000000000000000"),
        b"no record names this",
    )
    .unwrap();
    std::fs::write(dir.path().join("new").join("half"), b"{").unwrap();
    // An abort that came no further than its first step.
    std::fs::remove_file(uploads(dir.path()).join(id).join("upload.json")).unwrap();
    let rig = on(dir.path()).await;
    assert_eq!(rig.get("k").await.unwrap(), b"v");
    rig.stop().await;
    assert_eq!(
        (
            files(&blobs),
            files(&uploads(dir.path())),
            files(&dir.path().join("new"))
        ),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    use aws_sdk_s3::presigning::PresigningConfig;
    let (rig, dir) = fresh().await;
    rig.put("k", b"before").await;
    let put = rig
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .customize()
        .config_override(aws_sdk_s3::Config::builder().request_checksum_calculation(
            aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired,
        ));
    let config = PresigningConfig::expires_in(std::time::Duration::from_mins(1)).unwrap();
    let url = put.presigned(config).await.unwrap().uri().to_owned();
    let host = rig.url.strip_prefix("http://").unwrap();
    let path = url.strip_prefix(&rig.url).unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100\r\n\r\nonly this");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(rig.get("k").await.unwrap(), b"before");
    rig.stop().await;
    assert_eq!(files(&dir.path().join("blobs")), 1);
}

#[tokio::test]
async fn one_directory_has_one_owner_and_damage_is_told() {
    let (rig, dir) = fresh().await;
    rig.put("k", b"v").await;
    let error = Storage::open(dir.path()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    rig.stop().await;
    for blob in std::fs::read_dir(dir.path().join("blobs")).unwrap() {
        std::fs::remove_file(blob.unwrap().path()).unwrap();
    }
    let error = Storage::open(dir.path()).map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("missing"), "{error:#}");
}

#[test]
fn names_against_the_rules_of_buckets_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    for name in ["", "a", "UPPER", "../up", "a/b", "127.0.0.1"] {
        assert!(storage.create_bucket(name).is_err(), "{name}");
    }
    assert!(storage.create_bucket("fine").unwrap());
    assert!(!storage.create_bucket("fine").unwrap());
}
