//! T2 of `promises.md`: the real adapters and the real SDK – its retries, its signing, its checksums – over an HTTP client that breaks
//! calls. Behind it stand the stack's own servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod answers;
mod client;
mod parts;
mod runs;

use std::time::Duration;

use aws_sdk_s3::types::Object;
use bytes::Bytes;
use futures_util::future::join_all;
use lead_export_aws::audit::DynamoAudit;
use lead_export_aws::exports::DynamoExports;
use lead_export_aws::objects::S3Pieces;
use lead_export_aws::queue::SqsQueue;
use lead_export_aws::sources::DynamoSources;
use lead_export_core::access::{Person, Role};
use lead_export_core::ask::Asked;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::piece::crc64;
use lead_export_core::ports::{
    Created, ExportQueue as _, ExportStore as _, FileKind, ObjectKey, PieceStore as _,
    SourceStore as _, StoreErrorKind, Written,
};
use lead_export_core::record::{Export, ExportId, RunId};
use lead_export_core::time::Instant;
use lead_export_local::stack::{Stack, StackOptions};
use tempfile::TempDir;
use uuid::Uuid;

use crate::util::{World, client as http, options};
use client::{Break, Wire};

const CSV: FileKind = FileKind {
    content_type: "text/csv; charset=utf-8",
};

/// A stack whose sweeper sleeps: nobody but the test works on an export.
async fn quiet_world() -> World {
    let dir = TempDir::new().unwrap();
    let stack = Stack::start(StackOptions {
        sweep_every: Duration::from_hours(1),
        ..options(&dir)
    });
    World {
        stack: stack.await.unwrap(),
        dir,
        client: http(),
    }
}

/// The adapters over one wire of their own.
struct Adapters {
    wire: Wire,
    exports: DynamoExports,
    sources: DynamoSources,
    audit: DynamoAudit,
    pieces: S3Pieces,
    queue: SqsQueue,
}

fn adapters(world: &World) -> Adapters {
    let file = world.stack.file();
    let aws = file.aws().unwrap();
    let wire = Wire::new(aws.http_client().clone());
    let aws = aws.with_http_client(aws_smithy_runtime_api::client::http::SharedHttpClient::new(
        wire.clone(),
    ));
    Adapters {
        wire,
        exports: DynamoExports::new(aws.dynamodb(), file.tables.exports.clone()),
        sources: DynamoSources::new(aws.dynamodb(), file.tables.sources.clone()),
        audit: DynamoAudit::new(aws.dynamodb(), file.tables.audit.clone()),
        pieces: S3Pieces::new(aws.s3(), file.bucket.clone()),
        queue: SqsQueue::new(aws.sqs(), file.queue_url.clone()),
    }
}

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

/// A record as a request would make it, not stored.
pub(crate) async fn record(world: &World) -> Export {
    let source = world.source("crm", |_| ()).await;
    world.grant("acme", "alice", "crm", Role::Exporter).await;
    let now = Instant::from_millis(1_800_000_000_000);
    let asked = Asked::parse(b"{}", &source, now, &|_| None).unwrap();
    let person = Person {
        id: "alice".into(),
        name: "Alice".into(),
    };
    let (id, by) = (ExportId(Uuid::new_v4()), RunId(Uuid::new_v4()));
    Export::new(id, org(), by, person, asked.plan, asked.file_name, None)
}

