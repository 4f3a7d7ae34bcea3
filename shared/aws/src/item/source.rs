//! The sources' table: sources and grants of an organization.

use lead_export_core::access::Grant;
use lead_export_core::fields::Source;
use lead_export_core::lead::{OrgId, SourceId};
use serde::Deserialize;
use uuid::Uuid;

use super::{BadItem, Item, Parts, is_known, key, names, shape, text, user_part};

/// What the sort keys of sources begin with.
pub(crate) const SOURCES: &str = "source#";
/// What the sort keys of grants begin with.
pub(crate) const GRANTS: &str = "grant#";
/// In place of a source: every source of the organization.
const EVERY: &str = "*";

/// The key of a source.
pub(crate) fn source_key(org: &OrgId, source: &SourceId) -> Item {
    key(org.to_string(), format!("{SOURCES}{source}"))
}

/// What the sort keys of a user's grants begin with.
pub(crate) fn grants_of(user: &str) -> String {
    format!("{GRANTS}{}#", user_part(user))
}

/// The key of a grant, on every source if none is named.
pub(crate) fn grant_key(org: &OrgId, user: &str, source: Option<&SourceId>) -> Item {
    let on = source.map_or(EVERY, SourceId::as_str);
    key(org.to_string(), format!("{}{on}", grants_of(user)))
}

/// A source as an item, under a revision of its own.
pub(crate) fn source_item(source: &Source, revision: Uuid) -> Result<Item, BadItem> {
    let mut item: Item = serde_dynamo::aws_sdk_dynamodb_1::to_item(source)
        .map_err(|_| BadItem::Malformed(names::SOURCE))?;
    item.extend(source_key(&source.org, &source.id));
    item.insert(names::REVISION.into(), text(revision.to_string()));
    shape(&mut item);
    Ok(item)
}

/// The source that an item holds, and its revision.
pub(crate) fn source_of(item: Item) -> Result<(Source, Uuid), BadItem> {
    let mut parts = Parts::shaped(item)?;
    let revision = parts.read(names::REVISION)?;
    Ok((whole(parts.0)?, revision))
}

/// A grant as an item.
pub(crate) fn grant_item(
    org: &OrgId,
    user: &str,
    source: Option<&SourceId>,
    grant: &Grant,
) -> Result<Item, BadItem> {
    let mut item: Item = serde_dynamo::aws_sdk_dynamodb_1::to_item(grant)
        .map_err(|_| BadItem::Malformed(names::SOURCE))?;
    item.extend(grant_key(org, user, source));
    item.insert(names::USER.into(), text(user));
    let on = source.map_or(EVERY, SourceId::as_str);
    item.insert(names::SOURCE.into(), text(on));
    shape(&mut item);
    Ok(item)
}

/// Whose grant on which source an item holds; on every one if none is named.
pub(crate) fn grant_of(item: Item) -> Result<(String, Option<SourceId>, Grant), BadItem> {
    let mut parts = Parts::shaped(item)?;
    let user = parts.text(names::USER)?;
    let source = match parts.text(names::SOURCE)?.as_str() {
        EVERY => None,
        id => Some(SourceId::parse(id).map_err(|_| BadItem::Malformed(names::SOURCE))?),
    };
    Ok((user, source, whole(parts.0)?))
}

/// Whether the item holds a source; else it is a grant.
pub(crate) fn is_source(item: &Item) -> bool {
    item.get(names::SK)
        .and_then(|sk| sk.as_s().ok())
        .is_some_and(|sk| sk.starts_with(SOURCES))
}

fn whole<'a, T: Deserialize<'a>>(item: Item) -> Result<T, BadItem> {
    if !item.values().all(is_known) {
        return Err(BadItem::Malformed(names::SK));
    }
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(|_| BadItem::Malformed(names::SK))
}
