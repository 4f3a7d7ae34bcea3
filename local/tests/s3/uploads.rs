//! Multipart uploads: what S3 accepts, what it refuses, and that a refusal leaves the upload as it was.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Part,
};

use crate::rig::{BUCKET, MIB, Rig, bytes, code, crc32, crc64nvme, fresh, md5_hex};

pub(crate) const KEY: &str = "files/e/r";

pub(crate) async fn begin(rig: &Rig, key: &str) -> String {
    let create = rig.client.create_multipart_upload().bucket(BUCKET).key(key);
    let create = create
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject);
    create.send().await.unwrap().upload_id.unwrap()
}

pub(crate) async fn part(rig: &Rig, id: &str, number: i32, bytes: &[u8]) -> CompletedPart {
    let upload = rig
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .part_number(number);
    let upload = upload
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(bytes.to_vec().into());
    let done = upload.send().await.unwrap();
    assert_eq!(done.checksum_crc64_nvme(), Some(crc64nvme(bytes).as_str()));
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(done.e_tag)
        .build()
}

async fn copied(
    rig: &Rig,
    id: &str,
    number: i32,
    from: &str,
    range: Option<&str>,
) -> CompletedPart {
    let copy = rig
        .client
        .upload_part_copy()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .part_number(number);
    let copy = copy
        .copy_source(format!("{BUCKET}/{from}"))
        .set_copy_source_range(range.map(str::to_owned));
    let result = copy.send().await.unwrap().copy_part_result.unwrap();
    let part = CompletedPart::builder()
        .part_number(number)
        .set_e_tag(result.e_tag);
    part.set_checksum_crc64_nvme(result.checksum_crc64_nvme)
        .build()
}

pub(crate) fn complete(
    rig: &Rig,
    id: &str,
    parts: &[CompletedPart],
) -> CompleteMultipartUploadFluentBuilder {
    let parts = CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build();
    rig.client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .multipart_upload(parts)
}

pub(crate) async fn numbers(rig: &Rig, id: &str) -> Vec<i32> {
    let list = rig
        .client
        .list_parts()
        .bucket(BUCKET)
        .key(KEY)
        .upload_id(id)
        .send()
        .await
        .unwrap();
    list.parts().iter().filter_map(Part::part_number).collect()
}

#[tokio::test]
async fn pieces_copied_and_sent_become_one_object_with_its_checksum() {
    let (rig, dir) = fresh().await;
    let (first, second, rest) = (bytes(1, 6 * MIB), bytes(2, 7 * MIB), bytes(3, 1000));
    rig.put("work/0", &first).await;
    rig.put("work/1", &second).await;
    let id = begin(&rig, KEY).await;
    let parts = [
        copied(&rig, &id, 1, "work/0", None).await,
        copied(
            &rig,
            &id,
            2,
            "work/1",
            Some(&format!("bytes=1-{}", 6 * MIB)),
        )
        .await,
        part(&rig, &id, 3, &rest).await,
    ];
    assert_eq!(
        parts[0].checksum_crc64_nvme(),
        Some(crc64nvme(&first).as_str())
    );
    let whole = [first.as_slice(), &second[1..=6 * MIB], &rest].concat();
    let size = i64::try_from(whole.len()).unwrap();

    let wrong = complete(&rig, &id, &parts)
        .checksum_crc64_nvme(crc64nvme(&rest))
        .send()
        .await;
    assert_eq!(code(wrong), "BadDigest");
    let wrong = complete(&rig, &id, &parts)
        .mpu_object_size(size - 1)
        .send()
        .await;
    assert_eq!(code(wrong), "InvalidRequest");
    let wrong = complete(&rig, &id, &parts)
        .checksum_type(ChecksumType::Composite)
        .send()
        .await;
    assert_eq!(code(wrong), "BadDigest");
    let wrong = complete(&rig, &id, &parts)
        .checksum_crc32(crc32(&whole))
        .send()
        .await;
    assert_eq!(code(wrong), "InvalidRequest");
    assert_eq!(rig.get(KEY).await.unwrap_err(), "NoSuchKey");
    assert_eq!(numbers(&rig, &id).await, [1, 2, 3]);

    let right = || {
        let complete = complete(&rig, &id, &parts).checksum_crc64_nvme(crc64nvme(&whole));
        complete
            .checksum_type(ChecksumType::FullObject)
            .mpu_object_size(size)
    };
    let done = right().send().await.unwrap();
    assert_eq!(done.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()));
    let md5s = [&first[..], &second[1..=6 * MIB], &rest]
        .map(|it| hex::decode(md5_hex(it)).unwrap())
        .concat();
    let etag = format!("\"{}-3\"", md5_hex(&md5s));
    assert_eq!(done.e_tag(), Some(etag.as_str()));
    assert!(rig.get(KEY).await.unwrap() == whole);
    let head = rig
        .client
        .head_object()
        .bucket(BUCKET)
        .key(KEY)
        .checksum_mode(ChecksumMode::Enabled);
    let head = head.send().await.unwrap();
    assert_eq!(head.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(
        (head.e_tag(), head.content_length()),
        (Some(etag.as_str()), Some(size))
    );
    // Over the seam of two parts.
    let seam = rig.client.get_object().bucket(BUCKET).key(KEY);
    let seam = seam
        .range(format!("bytes={}-{}", 6 * MIB - 3, 6 * MIB + 2))
        .send()
        .await
        .unwrap();
    assert_eq!(
        seam.body.collect().await.unwrap().to_vec(),
        whole[6 * MIB - 3..6 * MIB + 3]
    );

    // S3 answers a repeated Complete as it did the first.
    assert_eq!(right().send().await.unwrap().e_tag(), Some(etag.as_str()));
    assert_eq!(
        code(complete(&rig, &id, &parts[..1]).send().await),
        "NoSuchUpload"
    );
    rig.stop().await;
    assert_eq!(crate::rig::files(&dir.path().join("blobs")), 5);
}

