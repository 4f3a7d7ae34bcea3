//! The demo, loaded at the first start.

use anyhow::Context as _;
use dynoxide::Database;
use lead_export_aws::sources::DynamoSources;
use lead_export_core::lead::Lead;
use lead_export_core::time::Instant;

use crate::connection::StackFile;
use crate::seed;

/// Loads the demo unless its sources are there: with `leads` of them; none for 0.
///
/// The leads go straight into the database, in one transaction: by calls of 25 they are most of what a first start waits for. The sources are
/// written last: a start that was broken off before is made up for by the next.
pub(super) async fn load(
    file: &StackFile,
    database: &Database,
    leads: usize,
) -> anyhow::Result<()> {
    if leads == 0 {
        return Ok(());
    }
    let client = file.clients()?.dynamodb;
    let sources = DynamoSources::new(client, file.tables.sources.clone());
    let demo = seed::demo(
        Instant::from_timestamp(jiff::Timestamp::now()),
        leads as u64,
    )?;
    for of in &demo.sources {
        let source = &of.source;
        if sources.get_source(&source.org, &source.id).await?.is_some() {
            continue;
        }
        let (database, table, of) = (database.clone(), file.tables.leads.clone(), of.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let leads: Vec<Lead> = of.leads().collect();
            crate::bulk::put(&database, &table, &of.source, &leads)
        });
        loaded.await.context("the demo broke off")??;
        for grant in demo.grants.iter().filter(|grant| grant.org == source.org) {
            sources
                .put_grant(&grant.org, &grant.user, grant.source.as_ref(), &grant.grant)
                .await?;
        }
        sources.put_source(source).await?;
    }
    Ok(())
}
