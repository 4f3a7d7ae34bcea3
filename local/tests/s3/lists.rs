//! Lists: folders, pages, encodings.

use aws_sdk_s3::types::EncodingType;

use crate::rig::{BUCKET, code, fresh};

#[tokio::test]
async fn pages_with_folders_hold_each_entry_once() {
    let (rig, _dir) = fresh().await;
    for key in ["a", "a/b", "a/c", "b/x/y", "c", "d/1", "d/2"] {
        rig.put(key, b"v").await;
    }
    for max in 1..=6 {
        let mut entries = Vec::new();
        let mut token = None;
        loop {
            let list = rig
                .client
                .list_objects_v2()
                .bucket(BUCKET)
                .delimiter("/")
                .max_keys(max);
            let list = list.set_continuation_token(token).send().await.unwrap();
            assert_eq!(
                list.key_count(),
                Some(i32::try_from(list.contents().len() + list.common_prefixes().len()).unwrap())
            );
            entries.extend(
                list.contents()
                    .iter()
                    .filter_map(|it| it.key().map(str::to_owned)),
            );
            entries.extend(
                list.common_prefixes()
                    .iter()
                    .filter_map(|it| it.prefix().map(str::to_owned)),
            );
            assert_eq!(
                list.is_truncated(),
                Some(list.next_continuation_token().is_some())
            );
            token = list.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        entries.sort();
        assert_eq!(entries, ["a", "a/", "b/", "c", "d/"], "{max}");
    }
}

#[tokio::test]
async fn prefix_start_and_limit_are_kept() {
    let (rig, _dir) = fresh().await;
    for n in 0..5 {
        rig.put(&format!("p/{n}"), b"v").await;
    }
    rig.put("q", b"v").await;
    let list = || rig.client.list_objects_v2().bucket(BUCKET);
    let keys = |list: aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| {
        list.contents()
            .iter()
            .map(|it| it.key().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(list().prefix("p/").start_after("p/2").send().await.unwrap()),
        ["p/3", "p/4"]
    );
    assert_eq!(
        keys(list().prefix("none").send().await.unwrap()),
        Vec::<String>::new()
    );
    let none = list().max_keys(0).send().await.unwrap();
    assert_eq!(
        (none.contents().len(), none.is_truncated()),
        (0, Some(false))
    );
    assert_eq!(code(list().max_keys(-1).send().await), "InvalidArgument");
    assert_eq!(
        code(list().continuation_token("%%%").send().await),
        "InvalidArgument"
    );
    assert_eq!(
        code(
            rig.client
                .list_objects_v2()
                .bucket("no-bucket")
                .send()
                .await
        ),
        "NoSuchBucket"
    );
}

#[tokio::test]
async fn the_old_list_pages_by_marker() {
    let (rig, _dir) = fresh().await;
    for key in ["a/1", "a/2", "b", "c/1"] {
        rig.put(key, b"v").await;
    }
    let list = || {
        rig.client
            .list_objects()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(1)
    };
    let first = list().send().await.unwrap();
    assert_eq!(first.common_prefixes()[0].prefix(), Some("a/"));
    assert_eq!(first.next_marker(), Some("a/"));
    let second = list().marker("a/").send().await.unwrap();
    assert_eq!(second.contents()[0].key(), Some("b"));
    let third = list().marker("b").send().await.unwrap();
    assert_eq!(third.common_prefixes()[0].prefix(), Some("c/"));
    assert_eq!(third.is_truncated(), Some(false));
}

#[tokio::test]
async fn names_are_encoded_for_who_asks() {
    let (rig, _dir) = fresh().await;
    rig.put("é +/ü", b"v").await;
    let list = rig
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .unwrap();
    assert_eq!(list.contents()[0].key(), Some("%C3%A9%20%2B/%C3%BC"));
    let plain = rig
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(plain.contents()[0].key(), Some("é +/ü"));
}