#[tokio::test]
async fn what_s3_refuses_at_complete_is_refused_and_the_upload_goes_on() {
    let (rig, _dir) = fresh().await;
    let (big, small) = (bytes(1, 5 * MIB), bytes(2, 10));
    let id = begin(&rig, KEY).await;
    let one = part(&rig, &id, 1, &big).await;
    let two = part(&rig, &id, 2, &small).await;
    let three = part(&rig, &id, 3, &small).await;
    let named = |number, etag: &str| {
        CompletedPart::builder()
            .part_number(number)
            .e_tag(etag)
            .build()
    };
    let lied = CompletedPart::builder()
        .part_number(2)
        .e_tag(two.e_tag().unwrap());
    let lied = lied.checksum_crc64_nvme(crc64nvme(&big)).build();
    let no_etag = CompletedPart::builder().part_number(1).build();
    for (parts, expected) in [
        (vec![], "MalformedXML"),
        (vec![no_etag], "MalformedXML"),
        // Out of order *and* too small: order is checked first.
        (vec![two.clone(), one.clone()], "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], "InvalidPartOrder"),
        // With a checksum algorithm, numbers are consecutive from 1.
        (vec![one.clone(), three.clone()], "InvalidPartOrder"),
        (
            vec![one.clone(), named(2, one.e_tag().unwrap())],
            "InvalidPart",
        ),
        (
            vec![one.clone(), two.clone(), three.clone(), named(4, "\"0\"")],
            "InvalidPart",
        ),
        (vec![one.clone(), lied], "InvalidPart"),
        (
            vec![one.clone(), two.clone(), three.clone()],
            "EntityTooSmall",
        ),
        (vec![named(0, "\"0\"")], "InvalidArgument"),
    ] {
        assert_eq!(
            code(complete(&rig, &id, &parts).send().await),
            expected,
            "{parts:?}"
        );
        assert_eq!(numbers(&rig, &id).await, [1, 2, 3]);
    }
    complete(&rig, &id, &[one, two]).send().await.unwrap();
    assert!(rig.get(KEY).await.unwrap() == [big, small].concat());
}

#[tokio::test]
async fn what_s3_refuses_of_parts_is_refused() {
    let (rig, _dir) = fresh().await;
    rig.put("from", b"0123456789").await;
    let id = begin(&rig, KEY).await;
    let send = |id: &str, number| {
        let part = rig
            .client
            .upload_part()
            .bucket(BUCKET)
            .key(KEY)
            .upload_id(id)
            .part_number(number);
        part.body(b"v".to_vec().into())
    };
    let other = ChecksumAlgorithm::Sha256;
    assert_eq!(
        code(send(&id, 1).checksum_algorithm(other).send().await),
        "InvalidRequest"
    );
    assert_eq!(
        code(
            send(&id, 1)
                .checksum_crc64_nvme(crc64nvme(b"w"))
                .send()
                .await
        ),
        "BadDigest"
    );
    for number in [0, 10_001, -1] {
        let answer = send(&id, number)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .send()
            .await;
        assert_eq!(code(answer), "InvalidArgument", "{number}");
    }
    assert_eq!(code(send("unknown", 1).send().await), "NoSuchUpload");
    let copy = |id: &str, from: &str, range: Option<&str>| {
        let copy = rig
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key(KEY)
            .upload_id(id)
            .part_number(1);
        copy.copy_source(format!("{BUCKET}/{from}"))
            .set_copy_source_range(range.map(str::to_owned))
    };
    assert_eq!(code(copy(&id, "none", None).send().await), "NoSuchKey");
    assert_eq!(
        code(copy("unknown", "from", None).send().await),
        "NoSuchUpload"
    );
    assert_eq!(
        code(copy(&id, "from", Some("bytes=0-10")).send().await),
        "InvalidArgument"
    );
    assert_eq!(
        code(copy(&id, "from", Some("bytes=5-")).send().await),
        "InvalidArgument"
    );
    assert_eq!(
        code(
            copy(&id, "from", None)
                .copy_source_if_match("\"x\"")
                .send()
                .await
        ),
        "PreconditionFailed"
    );
    assert_eq!(numbers(&rig, &id).await, Vec::<i32>::new());
    // The same id under another key is another upload.
    let wrong = rig
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("other")
        .upload_id(&id)
        .send()
        .await;
    assert_eq!(code(wrong), "NoSuchUpload");
}
