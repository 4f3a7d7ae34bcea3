//! What callers are shown. Members may be added, so objects are open; tests close them.

use serde_json::{Value, json};

use super::{count, named, object, one_of, one_of_table, or_null};
use crate::access::Role;
use crate::ask::{COMPRESSIONS, HEADERS, ORDERS, PROFILES};
use crate::fields::{Group, Kind};
use crate::record::{Delivery, FailureCode, Status, Warning};
use crate::usage::By;

/// Every role.
pub(super) const ROLES: [Role; 3] = [Role::Viewer, Role::Exporter, Role::Admin];
/// Every kind of field.
pub(super) const KINDS: [Kind; 11] = [
    Kind::Id,
    Kind::Derived,
    Kind::Text,
    Kind::List,
    Kind::Phone,
    Kind::Phones,
    Kind::Number,
    Kind::Instant,
    Kind::Date,
    Kind::Dropdown,
    Kind::Boolean,
];
/// Every group of fields.
pub(super) const GROUPS: [Group; 6] = [
    Group::System,
    Group::Person,
    Group::Company,
    Group::Custom,
    Group::Attribute,
    Group::Metadata,
];
/// Every way of delivery.
pub(super) const DELIVERIES: [Delivery; 2] = [Delivery::File, Delivery::Inline];
/// Every reason of a failure.
pub(super) const FAILURES: [FailureCode; 7] = [
    FailureCode::AccessRevoked,
    FailureCode::SourceGone,
    FailureCode::TooLarge,
    FailureCode::TimeLimit,
    FailureCode::StorageDenied,
    FailureCode::UnreadableLead,
    FailureCode::Internal,
];
/// Every warning.
pub(super) const WARNINGS: [Warning; 2] = [Warning::ExcelRows, Warning::ExcelCell];

fn instant() -> Value {
    json!({
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
    })
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn sha256() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

fn crc64nvme() -> Value {
    json!({ "type": "string", "description": "Base64 of eight bytes.", "pattern": "^[A-Za-z0-9+/]{11}=$" })
}

/// The schemas of answers, by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({ "type": "string" });
    let list = |name: &str| json!({ "type": "array", "items": named(name) });
    vec![
        ("Person", object(json!({ "id": text(), "name": text() }))),
        (
            "Source",
            object(
                json!({ "source_id": text(), "name": text(), "role": one_of(&ROLES), "time_zone": text() }),
            ),
        ),
        ("Sources", object(json!({ "sources": list("Source") }))),
        ("Field", field()),
        ("Fields", object(json!({ "fields": list("Field") }))),
        ("Export", export(true)),
        ("ExportEntry", export(false)),
        (
            "History",
            object(
                json!({ "exports": list("ExportEntry"), "next_cursor": { "type": ["string", "null"] } }),
            ),
        ),
        ("Link", link()),
        ("Usage", usage()),
        (
            "Preview",
            object(json!({
                "lead_count": count(),
                "exact": { "type": "boolean" },
                "size_bytes": count(),
                "columns": columns(),
                "rows": { "type": "array", "items": { "type": "array", "items": text() } },
                "warnings": { "type": "array", "items": one_of(&WARNINGS) },
            })),
        ),
        (
            "Preset",
            object(json!({
                "name": text(),
                "saved_by": named("Person"),
                "saved_at": instant(),
                "request": { "type": "object", "description": "As it was saved, with what it stood for filled in." },
            })),
        ),
        (
            "PresetEntry",
            object(json!({ "name": text(), "saved_by": named("Person"), "saved_at": instant() })),
        ),
        ("Presets", object(json!({ "presets": list("PresetEntry") }))),
    ]
}

fn field() -> Value {
    let mut schema = object(json!({
        "key": { "type": "string" },
        "label": { "type": "string" },
        "kind": one_of(&KINDS),
        "group": one_of(&GROUPS),
    }));
    schema["properties"]["options"] = json!({
        "description": "Of a dropdown.",
        "type": "array",
        "items": { "type": "string" },
    });
    schema
}

fn link() -> Value {
    object(json!({
        "url": { "type": "string", "format": "uri" },
        "url_expires_at": instant(),
        "file_name": { "type": "string" },
        "size_bytes": count(),
        "lead_count": or_null(count()),
        "sha256": or_null(sha256()),
        "crc64nvme": crc64nvme(),
    }))
}

/// What a source's exports came to, by day or by user.
fn usage() -> Value {
    let tally =
        || json!({ "exports": count(), "leads": count(), "bytes": count(), "downloads": count() });
    let mut entry = object(tally());
    entry["properties"]["day"] =
        json!({ "description": "By day.", "type": "string", "format": "date" });
    entry["properties"]["user"] = named("Person");
    object(json!({
        "source_id": { "type": "string" },
        "by": one_of(&[By::Day.as_str(), By::User.as_str()]),
        "from": instant(),
        "to": instant(),
        "time_zone": { "type": "string" },
        "usage": { "type": "array", "items": entry },
        "total": object(tally()),
    }))
}

/// An export; whole, or as the history lists it.
fn export(whole: bool) -> Value {
    let mut members = ended_members();
    members["downloads"] = json!({
        "description": "Who was given a link, and when.",
        "type": "array",
        "items": object(json!({ "by": named("Person"), "at": instant() })),
    });
    members["links"] = object(json!({
        "self": { "type": "string" },
        "download": { "type": ["string", "null"] },
        "page": { "type": "string" },
    }));
    if whole {
        members["filters"] = json!({ "type": "object", "description": "As they were written." });
        members["fields"] = columns();
    }
    let mut schema = object(members);
    if whole {
        schema["properties"]["selection"] = json!({
            "description": "Which leads were picked, of an export that exportInAnswer made.",
            "type": "object",
        });
    }
    schema
}

/// The columns of an export, with their headers.
pub(super) fn columns() -> Value {
    let column = object(json!({ "key": { "type": "string" }, "header": { "type": "string" } }));
    json!({ "type": "array", "items": column })
}

/// What the history and events alike show of an export.
pub(super) fn ended_members() -> Value {
    let progress = object(json!({
        "leads_read": count(),
        "leads_written": count(),
        "fraction": { "type": ["number", "null"], "minimum": 0, "maximum": 1 },
    }));
    let format = object(json!({
        "profile": one_of_table(&PROFILES),
        "header": one_of_table(&HEADERS),
        "time_zone": { "type": "string" },
        "compression": one_of_table(&COMPRESSIONS),
    }));
    json!({
        "id": id(),
        "source_id": { "type": "string" },
        "status": one_of(&Status::ALL),
        "delivery": one_of(&DELIVERIES),
        "file_name": { "type": "string" },
        "requested_by": named("Person"),
        "ended_by": or_null(named("Person")),
        "requested_at": instant(),
        "started_at": or_null(instant()),
        "completed_at": or_null(instant()),
        "file_expires_at": or_null(instant()),
        "order": one_of_table(&ORDERS),
        "limit": or_null(count()),
        "format": format,
        "progress": progress,
        "lead_count": or_null(count()),
        "truncated": { "type": ["boolean", "null"] },
        "size_bytes": or_null(count()),
        "sha256": or_null(sha256()),
        "crc64nvme": or_null(crc64nvme()),
        "failure": or_null(object(json!({ "code": one_of(&FAILURES), "message": { "type": "string" } }))),
        "warnings": { "type": "array", "items": one_of(&WARNINGS) },
    })
}
