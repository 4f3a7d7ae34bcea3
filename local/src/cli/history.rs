//! `list` and `show`.

use anyhow::Context as _;
use clap::Args;
use lead_export_core::lead::SourceId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;
use super::session::{Remote, with_api};
use super::{Who, output};

/// `list`: the exports of a source, or of all, newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lead-export list --source home-insurance --status completed --json"
)]
pub(super) struct List {
    /// The source; all that the user may see if none is given.
    #[arg(long, value_parser = super::source)]
    source: Option<SourceId>,
    /// Only exports of this status; several are any of them.
    #[arg(long)]
    status: Vec<String>,
    /// Exports of a source at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// `show`: an export, whole.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lead-export show 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b")]
pub(super) struct Show {
    /// The export.
    id: Uuid,
    /// Prints JSON in one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn list(who: &Who, args: &List) -> anyhow::Result<()> {
    let exports = with_api(who, &args.remote, async |api: &Api| {
        let sources: Vec<String> = if let Some(source) = &args.source {
            vec![source.to_string()]
        } else {
            let seen = api.get("sources", &[]).await?.body;
            let seen = seen["sources"]
                .as_array()
                .context("the answer has no sources")?;
            let ids = seen
                .iter()
                .filter_map(|source| source["source_id"].as_str());
            ids.map(str::to_owned).collect()
        };
        let mut exports = Vec::new();
        for source in sources {
            exports.extend(of(api, &source, args).await?);
        }
        // The text of an instant has the order of instants.
        exports.sort_by(|a, b| text(b, "requested_at").cmp(text(a, "requested_at")));
        Ok(exports)
    })
    .await?;
    if args.json {
        return output::print(&json!({ "exports": exports }).to_string());
    }
    let rows: Vec<Vec<String>> = exports.iter().map(row).collect();
    output::print(&output::table(
        &[
            "ID",
            "File Name",
            "Requested By",
            "Requested At",
            "Completed At",
            "Status",
            "Lead Count",
        ],
        &rows,
    ))
}

/// The exports of one source, page by page.
async fn of(api: &Api, source: &str, args: &List) -> anyhow::Result<Vec<Value>> {
    let mut exports: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    while exports.len() < args.limit {
        let left = (args.limit - exports.len()).min(100);
        let mut query = vec![("limit", left.to_string())];
        if !args.status.is_empty() {
            query.push(("status", args.status.join(",")));
        }
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = api
            .get(&format!("sources/{source}/exports"), &query)
            .await?
            .body;
        let entries = page["exports"]
            .as_array()
            .context("the answer has no exports")?;
        exports.extend(entries.iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(exports)
}

fn text<'a>(export: &'a Value, name: &str) -> &'a str {
    export[name].as_str().unwrap_or_default()
}

/// An instant as people read it, in UTC.
fn moment(export: &Value, name: &str) -> String {
    match text(export, name).split_once('T') {
        Some((day, time)) => format!("{day} {}Z", time.get(..8).unwrap_or(time)),
        None => String::new(),
    }
}

fn row(export: &Value) -> Vec<String> {
    let status = text(export, "status");
    let mut capital = status.chars();
    let status = capital.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(capital).collect()
    });
    vec![
        text(export, "id").to_owned(),
        text(export, "file_name").to_owned(),
        text(&export["requested_by"], "name").to_owned(),
        moment(export, "requested_at"),
        moment(export, "completed_at"),
        status,
        export["lead_count"]
            .as_u64()
            .map_or(String::new(), |count| count.to_string()),
    ]
}

pub(super) async fn show(who: &Who, args: &Show) -> anyhow::Result<()> {
    let export = with_api(who, &args.remote, async |api: &Api| {
        Ok(api.get(&format!("exports/{}", args.id), &[]).await?.body)
    })
    .await?;
    let text = if args.json {
        export.to_string()
    } else {
        serde_json::to_string_pretty(&export)?
    };
    output::print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_rows_that_people_read() {
        let export = json!({
            "id": "7", "file_name": "crm.csv", "requested_by": {"id": "u", "name": "ann@example.com"},
            "requested_at": "2026-11-22T02:43:00.123Z", "completed_at": null, "status": "processing", "lead_count": null,
        });
        assert_eq!(
            row(&export),
            [
                "7",
                "crm.csv",
                "ann@example.com",
                "2026-11-22 02:43:00Z",
                "",
                "Processing",
                ""
            ]
        );
        let odd = json!({ "id": 7, "requested_at": "2026T" });
        assert_eq!(row(&odd)[3], "2026 Z");
    }
}
