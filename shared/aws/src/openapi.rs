//! The description of the API: OpenAPI 3.1, made of the schemas of the core ([`lead_export_core::schema`]), the kinds of problems and
//! a table of operations.
//!
//! Tests hold it to the routes that the functions answer, to what the readers of requests read and to what is answered; every
//! example in it is executed.

mod examples;
mod operations;
mod refusals;

use std::sync::LazyLock;

use lead_export_core::limits;
use lead_export_core::schema::{named, schemas};
use lead_export_core::usage::By;
use serde_json::{Map, Value, json};

pub use examples::{EXPORT_EXAMPLES, OPERATION_EXAMPLES, PRESET_NAME, SOURCE};
use operations::OPERATIONS;
use refusals::{message, of_operation, operation_refusal, problem, refusals};

/// The scheme's name: a token of the organization's OpenID provider.
const BEARER: &str = "bearer";

/// An operation: a route and what is said of it.
struct Operation {
    /// `GET /sources/{source}`: as the function names it.
    route: &'static str,
    id: &'static str,
    summary: &'static str,
    tag: &'static str,
    /// What it takes besides the variables of its path.
    takes: Takes,
    /// What it answers if all is well: status, what that says, the schema and its media type.
    answers: &'static [Answer],
    /// The refusals of ours, besides those of every operation.
    refusals: &'static [u16],
}

/// What an operation takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// Nothing, and no token either.
    Open,
    /// The history's query.
    History,
    /// The query of usage.
    Usage,
    /// A request's body, and an idempotency key.
    Request,
    /// A request's body to be saved.
    Preset,
    /// The body of the export in the answer.
    Operation,
}

struct Answer {
    status: u16,
    says: &'static str,
    /// Of an answer in JSON.
    schema: Option<&'static str>,
    /// The media types of any other.
    media: &'static [&'static str],
    headers: &'static [(&'static str, &'static str)],
}

/// The document as it is served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    &TEXT
}

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        if let Some((method, path)) = operation.route.split_once(' ') {
            let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
            entry[method.to_ascii_lowercase()] = described(operation, path);
        }
    }
    let mut all = schemas();
    all.insert("Problem".to_owned(), problem());
    all.insert("Message".to_owned(), message());
    all.insert("OperationRefusal".to_owned(), operation_refusal());
    let config = "Issuer and client; on one machine, the demo's users.";
    all.insert(
        "PageConfig".to_owned(),
        json!({ "description": config, "type": "object" }),
    );
    all.insert(
        "OpenApi".to_owned(),
        json!({ "description": "OpenAPI 3.1.", "type": "object" }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "lead-export",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Turns a source's leads into CSV files of any size.",
            "description": "Ask for an export, look until it is completed, follow the link to its file. What one may not see does not exist.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ BEARER: [] }],
        "tags": [
            { "name": "sources", "description": "What there is to export." },
            { "name": "exports", "description": "Files of a source's leads." },
            { "name": "presets", "description": "Saved requests." },
            { "name": "description", "description": "What this API is." },
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                BEARER: { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
            "responses": refusals(),
            "schemas": all,
        },
    })
}

fn described(operation: &Operation, path: &str) -> Value {
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| variable(name, path))
        .collect();
    match operation.takes {
        Takes::History => parameters.extend(history()),
        Takes::Usage => parameters.extend(usage()),
        Takes::Request => parameters.push(idempotency_key()),
        Takes::Operation => parameters.extend([prefer(), file_key()]),
        Takes::Nothing | Takes::Open | Takes::Preset => {}
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
    });
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if matches!(operation.takes, Takes::Request | Takes::Preset) {
        described["requestBody"] = json!({
            "description": format!("At most {} KiB. None at all stands for {{}}.", limits::BODY_BYTES >> 10),
            "content": { "application/json": {
                "schema": named("ExportRequest"),
                "examples": examples::shown(&EXPORT_EXAMPLES),
            } },
        });
    }
    if operation.takes == Takes::Operation {
        described["requestBody"] = json!({
            "description": format!("At most {} KiB.", limits::ANSWER_BODY_BYTES >> 10),
            "required": true,
            "content": { "application/json": {
                "schema": named("OperationRequest"),
                "examples": examples::shown(&OPERATION_EXAMPLES),
            } },
        });
    }
    if operation.takes == Takes::Open {
        described["security"] = json!([]);
    }
    let answers = operation.answers.iter().map(|answer| {
        let mut said = answered(answer);
        if answer.status == 202 {
            said["links"] = links();
        }
        if operation.id == "savePreset" {
            said["links"] = links_of_preset();
        }
        (answer.status.to_string(), said)
    });
    let common: &[u16] = match operation.takes {
        Takes::Open => &[400, 404, 429, 431, 500, 503],
        Takes::Nothing | Takes::History | Takes::Usage => &[400, 401, 404, 429, 431, 500, 503],
        Takes::Request | Takes::Preset => &[400, 401, 403, 404, 408, 413, 422, 429, 431, 500, 503],
        Takes::Operation => &[400, 401, 403, 404, 408, 413, 429, 431, 500, 503],
    };
    let refusals = common.iter().chain(operation.refusals).map(|status| {
        if operation.takes == Takes::Operation {
            return (status.to_string(), of_operation(*status));
        }
        let status = status.to_string();
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        (status, reference)
    });
    described["responses"] = answers.chain(refusals).collect::<Map<_, _>>().into();
    described
}

