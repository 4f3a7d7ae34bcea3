//! The body of a request, built from flags.

use std::collections::BTreeMap;

use lead_export_core::fields::Kind;
use lead_export_core::input::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::export::Choice;
use super::output::usage;

/// A field as the API lists it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Field {
    /// Its key.
    pub(super) key: String,
    /// Its label.
    pub(super) label: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Where it comes from.
    pub(super) group: String,
    /// A dropdown's choices.
    #[serde(default)]
    pub(super) options: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<Uuid>,
    #[serde(skip_serializing_if = "Filters::is_empty")]
    filters: Filters<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    format: BTreeMap<&'static str, &'a str>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Bounds<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Filters<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    status: &'a [String],
    #[serde(skip_serializing_if = "is_open")]
    created: Bounds<'a>,
    #[serde(skip_serializing_if = "is_open")]
    updated: Bounds<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    has: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    lacks: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    since_export: Option<Uuid>,
    /// Numbers by their text: a float would lose digits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    custom: BTreeMap<&'a str, Box<RawValue>>,
}

fn is_open(bounds: &Bounds) -> bool {
    *bounds == Bounds::default()
}

impl Filters<'_> {
    fn is_empty(&self) -> bool {
        self.status.is_empty()
            && is_open(&self.created)
            && is_open(&self.updated)
            && self.attributes.is_empty()
            && self.search.is_none()
            && self.has.is_empty()
            && self.lacks.is_empty()
            && self.since_export.is_none()
            && self.custom.is_empty()
    }
}

/// The body that these flags stand for. `fields` are the source's, which tell what a `--where` is about; none are needed without.
pub(super) fn body(choice: &Choice, fields: &[Field]) -> anyhow::Result<String> {
    let bounds = |from: &'_ Option<String>, to: &'_ Option<String>| (from.clone(), to.clone());
    let (created_from, created_to) = bounds(&choice.created_from, &choice.created_to);
    let (updated_from, updated_to) = bounds(&choice.updated_from, &choice.updated_to);
    let mut format = BTreeMap::new();
    for (name, value) in [
        ("profile", &choice.profile),
        ("header", &choice.header),
        ("time_zone", &choice.time_zone),
    ] {
        if let Some(value) = value {
            format.insert(name, value.as_str());
        }
    }
    if choice.gzip {
        format.insert("compression", "gzip");
    }
    let columns = choice
        .fields
        .iter()
        .map(|field| column(field))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let body = Body {
        preset: choice.preset.as_deref(),
        again: choice.again,
        filters: Filters {
            status: &choice.status,
            created: Bounds {
                from: created_from.as_deref(),
                to: created_to.as_deref(),
            },
            updated: Bounds {
                from: updated_from.as_deref(),
                to: updated_to.as_deref(),
            },
            attributes: attributes(&choice.attributes)?,
            search: choice.search.as_deref(),
            has: &choice.has,
            lacks: &choice.lacks,
            since_export: choice.since_export,
            custom: custom(&choice.conditions, fields)?,
        },
        fields: (!columns.is_empty()).then_some(columns),
        order: choice.order.as_deref(),
        limit: choice.limit,
        format,
    };
    Ok(serde_json::to_string(&body)?)
}

/// `key` or `key=Header`.
fn column(text: &str) -> anyhow::Result<Value> {
    match text.split_once('=') {
        None => Ok(text.into()),
        Some((key, header)) => {
            if key.is_empty() || header.is_empty() {
                return usage(format!("--field {text}: give KEY or KEY=HEADER"));
            }
            Ok(serde_json::json!({ "key": key, "header": header }))
        }
    }
}

/// `name` (any value) or `name=value`; several of one name are any of them.
fn attributes(given: &[String]) -> anyhow::Result<BTreeMap<&str, Value>> {
    let mut attributes = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            if attributes
                .insert(text.as_str(), Value::Bool(true))
                .is_some()
            {
                return excluded(text);
            }
            continue;
        };
        let values = attributes
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()));
        match values {
            Value::Array(values) => values.push(value.into()),
            _ => return excluded(name),
        }
    }
    Ok(attributes)
}

fn excluded<T>(name: &str) -> anyhow::Result<T> {
    usage(format!(
        "--attribute {name} and one of its values exclude each other"
    ))
}

/// `key=value`, and ranges `key=from..to` with either end left out for numbers and days; several of one key are any of them.
fn custom<'a>(
    given: &'a [String],
    fields: &[Field],
) -> anyhow::Result<BTreeMap<&'a str, Box<RawValue>>> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in given {
        let Some((key, value)) = text.split_once('=') else {
            return usage(format!(
                "--where {text}: give KEY=VALUE, or KEY=FROM..TO for numbers and days"
            ));
        };
        by_key.entry(key).or_default().push(value);
    }
    by_key
        .into_iter()
        .map(|(key, values)| {
            let field = fields.iter().find(|field| field.key == key);
            let condition = condition(key, &values, field.map(|field| field.kind))?;
            Ok((key, condition))
        })
        .collect()
}

fn condition(key: &str, values: &[&str], kind: Option<Kind>) -> anyhow::Result<Box<RawValue>> {
    // The service knows better what is wrong with a field that there is not.
    let several = || Ok(to_raw_value(values)?);
    let (Some(kind @ (Kind::Number | Kind::Date | Kind::Boolean)), [value]) = (kind, values) else {
        let is_single = matches!(kind, Some(Kind::Number | Kind::Date | Kind::Boolean));
        if is_single {
            return usage(format!(
                "--where {key} is given more than once: give one range"
            ));
        }
        return several();
    };
    if kind == Kind::Boolean {
        return match value.to_lowercase().as_str() {
            "true" | "yes" => Ok(to_raw_value(&true)?),
            "false" | "no" => Ok(to_raw_value(&false)?),
            _ => usage(format!(
                "--where {key}={value}: the field holds true or false"
            )),
        };
    }
    let (from, to) = value.split_once("..").unwrap_or((value, value));
    if from.is_empty() && to.is_empty() {
        return usage(format!("--where {key}={value}: the range has no end"));
    }
    let names = if kind == Kind::Number {
        ["min", "max"]
    } else {
        ["from", "to"]
    };
    let mut members = BTreeMap::new();
    for (name, end) in names.into_iter().zip([from, to]) {
        if end.is_empty() {
            continue;
        }
        let end = if kind == Kind::Number {
            if let Err(error) = Decimal::parse(end) {
                return usage(format!("--where {key}={value}: '{end}' {error}"));
            }
            RawValue::from_string(end.to_owned())?
        } else {
            to_raw_value(end)?
        };
        members.insert(name, end);
    }
    Ok(to_raw_value(&members)?)
}

#[cfg(test)]
mod tests;
