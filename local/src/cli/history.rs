//! `list` and `show`.

use anyhow::{Context as _, ensure};
use clap::Args;
use lead_export_core::lead::SourceId;
use lead_export_core::record::{Export, ExportId};
use lead_export_core::time::Instant;
use lead_export_core::view;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;
use super::output::{Column, thousands, usage};
use super::reach::Reach;
use super::session::{Remote, with_api};
use super::stores::{Stores, with_stores};
use super::{Who, output, timeline};

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
    /// Only exports that this user asked for.
    #[arg(long, value_name = "USER")]
    requested_by: Option<String>,
    /// Only exports asked for on this day or at this instant, or later.
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Only exports asked for then or earlier.
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
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
#[command(
    after_help = "Examples:\n  lead-export show 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b\n  lead-export show 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b --timeline"
)]
pub(super) struct Show {
    /// The export.
    id: Uuid,
    /// What became of it: every transition, slice, part and retry.
    #[arg(long)]
    timeline: bool,
    /// Prints JSON in one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

const COLUMNS: [Column; 7] = [
    Column::Text("ID"),
    Column::Text("File Name"),
    Column::Text("Requested By"),
    Column::Text("Requested At"),
    Column::Text("Completed At"),
    Column::Text("Status"),
    Column::Number("Lead Count"),
];

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
    output::result(
        args.json,
        || json!({ "exports": exports }),
        || output::table(&COLUMNS, &exports.iter().map(row).collect::<Vec<_>>()),
    )
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
        for (name, value) in [
            ("requested_by", &args.requested_by),
            ("from", &args.from),
            ("to", &args.to),
        ] {
            query.extend(value.clone().map(|value| (name, value)));
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

/// A status as the page shows it.
pub(super) fn capital(status: &str) -> String {
    let mut letters = status.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn count(value: &Value) -> String {
    value.as_u64().map_or(String::new(), thousands)
}

fn row(export: &Value) -> Vec<String> {
    vec![
        text(export, "id").to_owned(),
        text(export, "file_name").to_owned(),
        text(&export["requested_by"], "name").to_owned(),
        moment(export, "requested_at"),
        moment(export, "completed_at"),
        capital(text(export, "status")),
        count(&export["lead_count"]),
    ]
}

pub(super) async fn show(who: &Who, args: &Show) -> anyhow::Result<()> {
    let id = ExportId(args.id);
    if args.timeline || args.reach.is_stack() {
        if !args.reach.is_stack() && args.reach.remote.url.is_some() {
            return usage(
                "--timeline takes the tables: those of this machine, or with --stack NAME instead of --url those of a deployed stack",
            );
        }
        let (export, downloads) =
            with_stores(who, &args.reach.deployment, async |stores: &Stores| {
                let export = record(who, stores, id).await?;
                let downloads = stores.audit().downloads(&export.org, id).await?;
                Ok((export, downloads))
            })
            .await?;
        if args.timeline {
            let now = Instant::from_timestamp(jiff::Timestamp::now());
            return output::result(
                args.json,
                || timeline::json(&export, &downloads),
                || timeline::text(&export, &downloads, now),
            );
        }
        return print(args, &view::export(&export, &downloads));
    }
    let export = with_api(who, &args.reach.remote, async |api: &Api| {
        Ok(api.get(&format!("exports/{}", args.id), &[]).await?.body)
    })
    .await?;
    print(args, &export)
}

/// The record of an export.
pub(super) async fn record(who: &Who, stores: &Stores, id: ExportId) -> anyhow::Result<Export> {
    let found = stores.exports().get(&who.org, id).await?;
    found.with_context(|| format!("the organization {} has no export {id}", who.org))
}

fn print(args: &Show, export: &Value) -> anyhow::Result<()> {
    ensure!(export.is_object(), "the answer is no export");
    output::result(args.json, || export.clone(), || sheet(export))
}

/// An export as people read it.
fn sheet(export: &Value) -> String {
    let own = |name: &str| text(export, name).to_owned();
    let json_of = |name: &str| match &export[name] {
        Value::Object(members) if members.is_empty() => String::new(),
        Value::Null => String::new(),
        value => value.to_string(),
    };
    let columns: Vec<String> = export["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| {
            let (key, header) = (text(field, "key"), text(field, "header"));
            if key == header {
                key.to_owned()
            } else {
                format!("{key} as \"{header}\"")
            }
        })
        .collect();
    let progress = &export["progress"];
    let running = matches!(text(export, "status"), "pending" | "processing");
    let so_far = || {
        let share = progress["fraction"]
            .as_f64()
            .map_or(String::new(), |part| format!(" ({:.0} %)", part * 100.0));
        format!(
            "{} leads read, {} written{share}",
            count(&progress["leads_read"]),
            count(&progress["leads_written"])
        )
    };
    let words = |name: &str| {
        let all = export[name].as_array().into_iter().flatten();
        let words: Vec<&str> = all.filter_map(Value::as_str).collect();
        words.join(", ")
    };
    let mut rows = vec![
        ("ID", own("id")),
        ("File Name", own("file_name")),
        ("Source", own("source_id")),
        ("Status", capital(text(export, "status"))),
        (
            "Requested By",
            text(&export["requested_by"], "name").to_owned(),
        ),
        ("Requested At", moment(export, "requested_at")),
        ("Started At", moment(export, "started_at")),
        ("Completed At", moment(export, "completed_at")),
        ("Ended By", text(&export["ended_by"], "name").to_owned()),
        ("File Kept Until", moment(export, "file_expires_at")),
        ("Progress", if running { so_far() } else { String::new() }),
        ("Lead Count", count(&export["lead_count"])),
        (
            "Truncated",
            match export["truncated"].as_bool() {
                Some(true) => "yes, by the limit".to_owned(),
                _ => String::new(),
            },
        ),
        ("Size", {
            let size = count(&export["size_bytes"]);
            if size.is_empty() {
                size
            } else {
                size + " bytes"
            }
        }),
        ("SHA-256", own("sha256")),
        ("CRC-64/NVME", own("crc64nvme")),
        ("Filters", json_of("filters")),
        ("Columns", columns.join(", ")),
        ("Order", own("order")),
        ("Limit", count(&export["limit"])),
        ("Format", json_of("format")),
        ("Failure", text(&export["failure"], "message").to_owned()),
        ("Warnings", words("warnings")),
    ];
    let downloads = export["downloads"].as_array();
    for given in downloads.into_iter().flatten() {
        let name = text(&given["by"], "name");
        rows.push(("Download", format!("{} {name}", moment(given, "at"))));
    }
    output::sheet(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_rows_that_people_read() {
        let export = json!({
            "id": "7", "file_name": "crm.csv", "requested_by": {"id": "u", "name": "ann@example.com"},
            "requested_at": "2026-11-22T02:43:00.123Z", "completed_at": null, "status": "processing", "lead_count": 12345,
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
                "12,345"
            ]
        );
        let odd = json!({ "id": 7, "requested_at": "2026T" });
        assert_eq!(row(&odd)[3], "2026 Z");
    }

    #[test]
    fn an_export_is_a_sheet_of_what_it_has() {
        let export = json!({
            "id": "7", "file_name": "crm.csv", "source_id": "crm", "requested_by": {"id": "u", "name": "ann@example.com"},
            "requested_at": "2026-11-22T02:43:00.123Z", "status": "processing", "filters": {"status": ["sold"]},
            "fields": [{"key": "email", "header": "email"}, {"key": "phone", "header": "Mobile"}], "order": "created_at",
            "progress": {"leads_read": 120_000, "leads_written": 8123, "fraction": 0.42}, "lead_count": null, "failure": null,
            "downloads": [{"by": {"id": "v", "name": "vera"}, "at": "2026-11-22T03:00:00.000Z"}],
        });
        assert_eq!(
            sheet(&export),
            "\
ID            7
File Name     crm.csv
Source        crm
Status        Processing
Requested By  ann@example.com
Requested At  2026-11-22 02:43:00Z
Progress      120,000 leads read, 8,123 written (42 %)
Filters       {\"status\":[\"sold\"]}
Columns       email, phone as \"Mobile\"
Order         created_at
Download      2026-11-22 03:00:00Z vera"
        );
    }
}
