//! The exports' table: records, idempotency rows, the sets of active exports.

use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::limits::DUE_SHARDS;
use lead_export_core::piece::Hashes;
use lead_export_core::ports::{Due, Remembered, RequestKey};
use lead_export_core::record::{Export, ExportId, Head, RECORD_VERSION};
use lead_export_core::time::Instant;
use uuid::Uuid;

use super::{BadItem, Item, Parts, document, instant, key, names, number, text, user_part};

const EXPORT: &str = "export";
const REQUEST: &str = "request";

/// The key of a record.
pub(crate) fn export_key(org: &OrgId, id: ExportId) -> Item {
    key(format!("{org}#{id}"), EXPORT)
}

/// The key of an idempotency row. The caller's key may be any text of 255 characters, so it stands there as its SHA-256.
pub(crate) fn request_key(request: &RequestKey) -> Item {
    let mut hashes = Hashes::default();
    hashes.take(request.key.as_bytes());
    let user = user_part(&request.user);
    key(
        format!("{}#{user}#{}", request.org, hashes.sha256()),
        REQUEST,
    )
}

/// The key of an organization's set of active exports.
pub(crate) fn active_key(org: &OrgId) -> Item {
    key(org.to_string(), names::ACTIVE)
}

/// In which part of the index of what is due an export lies. Its id is random, so any bits of it spread evenly.
pub(crate) fn due_shard(id: ExportId) -> u8 {
    id.0.as_bytes()[15] % DUE_SHARDS
}

/// The partition of a source's history.
pub(crate) fn history_partition(org: &OrgId, source: &SourceId) -> AttributeValue {
    text(format!("{org}#{source}"))
}

/// A place in a history: the order of the texts is the order of the pairs.
pub(crate) fn history_place(requested_at: Instant, id: ExportId) -> String {
    format!("{requested_at}#{id}")
}

/// The record as an item.
///
/// `plan` is one text of JSON: the filters as the caller wrote them hold numbers that DynamoDB would change (`1.0`) or refuse
/// (`1e300`). Head and checkpoint hold none, and are maps, for those who look inside.
pub(crate) fn export_item(export: &Export) -> Result<Item, BadItem> {
    let plan = serde_json::to_string(&export.plan).map_err(|_| BadItem::Malformed(names::PLAN))?;
    let head = &export.head;
    let mut item = export_key(&export.org, export.id());
    let mut set = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    set(names::V, number(RECORD_VERSION));
    set(names::VERSION, number(export.version));
    set(names::BY, text(export.by.to_string()));
    set(names::STATUS, text(head.status.as_str()));
    set(names::HEAD, document(names::HEAD, head)?);
    set(names::PLAN, text(plan));
    set(names::TRIES, number(export.tries));
    set(names::SLICES, number(export.slices));
    set(names::NOTIFY, AttributeValue::Bool(export.notify));
    if !export.timeline.steps.is_empty() {
        set(
            names::TIMELINE,
            document(names::TIMELINE, &export.timeline)?,
        );
    }
    set(
        names::HISTORY_PK,
        history_partition(&export.org, &head.source),
    );
    let place = history_place(head.requested_at, head.id);
    set(names::HISTORY_SK, text(place));
    if let Some(checkpoint) = &export.checkpoint {
        set(names::CHECKPOINT, document(names::CHECKPOINT, checkpoint)?);
    }
    if let Some(lease) = &export.lease {
        set(names::LEASE, document(names::LEASE, lease)?);
    }
    if let Some(due_at) = export.due_at {
        set(names::DUE_AT, instant(due_at));
        set(names::DUE_SHARD, number(due_shard(head.id)));
    }
    if let Some(mail) = &export.mail {
        set(names::MAIL, document(names::MAIL, mail)?);
    }
    if let Some(clean_at) = export.clean_at {
        set(names::CLEAN_AT, instant(clean_at));
    }
    Ok(item)
}

