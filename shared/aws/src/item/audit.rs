//! The audit's table: one row for each link given away.

use lead_export_core::lead::OrgId;
use lead_export_core::ports::Download;
use lead_export_core::record::ExportId;
use uuid::Uuid;

use super::{BadItem, Item, Parts, document, instant, key, names, text};

/// The partition of an export's rows.
pub(crate) fn partition(org: &OrgId, export: ExportId) -> String {
    format!("{org}#{export}")
}

/// A row. Its key begins with the instant, so rows lie in their order.
pub(crate) fn download_item(download: &Download) -> Result<Item, BadItem> {
    let sk = format!("{}#{}", download.at, download.id);
    let mut item = key(partition(&download.org, download.export), sk);
    item.insert(names::ID.into(), text(download.id.to_string()));
    item.insert(names::AT.into(), instant(download.at));
    item.insert(names::BY.into(), document(names::BY, &download.by)?);
    Ok(item)
}

/// What a row of an export says.
pub(crate) fn download_of(org: &OrgId, export: ExportId, item: Item) -> Result<Download, BadItem> {
    let mut parts = Parts(item);
    Ok(Download {
        org: org.clone(),
        export,
        id: parts.read::<Uuid>(names::ID)?,
        by: parts.document(names::BY)?,
        at: parts.read(names::AT)?,
    })
}
