//! Whole exports over the canned services, through the real SDK: many slices, a shard in trouble, a bound on reading.
#![expect(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use benches::dynamodb::{Count, TABLE, Trouble};
use benches::leads::{ORG, SOURCE};
use benches::s3::BUCKET;
use benches::service::USER;
use benches::world::{Options, World};
use lead_export_aws::clock::{SystemClock, SystemDice};
use lead_export_aws::leads::{DynamoLeads, PacedLeads};
use lead_export_aws::objects::S3Pieces;
use lead_export_core::access::Principal;
use lead_export_core::lead::OrgId;
use lead_export_core::limits;
use lead_export_core::memory::MemoryNotifier;
use lead_export_core::ports::Clock as _;
use lead_export_core::record::{Export, Status};
use lead_export_core::request::Request;
use lead_export_core::run::RunExport;
use lead_export_core::volume::DailyVolume;

/// An export by slices of at least so long, until it ends: its record, and what it showed of its progress.
async fn export(
    world: &World,
    body: &str,
    slice: Duration,
    units: Option<u32>,
) -> (Export, Vec<u64>) {
    let org = OrgId::parse(ORG).unwrap();
    let principal = Principal {
        org: org.clone(),
        user: USER.to_owned(),
        name: None,
        email: None,
    };
    let service = &world.service;
    let leads = DynamoLeads::new(world.aws.dynamodb(), TABLE.to_owned(), true);
    let run = RunExport {
        leads: Arc::new(PacedLeads::new(leads, units)),
        sources: service.request.sources.clone(),
        exports: service.exports.clone(),
        queue: service.request.queue.clone(),
        pieces: Arc::new(S3Pieces::new(world.aws.s3(), BUCKET.to_owned())),
        notifier: Arc::new(MemoryNotifier::new()),
        clock: Arc::new(SystemClock),
        dice: Arc::new(SystemDice),
        retention: limits::RETENTION,
        volume: DailyVolume::default(),
        piece_bytes: limits::PIECE_BYTES,
        member_bytes: limits::GZIP_MEMBER_BYTES,
    };
    let request = Request {
        principal: &principal,
        source: SOURCE,
        path: "/canned",
        key: None,
        body: body.as_bytes(),
    };
    let id = service.request.request(request).await.unwrap().export.id();
    let mut progress = Vec::new();
    loop {
        let stop_at = SystemClock.now().plus(slice);
        run.run(&org, id, stop_at).await.unwrap();
        let export = service.exports.get(&org, id).await.unwrap().unwrap();
        progress.push(export.head.progress.leads_read);
        if export.status().is_terminal() {
            return (export, progress);
        }
    }
}

/// Progress never goes back, and is seen to move so often.
fn moves(progress: &[u64], times: usize) {
    assert!(progress.is_sorted(), "{progress:?}");
    let mut seen = progress.to_vec();
    seen.dedup();
    assert!(seen.len() >= times, "{progress:?}");
}

const LONG: Duration = Duration::from_hours(1);

/// The file's hash as the record has it: that of the bytes which the bucket was given.
fn sha256(world: &World, export: &Export) -> String {
    assert_eq!(
        export.status(),
        Status::Completed,
        "{:?}",
        export.head.failure
    );
    let file = export.head.file.clone().unwrap();
    let recorded = file.sha256.unwrap();
    let key = format!("files/{}/{}", export.id(), file.run);
    world.service.s3.with(|sink| {
        let object = sink.object(&key).unwrap();
        assert_eq!(
            (object.size, object.sha256.as_str()),
            (file.size_bytes, recorded.as_str())
        );
    });
    recorded
}

async fn count(options: Options, body: &str) -> (String, Count) {
    let world = World::start(options).await.unwrap();
    let (export, _) = export(&world, body, LONG, None).await;
    (sha256(&world, &export), world.service.dynamodb.count())
}

#[tokio::test]
async fn a_hundred_slices_make_the_file_of_one() {
    let options = Options {
        page: 20,
        ..Options::new(20_000)
    };
    let (once, _) = count(options, "{}").await;
    let world = World::start(options).await.unwrap();
    // Slices that are over as soon as they have moved.
    let (sliced, progress) = export(&world, "{}", Duration::ZERO, None).await;
    assert_eq!(sha256(&world, &sliced), once);
    assert_eq!(sliced.head.lead_count, Some(20_000));
    assert!(sliced.slices >= 100, "{} slices", sliced.slices);
    moves(&progress, 100);
}

#[tokio::test]
async fn slices_move_on_where_nothing_matches() {
    let options = Options {
        page: 50,
        ..Options::new(10_000)
    };
    let world = World::start(options).await.unwrap();
    let body = r#"{"filters": {"status": ["no lead has this"]}}"#;
    let (export, progress) = export(&world, body, Duration::ZERO, None).await;
    assert_eq!(
        (export.status(), export.head.lead_count),
        (Status::Completed, Some(0))
    );
    moves(&progress, 10);
}

#[tokio::test]
async fn a_throttled_and_slow_shard_slows_the_run_and_fails_nothing() {
    let options = Options {
        page: 400,
        ..Options::new(8_000)
    };
    let (untroubled, calm) = count(options, "{}").await;
    let trouble = Trouble {
        shard: 3,
        delay: Duration::from_millis(5),
        one_in: 5,
    };
    let troubled = Options {
        trouble: Some(trouble),
        ..options
    };
    let (file, count) = count(troubled, "{}").await;
    assert_eq!(file, untroubled);
    assert_eq!((calm.throttled, calm.pages), (0, count.pages));
    assert!(count.throttled >= 6, "{count:?}");
}

#[tokio::test]
async fn a_run_takes_no_more_than_its_share_of_the_reads() {
    let options = Options {
        page: 100,
        ..Options::new(8_000)
    };
    let world = World::start(options).await.unwrap();
    let started = std::time::Instant::now();
    let (export, _) = export(&world, "{}", LONG, Some(1000)).await;
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(export.status(), Status::Completed);
    let count = world.service.dynamodb.count();
    // A second's worth at once, and what eight Queries under way have cost.
    let given = 1000.0 * (seconds + 1.0) + 8.0 * 23.0;
    assert!(
        count.units > 1800.0 && count.units <= given,
        "{count:?} in {seconds} s"
    );
}

#[tokio::test]
async fn few_columns_make_small_answers_and_the_same_cells() {
    let options = Options::new(5_000);
    let world = World::start(options).await.unwrap();
    let all = r#"{"fields": ["lead_id", "status"]}"#;
    let (few, _) = export(&world, all, LONG, None).await;
    let bytes = world.service.dynamodb.bytes();
    let (whole, _) = export(&world, "{}", LONG, None).await;
    let whole_bytes = world.service.dynamodb.bytes() - bytes;
    assert_eq!(
        (few.status(), whole.status()),
        (Status::Completed, Status::Completed)
    );
    assert!(bytes * 5 < whole_bytes, "{bytes} of {whole_bytes}");
}
