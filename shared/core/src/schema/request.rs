//! What callers write.

use serde_json::{Value, json};

use super::{named, one_of_table, options, text, values};
use crate::ask::{COMPRESSIONS, HEADERS, ORDERS, PROFILES};
use crate::limits;

/// The schemas of requests, by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("ExportRequest", export_request()),
        ("Filters", filters()),
        ("Column", column()),
        ("FormatRequest", format()),
        ("InstantRange", instants()),
        ("NumberRange", numbers()),
        ("DayRange", days()),
    ]
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn export_request() -> Value {
    let mut schema = options(json!({
        "filters": named("Filters"),
        "fields": {
            "description": "The columns, in this order. \"*\" stands for the default columns that are not named.",
            "type": "array",
            "minItems": 1,
            "items": named("Column"),
        },
        "order": described(one_of_table(&ORDERS), "By creation, ties by lead_id."),
        "limit": {
            "description": "Rows at most.",
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": u64::MAX,
        },
        "format": named("FormatRequest"),
        "notify": options(json!({
            "email": {
                "description": "A mail to the e-mail claim of the token when the export has ended, with the page's link.",
                "type": "boolean",
            },
        })),
        "preset": described(text(), "A preset of the source that stands for the whole body. Further members replace the preset's. Not with `again`."),
        "again": described(text(), "An export of the source whose request stands for the whole body. Further members replace it. Not with `preset`."),
    }));
    // Each stands for a whole body: there is one.
    schema["not"] = json!({ "required": ["preset", "again"] });
    schema["description"] =
        "What the file is to hold. All of it is optional: {} exports the source as it stands."
            .into();
    schema
}

fn filters() -> Value {
    let mut schema = options(json!({
        "status": values(),
        "created": named("InstantRange"),
        "updated": named("InstantRange"),
        "attributes": {
            "description": "By key or label. true: any value; false: none.",
            "type": "object",
            "additionalProperties": { "anyOf": [values(), { "type": "boolean" }] },
        },
        "search": {
            "description": "A part of the name, of any e-mail or, if it reads as a phone, of any phone.",
            "type": "string",
            "minLength": 1,
            "maxLength": limits::SEARCH_CHARS,
        },
        "custom": {
            "description": "By key. Texts and dropdowns take lists, numbers and dates ranges, booleans true or false.",
            "type": "object",
            "additionalProperties": {
                "anyOf": [values(), named("NumberRange"), named("DayRange"), { "type": "boolean" }],
            },
        },
        "has": described(values(), "Keys of fields that are filled."),
        "lacks": described(values(), "Keys of fields that are empty."),
        "since_export": described(text(), "Created or updated after that export of the source was requested."),
        "time_zone": described(text(), "The IANA zone of the days; the source's unless given."),
        "contact": named("ContactFilters"),
        "account": named("AccountFilters"),
    }));
    schema["description"] = "All must be met. Texts are equal ignoring case.".into();
    schema
}

fn column() -> Value {
    json!({
        "description": "The key of a field, or the key and a header.",
        "anyOf": [
            text(),
            {
                "type": "object",
                "required": ["key", "header"],
                "properties": {
                    "key": text(),
                    "header": { "type": "string", "minLength": 1, "maxLength": limits::HEADER_CHARS },
                },
                "additionalProperties": false,
            },
        ],
    })
}

fn format() -> Value {
    options(json!({
        "profile": one_of_table(&PROFILES),
        "header": one_of_table(&HEADERS),
        "time_zone": described(text(), "The IANA zone in which instants are written."),
        "compression": one_of_table(&COMPRESSIONS),
    }))
}

fn range(bound: &Value, first: &str, last: &str, description: &str) -> Value {
    described(options(json!({ first: bound, last: bound })), description)
}

fn instants() -> Value {
    let description = "Both ends belong to it. A day is the whole day in the filters' zone; an instant needs an offset.";
    range(&text(), "from", "to", description)
}

fn days() -> Value {
    range(&text(), "from", "to", "Both ends belong to it.")
}

fn numbers() -> Value {
    let bound = json!({ "type": "number" });
    range(
        &bound,
        "min",
        "max",
        "Both ends belong to it. Compared as decimals.",
    )
}
