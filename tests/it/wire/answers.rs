//! Answers that are lost and bytes that flip: rows, objects, uploads.

use bytes::Bytes;
use lead_export_core::access::Person;
use lead_export_core::piece::crc64;
use lead_export_core::ports::{
    AuditStore as _, Download, ObjectKey, PieceStore as _, StoreErrorKind,
};
use lead_export_core::record::{ExportId, RunId};
use lead_export_core::time::Instant;
use uuid::Uuid;

use super::client::Break;
use super::{CSV, adapters, org, quiet_world};

#[tokio::test]
async fn an_audit_row_whose_answer_was_lost_is_one_row() {
    let world = quiet_world().await;
    let adapters = adapters(&world);
    let row = Download {
        org: org(),
        export: ExportId(Uuid::new_v4()),
        id: Uuid::new_v4(),
        by: Person {
            id: "alice".into(),
            name: "Alice".into(),
        },
        at: Instant::from_millis(1_800_000_000_000),
    };
    adapters.wire.plan("PutItem", 1, 1, Break::Lost);
    let source = lead_export_core::lead::SourceId::parse("home-insurance").unwrap();
    adapters.audit.record(&source, &row).await.unwrap();
    let rows = adapters
        .audit
        .downloads(&row.org, row.export)
        .await
        .unwrap();
    assert_eq!(rows, [row]);
    assert_eq!(adapters.wire.count("PutItem"), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_byte_that_flips_on_the_way_is_refused() {
    let world = quiet_world().await;
    let (id, run) = (ExportId(Uuid::new_v4()), RunId(Uuid::new_v4()));
    let bytes = Bytes::from("name,city\r\n".repeat(200));
    let crc = crc64(&bytes);
    let key = ObjectKey::Tail(id, run);
    let sending = adapters(&world);
    sending.wire.plan("PutObject", 1, 99, Break::FlipSent);
    assert!(
        sending
            .pieces
            .put(key, bytes.clone(), crc, &CSV)
            .await
            .is_err()
    );
    assert_eq!(
        sending.pieces.head(key).await.unwrap(),
        None,
        "nothing is stored"
    );
    let upload = sending
        .pieces
        .open(ObjectKey::File(id, run), &CSV)
        .await
        .unwrap();
    sending.wire.plan("UploadPart", 1, 99, Break::FlipSent);
    let part = sending
        .pieces
        .put_part(&upload, 1, bytes.clone(), crc)
        .await;
    assert!(part.is_err());

    // What arrives is checked against the checksum that was stored with it.
    let reading = adapters(&world);
    reading
        .pieces
        .put(key, bytes.clone(), crc, &CSV)
        .await
        .unwrap();
    for (how, reads) in [(Break::FlipAnswer, 2), (Break::Cut, 2)] {
        let reading = adapters(&world);
        reading.wire.plan("GetObject", 1, 1, how);
        assert_eq!(reading.pieces.get(key).await.unwrap(), bytes, "{how:?}");
        assert_eq!(reading.wire.count("GetObject"), reads, "{how:?}");
        let never = adapters(&world);
        never.wire.plan("GetObject", 1, 99, how);
        let error = never.pieces.get(key).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unavailable, "{how:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_upload_whose_opening_was_not_answered_is_cleaned() {
    let world = quiet_world().await;
    let (id, run) = (ExportId(Uuid::new_v4()), RunId(Uuid::new_v4()));
    let adapters = adapters(&world);
    adapters
        .wire
        .plan("CreateMultipartUpload", 1, 1, Break::Lost);
    adapters
        .pieces
        .open(ObjectKey::File(id, run), &CSV)
        .await
        .unwrap();
    let file = world.stack.file();
    let open = async || {
        let s3 = file.clients().unwrap().s3;
        let listing = s3
            .list_multipart_uploads()
            .bucket(&file.bucket)
            .send()
            .await;
        listing.unwrap().uploads().len()
    };
    assert_eq!(
        open().await,
        2,
        "one that nobody knows of, and one that is used"
    );
    adapters.pieces.clean(id, None).await.unwrap();
    assert_eq!(open().await, 0);
    world.stop().await;
}
