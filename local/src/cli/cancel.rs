//! `cancel`.

use anyhow::{Context as _, bail};
use clap::Args;
use lead_export_core::access::Person;
use lead_export_core::ports::StoreErrorKind;
use lead_export_core::record::{Export, ExportId, RunId, Status};
use lead_export_core::time::Instant;
use lead_export_core::view;
use serde_json::Value;
use uuid::Uuid;

use super::api::Api;
use super::reach::Reach;
use super::session::with_api;
use super::stores::{Stores, with_stores};
use super::{Who, output};

/// Tries of a change that a run comes before.
const TRIES: u32 = 20;

/// `cancel`: ends an export that runs.
#[derive(Debug, Args)]
#[command(
    after_help = "A run at work stops within 15 seconds; nothing of it is left.\n\nExamples:\n  lead-export cancel 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b\n  lead-export cancel 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b --delete"
)]
pub(super) struct Cancel {
    /// The export.
    id: Uuid,
    /// Also deletes the file of an export that is completed.
    #[arg(long)]
    delete: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(who: &Who, args: &Cancel) -> anyhow::Result<()> {
    let export = if args.reach.is_stack() {
        with_stores(who, &args.reach.deployment, async |stores: &Stores| {
            by_operator(who, stores, args).await
        })
        .await?
    } else {
        with_api(who, &args.reach.remote, async |api: &Api| {
            let path = format!("exports/{}", args.id);
            let seen = api.get(&path, &[]).await?.body;
            let status = seen["status"]
                .as_str()
                .context("the answer has no status")?;
            may_end(args, status)?;
            Ok(api.delete(&path).await?.body)
        })
        .await?
    };
    let status = export["status"].as_str().unwrap_or_default();
    output::result(
        args.json,
        || export.clone(),
        || match status {
            "expired" => format!("the file of the export {} is deleted", args.id),
            other => format!("the export {} is {}", args.id, output::visible(other)),
        },
    )
}

/// Whether an export in this state is one to end: a file is deleted only where that is said.
fn may_end(args: &Cancel, status: &str) -> anyhow::Result<()> {
    match status {
        "completed" if !args.delete => bail!(
            "the export {} is completed: there is nothing to cancel; --delete deletes its file",
            args.id
        ),
        "failed" => bail!(
            "the export {} has failed: there is nothing to cancel",
            args.id
        ),
        _ => Ok(()),
    }
}

/// Ends an export by its record: what [`lead_export_core::end::EndExport`] does, but that the operator needs no grant, and that the
/// sweeper tells it.
async fn by_operator(who: &Who, stores: &Stores, args: &Cancel) -> anyhow::Result<Value> {
    let exports = stores.exports();
    let id = ExportId(args.id);
    for _ in 0..TRIES {
        let seen = super::history::record(who, stores, id).await?;
        may_end(args, seen.status().as_str())?;
        let now = Instant::from_timestamp(jiff::Timestamp::now());
        let by = RunId(Uuid::new_v4());
        let next = match seen.status() {
            Status::Pending | Status::Processing => seen.cancelled(by, operator(), now),
            Status::Completed => seen.expired(by, Some(operator()), now),
            // It has ended before.
            _ => return shown(stores, &seen).await,
        };
        let written = if next.status() == Status::Cancelled {
            exports.end(&next).await
        } else {
            exports.replace(&next).await
        };
        let written = match written {
            Err(error) if error.kind == StoreErrorKind::Conflict => continue,
            written => written?,
        };
        if !written.is_mine(&next) {
            continue;
        }
        if let (Status::Expired, Some(file)) = (next.status(), &next.head.file) {
            stores.pieces().delete_file(id, file.run).await?;
        }
        return shown(stores, &next).await;
    }
    bail!("the export {} is written by others all the time", args.id)
}

/// Who ends an export by its record. AWS's own trail has the name.
fn operator() -> Person {
    Person {
        id: "operator".to_owned(),
        name: "Operator".to_owned(),
    }
}

async fn shown(stores: &Stores, export: &Export) -> anyhow::Result<Value> {
    let downloads = stores.audit().downloads(&export.org, export.id()).await?;
    Ok(view::export(export, &downloads))
}
