//! The demo, loaded at the first start.

use lead_export_aws::lead_writer::DynamoLeadWriter;
use lead_export_aws::sources::DynamoSources;
use lead_export_core::lead::Lead;
use lead_export_core::time::Instant;

use crate::connection::StackFile;
use crate::seed;

/// Loads the demo unless its sources are there: with `leads` of them; none for 0.
///
/// The sources are written last: a start that was broken off before is made up for by the next.
pub(super) async fn load(file: &StackFile, leads: usize) -> anyhow::Result<()> {
    if leads == 0 {
        return Ok(());
    }
    let client = file.clients()?.dynamodb;
    let sources = DynamoSources::new(client.clone(), file.tables.sources.clone());
    let demo = seed::demo(Instant::from_timestamp(jiff::Timestamp::now()), leads as u64)?;
    let writer = DynamoLeadWriter::new(client, file.tables.leads.clone());
    for of in &demo.sources {
        let source = &of.source;
        if sources.get_source(&source.org, &source.id).await?.is_some() {
            continue;
        }
        let leads: Vec<Lead> = of.leads().collect();
        writer.write(&source.org, &source.id, source.shards, &leads).await?;
        for grant in demo.grants.iter().filter(|grant| grant.org == source.org) {
            sources.put_grant(&grant.org, &grant.user, grant.source.as_ref(), &grant.grant).await?;
        }
        sources.put_source(source).await?;
    }
    Ok(())
}
