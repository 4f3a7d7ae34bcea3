//! What callers see of sources and exports: the JSON of contract §3, built in one place.

use serde_json::{Value, json};

use crate::access::Role;
use crate::download::Link;
use crate::fields::{Column, Source};
use crate::ports::{Download, HistoryPage};
use crate::presets::{Preset, PresetHead};
use crate::preview::Preview;
use crate::record::{Delivery, Export, Head, Status};
use crate::usage::{Bucket, Tally, Usage};

/// The sources that a user may see.
pub fn sources(sources: &[(Source, Role)]) -> Value {
    let entries: Vec<Value> = sources
        .iter()
        .map(|(source, role)| json!({"source_id": source.id, "name": source.name, "role": role, "time_zone": source.time_zone}))
        .collect();
    json!({ "sources": entries })
}

/// The fields of a source's leads, in the order of the default columns.
pub fn fields(source: &Source) -> Value {
    json!({ "fields": source.fields() })
}

/// A part of the history; `cursor` stands for its end.
pub fn history(page: &HistoryPage, downloads: &[Vec<Download>], cursor: Option<&str>) -> Value {
    let entries: Vec<Value> = page
        .exports
        .iter()
        .zip(downloads)
        .map(|(head, downloads)| entry(head, downloads))
        .collect();
    json!({ "exports": entries, "next_cursor": cursor })
}

/// An export, whole.
pub fn export(export: &Export, downloads: &[Download]) -> Value {
    let mut view = entry(&export.head, downloads);
    view["filters"] = export.plan.asked.clone();
    view["fields"] = columns(&export.plan.columns);
    if let Some(pick) = &export.plan.pick {
        view["selection"] = pick.shown();
    }
    view
}

/// Columns, with their headers.
pub(crate) fn columns(columns: &[Column]) -> Value {
    columns
        .iter()
        .map(|column| json!({"key": column.key, "header": column.header}))
        .collect()
}

/// An export as the history lists it: without filters and fields.
pub fn entry(head: &Head, downloads: &[Download]) -> Value {
    let link = format!("/exports/{}", head.id);
    let downloadable = head.status == Status::Completed && head.delivery == Delivery::File;
    let shown: Vec<Value> = downloads
        .iter()
        .map(|download| json!({"by": download.by, "at": download.at}))
        .collect();
    let file = head.file.as_ref();
    json!({
        "id": head.id,
        "source_id": head.source,
        "status": head.status,
        "delivery": head.delivery,
        "file_name": head.file_name,
        "requested_by": head.requested_by,
        "ended_by": head.ended_by,
        "requested_at": head.requested_at,
        "started_at": head.started_at,
        "completed_at": head.completed_at,
        "file_expires_at": head.file_expires_at,
        "order": head.order,
        "limit": head.limit,
        "format": head.format,
        "progress": {
            "leads_read": head.progress.leads_read,
            "leads_written": head.progress.leads_written,
            "fraction": head.progress.fraction(head.status),
        },
        "lead_count": head.lead_count,
        "truncated": head.truncated,
        "size_bytes": file.map(|file| file.size_bytes),
        "sha256": file.and_then(|file| file.sha256.as_ref()),
        "crc64nvme": file.map(|file| &file.crc64nvme),
        "failure": head.failure,
        "warnings": head.warnings,
        "downloads": shown,
        "links": {
            "self": link,
            "download": downloadable.then(|| format!("{link}/download")),
            "page": format!("/?export={}", head.id),
        },
    })
}

/// What a request would give.
pub fn preview(preview: &Preview) -> Value {
    json!({
        "lead_count": preview.lead_count,
        "exact": preview.exact,
        "size_bytes": preview.size_bytes,
        "columns": columns(&preview.columns),
        "rows": preview.rows,
        "warnings": preview.warnings,
    })
}

/// A preset, whole.
pub fn preset(preset: &Preset) -> Value {
    let mut view = preset_entry(&preset.head);
    view["request"] = preset.request.to_value();
    view
}

/// The presets of a source: without their requests.
pub fn presets(presets: &[PresetHead]) -> Value {
    let entries: Vec<Value> = presets.iter().map(preset_entry).collect();
    json!({ "presets": entries })
}

fn preset_entry(head: &PresetHead) -> Value {
    json!({"name": head.name, "saved_by": head.saved_by, "saved_at": head.saved_at})
}

/// What a source's exports came to.
pub fn usage(usage: &Usage) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "exports": tally.exports,
            "leads": tally.leads,
            "bytes": tally.bytes,
            "downloads": tally.downloads,
        })
    };
    let entry = |(bucket, counted): &(Bucket, Tally)| {
        let mut entry = match bucket {
            Bucket::Day(day) => json!({"day": day.to_string()}),
            Bucket::User(person) => json!({"user": person}),
        };
        if let (Value::Object(entry), Value::Object(counted)) = (&mut entry, tally(counted)) {
            entry.extend(counted);
        }
        entry
    };
    let entries: Vec<Value> = usage.buckets.iter().map(entry).collect();
    json!({
        "source_id": usage.source.id,
        "by": usage.query.by.as_str(),
        "from": usage.query.from,
        "to": usage.query.to,
        "time_zone": usage.query.zone.1,
        "usage": entries,
        "total": tally(&usage.total),
    })
}

/// A link to a file.
pub fn link(link: &Link) -> Value {
    json!({
        "url": link.url,
        "url_expires_at": link.expires_at,
        "file_name": link.export.head.file_name,
        "size_bytes": link.file.size_bytes,
        "lead_count": link.export.head.lead_count,
        "sha256": link.file.sha256,
        "crc64nvme": link.file.crc64nvme,
    })
}

#[cfg(test)]
mod tests;
