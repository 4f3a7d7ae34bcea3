//! What a call costs of our own: `own-calls request 1000` answers so many events over ports in memory, where no SDK speaks to anyone.
//!
//! Each event is read from its text and each answer written as text, as the runtime does it; links are signed by the real signer.

#![expect(
    clippy::print_stdout,
    reason = "the last answer is what this program answers"
)]

use std::sync::Arc;

use anyhow::{Context as _, bail};
use download_export::Page;
use lead_export_aws::clients::Aws;
use lead_export_aws::clock::{SystemClock, SystemDice};
use lead_export_aws::config::SignIn;
use lead_export_aws::entry;
use lead_export_aws::http::ClaimRules;
use lead_export_aws::objects::S3Signer;
use lead_export_core::access::{Grant, Role};
use lead_export_core::answer::AnswerExport;
use lead_export_core::download::DownloadExport;
use lead_export_core::end::EndExport;
use lead_export_core::history::ReadHistory;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::limits;
use lead_export_core::memory::{
    MemoryAudit, MemoryExports, MemoryLeads, MemoryNotifier, MemoryPieces, MemoryPresets,
    MemoryQueue, MemorySources,
};
use lead_export_core::ports::Clock as _;
use lead_export_core::presets::{ReadPresets, SavePreset};
use lead_export_core::preview::PreviewExport;
use lead_export_core::record::ExportId;
use lead_export_core::request::RequestExport;
use lead_export_core::run::{Done, RunExport};
use lead_export_core::usage::ReadUsage;
use lead_export_core::volume::DailyVolume;
use serde_json::{Value, json};

const REQUEST: &str = include_str!("../../../../events/request-export.json");
const DOWNLOAD: &str = include_str!("../../../../events/download-export.json");

/// The ports.
struct World {
    sources: Arc<MemorySources>,
    exports: Arc<MemoryExports>,
    presets: Arc<MemoryPresets>,
    leads: Arc<MemoryLeads>,
    queue: Arc<MemoryQueue>,
    pieces: Arc<MemoryPieces>,
    audit: Arc<MemoryAudit>,
    notifier: Arc<MemoryNotifier>,
    clock: Arc<SystemClock>,
    dice: Arc<SystemDice>,
    rules: ClaimRules,
}

impl World {
    /// The source of the canned leads under the name that the events have, and an exporter of it; no leads.
    fn new() -> anyhow::Result<Self> {
        let sources = MemorySources::new();
        let org = OrgId::parse("acme")?;
        let mut source = benches::leads::source(0)?;
        source.id = SourceId::parse("home-insurance")?;
        let grant = Grant {
            role: Role::Exporter,
            name: None,
        };
        sources.put_grant(&org, "alice", Some(&source.id), grant);
        sources.put_source(source);
        Ok(Self {
            sources: Arc::new(sources),
            exports: Arc::default(),
            presets: Arc::default(),
            leads: Arc::default(),
            queue: Arc::default(),
            pieces: Arc::default(),
            audit: Arc::default(),
            notifier: Arc::default(),
            clock: Arc::new(SystemClock),
            dice: Arc::new(SystemDice),
            rules: ClaimRules {
                org_claim: "org_id".into(),
                ..ClaimRules::default()
            },
        })
    }

