//! `export`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, builder::PossibleValuesParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lead_export_core::lead::SourceId;
use serde_json::Value;
use uuid::Uuid;

use super::api::Api;
use super::body::body;
use super::download::{Target, fetch};
use super::history::capital;
use super::output::{thousands, usage};
use super::session::{Remote, again, quoted, with_api};
use super::{Who, fields, output};

/// When to ask again, if an answer does not say it.
const POLL: Duration = Duration::from_secs(1);

/// `export`: asks for a file and downloads it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lead-export export --source home-insurance -o leads.csv\n  lead-export export --source home-insurance --status active --where annual_income=50000.. --where roof_type=tile --profile excel\n  lead-export export --source home-insurance --field email --field phone=Mobile -o -\n  lead-export export --source home-insurance --again 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b --gzip"
)]
pub(super) struct Export {
    /// The source.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    #[command(flatten)]
    choice: Choice,
    /// The file, or a folder for it, or `-` for standard output; its own name if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replaces a file that is there.
    #[arg(long)]
    force: bool,
    /// Prints the export as JSON, with the file's path.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// What is asked for.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Choice {
    /// Only leads of this status; several are any of them.
    #[arg(long)]
    pub(super) status: Vec<String>,
    /// Only leads created on this day or at this instant, or later.
    #[arg(long, value_name = "WHEN")]
    pub(super) created_from: Option<String>,
    /// Only leads created on this day or at this instant, or earlier.
    #[arg(long, value_name = "WHEN")]
    pub(super) created_to: Option<String>,
    /// Only leads updated then or later.
    #[arg(long, value_name = "WHEN")]
    pub(super) updated_from: Option<String>,
    /// Only leads updated then or earlier.
    #[arg(long, value_name = "WHEN")]
    pub(super) updated_to: Option<String>,
    /// Only leads with this value of an attribute, or with any if none is given.
    #[arg(long = "attribute", value_name = "NAME[=VALUE]")]
    pub(super) attributes: Vec<String>,
    /// Only leads with this in their name, an e-mail or a phone.
    #[arg(long)]
    pub(super) search: Option<String>,
    /// Only leads with this value of a custom field; for numbers and days also FROM..TO, FROM.. and ..TO.
    #[arg(long = "where", value_name = "KEY=VALUE")]
    pub(super) conditions: Vec<String>,
    /// Only leads in which this field is filled; several are all of them.
    #[arg(long, value_name = "KEY")]
    pub(super) has: Vec<String>,
    /// Only leads in which this field is empty; several are all of them.
    #[arg(long, value_name = "KEY")]
    pub(super) lacks: Vec<String>,
    /// Only leads created or updated since that export was asked for.
    #[arg(long, value_name = "ID")]
    pub(super) since_export: Option<Uuid>,
    /// A column, in this place, under this header; `*` stands for all others.
    #[arg(long = "field", value_name = "KEY[=HEADER]")]
    pub(super) fields: Vec<String>,
    /// The order of the rows.
    #[arg(long, allow_hyphen_values = true, value_parser = PossibleValuesParser::new(["created_at", "-created_at"]))]
    pub(super) order: Option<String>,
    /// Rows at most.
    #[arg(long)]
    pub(super) limit: Option<u64>,
    /// For whom the file is.
    #[arg(long, value_parser = PossibleValuesParser::new(["standard", "raw", "excel", "excel-semicolon", "tsv"]))]
    pub(super) profile: Option<String>,
    /// What the first row holds.
    #[arg(long, value_parser = PossibleValuesParser::new(["keys", "labels", "none"]))]
    pub(super) header: Option<String>,
    /// The zone in which times are written.
    #[arg(long, value_name = "ZONE")]
    pub(super) time_zone: Option<String>,
    /// Compresses the file: `.csv.gz`.
    #[arg(long)]
    pub(super) gzip: bool,
    /// A saved request of the source; what else is given replaces its parts.
    #[arg(long, value_name = "NAME", conflicts_with = "again")]
    pub(super) preset: Option<String>,
    /// The same as that export; what else is given replaces its parts.
    #[arg(long, value_name = "ID")]
    pub(super) again: Option<Uuid>,
}

pub(super) async fn run(who: &Who, args: &Export) -> anyhow::Result<()> {
    // Before anything is asked for: a file that cannot be written need not be made.
    let target = Target::parse(args.output.as_deref(), args.force)?;
    if args.json && target == Target::Out {
        return usage("--json and -o - both want standard output");
    }
    let done = with_api(who, &args.remote, async |api: &Api| {
        let fields = if args.choice.conditions.is_empty() {
            Vec::new()
        } else {
            fields::of(api, &args.source).await?
        };
        let body = body(&args.choice, &fields)?;
        let key = Uuid::new_v4().to_string();
        let path = format!("sources/{}/exports", args.source);
        let asked = api.post(&path, body, &key).await?;
        let id = asked.body["id"]
            .as_str()
            .context("the answer has no id")?
            .to_owned();
        let later = || {
            let mut words = vec!["download".to_owned(), id.clone()];
            if let Some(output) = &args.output {
                words.extend(["-o".to_owned(), quoted(&output.to_string_lossy())]);
            }
            let later = again(who, &args.remote, &words.join(" "));
            format!("the export {id} goes on. Fetch it later with: {later}")
        };
        let get = async {
            let waited = wait(api, &id, asked.body.clone(), asked.retry_after).await;
            let export = waited.map_err(|error| error.context(later()))?;
            finished(&export)?;
            let path = fetch(api, &export, &target).await?;
            anyhow::Ok((export, path))
        };
        tokio::select! {
            done = get => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted; {}", later()),
        }
    })
    .await?;
    tell_of(&done.0);
    present(&done.0, done.1, args.json)
}

