//! Open uploads: their parts and their lists.

use aws_sdk_s3::types::MultipartUpload;

use crate::rig::{BUCKET, code, crc64nvme, fresh, md5_hex};
use crate::uploads::{KEY, begin, numbers, part};

#[tokio::test]
async fn parts_are_listed_in_order_and_the_last_of_a_number_counts() {
    let (rig, dir) = fresh().await;
    let id = begin(&rig, KEY).await;
    for (number, bytes) in [(10, b"j"), (2, b"b"), (1, b"x"), (1, b"a")] {
        part(&rig, &id, number, bytes).await;
    }
    assert_eq!(numbers(&rig, &id).await, [1, 2, 10]);
    let list = || {
        rig.client
            .list_parts()
            .bucket(BUCKET)
            .key(KEY)
            .upload_id(&id)
    };
    let first = list().max_parts(2).send().await.unwrap();
    assert_eq!(
        (first.is_truncated(), first.next_part_number_marker()),
        (Some(true), Some("2"))
    );
    assert_eq!(
        first.parts()[0].e_tag(),
        Some(format!("\"{}\"", md5_hex(b"a")).as_str())
    );
    assert_eq!(
        first.parts()[0].checksum_crc64_nvme(),
        Some(crc64nvme(b"a").as_str())
    );
    let rest = list().part_number_marker("2").send().await.unwrap();
    assert_eq!((rest.is_truncated(), rest.parts().len()), (Some(false), 1));
    rig.client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(code(list().send().await), "NoSuchUpload");
    let again = rig
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(&id)
        .send()
        .await;
    assert_eq!(code(again), "NoSuchUpload");
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 0);
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_age() {
    let (rig, _dir) = fresh().await;
    let mut ids = Vec::new();
    for key in ["b/1", "a", "b/1", "c/x/1", "b"] {
        ids.push((key, begin(&rig, key).await));
    }
    let seen = |uploads: &[MultipartUpload]| {
        uploads
            .iter()
            .map(|it| {
                (
                    it.key().unwrap().to_owned(),
                    it.upload_id().unwrap().to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let list = || rig.client.list_multipart_uploads().bucket(BUCKET);
    let all = seen(list().send().await.unwrap().uploads());
    assert_eq!(
        all.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["a", "b", "b/1", "b/1", "c/x/1"]
    );
    let under = list().prefix("b/").send().await.unwrap();
    assert_eq!(under.uploads().len(), 2);
    let folders = list().delimiter("/").send().await.unwrap();
    assert_eq!(folders.uploads().len(), 2);
    assert_eq!(folders.common_prefixes().len(), 2);
    for max in 1..=5 {
        let mut found = Vec::new();
        let (mut key, mut id) = (None, None);
        loop {
            let page = list()
                .max_uploads(max)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .unwrap();
            found.extend(seen(page.uploads()));
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
        assert_eq!(found, all, "{max}");
    }
}
