//! `fields`.

use anyhow::Context as _;
use clap::Args;
use lead_export_core::lead::SourceId;
use serde_json::Value;

use super::api::Api;
use super::body::Field;
use super::output::Column;
use super::session::{Remote, with_api};
use super::{Who, output};

/// `fields`: the fields of a source's leads.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lead-export fields --source home-insurance")]
pub(super) struct Fields {
    /// The source.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The fields of a source, as the API lists them.
pub(super) async fn of(api: &Api, source: &SourceId) -> anyhow::Result<Vec<Field>> {
    let answer = listed(api, source).await?;
    serde_json::from_value(answer["fields"].clone()).context("the list of fields does not read")
}

async fn listed(api: &Api, source: &SourceId) -> anyhow::Result<Value> {
    let answer = api.get(&format!("sources/{source}/fields"), &[]).await?;
    Ok(answer.body)
}

pub(super) async fn run(who: &Who, args: &Fields) -> anyhow::Result<()> {
    let text = with_api(who, &args.remote, async |api: &Api| {
        if args.json {
            return Ok(listed(api, &args.source).await?.to_string());
        }
        let fields = of(api, &args.source).await?;
        let rows: Vec<Vec<String>> = fields
            .into_iter()
            .map(|field| {
                let kind = serde_json::to_value(field.kind).unwrap_or_default();
                let kind = kind.as_str().unwrap_or_default().to_owned();
                vec![
                    field.key,
                    field.label,
                    kind,
                    field.group,
                    field.options.join(" | "),
                ]
            })
            .collect();
        let columns = ["Key", "Label", "Kind", "Group", "Options"].map(Column::Text);
        Ok(output::table(&columns, &rows))
    })
    .await?;
    output::print(&text)
}
