//! `generate`.

use std::sync::Arc;

use clap::Args;
use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, SourceId};
use lead_export_core::time::Instant;
use tokio::task::JoinHandle;

use super::{Who, output, session};
use crate::connection::StackFile;
use crate::depot::{Depot as _, LocalDepot};
use crate::generate::{Generator, Temper, UNTIL, source};
use crate::load::{LEADS_AT_ONCE, Load};

/// `generate`: makes leads.
#[derive(Debug, Args)]
#[command(
    after_help = "The same seed gives the same leads, among them what breaks exports: formulas, line ends in cells, 38 digits, every alphabet.\n\nExample:\n  lead-export generate --source big --leads 100000"
)]
pub(super) struct Generate {
    /// The source; made, with fields of every kind, if there is none.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    /// How many.
    #[arg(long)]
    leads: u64,
    /// The seed.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(who: &Who, args: &Generate) -> anyhow::Result<()> {
    let loaded = session::with_stack(&who.data, async |stack: &StackFile| {
        let depot = LocalDepot::new(stack)?;
        let source = match depot.source(&who.org, &args.source).await? {
            Some(source) => source,
            None => make(who, &args.source, &depot).await?,
        };
        let generator = Generator::new(
            &source,
            args.seed,
            Instant::from_millis(UNTIL),
            Temper::Hostile,
        );
        let people = source.people;
        let now = Instant::from_timestamp(jiff::Timestamp::now());
        let mut load = Load::begin(&depot, source, now).await?;
        let bar = super::import::bar("leads");
        bar.set_length(args.leads);
        let generator = Arc::new(generator);
        let mut made = 0;
        let mut next = make_some(&generator, made, args.leads);
        while made < args.leads {
            let leads = next.await?;
            made += leads.len() as u64;
            next = make_some(&generator, made, args.leads);
            load.put(leads).await?;
            bar.set_position(made);
        }
        bar.finish_and_clear();
        load.end(people).await
    })
    .await?;
    output::result(
        args.json,
        || serde_json::json!({"generated": loaded.added, "replaced": loaded.replaced}),
        || format!("generated {}, replaced {}", loaded.added, loaded.replaced),
    )
}

/// Makes the leads from `index` on that are put next, on another thread: while it does, those before are written.
fn make_some(generator: &Arc<Generator>, index: u64, count: u64) -> JoinHandle<Vec<Lead>> {
    let generator = Arc::clone(generator);
    let end = count.min(index + LEADS_AT_ONCE as u64);
    tokio::task::spawn_blocking(move || (index..end).map(|index| generator.lead(index)).collect())
}

/// Makes the source, with `admin` for the user.
async fn make(who: &Who, id: &SourceId, depot: &LocalDepot) -> anyhow::Result<Source> {
    let source = source(&who.org, id, id.as_str(), "UTC")?;
    depot.put_source(&source).await?;
    let grant = Grant {
        role: Role::Admin,
        name: None,
    };
    depot
        .put_grant(&who.org, &who.user, Some(id), &grant)
        .await?;
    Ok(source)
}