/// Prints where the file is.
pub(super) fn present(export: &Value, path: Option<PathBuf>, as_json: bool) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    output::result(
        as_json,
        || {
            let mut shown = export.clone();
            shown["path"] = path.to_string_lossy().into();
            shown
        },
        || path.display().to_string(),
    )
}

/// Tells what a reader of the file should know.
fn tell_of(export: &Value) {
    if export["truncated"] == true {
        output::note("the limit has cut the file: more leads match");
    }
    for warning in export["warnings"].as_array().into_iter().flatten() {
        output::note(match warning.as_str().unwrap_or_default() {
            "excel_rows" => "the file has more rows than Excel opens (1,048,576)",
            "excel_cell" => "the file has a cell that is longer than Excel's (32,767 characters)",
            _ => continue,
        });
    }
}

/// Waits until the export has ended, and shows people how far it is.
pub(super) async fn wait(
    api: &Api,
    id: &str,
    export: Value,
    retry_after: Option<Duration>,
) -> anyhow::Result<Value> {
    follow(api, id, export, retry_after, output::bars()).await
}

async fn follow(
    api: &Api,
    id: &str,
    mut export: Value,
    mut retry_after: Option<Duration>,
    shown: ProgressDrawTarget,
) -> anyhow::Result<Value> {
    let bar = bar(shown);
    while matches!(export["status"].as_str(), Some("pending" | "processing")) {
        let progress = &export["progress"];
        if let Some(fraction) = progress["fraction"].as_f64() {
            bar.set_length(1000);
            // A share of one, as thousandths.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 1000"
            )]
            bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
        }
        let count = |name: &str| progress[name].as_u64().unwrap_or(0);
        let status = export["status"].as_str().unwrap_or_default();
        bar.set_message(format!(
            "{}: {} leads read, {} written",
            capital(status),
            thousands(count("leads_read")),
            thousands(count("leads_written"))
        ));
        bar.tick();
        tokio::time::sleep(retry_after.unwrap_or(POLL)).await;
        let answer = api.get(&format!("exports/{id}"), &[]).await?;
        (export, retry_after) = (answer.body, answer.retry_after);
    }
    bar.finish_and_clear();
    Ok(export)
}

fn bar(shown: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, shown);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}% {msg}") {
        bar.set_style(style);
    }
    bar
}

/// An export that ended without a file is a failure, in the service's own words.
pub(super) fn finished(export: &Value) -> anyhow::Result<()> {
    let id = export["id"].as_str().unwrap_or_default();
    match export["status"].as_str() {
        Some("completed") => Ok(()),
        Some("failed") => {
            let message = export["failure"]["message"].as_str();
            bail!(
                "the export {id} failed: {}",
                output::visible(message.unwrap_or("no reason is given"))
            )
        }
        Some(other) => bail!("the export {id} is {}", output::visible(other)),
        None => bail!("the answer has no status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::Screen;
    use axum::Router;
    use axum::routing::get;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn an_export_is_asked_after_until_it_has_ended() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Api::local(&format!("http://{}", listener.local_addr().unwrap()), "t").unwrap();
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let answer = move || async move {
            let failed = |status| (status, [("retry-after", "0")], axum::Json(json!({})));
            let body = match count.fetch_add(1, Ordering::SeqCst) {
                // A service that is busy for a moment is asked again, as is a gateway that got no answer from it.
                0 => return failed(http::StatusCode::SERVICE_UNAVAILABLE),
                1 => return failed(http::StatusCode::INTERNAL_SERVER_ERROR),
                2 => return failed(http::StatusCode::GATEWAY_TIMEOUT),
                3 => json!({ "status": "pending" }),
                4 => {
                    json!({ "status": "processing", "progress": { "fraction": 0.5, "leads_read": 5, "leads_written": 1 } })
                }
                _ => json!({ "status": "completed", "lead_count": 2 }),
            };
            (
                http::StatusCode::OK,
                [("retry-after", "0")],
                axum::Json(body),
            )
        };
        let routes = Router::new().route("/exports/7", get(answer));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let first = json!({ "status": "pending" });
        let screen = Screen::default();
        let export = follow(&api, "7", first, Some(Duration::ZERO), screen.target())
            .await
            .unwrap();
        assert_eq!(export["lead_count"], 2);
        assert_eq!(asked.load(Ordering::SeqCst), 6);
        // Who waits before a terminal sees how far it is, in a bar half of whose 40 places are filled, and nothing of it at the end.
        let half = format!(
            "{}{} 50% Processing: 5 leads read, 1 written",
            "█".repeat(20),
            "░".repeat(20)
        );
        let drawn = screen.drawn();
        assert!(
            drawn.contains("Pending: 0 leads read, 0 written"),
            "{drawn}"
        );
        assert!(drawn.contains(&half), "{drawn}");
        assert_eq!(screen.now(), "");
    }

    #[test]
    fn what_is_not_completed_is_told_in_words() {
        assert!(finished(&json!({"status": "completed"})).is_ok());
        let failed = json!({"id": "7", "status": "failed", "failure": {"code": "too_large", "message": "Use a limit."}});
        assert_eq!(
            finished(&failed).unwrap_err().to_string(),
            "the export 7 failed: Use a limit."
        );
        let cancelled = json!({"id": "7", "status": "cancelled"});
        assert_eq!(
            finished(&cancelled).unwrap_err().to_string(),
            "the export 7 is cancelled"
        );
    }
}