fn answered(answer: &Answer) -> Value {
    let mut described = json!({ "description": answer.says });
    if let Some(schema) = answer.schema {
        described["content"] = json!({ "application/json": { "schema": named(schema) } });
    }
    for media in answer.media {
        described["content"][*media] = json!({ "schema": { "type": "string" } });
    }
    let headers = answer
        .headers
        .iter()
        .chain(&[("X-Request-Id", "The gateway's name of the request.")]);
    let headers: Map<String, Value> = headers
        .map(|(name, says)| {
            (
                (*name).to_owned(),
                json!({ "description": says, "schema": { "type": "string" } }),
            )
        })
        .collect();
    described["headers"] = headers.into();
    described
}

/// Where one goes on with an export that was asked for.
fn links() -> Value {
    let to = |operation: &str| json!({ "operationId": operation, "parameters": { "id": "$response.body#/id" } });
    json!({ "show": to("showExport"), "download": to("downloadExport"), "end": to("endExport") })
}

/// Where one goes on with a preset that was saved.
fn links_of_preset() -> Value {
    let parameters = json!({ "source": "$request.path.source", "name": "$response.body#/name" });
    let to = |operation: &str| json!({ "operationId": operation, "parameters": parameters });
    json!({ "show": to("showPreset"), "delete": to("deletePreset") })
}

/// A variable of a path.
fn variable(name: &str, path: &str) -> Value {
    let (says, schema, example) = match name {
        "source" => (
            "A source's name.",
            json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$" }),
            Some(SOURCE),
        ),
        "name" if path.starts_with("/assets/") => (
            "A file of the page.",
            json!({ "type": "string", "minLength": 1 }),
            Some("app.js"),
        ),
        "name" => (
            "A preset's name; case counts.",
            json!({
                "type": "string",
                "minLength": 1,
                "maxLength": limits::PRESET_NAME_CHARS,
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?$",
            }),
            Some(PRESET_NAME),
        ),
        _ => (
            "An export's id.",
            json!({ "type": "string", "format": "uuid" }),
            None,
        ),
    };
    let mut parameter = json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema });
    if let Some(example) = example {
        parameter["example"] = example.into();
    }
    parameter
}

fn query(name: &str, says: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": says, "schema": schema })
}

fn usage() -> Vec<Value> {
    let text = json!({ "type": "string", "minLength": 1 });
    let choices = [By::Day.as_str(), By::User.as_str()];
    let by = json!({ "type": "string", "enum": choices, "default": By::Day.as_str() });
    let from = "The first day of the source's zone, or instant; 30 days back unless given.";
    vec![
        query("by", "What is counted together.", &by),
        query("from", from, &text),
        query("to", "The last; now unless given.", &text),
    ]
}

fn history() -> Vec<Value> {
    let text = json!({ "type": "string", "minLength": 1 });
    let each = lead_export_core::record::Status::ALL;
    let choices =
        json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": each } });
    let limit = json!({
        "type": "integer",
        "minimum": 1,
        "maximum": limits::HISTORY_LIMIT,
        "default": limits::HISTORY_DEFAULT,
    });
    let mut status = query("status", "Only exports in one of these states.", &choices);
    status["style"] = json!("form");
    status["explode"] = json!(false);
    vec![
        status,
        query(
            "requested_by",
            "Only exports that this user asked for.",
            &text,
        ),
        query(
            "from",
            "Not before this day of the source's zone, or instant.",
            &text,
        ),
        query("to", "Not after it.", &text),
        query("limit", "Entries at most.", &limit),
        query("cursor", "The next_cursor of the page before.", &text),
    ]
}

fn prefer() -> Value {
    json!({
        "name": "Prefer",
        "in": "header",
        "description": "respond-async (RFC 7240) makes a file instead: 202, and the export.",
        "schema": { "type": "string" },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same user, key, path and body within 24 hours make one export.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": limits::IDEMPOTENCY_KEY_CHARS,
            "pattern": "^[!-+\\--~]+$",
        },
    })
}

/// The key of an export of a file that [`prefer`] asks for; in the answer nothing is made twice, and no key is looked at.
fn file_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "With Prefer: respond-async, as requestExport takes it; else not used.",
        "schema": { "type": "string" },
    })
}
