//! `export`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, builder::PossibleValuesParser};
use indicatif::{ProgressBar, ProgressStyle};
use lead_export_core::lead::SourceId;
use serde_json::Value;
use uuid::Uuid;

use super::api::Api;
use super::body::body;
use super::download::{Target, fetch};
use super::session::{Remote, again, with_api};
use super::{Who, fields, output};

/// When to ask again, if an answer does not say it.
const POLL: Duration = Duration::from_secs(1);

/// `export`: asks for a file and downloads it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lead-export export --source home-insurance -o leads.csv\n  lead-export export --source home-insurance --status active --where annual_income=50000.. --where roof_type=tile --profile excel\n  lead-export export --source home-insurance --field email --field phone=Mobile -o -"
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
}

pub(super) async fn run(who: &Who, args: &Export) -> anyhow::Result<()> {
    // Before anything is asked for: a file that cannot be written need not be made.
    let target = Target::parse(args.output.as_deref(), args.force)?;
    with_api(who, &args.remote, async |api: &Api| {
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
        let get = async {
            let export = wait(api, &id, asked.body.clone(), asked.retry_after).await?;
            finished(&export)?;
            fetch(api, &export, &target).await
        };
        tokio::select! {
            path = get => match path? {
                Some(path) => output::print(&path.display().to_string()),
                None => Ok(()),
            },
            _ = tokio::signal::ctrl_c() => {
                let later = again(who, &args.remote, &format!("download {id}"));
                bail!("interrupted; the export {id} goes on. Fetch it later with: {later}")
            }
        }
    })
    .await
}

/// Waits until the export has ended.
async fn wait(
    api: &Api,
    id: &str,
    mut export: Value,
    mut retry_after: Option<Duration>,
) -> anyhow::Result<Value> {
    let bar = bar();
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
            "{status}: {} leads read, {} written",
            count("leads_read"),
            count("leads_written")
        ));
        bar.tick();
        tokio::time::sleep(retry_after.unwrap_or(POLL)).await;
        let answer = api.get(&format!("exports/{id}"), &[]).await?;
        (export, retry_after) = (answer.body, answer.retry_after);
    }
    bar.finish_and_clear();
    Ok(export)
}

/// A bar that people alone see.
fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}% {msg}") {
        bar.set_style(style);
    }
    bar
}

/// An export that ended without a file is a failure, in the service's own words.
fn finished(export: &Value) -> anyhow::Result<()> {
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
            let body = match count.fetch_add(1, Ordering::SeqCst) {
                // A service that is busy for a moment is asked again.
                0 => {
                    return (
                        http::StatusCode::SERVICE_UNAVAILABLE,
                        [("retry-after", "0")],
                        axum::Json(json!({})),
                    );
                }
                1 => json!({ "status": "pending" }),
                2 => {
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
        let export = wait(&api, "7", first, Some(Duration::ZERO)).await.unwrap();
        assert_eq!(export["lead_count"], 2);
        assert_eq!(asked.load(Ordering::SeqCst), 4);
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