/// Each service's throttles, by the codes of its API reference, and what is no throttle and passes.
const PASSING: [(&str, u16, &str, StoreErrorKind); 12] = [
    (
        "GetItem",
        400,
        "ProvisionedThroughputExceededException",
        StoreErrorKind::Throttled,
    ),
    (
        "GetItem",
        400,
        "ThrottlingException",
        StoreErrorKind::Throttled,
    ),
    (
        "GetItem",
        400,
        "RequestLimitExceeded",
        StoreErrorKind::Throttled,
    ),
    (
        "GetItem",
        500,
        "InternalServerError",
        StoreErrorKind::Unavailable,
    ),
    (
        "GetItem",
        503,
        "ServiceUnavailable",
        StoreErrorKind::Unavailable,
    ),
    ("PutObject", 503, "SlowDown", StoreErrorKind::Throttled),
    (
        "PutObject",
        500,
        "InternalError",
        StoreErrorKind::Unavailable,
    ),
    (
        "PutObject",
        503,
        "ServiceUnavailable",
        StoreErrorKind::Unavailable,
    ),
    (
        "PutObject",
        400,
        "RequestTimeout",
        StoreErrorKind::Unavailable,
    ),
    (
        "SendMessage",
        400,
        "ThrottlingException",
        StoreErrorKind::Throttled,
    ),
    (
        "SendMessage",
        403,
        "RequestThrottled",
        StoreErrorKind::Throttled,
    ),
    (
        "SendMessage",
        500,
        "InternalFailure",
        StoreErrorKind::Unavailable,
    ),
];

/// What the operation does; the kind of its error.
async fn call(adapters: &Adapters, operation: &str) -> Result<(), StoreErrorKind> {
    let key = ObjectKey::Piece(ExportId(Uuid::new_v4()), RunId(Uuid::new_v4()), 0);
    let bytes = Bytes::from_static(b"a,b\r\n");
    let crc = crc64(&bytes);
    let done = match operation {
        "GetItem" => adapters
            .exports
            .get(&org(), ExportId(Uuid::nil()))
            .await
            .map(drop),
        "BatchGetItem" => {
            let source = SourceId::parse("crm").unwrap();
            adapters
                .sources
                .access(&org(), "alice", &source)
                .await
                .map(drop)
        }
        "PutObject" => adapters.pieces.put(key, bytes, crc, &CSV).await,
        "SendMessage" => adapters.queue.send(&org(), ExportId(Uuid::new_v4())).await,
        other => panic!("{other}"),
    };
    done.map_err(|error| error.kind)
}

/// I6: so many files, that of `calm` with its leftovers cleaned, and no open upload.
async fn leftovers(world: &World, files: usize, calm: &Export) {
    let adapters = adapters(world);
    let run = calm.head.file.as_ref().map(|file| file.run);
    adapters.pieces.clean(calm.id(), run).await.unwrap();
    let file = world.stack.file();
    let s3 = file.clients().unwrap().s3;
    let objects = s3
        .list_objects_v2()
        .bucket(&file.bucket)
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = objects.contents().iter().filter_map(Object::key).collect();
    assert!(keys.iter().all(|key| key.starts_with("files/")), "{keys:?}");
    assert_eq!(keys.len(), files);
    let uploads = s3
        .list_multipart_uploads()
        .bucket(&file.bucket)
        .send()
        .await;
    assert!(uploads.unwrap().uploads().is_empty());
}

