//! Presets in the sources' table, in partitions of their own: a role may be given those without sources and grants.

use lead_export_core::input::Json;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::presets::{Preset, PresetHead, PresetName};

use super::{BadItem, Item, Parts, document, instant, key, names, shape, text};

/// What the partition keys of presets end with. An organization's id holds no `#`, so those of sources and grants do not.
pub(crate) const PRESETS: &str = "#presets";

/// The partition of an organization's presets.
pub(crate) fn partition(org: &OrgId) -> String {
    format!("{org}{PRESETS}")
}

/// What the sort keys of a source's presets begin with; neither a source's id nor a preset's name holds a `#`.
pub(crate) fn presets_of(source: &SourceId) -> String {
    format!("{source}#")
}

/// The key of a preset.
pub(crate) fn preset_key(org: &OrgId, source: &SourceId, name: &PresetName) -> Item {
    key(partition(org), format!("{}{name}", presets_of(source)))
}

/// A preset as an item. The request is its JSON text: a document would take its numbers through DynamoDB's.
pub(crate) fn preset_item(preset: &Preset) -> Result<Item, BadItem> {
    let head = &preset.head;
    let mut item = preset_key(&preset.org, &preset.source, &head.name);
    let by = document(names::SAVED_BY, &head.saved_by)?;
    item.insert(names::SAVED_BY.into(), by);
    item.insert(names::SAVED_AT.into(), instant(head.saved_at));
    item.insert(names::REQUEST.into(), text(preset.request.to_text()));
    shape(&mut item);
    Ok(item)
}

/// What an item says of its preset beside the request.
pub(crate) fn head_of(item: Item) -> Result<PresetHead, BadItem> {
    head(&mut Parts::shaped(item)?)
}

/// The preset of this organization and source that an item holds.
pub(crate) fn preset_of(org: &OrgId, source: &SourceId, item: Item) -> Result<Preset, BadItem> {
    let mut parts = Parts::shaped(item)?;
    let request = parts.text(names::REQUEST)?;
    let request =
        Json::object(request.as_bytes()).map_err(|_| BadItem::Malformed(names::REQUEST))?;
    Ok(Preset {
        org: org.clone(),
        source: source.clone(),
        head: head(&mut parts)?,
        request,
    })
}

fn head(parts: &mut Parts) -> Result<PresetHead, BadItem> {
    let sk = parts.text(names::SK)?;
    let name = sk
        .split_once('#')
        .and_then(|(_, name)| PresetName::parse(name));
    Ok(PresetHead {
        name: name.ok_or(BadItem::Malformed(names::SK))?,
        saved_by: parts.document(names::SAVED_BY)?,
        saved_at: parts.read(names::SAVED_AT)?,
    })
}
