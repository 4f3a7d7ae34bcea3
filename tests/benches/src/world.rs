//! Everything together: the canned DynamoDB, S3, SQS and Lambda on loopback, with a source, a user and a place for records.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use dynoxide::Database;
use lead_export_aws::clients::Aws;
use lead_export_aws::clock::{SystemClock, SystemDice};
use lead_export_aws::exports::DynamoExports;
use lead_export_aws::presets::DynamoPresets;
use lead_export_aws::queue::SqsQueue;
use lead_export_aws::sources::DynamoSources;
use lead_export_aws::tables::{self, TableNames};
use lead_export_core::access::{Grant, Role};
use lead_export_core::lead::OrgId;
use lead_export_core::request::RequestExport;
use lead_export_core::volume::DailyVolume;
use tokio::net::TcpListener;

use crate::dynamodb::{Canned, TABLE, Trouble};
use crate::leads::{self, ORG, PAGE};
use crate::s3::{BUCKET, CannedS3};
use crate::serve::{serve, serve_on};
use crate::service::{Service, USER};

/// What the canned services are like.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Leads in the table.
    pub leads: u64,
    /// Leads on a page.
    pub page: u64,
    /// The shard that is slow or throttled, if one is.
    pub trouble: Option<Trouble>,
    /// How long an invocation works before it pauses; none: as long as it likes.
    pub slice: Option<Duration>,
}

impl Options {
    /// So many leads, on full pages, without trouble, in one slice.
    pub fn new(leads: u64) -> Self {
        Self {
            leads,
            page: PAGE,
            trouble: None,
            slice: None,
        }
    }
}

/// The canned services, until the process ends.
pub struct World {
    /// The variables that tell a function where everything is.
    pub variables: BTreeMap<&'static str, String>,
    /// The service that runs functions.
    pub service: Arc<Service>,
    /// The clients of the canned services.
    pub aws: Aws,
}

/// The variables of the SDK for a service at `address`.
fn aws(dynamodb: SocketAddr, s3: SocketAddr, sqs: SocketAddr) -> anyhow::Result<Aws> {
    let aws = Aws::from_variables(|name| {
        Some(match name {
            "AWS_REGION" => "us-east-1".to_owned(),
            "AWS_ENDPOINT_URL_DYNAMODB" => format!("http://{dynamodb}"),
            "AWS_ENDPOINT_URL_S3" => format!("http://{s3}"),
            "AWS_ENDPOINT_URL_SQS" => format!("http://{sqs}"),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "canned".to_owned(),
            _ => return None,
        })
    });
    aws.context("the clients cannot be made")
}

impl World {
    /// Starts the services.
    ///
    /// # Errors
    /// No port is to be had, or the emulator behind does not work.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let behind = TcpListener::bind("127.0.0.1:0").await?;
        let behind_address = behind.local_addr()?;
        tokio::spawn(dynoxide::server::serve_on(behind, Database::memory()?));
        let canned = Arc::new(Canned::new(options, behind_address));
        let dynamodb = serve(Arc::clone(&canned), Canned::handle).await?;
        let bucket = Arc::new(CannedS3::default());
        let s3 = serve(Arc::clone(&bucket), CannedS3::handle).await?;
        // The queue is the service itself.
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let aws = aws(dynamodb, s3, address)?;

        let client = aws.dynamodb();
        let names = TableNames {
            leads: TABLE.to_owned(),
            sources: "canned-sources".to_owned(),
            exports: "canned-exports".to_owned(),
            audit: "canned-audit".to_owned(),
        };
        tables::create_all(&client, &names).await?;
        let source = leads::source(options.leads)?;
        let sources = DynamoSources::new(client.clone(), names.sources.clone());
        sources.put_source(&source).await?;
        let grant = Grant {
            role: Role::Admin,
            name: None,
        };
        let org = OrgId::parse(ORG)?;
        sources
            .put_grant(&org, USER, Some(&source.id), &grant)
            .await?;

        let exports = Arc::new(DynamoExports::new(client.clone(), names.exports.clone()));
        let queue_url = format!("http://{address}/000000000000/canned");
        let request = RequestExport {
            sources: Arc::new(sources),
            exports: exports.clone(),
            presets: Arc::new(DynamoPresets::new(client, names.sources.clone())),
            queue: Arc::new(SqsQueue::new(aws.sqs(), queue_url.clone())),
            clock: Arc::new(SystemClock),
            dice: Arc::new(SystemDice),
            max_active: 1_000_000,
            volume: DailyVolume::default(),
            sends_mails: false,
        };
        let service = Service::new(request, exports, canned, bucket, options.slice);
        let service = Arc::new(service);
        serve_on(listener, Arc::clone(&service), Service::handle)?;
        let variables = BTreeMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}")),
            ("AWS_ENDPOINT_URL_S3", format!("http://{s3}")),
            ("AWS_ENDPOINT_URL_SQS", format!("http://{address}")),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", format!("http://{address}")),
            ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
            ("LEADS_TABLE", names.leads),
            ("SOURCES_TABLE", names.sources),
            ("EXPORTS_TABLE", names.exports),
            ("AUDIT_TABLE", names.audit),
            ("FILES_BUCKET", BUCKET.to_owned()),
            ("EXPORTS_QUEUE_URL", queue_url),
        ]);
        Ok(Self {
            variables,
            service,
            aws,
        })
    }
}
