//! Whole runs over a wire that breaks at each call in turn: the same file, and nothing beside it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use lead_export_aws::clock::{SystemClock, SystemDice};
use lead_export_aws::leads::DynamoLeads;
use lead_export_core::limits;
use lead_export_core::memory::{MemoryNotifier, MemoryQueue};
use lead_export_core::ports::{
    Clock as _, Created, ExportStore as _, PieceStore as _, StoreErrorKind,
};
use lead_export_core::record::{Export, ExportId, FailureCode, RunId, Status};
use lead_export_core::run::{Done, RunExport};
use uuid::Uuid;

use super::client::{Break, Wire};
use super::{Adapters, adapters, org, quiet_world, record};
use crate::util::{World, lead, text};

/// The least that S3 takes for a part that is not the last, and something.
const PIECE_BYTES: usize = (5 << 20) + 7;

/// A run over the adapters of a wire.
pub(super) fn run_export(world: &World, adapters: &Adapters) -> RunExport {
    let file = world.stack.file();
    let aws = file.aws().unwrap();
    let http = aws_smithy_runtime_api::client::http::SharedHttpClient::new(adapters.wire.clone());
    let aws = aws.with_http_client(http);
    RunExport {
        leads: Arc::new(DynamoLeads::new(
            aws.dynamodb(),
            file.tables.leads.clone(),
            true,
        )),
        sources: Arc::new(adapters.sources.clone()),
        exports: Arc::new(adapters.exports.clone()),
        queue: Arc::new(MemoryQueue::new()),
        pieces: Arc::new(adapters.pieces.clone()),
        notifier: Arc::new(MemoryNotifier::new()),
        clock: Arc::new(SystemClock),
        dice: Arc::new(SystemDice),
        retention: limits::RETENTION,
        volume: lead_export_core::volume::DailyVolume::default(),
        piece_bytes: PIECE_BYTES,
        member_bytes: limits::GZIP_MEMBER_BYTES,
    }
}

/// A source whose file is a piece and a rest.
async fn leads(world: &World) {
    let source = world.source("crm", |source| source.shards = 2).await;
    let leads: Vec<_> = (0..150)
        .map(|at| {
            let words = format!("{at} ").repeat(12_000);
            lead(&format!("l-{at}"), at / 7, &[("city", text(&words))])
        })
        .collect();
    world.load(&source, &leads).await;
}

/// An export of its own, run over `wire` until it has ended; the record, and how many runs it took.
async fn ended(
    world: &World,
    template: &Export,
    wire: impl FnOnce(&Wire),
) -> (Export, usize, Adapters) {
    let calm = adapters(world);
    let mut export = template.clone();
    export.head.id = ExportId(Uuid::new_v4());
    export.head.requested_at = SystemClock.now();
    export.plan.requested_at = export.head.requested_at;
    calm.exports.create(&export, None, 1000).await.unwrap();
    let broken = adapters(world);
    wire(&broken.wire);
    let run = run_export(world, &broken);
    for runs in 1..=3 {
        let stop_at = SystemClock.now().plus(Duration::from_mins(5));
        let ran = Box::pin(run.run(&org(), export.id(), stop_at)).await;
        let now = calm
            .exports
            .get(&org(), export.id())
            .await
            .unwrap()
            .unwrap();
        if now.status().is_terminal() {
            return (now, runs, broken);
        }
        // Broken off by silence, or because S3 refused other bytes: the lease was given back, unless that was not heard either. Lost:
        // another run would wait for its end.
        let released = now.lease.is_none();
        assert!(
            released || ran.is_err() || matches!(&ran, Ok(ran) if ran.done == Done::Lost),
            "{ran:?}"
        );
        let flipped = broken.wire.has(Break::FlipSent);
        assert!(released || !flipped, "bytes that were refused cost a wait");
        if !released {
            let next = now.released(RunId(Uuid::new_v4()), SystemClock.now());
            calm.exports.replace(&next).await.unwrap();
        }
    }
    panic!("three runs and no end: {:?}", broken.wire.seen());
}

