//! What is refused, and in which form: problems of ours, the published form of the export in the answer, the gateway's own messages.

use lead_export_core::schema::named;
use serde_json::{Map, Value, json};

use crate::problem::KINDS;

/// A problem, RFC 9457.
pub(super) fn problem() -> Value {
    let kinds: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("/problems/{kind}"))
        .collect();
    json!({
        "description": "RFC 9457.",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "enum": kinds },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "errors": {
                "description": "Every bad field of an invalid request.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": { "field": { "type": "string" }, "message": { "type": "string" } },
                },
            },
            "export_ids": {
                "description": "The exports under way that you may see, where their number is what stands in the way.",
                "type": "array",
                "items": { "type": "string", "format": "uuid" },
            },
            "request_id": { "description": "To be quoted; of failures alone.", "type": "string" },
        },
    })
}

/// What the gateway itself answers.
pub(super) fn message() -> Value {
    json!({
        "description": "What the gateway answers by itself.",
        "type": "object",
        "required": ["message"],
        "properties": { "message": { "type": ["string", "null"] } },
    })
}

/// A media type, and the name of its schema.
type Content = (&'static str, &'static str);

/// The refusals by their status: ours, the gateway's, or either.
pub(super) fn refusals() -> Map<String, Value> {
    let ours = ("application/problem+json", "Problem");
    let gateways = ("application/json", "Message");
    let all: [(u16, &str, &[Content]); 13] = [
        (
            400,
            "Not JSON, a value of a wrong type, or nothing that could be read.",
            &[ours, gateways],
        ),
        (401, "No good token.", &[ours, gateways]),
        (403, "Your grant is too small.", &[ours, gateways]),
        (
            404,
            "There is no such thing, or you may not see it.",
            &[ours, gateways],
        ),
        (408, "The body did not arrive in time.", &[gateways]),
        (409, "There is no file yet, or there will be none.", &[ours]),
        (410, "The file is no longer there.", &[ours]),
        (413, "The body is too large.", &[ours, gateways]),
        (
            422,
            "A value is refused; every bad field is named.",
            &[ours],
        ),
        (
            429,
            "Too much at once: Retry-After says when to try again.",
            &[ours, gateways],
        ),
        (431, "The headers are too large.", &[gateways]),
        (500, "Our fault. Quote the request id.", &[ours, gateways]),
        (
            503,
            "Not just now: Retry-After says when to try again.",
            &[ours, gateways],
        ),
    ];
    all.into_iter()
        .map(|(status, says, kinds): (u16, &str, &[Content])| {
            let content: Map<String, Value> = kinds
                .iter()
                .map(|(media, schema)| ((*media).to_owned(), json!({ "schema": named(schema) })))
                .collect();
            (
                status.to_string(),
                json!({ "description": says, "content": content }),
            )
        })
        .collect()
}

/// What the export in the answer refuses with: its published form.
pub(super) fn operation_refusal() -> Value {
    json!({
        "description": "A sentence where nothing was selected, else a code and a sentence.",
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "requestId": { "description": "To be quoted; of failures alone.", "type": "string" },
                },
            },
        ] } },
    })
}

/// A refusal of the export in the answer. What is no request at all is refused as everywhere.
pub(super) fn of_operation(status: u16) -> Value {
    let either = json!({ "anyOf": [named("OperationRefusal"), named("Message")] });
    let mut content = json!({ "application/json": { "schema": either } });
    if status == 400 {
        content["application/problem+json"] = json!({ "schema": named("Problem") });
    }
    let all = refusals();
    let says = all.get(&status.to_string()).map(|it| &it["description"]);
    json!({ "description": says, "content": content })
}
