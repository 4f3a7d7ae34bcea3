//! `stuck` and `retry`: for the operator of exports that do not get on.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use lead_export_core::limits;
use lead_export_core::ports::StoreErrorKind;
use lead_export_core::record::{Export, ExportId, RunId, Status};
use lead_export_core::time::Instant;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;
use super::output::{Column, usage};
use super::reach::Reach;
use super::session::with_api;
use super::stores::{Deployment, Stores, with_stores};
use super::timeline::span;
use super::{Who, output};

/// What nobody has looked at for so long hangs: two sweeps, one of which may have been missed.
const PATIENCE: Duration = Duration::from_mins(2);
/// What is still to be told or cleaned after so long does not come about: ten sweeps.
const LONG_PATIENCE: Duration = Duration::from_mins(10);
/// Tries without progress that are worth a look, before [`limits::MAX_TRIES`] fail the export.
const MANY_TRIES: u32 = 3;
/// Due exports that are looked at. More at once are no single export's trouble.
const LOOKS: usize = 1000;
/// Tries of a change that a run comes before.
const TRIES: u32 = 20;

/// `stuck`: the exports that do not get on, of all organizations unless one is named.
#[derive(Debug, Args)]
#[command(
    after_help = "Of all organizations unless --org names one.\n\nExamples:\n  lead-export stuck\n  lead-export stuck --stack lead-export --org acme --json"
)]
pub(super) struct Stuck {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

/// `retry`: takes up an export that hangs, or asks once more for one that has ended.
#[derive(Debug, Args)]
#[command(
    after_help = "An export that hangs is due at once, with all its tries. One that has failed, was cancelled or is expired stays so: the same is asked for again, as a new export of --user.\n\nExample:\n  lead-export retry 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b"
)]
pub(super) struct Retry {
    /// The export.
    id: Uuid,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(who: &Who, args: &Stuck) -> anyhow::Result<()> {
    let now = Instant::from_timestamp(jiff::Timestamp::now());
    let found = with_stores(who, &args.deployment, async |stores: &Stores| {
        let exports = stores.exports();
        let mut found = Vec::new();
        // The sweeper puts off what it has seen by a minute, and a run's lease its export by less than two.
        for due in exports.due(now.plus(PATIENCE), LOOKS).await? {
            if who.named.org && due.org != who.org {
                continue;
            }
            match exports.get(&due.org, due.id).await {
                Ok(Some(export)) => {
                    if let Some(why) = why(&export, now) {
                        found.push((export, why));
                    }
                }
                Ok(None) => {}
                Err(error) if error.kind == StoreErrorKind::Corrupt => {
                    output::note(&format!(
                        "the record of the export {} cannot be read",
                        due.id
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    })
    .await?;
    if args.json {
        let stuck: Vec<Value> = found
            .iter()
            .map(|(export, why)| view(export, why))
            .collect();
        return output::print(&json!({ "stuck": stuck }).to_string());
    }
    if found.is_empty() {
        output::note("nothing is stuck");
        return Ok(());
    }
    let columns = [
        Column::Text("ID"),
        Column::Text("Organization"),
        Column::Text("Source"),
        Column::Text("Status"),
        Column::Number("Age"),
        Column::Number("Tries"),
        Column::Text("Why"),
    ];
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(export, why)| {
            vec![
                export.id().to_string(),
                export.org.to_string(),
                export.head.source.to_string(),
                super::history::capital(export.status().as_str()),
                span(now.since(export.head.requested_at)),
                export.tries.to_string(),
                why.clone(),
            ]
        })
        .collect();
    output::print(&output::table(&columns, &rows))
}

fn view(export: &Export, why: &str) -> Value {
    json!({
        "id": export.id(),
        "org_id": export.org,
        "source_id": export.head.source,
        "status": export.status(),
        "requested_at": export.head.requested_at,
        "tries": export.tries,
        "slices": export.slices,
        "due_at": export.due_at,
        "why": why,
    })
}

/// Why an export does not get on; none if it does.
fn why(export: &Export, now: Instant) -> Option<String> {
    let late = |at: Instant, patience: Duration| now.since(at) > patience;
    if export.status().is_terminal() {
        let told = export.head.completed_at.filter(|_| export.notify);
        let goes = export.head.file_expires_at;
        let goes = goes.filter(|_| export.status() == Status::Completed);
        return if told.is_some_and(|at| late(at, LONG_PATIENCE)) {
            Some("its end cannot be told".to_owned())
        } else if goes.is_some_and(|at| late(at, LONG_PATIENCE)) {
            Some("its file should be gone".to_owned())
        } else if export.clean_at.is_some_and(|at| late(at, LONG_PATIENCE)) {
            Some("its leftovers cannot be cleaned".to_owned())
        } else {
            None
        };
    }
    match export.lease {
        Some(lease) if late(lease.until, PATIENCE) => Some(format!(
            "its run {} has not been heard of for {}",
            lease.run,
            span(now.since(lease.until))
        )),
        Some(_) if export.tries >= MANY_TRIES => Some(format!(
            "its runs die: try {} of {}",
            export.tries,
            limits::MAX_TRIES
        )),
        Some(_) => None,
        None => {
            let last = export.timeline.steps.last();
            let since = last.map_or(export.head.requested_at, |step| {
                step.until.unwrap_or(step.at)
            });
            late(since, PATIENCE)
                .then(|| format!("no run takes it up, for {}", span(now.since(since))))
        }
    }
}

pub(super) async fn retry(who: &Who, args: &Retry) -> anyhow::Result<()> {
    // Whoever has the API alone can ask once more; what hangs is for those who have the tables.
    if !args.reach.is_stack() && args.reach.remote.url.is_some() {
        return again(who, args).await;
    }
    let id = ExportId(args.id);
    let due = with_stores(who, &args.reach.deployment, async |stores: &Stores| {
        take_up(who, stores, id).await
    })
    .await?;
    match due {
        Some(()) => output::result(
            args.json,
            || json!({ "id": args.id, "due": true }),
            || format!("the export {} is due again", args.id),
        ),
        None if args.reach.is_stack() => bail!(
            "the export {} has ended and stays so; whoever asked for it can ask again: lead-export export --again {} --url … --token …",
            args.id,
            args.id
        ),
        None => again(who, args).await,
    }
}

/// Makes an export due that has not ended; none if it has.
async fn take_up(who: &Who, stores: &Stores, id: ExportId) -> anyhow::Result<Option<()>> {
    let exports = stores.exports();
    for _ in 0..TRIES {
        let seen = super::history::record(who, stores, id).await?;
        let now = Instant::from_timestamp(jiff::Timestamp::now());
        match seen.status() {
            Status::Pending | Status::Processing => {}
            Status::Completed => {
                bail!("the export {id} is completed: lead-export download {id} fetches its file")
            }
            _ => return Ok(None),
        }
        if let Some(lease) = seen.lease.filter(|lease| lease.until > now) {
            bail!(
                "the run {} is at work on the export {id}; it is taken for lost in {} if nothing is heard of it",
                lease.run,
                span(lease.until.since(now))
            );
        }
        let next = seen.retried(RunId(Uuid::new_v4()), now);
        if exports.replace(&next).await?.is_mine(&next) {
            // For speed alone: the record is due.
            if let Err(error) = stores.queue().send(&next.org, id).await {
                output::note(&format!("the sweeper takes it up within a minute: {error}"));
            }
            return Ok(Some(()));
        }
    }
    bail!("the export {id} is written by others all the time")
}

/// Asks for the same once more.
async fn again(who: &Who, args: &Retry) -> anyhow::Result<()> {
    let asked = with_api(who, &args.reach.remote, async |api: &Api| {
        let seen = api.get(&format!("exports/{}", args.id), &[]).await?.body;
        let status = seen["status"].as_str().context("the answer has no status")?;
        match status {
            "pending" | "processing" => {
                return usage(
                    "the export has not ended; to make it due again takes the tables: --stack NAME instead of --url",
                );
            }
            "completed" => bail!(
                "the export {} is completed: lead-export download {} fetches its file",
                args.id,
                args.id
            ),
            _ => {}
        }
        let source = seen["source_id"].as_str().context("the answer has no source")?;
        let body = json!({ "again": args.id }).to_string();
        let key = Uuid::new_v4().to_string();
        let answer = api.post(&format!("sources/{source}/exports"), body, &key).await?;
        Ok(answer.body)
    })
    .await?;
    let id = asked["id"]
        .as_str()
        .context("the answer has no id")?
        .to_owned();
    output::result(
        args.json,
        || asked.clone(),
        || format!("asked for again: the export {}", output::visible(&id)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::timeline::tests::export;
    use lead_export_core::access::Person;
    use lead_export_core::record::FailureCode;

    #[test]
    fn what_does_not_get_on_is_seen_and_what_does_is_not() {
        let start = Instant::from_millis(1_767_225_600_000);
        let at = |seconds: u64| start.plus(Duration::from_secs(seconds));
        let run = RunId(Uuid::nil());
        let person = Person {
            id: "u".into(),
            name: "U".into(),
        };
        let new = export(start);
        let at_work = new.leased(run, start);
        let mut dying = at_work.clone();
        dying.tries = MANY_TRIES;
        let checkpoint = lead_export_core::pieces::beginning();
        let paused = at_work.paused(run, checkpoint, new.head.progress, at(30));
        let failed = new.failed(run, FailureCode::Internal, start);
        let told = failed.told(run);
        let gone = new.cancelled(run, person, start);
        for (export, seconds, expected) in [
            (&new, 119, None),
            (&new, 121, Some("no run takes it up")),
            (&at_work, 89, None),
            // The lease ends after 90 s.
            (&at_work, 209, None),
            (&at_work, 211, Some("has not been heard of")),
            (&dying, 1, Some("try 3 of 5")),
            (&paused, 149, None),
            (&paused, 151, Some("no run takes it up")),
            (&paused.retried(run, at(151)), 152, None),
            (&failed, 599, None),
            (&failed, 601, Some("cannot be told")),
            (&gone, 601, Some("cannot be told")),
            // Cleaned 20 minutes after its end.
            (&told, 1799, None),
            (&told, 1801, Some("cannot be cleaned")),
            (&told.cleaned(run), 100_000, None),
        ] {
            let why = why(export, at(seconds));
            assert_eq!(why.is_some(), expected.is_some(), "{seconds} {why:?}");
            if let (Some(why), Some(expected)) = (why, expected) {
                assert!(why.contains(expected), "{why}");
            }
        }
    }
}