    fn request(&self) -> request_export::App {
        let request = RequestExport {
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            presets: self.presets.clone(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            max_active: usize::MAX,
            volume: DailyVolume::default(),
            sends_mails: false,
        };
        request_export::App {
            answer: AnswerExport {
                request: request.clone(),
                leads: self.leads.clone(),
                index: self.leads.clone(),
            },
            presets: SavePreset {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                presets: self.presets.clone(),
                clock: self.clock.clone(),
                sends_mails: false,
            },
            preview: PreviewExport {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                presets: self.presets.clone(),
                leads: self.leads.clone(),
                sample: self.leads.clone(),
                clock: self.clock.clone(),
                read_bytes: limits::PREVIEW_READ_BYTES,
                member_bytes: limits::GZIP_MEMBER_BYTES,
            },
            request,
            rules: self.rules.clone(),
        }
    }

    fn run(&self) -> RunExport {
        RunExport {
            leads: self.leads.clone(),
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            queue: self.queue.clone(),
            pieces: self.pieces.clone(),
            notifier: self.notifier.clone(),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            retention: limits::RETENTION,
            volume: DailyVolume::default(),
            piece_bytes: limits::PIECE_BYTES,
            member_bytes: limits::GZIP_MEMBER_BYTES,
        }
    }

    fn download(&self) -> anyhow::Result<download_export::App> {
        let aws = Aws::from_variables(|name| {
            (!name.starts_with("AWS_ENDPOINT_URL")).then(|| "canned".into())
        })?;
        Ok(download_export::App {
            history: ReadHistory {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                audit: self.audit.clone(),
                clock: self.clock.clone(),
            },
            usage: ReadUsage {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                audit: self.audit.clone(),
                clock: self.clock.clone(),
            },
            presets: ReadPresets {
                sources: self.sources.clone(),
                presets: self.presets.clone(),
            },
            download: DownloadExport {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                audit: self.audit.clone(),
                signer: Arc::new(S3Signer::new(aws.s3(), "canned".into())),
                clock: self.clock.clone(),
                dice: self.dice.clone(),
                ttl: limits::DOWNLOAD_TTL,
            },
            end: EndExport {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                audit: self.audit.clone(),
                pieces: self.pieces.clone(),
                notifier: self.notifier.clone(),
                clock: self.clock.clone(),
                dice: self.dice.clone(),
            },
            page: Page::new(SignIn {
                issuer: "https://issuer.example".into(),
                client_id: None,
                scope: String::new(),
                audience: None,
                origins: Vec::new(),
            }),
            rules: self.rules.clone(),
        })
    }
}

/// The event's text with a body of its own, and without the key that would make one export of all.
fn event(text: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<String> {
    let mut event: Value = serde_json::from_str(text)?;
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("idempotency-key");
    }
    change(&mut event);
    Ok(event.to_string())
}

/// Answers the event so often; the last answer.
async fn answers<A>(
    text: &str,
    count: u64,
    handle: impl Fn(lambda_http::Request) -> A,
) -> anyhow::Result<Value>
where
    A: Future<Output = http::Response<lambda_http::Body>>,
{
    let mut last = String::new();
    for _ in 0..count {
        let request = match entry::request(serde_json::from_str(text)?) {
            Ok(request) => request,
            Err(refused) => bail!("the event is refused: {}", refused.status()),
        };
        last = serde_json::to_string(&entry::response(Box::pin(handle(request)).await))?;
    }
    Ok(serde_json::from_str(&last)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [call, count] = arguments.as_slice() else {
        bail!("own-calls request|download COUNT");
    };
    let count = count.parse().context("that is no number of calls")?;
    let world = World::new()?;
    let app = world.request();
    let ask = event(REQUEST, |event| {
        event["body"] = json!(benches::job::REQUEST);
    })?;
    let take = |request| request_export::handle(&app, request);
    let answer = if call == "request" {
        answers(&ask, count, take).await?
    } else {
        let asked = answers(&ask, 1, take).await?;
        let body: Value = serde_json::from_str(asked["body"].as_str().unwrap_or_default())?;
        let id = body["id"].as_str().context("no export was made")?;
        let ran = {
            let id = ExportId::parse(id).context("the id is none")?;
            let stop_at = world.clock.now().plus(limits::SLICE);
            Box::pin(world.run().run(&OrgId::parse("acme")?, id, stop_at)).await?
        };
        if ran.done != Done::Completed {
            bail!("the export is {:?}", ran.done);
        }
        let path = format!("/exports/{id}/download");
        let link = event(DOWNLOAD, |event| {
            event["rawPath"] = json!(path);
            event["requestContext"]["http"]["path"] = json!(path);
            event["pathParameters"] = json!({ "id": id });
            event["headers"]["accept"] = json!("application/json");
        })?;
        let app = world.download()?;
        answers(&link, count, |request| {
            download_export::handle(&app, request)
        })
        .await?
    };
    println!("{}", answer["statusCode"]);
    Ok(())
}
