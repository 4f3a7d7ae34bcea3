//! The stores themselves, for what no caller of the API may do: this machine's, or with `--stack` those of a deployed stack.

use std::sync::Arc;

use clap::Args;
use lead_export_aws::audit::DynamoAudit;
use lead_export_aws::exports::DynamoExports;
use lead_export_aws::objects::S3Pieces;
use lead_export_aws::queue::SqsQueue;
use lead_export_aws::sources::DynamoSources;
use lead_export_aws::tables::TableNames;
use lead_export_core::ports::{AuditStore, ExportQueue, ExportStore, PieceStore};

use super::output::usage;
use super::session::with_stack;
use super::{Who, output};
use crate::connection::{Clients, StackFile};
use crate::deployed::{Deployed, stack_name};
use crate::depot::{Depot, LocalDepot, TablesDepot};

/// A deployed stack instead of this machine's.
#[derive(Debug, Clone, Args)]
pub(super) struct Deployment {
    /// The deployed stack of this name instead of the system on this machine, with your AWS credentials; wants --org.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) stack: Option<String>,
}

fn name(text: &str) -> Result<String, String> {
    stack_name(text).map_err(|error| error.to_string())
}

/// Stores that are at hand.
#[derive(Debug)]
pub(super) struct Stores {
    clients: Clients,
    tables: TableNames,
    bucket: String,
    queue_url: String,
    /// This machine's, if they are its.
    local: Option<StackFile>,
}

impl Stores {
    /// Sources and grants.
    pub(super) fn sources(&self) -> DynamoSources {
        DynamoSources::new(self.clients.dynamodb.clone(), self.tables.sources.clone())
    }

    /// Records of exports.
    pub(super) fn exports(&self) -> Arc<dyn ExportStore> {
        let table = self.tables.exports.clone();
        Arc::new(DynamoExports::new(self.clients.dynamodb.clone(), table))
    }

    /// Audit rows.
    pub(super) fn audit(&self) -> Arc<dyn AuditStore> {
        let table = self.tables.audit.clone();
        Arc::new(DynamoAudit::new(self.clients.dynamodb.clone(), table))
    }

    /// Files.
    pub(super) fn pieces(&self) -> Arc<dyn PieceStore> {
        Arc::new(S3Pieces::new(self.clients.s3.clone(), self.bucket.clone()))
    }

    /// Hints.
    pub(super) fn queue(&self) -> Arc<dyn ExportQueue> {
        Arc::new(SqsQueue::new(
            self.clients.sqs.clone(),
            self.queue_url.clone(),
        ))
    }

    /// Where leads are put.
    pub(super) fn depot(&self) -> anyhow::Result<Box<dyn Depot>> {
        Ok(match &self.local {
            Some(stack) => Box::new(LocalDepot::new(stack)?),
            None => Box::new(TablesDepot::new(
                self.clients.dynamodb.clone(),
                &self.tables,
            )),
        })
    }

    /// The stores of a stack on this machine.
    pub(super) fn local(stack: &StackFile) -> anyhow::Result<Self> {
        Ok(Self {
            clients: stack.clients()?,
            tables: stack.tables.clone(),
            bucket: stack.bucket.clone(),
            queue_url: stack.queue_url.clone(),
            local: Some(stack.clone()),
        })
    }
}

/// Does something with the stores.
pub(super) async fn with_stores<T>(
    who: &Who,
    deployment: &Deployment,
    act: impl AsyncFnOnce(&Stores) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let Some(name) = &deployment.stack else {
        return with_stack(&who.data, async |stack: &StackFile| {
            act(&Stores::local(stack)?).await
        })
        .await;
    };
    // The demo's organization is none that a deployed stack should get by oversight.
    if !who.named.org {
        return usage("--stack wants --org: whose tables' rows it is about");
    }
    let deployed = Deployed::find(name).await?;
    super::session::tell(&format!("the stack {}", output::visible(name)));
    act(&Stores {
        clients: deployed.clients,
        tables: deployed.tables,
        bucket: deployed.bucket,
        queue_url: deployed.queue_url,
        local: None,
    })
    .await
}
