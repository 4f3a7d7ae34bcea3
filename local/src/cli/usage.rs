//! `usage`.

use anyhow::Context as _;
use clap::{Args, builder::PossibleValuesParser};
use lead_export_core::lead::SourceId;
use serde_json::Value;

use super::api::Api;
use super::output::{Column, thousands};
use super::session::{Remote, with_api};
use super::{Who, output};

/// `usage`: what a source's exports came to.
#[derive(Debug, Args)]
#[command(
    after_help = "The last 30 days unless --from says otherwise.\n\nExamples:\n  lead-export usage --source home-insurance\n  lead-export usage --source home-insurance --by user --from 2026-11-01 --json"
)]
pub(super) struct Usage {
    /// The source.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    /// From this day of the source's zone, or this instant, on.
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Until this day, all of it, or this instant.
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Day by day, or user by user.
    #[arg(long, default_value = "day", value_parser = PossibleValuesParser::new(["day", "user"]))]
    by: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(who: &Who, args: &Usage) -> anyhow::Result<()> {
    let usage = with_api(who, &args.remote, async |api: &Api| {
        let mut query = vec![("by", args.by.clone())];
        for (name, value) in [("from", &args.from), ("to", &args.to)] {
            query.extend(value.clone().map(|value| (name, value)));
        }
        let path = format!("sources/{}/usage", args.source);
        Ok(api.get(&path, &query).await?.body)
    })
    .await?;
    let text = if args.json {
        usage.to_string()
    } else {
        table(&usage)?
    };
    output::print(&text)
}

/// The buckets as rows, and all of them together.
fn table(usage: &Value) -> anyhow::Result<String> {
    let first = if usage["by"] == "user" {
        Column::Text("User")
    } else {
        Column::Text("Day")
    };
    let row = |name: &str, tally: &Value| {
        let count = |name: &str| tally[name].as_u64().map_or(String::new(), thousands);
        let counts = ["exports", "leads", "bytes", "downloads"].map(count);
        let mut row = vec![name.to_owned()];
        row.extend(counts);
        row
    };
    let buckets = usage["usage"]
        .as_array()
        .context("the answer has no usage")?;
    let mut rows: Vec<Vec<String>> = buckets
        .iter()
        .map(|bucket| {
            let name = bucket["day"].as_str().or(bucket["user"]["name"].as_str());
            row(name.unwrap_or_default(), bucket)
        })
        .collect();
    rows.push(row("Total", &usage["total"]));
    let columns = [
        first,
        Column::Number("Exports"),
        Column::Number("Leads"),
        Column::Number("Bytes"),
        Column::Number("Downloads"),
    ];
    Ok(output::table(&columns, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn buckets_are_rows_and_their_sum_is_the_last() {
        let total = json!({"exports": 3, "leads": 1200, "bytes": 345_678, "downloads": 2});
        let mut day = total.clone();
        day["day"] = "2026-11-21".into();
        let usage = json!({"by": "day", "usage": [day], "total": total});
        assert_eq!(
            table(&usage).unwrap(),
            "\
Day         Exports  Leads    Bytes  Downloads
2026-11-21        3  1,200  345,678          2
Total             3  1,200  345,678          2"
        );
        let mut user = total.clone();
        user["user"] = json!({"id": "u-1", "name": "ann@example.com"});
        let usage = json!({"by": "user", "usage": [user], "total": total});
        assert!(
            table(&usage)
                .unwrap()
                .starts_with("User             Exports")
        );
        assert!(table(&json!({})).is_err());
    }
}
