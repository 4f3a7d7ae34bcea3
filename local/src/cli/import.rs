//! `import`.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lead_export_core::lead::SourceId;
use lead_export_core::time::Instant;

use super::{Who, output, session};
use crate::connection::StackFile;
use crate::depot::LocalDepot;
use crate::import::{Choices, Order, Report, Skip, TypeName, import, pair};

/// `import`: loads a CSV file.
#[derive(Debug, Args)]
#[command(
    after_help = "A header becomes the field whose key or label it is, else a custom field of text.\n\nExample:\n  lead-export import leads.csv --source crm --map 'Deal Stage=status' --attribute Campaign --type 'Income=number'"
)]
pub(super) struct Import {
    /// The file: UTF-8, headers in the first row, cells between `,`, `;` or TAB.
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
}

fn typed(text: &str) -> Result<(String, TypeName), String> {
    let (header, kind) = pair(text)?;
    Ok((header, kind.parse()?))
}

/// Shows an import on standard error: skipped rows always, a bar to people.
struct Shown {
    bar: ProgressBar,
}

impl Report for Shown {
    fn skipped(&mut self, line: u64, reason: &Skip) {
        let text = output::visible(&format!("line {line} skipped: {reason}"));
        self.bar.suspend(|| output::note(&text));
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
        },
        time_zone: args.time_zone.clone(),
    };
    let imported = session::with_stack(&who.data, async |stack: &StackFile| {
        let depot = LocalDepot::new(stack)?;
        let now = Instant::from_timestamp(jiff::Timestamp::now());
        let mut shown = Shown { bar: bar("rows") };
        let imported = import(&depot, &order, now, &mut shown).await;
        shown.bar.finish_and_clear();
        imported
    })
    .await?;
    output::print(&format!(
        "imported {}, replaced {}, skipped {}",
        imported.imported, imported.replaced, imported.skipped
    ))?;
    ensure!(
        imported.imported + imported.replaced > 0,
        "no row of {} was taken",
        args.file.display()
    );
    Ok(())
}
