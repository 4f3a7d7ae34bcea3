//! Which checksums an upload has, and what parts must then bring.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart};

use crate::rig::{BUCKET, code, crc32, crc64nvme, fresh};
use crate::uploads::{KEY, complete};

#[tokio::test]
async fn pairs_of_algorithm_and_type_follow_the_table() {
    let (rig, _dir) = fresh().await;
    let create = |algorithm: ChecksumAlgorithm, kind: Option<ChecksumType>| {
        let create = rig.client.create_multipart_upload().bucket(BUCKET).key(KEY);
        create
            .checksum_algorithm(algorithm)
            .set_checksum_type(kind)
            .send()
    };
    let bad = create(ChecksumAlgorithm::Crc64Nvme, Some(ChecksumType::Composite)).await;
    assert_eq!(code(bad), "InvalidRequest");
    let bad = create(ChecksumAlgorithm::Sha256, Some(ChecksumType::FullObject)).await;
    assert_eq!(code(bad), "InvalidRequest");
    let crc32 = create(ChecksumAlgorithm::Crc32, None).await.unwrap();
    assert_eq!(crc32.checksum_type(), Some(&ChecksumType::Composite));
}

#[tokio::test]
async fn a_composite_upload_wants_the_checksum_of_each_part() {
    let (rig, _dir) = fresh().await;
    let create = rig.client.create_multipart_upload().bucket(BUCKET).key(KEY);
    let created = create
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
    let id = created.upload_id().unwrap();
    let send = rig
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .part_number(1);
    let answer = send
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .body(b"v".to_vec().into())
        .send()
        .await
        .unwrap();
    let bare = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(answer.e_tag.clone());
    let full = bare
        .clone()
        .set_checksum_sha256(answer.checksum_sha256.clone())
        .build();
    assert_eq!(
        code(complete(&rig, id, &[bare.build()]).send().await),
        "InvalidRequest"
    );
    let done = complete(&rig, id, &[full]).send().await.unwrap();
    assert!(done.checksum_sha256().unwrap().ends_with("=-1"));
    assert_eq!(rig.get(KEY).await.unwrap(), b"v");
}

#[tokio::test]
async fn an_upload_that_names_no_algorithm_gets_the_default_checksum() {
    let (rig, _dir) = fresh().await;
    let created = rig
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await
        .unwrap();
    let id = created.upload_id().unwrap();
    // The SDK sends its default, CRC32, with the part.
    let send = rig
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .part_number(7);
    let answer = send.body(b"v".to_vec().into()).send().await.unwrap();
    assert_eq!(answer.checksum_crc32(), Some(crc32(b"v").as_str()));
    let part = CompletedPart::builder()
        .part_number(7)
        .set_e_tag(answer.e_tag)
        .build();
    let done = complete(&rig, id, &[part]).send().await.unwrap();
    assert_eq!(done.checksum_crc64_nvme(), Some(crc64nvme(b"v").as_str()));
}