/// The record that an item holds.
pub(crate) fn export_of(item: Item) -> Result<Export, BadItem> {
    let mut parts = Parts(item);
    let shape = parts.read(names::V)?;
    if shape != RECORD_VERSION {
        return Err(BadItem::Shape(shape));
    }
    let (org, id) = name_of(&parts.text(names::PK)?)?;
    let head: Head = parts.document(names::HEAD)?;
    if head.id != id {
        return Err(BadItem::Malformed(names::HEAD));
    }
    let plan = serde_json::from_str(&parts.text(names::PLAN)?)
        .map_err(|_| BadItem::Malformed(names::PLAN))?;
    Ok(Export {
        org,
        version: parts.read(names::VERSION)?,
        by: lead_export_core::record::RunId(parts.read(names::BY)?),
        head,
        plan,
        lease: parts.document_if_any(names::LEASE)?,
        tries: parts.read(names::TRIES)?,
        slices: parts.read(names::SLICES)?,
        checkpoint: parts.document_if_any(names::CHECKPOINT)?,
        due_at: parts.read_if_any(names::DUE_AT)?,
        clean_at: parts.read_if_any(names::CLEAN_AT)?,
        notify: parts.flag(names::NOTIFY)?,
        // Records of earlier releases have none.
        timeline: parts.document_if_any(names::TIMELINE)?.unwrap_or_default(),
        mail: parts.document_if_any(names::MAIL)?,
    })
}

/// The head that an entry of the history holds.
pub(crate) fn head_of(item: Item) -> Result<Head, BadItem> {
    Parts(item).document(names::HEAD)
}

/// What an entry of the index of what is due says.
pub(crate) fn due_of(item: Item) -> Result<Due, BadItem> {
    let mut parts = Parts(item);
    let (org, id) = name_of(&parts.text(names::PK)?)?;
    Ok(Due {
        org,
        id,
        due_at: parts.read(names::DUE_AT)?,
    })
}

fn name_of(pk: &str) -> Result<(OrgId, ExportId), BadItem> {
    pk.rsplit_once('#')
        .and_then(|(org, id)| Some((OrgId::parse(org).ok()?, ExportId::parse(id)?)))
        .ok_or(BadItem::Malformed(names::PK))
}

/// An idempotency row.
pub(crate) fn request_item(request: &RequestKey, row: &Remembered) -> Item {
    let mut item = request_key(request);
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set(names::FINGERPRINT, text(row.fingerprint.clone()));
    set(names::EXPORT_ID, text(row.export.to_string()));
    set(names::UNTIL, instant(row.until));
    // Rounded up: DynamoDB must not delete a row that still counts.
    let seconds = row.until.millis().saturating_add(999).div_euclid(1000);
    set(names::EXPIRES_AT, AttributeValue::N(seconds.to_string()));
    item
}

/// What an idempotency row remembers.
pub(crate) fn remembered_of(item: Item) -> Result<Remembered, BadItem> {
    let mut parts = Parts(item);
    Ok(Remembered {
        fingerprint: parts.text(names::FINGERPRINT)?,
        export: ExportId(parts.read::<Uuid>(names::EXPORT_ID)?),
        until: parts.read(names::UNTIL)?,
    })
}

/// One id as the set that is added to, or taken from, the active ones.
pub(crate) fn id_set(id: ExportId) -> AttributeValue {
    AttributeValue::Ss(vec![id.to_string()])
}

/// The ids of an organization's active exports. An empty set is no attribute at all.
pub(crate) fn active_of(item: Item) -> Result<Vec<ExportId>, BadItem> {
    let malformed = || BadItem::Malformed(names::ACTIVE);
    match Parts(item).0.remove(names::ACTIVE) {
        None => Ok(Vec::new()),
        Some(AttributeValue::Ss(ids)) => ids
            .iter()
            .map(|id| ExportId::parse(id).ok_or_else(malformed))
            .collect(),
        Some(_) => Err(malformed()),
    }
}

#[cfg(test)]
mod tests;
