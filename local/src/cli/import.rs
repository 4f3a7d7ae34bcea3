//! `import`.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lead_export_core::lead::SourceId;
use lead_export_core::time::Instant;

use super::output::usage;
use super::stores::{Deployment, Stores, with_stores};
use super::{Who, output};
use crate::import::{Choices, Imported, Order, Report, Skip, TypeName, import, pair};

/// `import`: loads a CSV file, or items of a DynamoDB table.
#[derive(Debug, Args)]
#[command(
    after_help = "A header becomes the field whose key or label it is, else a custom field of text. Of a DynamoDB table, attributes are headers, and their values keep their types.\n\nExamples:\n  lead-export import leads.csv --source crm --map 'Deal Stage=status' --attribute Campaign --type 'Income=number'\n  lead-export import AWSDynamoDB/01693685827463-2d8752fd/data --source crm --map id=lead_id"
)]
pub(super) struct Import {
    /// The file: a CSV in UTF-8 with headers in the first row and `,`, `;` or TAB between cells; or DynamoDB JSON, an item a line;
    /// or a folder of such, as an export to S3 has them. Each may be gzipped.
    file: PathBuf,
    /// The source; made if there is none.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    /// A header, and the key of the field it is.
    #[arg(long, value_name = "HEADER=KEY", value_parser = pair)]
    map: Vec<(String, String)>,
    /// A header that is an attribute; several values between `, `.
    #[arg(long, value_name = "HEADER")]
    attribute: Vec<String>,
    /// A header of a custom field, and what it holds: text, number, date, dropdown or boolean.
    #[arg(long = "type", value_name = "HEADER=TYPE", value_parser = typed)]
    types: Vec<(String, TypeName)>,
    /// The zone of times without an offset, such as America/New_York; a new source gets it.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// A header whose cells are not taken.
    #[arg(long, value_name = "HEADER")]
    leave_out: Vec<String>,
    /// Takes cells as they stand: no `'` and no `="…"` comes off, even in a file of ours.
    #[arg(long)]
    as_is: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

fn typed(text: &str) -> Result<(String, TypeName), String> {
    let (header, kind) = pair(text)?;
    Ok((header, kind.parse()?))
}

/// Shows an import on standard error: skipped rows always, a bar to people.
struct Shown {
    bar: ProgressBar,
    /// The file that is read, if there are several.
    file: Option<String>,
}

impl Report for Shown {
    fn skipped(&mut self, line: u64, reason: &Skip) {
        let file = self
            .file
            .as_ref()
            .map_or(String::new(), |file| format!("{file} "));
        let text = output::visible(&format!("{file}line {line} skipped: {reason}"));
        self.bar.suspend(|| output::note(&text));
    }

    fn opened(&mut self, file: &str) {
        self.file = Some(file.to_owned());
    }

    fn progress(&mut self, rows: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(rows);
    }
}

/// A bar of rows, seen by people alone.
pub(super) fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned())
}

pub(super) async fn run(who: &Who, args: &Import) -> anyhow::Result<()> {
    let order = Order {
        file: args.file.clone(),
        org: who.org.clone(),
        source: args.source.clone(),
        user: who.user.clone(),
        choices: Choices {
            map: args.map.clone(),
            attributes: args.attribute.clone(),
            types: args.types.clone(),
            leave_out: args.leave_out.clone(),
            as_is: args.as_is,
        },
        time_zone: args.time_zone.clone(),
    };
    let imported = with_stores(who, &args.deployment, async |stores: &Stores| {
        if args.deployment.stack.is_some() && !who.named.user {
            return usage("--stack wants --user: who is to be admin of a source that is made");
        }
        let depot = stores.depot()?;
        let now = Instant::from_timestamp(jiff::Timestamp::now());
        let mut shown = Shown {
            bar: bar("rows"),
            file: None,
        };
        let imported = import(&*depot, &order, now, &mut shown).await;
        shown.bar.finish_and_clear();
        imported
    })
    .await?;
    let Imported {
        imported: new,
        replaced,
        skipped,
    } = imported;
    output::result(
        args.json,
        || serde_json::json!({"imported": new, "replaced": replaced, "skipped": skipped}),
        || format!("imported {new}, replaced {replaced}, skipped {skipped}"),
    )?;
    ensure!(
        imported.imported + imported.replaced > 0,
        "nothing of {} was taken",
        args.file.display()
    );
    Ok(())
}
