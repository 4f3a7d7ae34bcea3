//! The event that tells of an export's terminal state (contract §3): what it is called and what it holds.
//!
//! Its JSON Schema is `events/export-ended.schema.json`.

use serde_json::{Value, json};

use crate::limits;
use crate::record::{Export, Status};
use crate::view;

/// The `source` of every event.
pub const SOURCE: &str = "lead-export";

/// The `detail-type`s there are.
pub const DETAIL_TYPES: [&str; 3] = ["Export completed", "Export failed", "Export cancelled"];

/// The `detail-type` of the event about an export that has ended.
pub fn detail_type(export: &Export) -> &'static str {
    let [completed, failed, cancelled] = DETAIL_TYPES;
    match export.told_as() {
        Status::Failed => failed,
        Status::Cancelled => cancelled,
        // An export that has not ended is told to nobody.
        Status::Completed | Status::Expired | Status::Pending | Status::Processing => completed,
    }
}

/// The `detail`: the export as the history shows it, with its columns, its organization and `event_id`, the same at every telling;
/// without filters (their literals are leads' values) and without links. Who downloaded it is not told either: nobody had, when it
/// ended.
///
/// `fields` is null in the rare event that would be larger than EventBridge takes.
pub fn detail(export: &Export) -> Value {
    let entry = view::entry(&export.head, &[]);
    let mut detail = json!({ "event_id": export.event_id(), "org_id": export.org });
    for (name, value) in entry.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "links" | "downloads") {
            detail[name] = value.clone();
        }
    }
    // A file that went before its completion was told: the event tells the completion.
    detail["status"] = json!(export.told_as());
    if export.status() != export.told_as() {
        detail["ended_by"] = Value::Null;
    }
    detail["fields"] = view::columns(&export.plan.columns);
    if detail.to_string().len() > limits::EVENT_DETAIL_BYTES {
        detail["fields"] = Value::Null;
    }
    detail
}

#[cfg(test)]
mod tests;
