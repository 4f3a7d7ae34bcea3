//! `fields` of a request: which columns, under which headers.

use std::collections::HashSet;

use crate::fields::{Column, Field, Source};
use crate::format::Header;
use crate::input::{Json, Node, Problems, shown};
use crate::limits;

/// A column that is named in the request.
struct Named<'a> {
    /// Where its header is written, if one is given.
    given: Option<(Node<'a>, &'a str)>,
    field: Field,
}

/// The columns, with their headers resolved. What is wrong is recorded: use the result only if nothing is.
pub(super) fn resolve(
    fields: Option<&Node>,
    source: &Source,
    header: Header,
    problems: &mut Problems,
) -> Vec<Column> {
    let named = match fields {
        Some(node) => named(node, source, problems),
        None => source
            .fields()
            .into_iter()
            .map(|field| Named { given: None, field })
            .collect(),
    };
    let headers = headers(&named, header, problems);
    named
        .into_iter()
        .zip(headers)
        .map(|(Named { field, given }, header)| Column {
            key: field.key,
            header,
            given: given.is_some(),
            kind: field.kind,
        })
        .collect()
}

/// The fields in the order of the request; `*` gives way to the default columns that it does not name, before or behind it.
fn named<'a>(node: &Node<'a>, source: &Source, problems: &mut Problems) -> Vec<Named<'a>> {
    let Some(items) = node.list(problems) else {
        return Vec::new();
    };
    if items.is_empty() {
        node.refuse(problems, "must not be empty: leave it out for all columns");
    }
    let known = source.fields();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut named = Vec::new();
    let mut star = None;
    for item in &items {
        let Some((at, key, given)) = entry(item, problems) else {
            continue;
        };
        if !seen.insert(key) {
            at.refuse(problems, format!("{} is named twice", shown(key)));
        } else if key == "*" && matches!(item.json(), Json::Text(_)) {
            star = Some(named.len());
        } else if let Some(field) = known.iter().find(|field| field.key == key) {
            let field = field.clone();
            named.push(Named { given, field });
        } else {
            at.refuse(
                problems,
                format!("{} is no field of the source", shown(key)),
            );
        }
    }
    if let Some(at) = star {
        let rest = known
            .iter()
            .filter(|field| !seen.contains(field.key.as_str()))
            .map(|field| Named {
                given: None,
                field: field.clone(),
            });
        named.splice(at..at, rest.collect::<Vec<_>>());
    }
    named
}

type Entry<'a> = (Node<'a>, &'a str, Option<(Node<'a>, &'a str)>);

/// One item: where its key is, the key, and the header given.
fn entry<'a>(item: &Node<'a>, problems: &mut Problems) -> Option<Entry<'a>> {
    match item.json() {
        Json::Text(_) => Some((item.clone(), item.text(problems)?, None)),
        Json::Object(_) => {
            let mut members = item.members(problems)?;
            let at = members.need(problems, "key");
            let header = members.need(problems, "header");
            members.finish(problems);
            let header = header.and_then(|node| {
                let text = node.text(problems)?;
                let length = text.chars().count();
                if length > limits::HEADER_CHARS {
                    let most = limits::HEADER_CHARS;
                    let message = format!("has {length} characters: 1 to {most} are taken");
                    node.refuse(problems, message);
                }
                Some((node, text))
            });
            let at = at?;
            let key = at.text(problems)?;
            Some((at, key, header))
        }
        other => {
            let message = format!(
                "must be a field's key or {{\"key\": …, \"header\": …}}, not {}",
                other.type_name()
            );
            problems.wrong_type(item.path(), message);
            None
        }
    }
}

/// The header of each column. All differ, but in a file without a first row, where only what the caller gave must.
fn headers(named: &[Named], header: Header, problems: &mut Problems) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut headers: Vec<Option<String>> = Vec::new();
    for column in named {
        let default = match header {
            _ if column.given.is_some() => None,
            Header::Labels => {
                let mut label = column.field.label.clone();
                // More than once only where a label looks like one made here.
                while taken.contains(&label) {
                    label = format!("{label} ({})", column.field.key);
                }
                Some(label)
            }
            Header::Keys | Header::None => Some(column.field.key.clone()),
        };
        if header != Header::None {
            taken.extend(default.clone());
        }
        headers.push(default);
    }
    named
        .iter()
        .zip(headers)
        .map(|(column, default)| match &column.given {
            None => default.unwrap_or_default(),
            Some((node, given)) => {
                if !taken.insert((*given).to_owned()) {
                    let message = format!("{} is the header of another column too", shown(given));
                    node.refuse(problems, message);
                }
                (*given).to_owned()
            }
        })
        .collect()
}
