//! `PutEvents`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Refusal;
use super::outbox::{Event, Outbox};

/// Entries of one call
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>).
const ENTRIES: usize = 10;
/// Bytes of all entries together, as they are counted on
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>. The quota has been raised since; what fits here
/// fits there.
const ENTRY_BYTES: usize = 256 << 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Call {
    entries: Vec<Entry>,
    #[serde(default, rename = "EndpointId")]
    _endpoint_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    /// Seconds since 1970.
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    #[serde(default, rename = "TraceHeader")]
    _trace_header: Option<String>,
}

impl Entry {
    /// Its size as EventBridge counts it: 14 bytes for the time, and the texts in UTF-8.
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.time.map_or(0, |_| 14)
            + text(&self.source)
            + text(&self.detail_type)
            + text(&self.detail)
            + self.resources.iter().map(String::len).sum::<usize>()
    }
}

/// Takes the entries, each for itself.
pub(super) fn run(outbox: &Outbox, body: &[u8]) -> Result<Value, Refusal> {
    let call: Call = serde_json::from_slice(body)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    if !(1..=ENTRIES).contains(&call.entries.len()) {
        return Err(Refusal::new(
            "ValidationException",
            format!("a call has 1 to {ENTRIES} entries"),
        ));
    }
    if call.entries.iter().map(Entry::bytes).sum::<usize>() > ENTRY_BYTES {
        return Err(Refusal::new(
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
        ));
    }
    let mut failed = 0;
    let entries: Vec<Value> = call
        .entries
        .into_iter()
        .map(|entry| match take(outbox, entry) {
            Ok(id) => json!({ "EventId": id }),
            Err((code, message)) => {
                failed += 1;
                json!({ "ErrorCode": code, "ErrorMessage": message })
            }
        })
        .collect();
    Ok(json!({ "FailedEntryCount": failed, "Entries": entries }))
}

fn take(outbox: &Outbox, entry: Entry) -> Result<String, (&'static str, String)> {
    let filled = |text: Option<String>, name: &str| {
        let text = text.filter(|text| !text.is_empty());
        let missing =
            || format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        text.ok_or_else(|| ("InvalidArgument", missing()))
    };
    let source = filled(entry.source, "Source")?;
    let detail_type = filled(entry.detail_type, "DetailType")?;
    let detail = filled(entry.detail, "Detail")?;
    let detail: Value = serde_json::from_str(&detail)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
    let time = match entry.time {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "out of range is no instant either way"
        )]
        Some(seconds) => Timestamp::from_millisecond((seconds * 1000.0).round() as i64)
            .map_err(|_| ("InvalidArgument", "Parameter Time is not valid.".to_owned()))?,
        None => Timestamp::now(),
    };
    let id = Uuid::new_v4().to_string();
    let event = Event {
        id: id.clone(),
        bus: entry.event_bus_name.unwrap_or_else(|| "default".to_owned()),
        source,
        detail_type,
        time: time.to_string(),
        detail,
    };
    match outbox.tell(event) {
        Ok(()) => Ok(id),
        Err(_) => Err(("InternalFailure", "the outbox cannot be written".to_owned())),
    }
}
