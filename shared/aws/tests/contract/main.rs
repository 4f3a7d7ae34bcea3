//! The adapters of tables, through the real SDK over the embedded DynamoDB, against the ports' contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod edges;
mod pushed;
mod sources;
mod upgrades;

use async_trait::async_trait;
use dynoxide::Database;
use lead_export_aws::audit::DynamoAudit;
use lead_export_aws::clients::Aws;
use lead_export_aws::exports::DynamoExports;
use lead_export_aws::lead_writer::DynamoLeadWriter;
use lead_export_aws::leads::{DynamoLeadIndex, DynamoLeads};
use lead_export_aws::presets::DynamoPresets;
use lead_export_aws::sources::DynamoSources;
use lead_export_aws::tables::{TableNames, create_all};
use lead_export_core::access::Grant;
use lead_export_core::contract::leads::LeadWriter;
use lead_export_core::contract::sources::SourceWriter;
use lead_export_core::contract::{self};
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, OrgId, SourceId};

/// An embedded DynamoDB with the tables, on a port of its own, until the test's runtime ends.
struct Tables {
    client: aws_sdk_dynamodb::Client,
    names: TableNames,
}

impl Tables {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let database = Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            std::future::pending(),
        ));
        let aws = Aws::from_variables(|name| match name {
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.clone()),
            "AWS_REGION" => Some("us-east-1".into()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".into()),
            _ => None,
        });
        let client = aws.unwrap().dynamodb();
        let names = TableNames {
            leads: "t-leads".into(),
            sources: "t-sources".into(),
            exports: "t-exports".into(),
            audit: "t-audit".into(),
        };
        create_all(&client, &names).await.unwrap();
        Self { client, names }
    }

    fn exports(&self) -> DynamoExports {
        DynamoExports::new(self.client.clone(), self.names.exports.clone())
    }

    fn sources(&self) -> DynamoSources {
        DynamoSources::new(self.client.clone(), self.names.sources.clone())
    }

    fn presets(&self) -> DynamoPresets {
        DynamoPresets::new(self.client.clone(), self.names.sources.clone())
    }

    fn audit(&self) -> DynamoAudit {
        DynamoAudit::new(self.client.clone(), self.names.audit.clone())
    }
}

struct Sources(DynamoSources);

#[async_trait]
impl SourceWriter for Sources {
    async fn put_source(&self, source: &Source) {
        self.0.put_source(source).await.unwrap();
    }

    async fn put_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>, grant: &Grant) {
        self.0.put_grant(org, user, source, grant).await.unwrap();
    }

    async fn remove_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>) {
        self.0.remove_grant(org, user, source).await.unwrap();
    }
}

struct Leads(DynamoLeadWriter);

#[async_trait]
impl LeadWriter for Leads {
    async fn put_leads(&self, org: &OrgId, source: &SourceId, shards: u16, leads: &[Lead]) {
        self.0.write(org, source, shards, leads).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_keep_the_contract() {
    contract::records::all(&Tables::start().await.exports()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_keep_the_contract() {
    contract::requests::all(&Tables::start().await.exports()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_keep_the_contract() {
    contract::volume::all(&Tables::start().await.exports()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_keeps_the_contract() {
    contract::history::all(&Tables::start().await.exports()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn due_dates_keep_the_contract() {
    contract::due::all(&Tables::start().await.exports()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_keeps_the_contract() {
    contract::audit::all(&Tables::start().await.audit()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_keep_the_contract() {
    let sources = Tables::start().await.sources();
    contract::sources::all(&sources, &Sources(sources.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_keep_the_contract() {
    contract::presets::all(&Tables::start().await.presets()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_keep_the_contract() {
    let Tables { client, names } = Tables::start().await;
    let leads = DynamoLeads::new(client.clone(), names.leads.clone(), true);
    let writer = Leads(DynamoLeadWriter::new(client, names.leads));
    contract::leads::all(&leads, &writer).await;
    contract::sample::all(&leads, &writer).await;
    contract::pushed::all(&leads, &writer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lead_index_keeps_the_contract() {
    let Tables { client, names } = Tables::start().await;
    let index = DynamoLeadIndex::new(client.clone(), names.leads.clone());
    contract::index::all(&index, &Leads(DynamoLeadWriter::new(client, names.leads))).await;
}
