//! The depot of a running stack.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use lead_export_aws::tables::LEADS;
use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId};

use super::{Depot, TablesDepot, item};
use crate::bulk::wire::Writer;
use crate::bulk::{Find, KEY_HEADER};
use crate::connection::StackFile;

/// Bytes of leads sent in one call: 2 MiB, some thousand leads.
const SEND_BYTES: usize = 2 << 20;
/// Calls under way at once: one is written while the next is made.
const AT_ONCE: usize = 2;

/// The stores of a running stack: its tables as any AWS client reaches them, but many leads through the stack's own routes.
#[derive(Debug, Clone)]
pub struct LocalDepot {
    tables: TablesDepot,
    http: reqwest::Client,
    stack: StackFile,
}

impl LocalDepot {
    /// The stores of this stack.
    ///
    /// # Errors
    /// None in practice: what the clients need is in the file.
    pub fn new(stack: &StackFile) -> anyhow::Result<Self> {
        Ok(Self {
            tables: TablesDepot::new(stack.clients()?.dynamodb, &stack.tables),
            // A proxy could not reach loopback.
            http: reqwest::Client::builder().no_proxy().build()?,
            stack: stack.clone(),
        })
    }

    async fn call(&self, path: &str, body: Vec<u8>) -> anyhow::Result<reqwest::Response> {
        let answer = self
            .http
            .post(format!("{}{path}", self.stack.url))
            .query(&[("table", &self.stack.tables.leads)])
            .header(KEY_HEADER, &self.stack.secret_key)
            .body(body)
            .send()
            .await
            .context("the running lead-export does not answer")?;
        let status = answer.status();
        if !status.is_success() {
            let message = answer.text().await.unwrap_or_default();
            anyhow::bail!("the running lead-export refuses the leads ({status}): {message}");
        }
        Ok(answer)
    }
}

#[async_trait]
impl Depot for LocalDepot {
    async fn source(&self, org: &OrgId, id: &SourceId) -> anyhow::Result<Option<Source>> {
        self.tables.source(org, id).await
    }

    async fn put_source(&self, source: &Source) -> anyhow::Result<()> {
        self.tables.put_source(source).await
    }

    async fn put_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
        grant: &Grant,
    ) -> anyhow::Result<()> {
        self.tables.put_grant(org, user, source, grant).await
    }

    async fn holds_any(&self, source: &Source) -> anyhow::Result<bool> {
        self.tables.holds_any(source).await
    }

    async fn count(&self, source: &Source) -> anyhow::Result<u64> {
        self.tables.count(source).await
    }

    async fn find(&self, source: &Source, ids: &[LeadId]) -> anyhow::Result<HashMap<LeadId, Lead>> {
        let by_id = LEADS
            .indexes
            .first()
            .context("the leads have no index by id")?;
        let asked = Find {
            index: by_id.name.to_owned(),
            key: by_id.partition.name().to_owned(),
            values: ids
                .iter()
                .map(|id| format!("{}#{id}", source.org))
                .collect(),
            within: format!("{}#{}#", source.org, source.id),
        };
        let answer = self
            .call("/local/leads/find", serde_json::to_vec(&asked)?)
            .await?;
        let leads = item::leads(&answer.bytes().await?)?;
        Ok(leads
            .into_iter()
            .map(|lead| (lead.id.clone(), lead))
            .collect())
    }

    async fn write(&self, source: &Source, leads: &[Lead]) -> anyhow::Result<()> {
        stream::iter(bodies(source, leads))
            .map(|body| async {
                let (count, body) = body?;
                let answer = self.call("/local/leads", body).await?;
                let answer: serde_json::Value = answer.json().await?;
                ensure!(answer["written"] == count, "not all leads were written");
                Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// The leads as bodies of calls: how many, and their items.
fn bodies<'a>(
    source: &'a Source,
    leads: &'a [Lead],
) -> impl Iterator<Item = anyhow::Result<(usize, Vec<u8>)>> + 'a {
    let mut leads = leads.iter();
    std::iter::from_fn(move || {
        let mut items = Writer::default();
        let mut count = 0;
        while items.bytes.len() < SEND_BYTES {
            let Some(lead) = leads.next() else { break };
            if let Err(error) = item::append(&mut items, source, lead) {
                return Some(Err(error));
            }
            count += 1;
        }
        (count > 0).then_some(Ok((count, items.bytes)))
    })
}