#[tokio::test]
async fn what_passes_is_tried_three_times_and_then_told_by_its_kind() {
    let world = quiet_world().await;
    let cases = PASSING.iter().flat_map(|(operation, status, code, kind)| {
        let refuse = Break::Refuse(*status, code);
        [
            (*operation, refuse, *kind),
            (*operation, Break::Reset, StoreErrorKind::Unavailable),
        ]
    });
    join_all(cases.map(|(operation, how, kind)| {
        let world = &world;
        async move {
            // Twice: the SDK's third attempt goes through.
            let passing = adapters(world);
            passing.wire.plan(operation, 1, 2, how);
            assert_eq!(
                call(&passing, operation).await,
                Ok(()),
                "{operation} {how:?}"
            );
            assert_eq!(passing.wire.count(operation), 3, "{operation} {how:?}");
            let lasting = adapters(world);
            lasting.wire.plan(operation, 1, 99, how);
            assert_eq!(
                call(&lasting, operation).await,
                Err(kind),
                "{operation} {how:?}"
            );
            assert_eq!(
                lasting.wire.count(operation),
                3,
                "one layer retries, three attempts"
            );
        }
    }))
    .await;
    world.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_good_is_asked_once() {
    let world = quiet_world().await;
    for (operation, status, code, kind) in [
        (
            "GetItem",
            400,
            "AccessDeniedException",
            StoreErrorKind::Denied,
        ),
        (
            "GetItem",
            400,
            "ResourceNotFoundException",
            StoreErrorKind::NotFound,
        ),
        (
            "BatchGetItem",
            400,
            "ValidationException",
            StoreErrorKind::Denied,
        ),
        ("PutObject", 403, "AccessDenied", StoreErrorKind::Denied),
        ("PutObject", 404, "NoSuchBucket", StoreErrorKind::NotFound),
        (
            "SendMessage",
            400,
            "QueueDoesNotExist",
            StoreErrorKind::NotFound,
        ),
    ] {
        let adapters = adapters(&world);
        adapters
            .wire
            .plan(operation, 1, 99, Break::Refuse(status, code));
        assert_eq!(call(&adapters, operation).await, Err(kind), "{code}");
        assert_eq!(adapters.wire.count(operation), 1, "{code}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_to_be_ones_own() {
    // the SDK sends it again, and the condition fails on its own write.
    let world = quiet_world().await;
    let export = record(&world).await;
    let adapters = adapters(&world);
    let wire = &adapters.wire;
    wire.plan("TransactWriteItems", 1, 1, Break::Lost);
    let created = adapters.exports.create(&export, None, 20).await.unwrap();
    assert_eq!(
        (created, wire.count("TransactWriteItems")),
        (Created::New, 2)
    );

    let now = Instant::from_millis(1_800_000_001_000);
    let run = RunId(Uuid::new_v4());
    let leased = export.leased(run, now);
    wire.plan("PutItem", 1, 1, Break::Lost);
    wire.plan("UpdateItem", 1, 1, Break::Lost);
    let before = wire.seen().len();
    let written = adapters.exports.replace(&leased).await.unwrap();
    assert_eq!(wire.seen().len(), before + 2, "{:?}", wire.seen());
    assert!(
        matches!(written, Written::Lost(_)),
        "the second attempt met the first"
    );
    assert!(written.is_mine(&leased));
    // Another's write of the same version is not taken for it.
    let other = export.leased(RunId(Uuid::new_v4()), now);
    assert!(
        !adapters
            .exports
            .replace(&other)
            .await
            .unwrap()
            .is_mine(&other)
    );

    let nth = wire.count("TransactWriteItems") + 1;
    wire.plan("TransactWriteItems", nth, 1, Break::Lost);
    let failed = leased.failed(run, lead_export_core::record::FailureCode::Internal, now);
    let written = adapters.exports.end(&failed).await.unwrap();
    assert!(written.is_mine(&failed));
    assert_eq!(wire.count("TransactWriteItems"), nth + 1);
    let stored = adapters.exports.get(&org(), export.id()).await.unwrap();
    assert_eq!(stored.unwrap().version, failed.version);
    world.stop().await;
}

#[tokio::test]
async fn who_may_do_what_is_read_as_it_was_written_last() {
    let world = quiet_world().await;
    for id in ["crm", "alpha"] {
        world.source(id, |_| ()).await;
        world.grant("acme", "alice", id, Role::Viewer).await;
    }
    world.grant("acme", "adam", "*", Role::Admin).await;
    let adapters = adapters(&world);
    let (sources, wire) = (&adapters.sources, &adapters.wire);
    // What `GET /sources` asks, of one who is named on sources and of one who may on all; and what every other route asks.
    for user in ["alice", "adam", "nobody"] {
        let seen = sources.visible(&org(), user).await.unwrap();
        assert_eq!(seen.len(), if user == "nobody" { 0 } else { 2 }, "{user}");
        let crm = SourceId::parse("crm").unwrap();
        sources.access(&org(), user, &crm).await.unwrap();
    }
    assert!(wire.count("Query") >= 4 && wire.count("BatchGetItem") >= 4);
    assert_eq!(wire.stale(), Vec::<String>::new());
    world.stop().await;
}