#[tokio::test]
async fn a_run_ends_with_the_same_bytes_wherever_the_wire_breaks() {
    let world = quiet_world().await;
    let template = record(&world).await;
    leads(&world).await;
    let (calm, runs, adapters) = ended(&world, &template, |_| ()).await;
    assert_eq!((calm.status(), runs), (Status::Completed, 1));
    // P1, D-2: records, grants and leads as they were written last.
    assert_eq!(adapters.wire.stale(), Vec::<String>::new());
    let seen = adapters.wire.seen();
    for operation in [
        "Query",
        "PutObject",
        "UploadPartCopy",
        "UploadPart",
        "CompleteMultipartUpload",
        "TransactWriteItems",
    ] {
        assert!(
            seen.iter().any(|seen| seen == operation),
            "{operation}: {seen:?}"
        );
    }
    let mut cases = Vec::new();
    for nth in 1..=seen.len() {
        let sorts = [
            Break::Lost,
            Break::Reset,
            Break::Cut,
            Break::Refuse(503, "SlowDown"),
        ];
        // Every call loses its answer; the other sorts take turns.
        cases.extend([(nth, Break::Lost), (nth, sorts[1 + nth % 3])]);
    }
    let cases = cases
        .into_iter()
        .map(|(nth, how)| ("", nth, 1, how))
        .chain([
            ("CompleteMultipartUpload", 1, 1, Break::FalseSuccess),
            ("CompleteMultipartUpload", 1, 3, Break::FalseSuccess),
            ("CompleteMultipartUpload", 1, 3, Break::Lost),
            // S3 refuses other bytes for good: it costs the run, and the next one sends them again.
            ("PutObject", 1, 1, Break::FlipSent),
            ("UploadPart", 1, 1, Break::FlipSent),
            ("Query", 3, 3, Break::Cut),
            ("PutObject", 1, 3, Break::Refuse(503, "SlowDown")),
            (
                "Query",
                2,
                3,
                Break::Refuse(400, "ProvisionedThroughputExceededException"),
            ),
            ("TransactWriteItems", 1, 3, Break::Lost),
        ]);
    let ends: Vec<_> = stream::iter(cases)
        .map(|(operation, nth, times, how)| {
            let (world, template) = (&world, &template);
            async move {
                let case = format!("{operation} {nth} {times} {how:?}");
                let plan = |wire: &Wire| wire.plan(operation, nth, times, how);
                let (export, runs, adapters) = ended(world, template, plan).await;
                (case, export, runs, adapters)
            }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    assert!(ends.len() > 40, "{}", ends.len());
    let file_of = |export: &Export| {
        export
            .head
            .file
            .clone()
            .map(|file| (file.size_bytes, file.sha256, file.crc64nvme))
    };
    for (case, export, runs, adapters) in &ends {
        assert_eq!(
            export.status(),
            Status::Completed,
            "{case}: {:?}",
            export.head.failure
        );
        assert_eq!(file_of(export), file_of(&calm), "{case}");
        assert_eq!(export.head.lead_count, Some(150), "{case}");
        assert!(*runs <= 2, "{case}: {runs} runs");
        // What the record says of the object is what S3 says.
        let file = export.head.file.clone().unwrap();
        let key = lead_export_core::ports::ObjectKey::File(export.id(), file.run);
        let head = adapters.pieces.head(key).await.unwrap().unwrap();
        assert_eq!(
            (head.size_bytes, head.crc64nvme),
            (file.size_bytes, Some(file.crc64nvme)),
            "{case}"
        );
        adapters
            .pieces
            .clean(export.id(), Some(file.run))
            .await
            .unwrap();
    }
    // I6: an object for each export, and no open upload.
    super::leftovers(&world, ends.len() + 1, &calm).await;
    world.stop().await;
}

#[tokio::test]
async fn a_bucket_or_key_that_refuses_ends_in_failed_with_what_s3_said() {
    let world = quiet_world().await;
    let template = record(&world).await;
    leads(&world).await;
    for (operation, status, code, kind) in [
        ("PutObject", 404, "NoSuchBucket", StoreErrorKind::NotFound),
        ("PutObject", 403, "AccessDenied", StoreErrorKind::Denied),
        (
            "CreateMultipartUpload",
            403,
            "AccessDenied",
            StoreErrorKind::Denied,
        ),
        // A key of KMS that is disabled.
        (
            "PutObject",
            400,
            "KMS.DisabledException",
            StoreErrorKind::Denied,
        ),
    ] {
        let calm = adapters(&world);
        let mut export = template.clone();
        export.head.id = ExportId(Uuid::new_v4());
        // One place: the export before has given it back.
        let created = calm.exports.create(&export, None, 1).await.unwrap();
        assert_eq!(created, Created::New, "{code}");
        let broken = adapters(&world);
        broken
            .wire
            .plan(operation, 1, 99, Break::Refuse(status, code));
        let notifier = Arc::new(MemoryNotifier::new());
        let run = RunExport {
            notifier: notifier.clone(),
            ..run_export(&world, &broken)
        };
        let stop_at = SystemClock.now().plus(Duration::from_mins(5));
        let ran = Box::pin(run.run(&org(), export.id(), stop_at))
            .await
            .unwrap();
        assert_eq!(ran.done, Done::Failed(FailureCode::StorageDenied), "{code}");
        assert_eq!(ran.cause.unwrap().kind, kind, "{code}");
        let now = calm
            .exports
            .get(&org(), export.id())
            .await
            .unwrap()
            .unwrap();
        let sentence = "The file store refused the file. Tell the operator.";
        assert_eq!(
            now.head.failure.as_ref().unwrap().message,
            format!("{sentence} Quote the export {}.", export.id())
        );
        let told = notifier.told();
        let [event] = told.as_slice() else {
            panic!("{code}: {} events", told.len())
        };
        assert_eq!(event.event_id(), now.event_id());
        calm.pieces.clean(export.id(), None).await.unwrap();
    }
    super::leftovers(&world, 0, &template).await;
    world.stop().await;
}
