//! Reads a CSV file into leads of a source (contract §7), or items of a DynamoDB table.
//!
//! The file is read twice, so that row *n* of *N* can get its time, and never held: memory grows only by some 24 bytes a row for the
//! ids that were seen.
//!
//! What the contract leaves open, decided here:
//! - A file is *ours*, so that guards come off its cells, if its first row has `lead_id` or `Lead ID`, or nothing but keys or labels
//!   of the source's fields.
//! - The delimiter is whichever of `,`, `;` and TAB the first row has most of. With `;`, numbers may have a decimal comma.
//! - An empty cell is no value; under a mapped `lead_id` or `created_at` it is a reason to skip the row. So is a row without any
//!   filled cell.
//! - Other lists than e-mails and phones split at `, `, as the export joins them, so that `VP,Sales` stays one.
//! - A column headed `source_id` is not taken: the source is the one named.
//! - A cell that does not fit its field's type skips the row: half a lead would be found by nobody.

mod cells;
mod file;
mod input;
mod items;
mod maker;
mod mapping;
mod rows;
mod skip;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::Source;
use lead_export_core::filter::zone;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::time::Instant;

use crate::depot::Depot;
use crate::generate::plain_source;
use crate::load::{LEADS_AT_ONCE, Load};

use self::input::Input;
use self::mapping::Mapping;
pub use self::mapping::{Choices, TypeName, pair};
pub use self::skip::Skip;

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The file.
    pub file: PathBuf,
    /// The organization.
    pub org: OrgId,
    /// The source; made if there is none.
    pub source: SourceId,
    /// Who is to be admin of a source that is made.
    pub user: String,
    /// What the headers stand for, where they do not say it themselves.
    pub choices: Choices,
    /// The zone of times without an offset, by its IANA name; the source's if none is given. A new source gets it.
    pub time_zone: Option<String>,
}

/// What became of a file's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Leads that were not there before.
    pub imported: u64,
    /// Leads that were.
    pub replaced: u64,
    /// Rows that were not taken.
    pub skipped: u64,
}

/// Hears how an import goes.
pub trait Report: Send {
    /// A row was not taken. `line` is where it begins, from 1.
    fn skipped(&mut self, line: u64, reason: &Skip);

    /// Of several files, the next is read.
    fn opened(&mut self, _file: &str) {}

    /// `rows` of `total` were looked at.
    fn progress(&mut self, rows: u64, total: u64);
}

/// Imports a file. `now` is the start: no lead is younger.
///
/// A source that is not there is made when the first row is taken, with `admin` for the user.
///
/// # Errors
/// The file cannot be read or is no CSV, the choices do not fit it, or the depot fails. Rows before may have been taken.
pub async fn import(
    depot: &dyn Depot,
    order: &Order,
    now: Instant,
    report: &mut dyn Report,
) -> anyhow::Result<Imported> {
    let input = Input::open(&order.file)?;
    let known = depot.source(&order.org, &order.source).await?;
    let is_new = known.is_none();
    let mut source = known.map_or_else(|| new_source(order), Ok)?;
    let zone_name = order.time_zone.as_ref().unwrap_or(&source.time_zone);
    let (zone, _) = zone(zone_name).with_context(|| unknown_zone(zone_name))?;
    let mut mapping = Mapping::resolve(
        input.headers(),
        input.guesses(),
        &mut source,
        &order.choices,
    )?;
    let total = input.count(&mut mapping)?;
    mapping.define(&mut source)?;

    let mut rows = input.leads(&mapping, &source, zone, now, total)?;
    let mut load = None;
    let mut report = Counted { report, skipped: 0 };
    loop {
        let mut leads = Vec::new();
        let more = rows.read(LEADS_AT_ONCE, &mut leads, &mut report)?;
        report.progress(rows.looked_at(), total);
        if !leads.is_empty() {
            if load.is_none() {
                load = Some(Load::begin(depot, source.clone(), now).await?);
                if is_new {
                    grant_admin(depot, order).await?;
                }
            }
            if let Some(load) = &mut load {
                load.put(leads).await?;
            }
        }
        if !more {
            break;
        }
    }
    let loaded = match load {
        Some(load) => load.end(rows.fills_people()).await?,
        None => crate::load::Loaded::default(),
    };
    Ok(Imported {
        imported: loaded.added,
        replaced: loaded.replaced,
        skipped: report.skipped,
    })
}

/// Counts what is skipped on its way to who wants to hear it.
struct Counted<'a> {
    report: &'a mut dyn Report,
    skipped: u64,
}

impl Report for Counted<'_> {
    fn skipped(&mut self, line: u64, reason: &Skip) {
        self.skipped += 1;
        self.report.skipped(line, reason);
    }

    fn opened(&mut self, file: &str) {
        self.report.opened(file);
    }

    fn progress(&mut self, rows: u64, total: u64) {
        self.report.progress(rows, total);
    }
}

async fn grant_admin(depot: &dyn Depot, order: &Order) -> anyhow::Result<()> {
    let grant = Grant {
        role: Role::Admin,
        name: None,
    };
    let source = Some(&order.source);
    depot
        .put_grant(&order.org, &order.user, source, &grant)
        .await
}

fn new_source(order: &Order) -> anyhow::Result<Source> {
    let zone_name = order.time_zone.as_deref().unwrap_or("UTC");
    let Some((_, zone_name)) = zone(zone_name) else {
        bail!(unknown_zone(zone_name));
    };
    let name = order.source.as_str();
    Ok(plain_source(&order.org, &order.source, name, &zone_name))
}

fn unknown_zone(name: &str) -> String {
    format!("'{name}' is no IANA time zone such as Europe/Berlin")
}

#[cfg(test)]
mod tests;
