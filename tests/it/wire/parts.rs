//! Answers that did only a part, and calls that did none: what is left is asked for again, or told.

use bytes::Bytes;
use lambda_http::{Context, LambdaEvent};
use lead_export_aws::clock::SystemClock;
use lead_export_aws::queue::hint_body;
use lead_export_core::access::Person;
use lead_export_core::lead::SourceId;
use lead_export_core::limits;
use lead_export_core::piece::crc64;
use lead_export_core::ports::{
    AuditStore as _, Clock as _, Download, ExportStore as _, ObjectKey, PieceStore as _,
    SourceStore as _, StoreErrorKind,
};
use lead_export_core::record::{ExportId, RunId, Status};
use lead_export_core::time::Instant;
use serde_json::json;
use uuid::Uuid;

use super::client::Break;
use super::runs::run_export;
use super::{CSV, adapters, org, quiet_world, record};

#[tokio::test]
async fn what_an_answer_left_unread_is_asked_for() {
    let world = quiet_world().await;
    let adapters = adapters(&world);
    let export = record(&world).await;
    adapters.exports.create(&export, None, 20).await.unwrap();
    let source = SourceId::parse("crm").unwrap();
    let row = Download {
        org: org(),
        export: export.id(),
        id: Uuid::new_v4(),
        by: Person {
            id: "alice".into(),
            name: "Alice".into(),
        },
        at: Instant::from_millis(1_800_000_000_000),
    };
    adapters.audit.record(&source, &row).await.unwrap();

    let wire = &adapters.wire;
    wire.plan("BatchGetItem", 1, 1, Break::Part);
    let access = adapters.sources.access(&org(), "alice", &source).await;
    let access = access.unwrap();
    assert!(
        access.source.is_some() && access.own.is_some(),
        "keys that were not read are read"
    );
    assert_eq!(wire.count("BatchGetItem"), 2);

    wire.plan("Query", 1, 99, Break::Part);
    let due = adapters.exports.due(Instant::MAX, 1000).await.unwrap();
    assert!(
        due.iter().any(|due| due.id == export.id()),
        "what is due does not end with an empty page"
    );
    let rows = adapters.audit.downloads(&row.org, row.export).await;
    assert_eq!(rows.unwrap(), [row], "rows do not end with an empty page");
    world.stop().await;
}

#[tokio::test]
async fn a_cleaning_is_done_when_all_is_gone() {
    let world = quiet_world().await;
    let (id, run) = (ExportId(Uuid::new_v4()), RunId(Uuid::new_v4()));
    let key = ObjectKey::Tail(id, run);
    let bytes = Bytes::from_static(b"a,b\r\n");
    let crc = crc64(&bytes);
    let store = || adapters(&world);
    store().pieces.put(key, bytes, crc, &CSV).await.unwrap();
    store()
        .pieces
        .open(ObjectKey::File(id, run), &CSV)
        .await
        .unwrap();

    // S-16: 403 may be anything.
    let refused = store();
    let denied = Break::Refuse(403, "AccessDenied");
    refused.wire.plan("HeadObject", 1, 99, denied);
    let looked = refused.pieces.head(key).await.map_err(|error| error.kind);
    assert_eq!(
        looked,
        Err(StoreErrorKind::Denied),
        "a look that was refused has found nothing out"
    );

    let undeleted = store();
    undeleted.wire.plan("DeleteObjects", 1, 99, Break::Part);
    let missing = Break::Refuse(404, "NoSuchUpload");
    undeleted.wire.plan("AbortMultipartUpload", 1, 99, missing);
    let cleaned = undeleted.pieces.clean(id, None).await;
    let asked = undeleted.wire.count("DeleteObjects");
    assert!(
        asked > 0,
        "an upload that ended meanwhile is in nobody's way"
    );
    assert!(cleaned.is_err(), "what was not deleted is told");
    assert!(store().pieces.head(key).await.unwrap().is_some());

    let paged = store();
    paged.wire.plan("ListMultipartUploads", 1, 1, Break::Part);
    paged.pieces.clean(id, None).await.unwrap();
    let aborted = paged.wire.count("AbortMultipartUpload");
    assert_eq!(aborted, 1, "uploads do not end with an empty page");
    assert_eq!(store().pieces.head(key).await.unwrap(), None);
    world.stop().await;
}

#[tokio::test]
async fn a_message_comes_again_only_if_a_store_could_not_be_asked() {
    let world = quiet_world().await;
    let silent = adapters(&world);
    let refused = Break::Refuse(400, "AccessDeniedException");
    silent.wire.plan("GetItem", 1, 1, refused);
    let app = run_export::App {
        run: run_export(&world, &silent),
        slice: limits::SLICE,
    };
    let hint = || hint_body(&org(), ExportId(Uuid::new_v4()));
    let message = |name: &str, body: String| json!({"messageId": name, "body": body, "attributes": {}, "messageAttributes": {}});
    let event = json!({"Records": [
        message("asked in vain", hint()),
        message("poison", "{}".into()),
        message("of nothing", hint()),
    ]});
    let event = serde_json::from_value(event).unwrap();
    let answer = run_export::handle(&app, LambdaEvent::new(event, Context::default())).await;
    let failed: Vec<_> = answer
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    assert_eq!(failed, ["asked in vain"]);
    world.stop().await;
}

#[tokio::test]
async fn a_slice_ends_before_its_function_does() {
    // Q-6, F12: a function that is killed cannot store what it holds.
    let world = quiet_world().await;
    let adapters = adapters(&world);
    let mut export = record(&world).await;
    export.head.requested_at = SystemClock.now();
    export.plan.requested_at = export.head.requested_at;
    let source = world.source("crm", |source| source.shards = 2).await;
    let leads: Vec<_> = (0..20)
        .map(|at| crate::util::lead(&format!("l-{at}"), at, &[]))
        .collect();
    world.load(&source, &leads).await;
    adapters.exports.create(&export, None, 20).await.unwrap();
    let app = run_export::App {
        run: run_export(&world, &adapters),
        slice: limits::SLICE,
    };
    let hint = json!({"messageId": "m", "body": hint_body(&org(), export.id()), "attributes": {}, "messageAttributes": {}});
    let handle = async |deadline| {
        let event = serde_json::from_value(json!({"Records": [hint]})).unwrap();
        let mut context = Context::default();
        context.deadline = deadline;
        let answer = run_export::handle(&app, LambdaEvent::new(event, context)).await;
        assert!(answer.batch_item_failures.is_empty());
        let seen = adapters.exports.get(&org(), export.id()).await.unwrap();
        let seen = seen.unwrap();
        (seen.status(), seen.slices)
    };
    // Its time is over as it begins, and then it has all the time there is.
    assert_eq!(handle(0).await, (Status::Processing, 1));
    assert_eq!(handle(u64::MAX).await, (Status::Completed, 2));
    world.stop().await;
}
