//! What changes a bucket: conditional writes, odd keys, deleting, copying.

use aws_sdk_s3::types::{Delete, MetadataDirective, ObjectIdentifier};

use crate::rig::{BUCKET, MIB, bytes, code, fresh, md5_hex};

#[tokio::test]
async fn a_write_that_must_be_the_first_is() {
    let (rig, _dir) = fresh().await;
    let put = |bytes: &[u8]| {
        rig.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(bytes.to_vec().into())
    };
    let race = (1..=8_u8).map(|n| put(&[n]).if_none_match("*").send());
    let answers = futures_util::future::join_all(race).await;
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 1);
    let refused = answers
        .into_iter()
        .filter(Result::is_err)
        .map(code)
        .collect::<Vec<_>>();
    assert_eq!(refused, vec!["PreconditionFailed"; 7]);
    let now = rig.get("k").await.unwrap();
    assert_eq!(
        code(put(b"x").if_match("\"other\"").send().await),
        "PreconditionFailed"
    );
    assert!(
        put(b"x")
            .if_match(format!("\"{}\"", md5_hex(&now)))
            .send()
            .await
            .is_ok()
    );
    assert_eq!(
        code(put(b"x").if_none_match("\"e\"").send().await),
        "NotImplemented"
    );
}

#[tokio::test]
async fn keys_are_any_text() {
    let (rig, _dir) = fresh().await;
    let long = "x".repeat(1024);
    let odd = [
        "a",
        "a/b",
        "a/",
        "..",
        "../../etc/passwd",
        "a/../b",
        "./a",
        "with space",
        "plus+plus",
        "per%25cent",
        "per%cent",
        "ünï/çødé/日本語/🙂",
        "a//b",
        "q?x=1&y#z",
        "tilde~*'()!",
        "quote\"'<>&",
        &long,
    ];
    for (n, key) in odd.iter().enumerate() {
        rig.put(key, format!("{n}").as_bytes()).await;
    }
    for (n, key) in odd.iter().enumerate() {
        assert_eq!(
            rig.get(key).await.unwrap(),
            format!("{n}").as_bytes(),
            "{key}"
        );
    }
    let mut expected = odd.to_vec();
    expected.sort_unstable();
    let list = rig
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        list.contents()
            .iter()
            .filter_map(|it| it.key())
            .collect::<Vec<_>>(),
        expected
    );
    let too_long = "x".repeat(1025);
    assert_eq!(
        code(
            rig.client
                .put_object()
                .bucket(BUCKET)
                .key(too_long)
                .send()
                .await
        ),
        "KeyTooLongError"
    );
}

#[tokio::test]
async fn deleting_what_is_not_there_succeeds() {
    let (rig, dir) = fresh().await;
    for key in ["a", "a/b", "c"] {
        rig.put(key, b"v").await;
    }
    rig.client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    rig.client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    assert_eq!(rig.get("a").await.unwrap_err(), "NoSuchKey");
    assert_eq!(rig.get("a/b").await.unwrap(), b"v");
    let objects =
        ["a/b", "c", "none"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder()
        .set_objects(Some(objects.to_vec()))
        .build()
        .unwrap();
    let answer = rig
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.deleted().len(), 3);
    assert!(answer.errors().is_empty());
    rig.client
        .delete_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 0);
}

#[tokio::test]
async fn buckets_are_made_once_and_deleted_empty() {
    let (rig, _dir) = fresh().await;
    rig.client
        .create_bucket()
        .bucket("second")
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(rig.client.create_bucket().bucket("second").send().await),
        "BucketAlreadyOwnedByYou"
    );
    let list = rig.client.list_buckets().send().await.unwrap();
    assert_eq!(
        list.buckets()
            .iter()
            .filter_map(|it| it.name())
            .collect::<Vec<_>>(),
        [BUCKET, "second"]
    );
    rig.put("k", b"v").await;
    assert_eq!(
        code(rig.client.delete_bucket().bucket(BUCKET).send().await),
        "BucketNotEmpty"
    );
    rig.client
        .delete_bucket()
        .bucket("second")
        .send()
        .await
        .unwrap();
    assert!(
        rig.client
            .head_bucket()
            .bucket("second")
            .send()
            .await
            .is_err()
    );
    assert!(rig.client.head_bucket().bucket(BUCKET).send().await.is_ok());
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_the_headers_or_new_ones() {
    let (rig, _dir) = fresh().await;
    let put = rig
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a b")
        .body(b"v".to_vec().into());
    put.content_type("text/csv")
        .metadata("m", "1")
        .send()
        .await
        .unwrap();
    let copy = |from: &str, to: &str| {
        rig.client
            .copy_object()
            .bucket(BUCKET)
            .key(to)
            .copy_source(format!("{BUCKET}/{from}"))
    };
    copy("a%20b", "c").send().await.unwrap();
    let head = rig
        .client
        .head_object()
        .bucket(BUCKET)
        .key("c")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.content_type(), head.metadata().unwrap().len()),
        (Some("text/csv"), 1)
    );
    let replace = copy("c", "c")
        .metadata_directive(MetadataDirective::Replace)
        .content_type("text/plain");
    replace.send().await.unwrap();
    let head = rig
        .client
        .head_object()
        .bucket(BUCKET)
        .key("c")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(rig.get("c").await.unwrap(), b"v");
    assert_eq!(code(copy("c", "c").send().await), "InvalidRequest");
    assert_eq!(code(copy("none", "d").send().await), "NoSuchKey");
    assert_eq!(
        code(copy("c", "d").copy_source_if_match("\"x\"").send().await),
        "PreconditionFailed"
    );
}

#[tokio::test]
async fn a_download_under_way_outlives_its_object() {
    let (rig, dir) = fresh().await;
    // More than the sockets hold, so that most of it is read after the object has gone.
    let data = bytes(3, 32 * MIB);
    rig.put("k", &data).await;
    let get = rig
        .client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    rig.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert!(get.body.collect().await.unwrap().to_vec() == data);
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 0);
}

#[tokio::test]
async fn an_overwritten_object_leaves_no_bytes_behind() {
    let (rig, dir) = fresh().await;
    rig.put("k", b"before").await;
    rig.put("k", b"after").await;
    assert_eq!(rig.get("k").await.unwrap(), b"after");
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 1);
}
