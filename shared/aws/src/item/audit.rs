//! The audit's table: one row for each link given away.

use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::ports::Download;
use lead_export_core::record::ExportId;
use lead_export_core::time::Instant;
use uuid::Uuid;

use super::{BadItem, Item, Parts, document, instant, key, names, shape, text};

/// The partition of an export's rows.
pub(crate) fn partition(org: &OrgId, export: ExportId) -> String {
    format!("{org}#{export}")
}

/// The partition of a source's rows in the index by source.
pub(crate) fn source_partition(org: &OrgId, source: &SourceId) -> String {
    format!("{org}#{source}")
}

/// A row's place among those of its export, and of its source: the order of the texts is the order of the pairs.
pub(crate) fn place(at: Instant, id: Uuid) -> String {
    format!("{at}#{id}")
}

/// A row. Its key begins with the instant, so rows lie in their order.
pub(crate) fn download_item(source: &SourceId, download: &Download) -> Result<Item, BadItem> {
    let sk = place(download.at, download.id);
    let mut item = key(partition(&download.org, download.export), sk);
    let of_source = source_partition(&download.org, source);
    item.insert(names::SOURCE_PK.into(), text(of_source));
    item.insert(names::ID.into(), text(download.id.to_string()));
    item.insert(names::AT.into(), instant(download.at));
    item.insert(names::BY.into(), document(names::BY, &download.by)?);
    shape(&mut item);
    Ok(item)
}

/// What a row of an export says.
pub(crate) fn download_of(org: &OrgId, export: ExportId, item: Item) -> Result<Download, BadItem> {
    let mut parts = Parts::shaped(item)?;
    Ok(Download {
        org: org.clone(),
        export,
        id: parts.read::<Uuid>(names::ID)?,
        by: parts.document(names::BY)?,
        at: parts.read(names::AT)?,
    })
}

/// What an entry of the index by source says: its keys, and who.
pub(crate) fn given_of(org: &OrgId, item: Item) -> Result<Download, BadItem> {
    let mut parts = Parts(item);
    let pk = parts.text(names::PK)?;
    let export = pk.rsplit_once('#').and_then(|(_, id)| ExportId::parse(id));
    let sk = parts.text(names::SK)?;
    let (at, id) = sk.split_once('#').ok_or(BadItem::Malformed(names::SK))?;
    Ok(Download {
        org: org.clone(),
        export: export.ok_or(BadItem::Malformed(names::PK))?,
        id: id.parse().map_err(|_| BadItem::Malformed(names::SK))?,
        by: parts.document(names::BY)?,
        at: at.parse().map_err(|_| BadItem::Malformed(names::SK))?,
    })
}
