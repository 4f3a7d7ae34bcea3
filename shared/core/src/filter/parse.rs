//! Reading `filters` of a request.

use jiff::tz::TimeZone;
use unicase::UniCase;

use super::{Condition, Days, Filter, Within, people, zone};
use crate::fields::{CustomField, CustomKind, Source};
use crate::input::{Json, Members, Node, Problems, shown};
use crate::limits;
use crate::time::Instant;

/// What filters are resolved against.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// The source, as it is now.
    pub source: &'a Source,
    /// When the export of this id of the same source was requested, if the caller may see it: for `since_export`.
    pub since: &'a dyn Fn(&str) -> Option<Instant>,
}

/// The export that `filters.since_export` of a request names, so that it can be looked up before the filters are resolved.
pub fn since_export(body: &Json) -> Option<&str> {
    match body.member("filters")?.member("since_export")? {
        Json::Text(id) => Some(id),
        _ => None,
    }
}

impl Filter {
    /// Reads the object `filters`. What is wrong is recorded: use the result only if nothing is.
    pub fn parse(node: &Node, against: Against, problems: &mut Problems) -> Self {
        let mut conditions = Vec::new();
        let Some(mut members) = node.members(problems) else {
            return Self::default();
        };
        let zone = days_zone(&mut members, against.source, problems);
        let reader = Reader {
            against,
            zone: zone.as_ref(),
        };

        if let Some(node) = members.take("status") {
            let values = text_values(&node, problems);
            conditions.extend(values.map(|values| Condition::AnyOf {
                key: "status".to_owned(),
                values,
            }));
        }
        if let Some(node) = members.take("created") {
            conditions.extend(reader.within(&node, problems).map(Condition::Created));
        }
        if let Some(node) = members.take("updated") {
            conditions.extend(reader.within(&node, problems).map(Condition::Updated));
        }
        if let Some(node) = members.take("attributes") {
            for (name, node) in node.members(problems).into_iter().flat_map(Members::all) {
                conditions.extend(reader.attribute(name, &node, problems));
            }
        }
        if let Some(node) = members.take("search") {
            conditions.extend(search(&node, problems));
        }
        if let Some(node) = members.take("custom") {
            for (key, node) in node.members(problems).into_iter().flat_map(Members::all) {
                conditions.extend(reader.custom(key, &node, problems));
            }
        }
        if let Some(node) = members.take("has") {
            let keys = reader.keys(&node, problems);
            conditions.extend(keys.into_iter().map(Condition::Has));
        }
        if let Some(node) = members.take("lacks") {
            let keys = reader.keys(&node, problems);
            conditions.extend(keys.into_iter().map(Condition::Lacks));
        }
        if let Some(node) = members.take("since_export")
            && let Some(id) = node.text(problems)
        {
            let since = (against.since)(id);
            if since.is_none() {
                let message = format!("{} is no export of this source", shown(id));
                node.refuse(problems, message);
            }
            conditions.extend(since.map(Condition::Since));
        }
        if let Some(node) = members.take("contact") {
            conditions.extend(people::contact(&node, problems));
        }
        if let Some(node) = members.take("account") {
            conditions.extend(people::account(&node, problems));
        }
        members.finish(problems);
        Self::new(conditions)
    }
}

impl Filter {
    /// Reads the object `filters` of a selection: `contact` and `account` alone.
    pub fn parse_people(node: &Node, problems: &mut Problems) -> Self {
        let Some(mut members) = node.members(problems) else {
            return Self::default();
        };
        let mut conditions = Vec::new();
        if let Some(node) = members.take("contact") {
            conditions.extend(people::contact(&node, problems));
        }
        if let Some(node) = members.take("account") {
            conditions.extend(people::account(&node, problems));
        }
        members.finish(problems);
        Self::new(conditions)
    }
}

/// The zone of days: the caller's, else the source's.
fn days_zone(members: &mut Members, source: &Source, problems: &mut Problems) -> Option<TimeZone> {
    let Some(node) = members.take("time_zone") else {
        return zone(&source.time_zone).map(|(zone, _)| zone);
    };
    let name = node.text(problems)?;
    let zone = zone(name);
    if zone.is_none() {
        let message = format!("{} is no IANA time zone such as Europe/Berlin", shown(name));
        node.refuse(problems, message);
    }
    // For the days that are still to be read: the whole is refused anyway.
    Some(zone.map_or(TimeZone::UTC, |(zone, _)| zone))
}

struct Reader<'a> {
    against: Against<'a>,
    zone: Option<&'a TimeZone>,
}

impl Reader<'_> {
    fn within(&self, node: &Node, problems: &mut Problems) -> Option<Within> {
        let mut members = node.members(problems)?;
        let within = Within::take(&mut members, self.zone, problems);
        members.finish(problems);
        Some(within)
    }

    fn attribute(&self, name: &str, node: &Node, problems: &mut Problems) -> Option<Condition> {
        let key = self.attribute_key(name, node, problems)?;
        match node.json() {
            Json::Bool(true) => Some(Condition::Has(key)),
            Json::Bool(false) => Some(Condition::Lacks(key)),
            Json::List(_) => {
                let values = text_values(node, problems)?;
                Some(Condition::AnyOf { key, values })
            }
            _ => {
                let message = "must be a list of values, true for any value, or false for none";
                node.refuse(problems, message);
                None
            }
        }
    }

    /// The key of the attribute of this key, or else of this label, ignoring case.
    fn attribute_key(&self, name: &str, node: &Node, problems: &mut Problems) -> Option<String> {
        let attributes = &self.against.source.attributes;
        if attributes.iter().any(|attribute| attribute.key == name) {
            return Some(name.to_owned());
        }
        let mut labelled = attributes
            .iter()
            .filter(|attribute| unicase::eq(attribute.label.as_str(), name));
        let message = match (labelled.next(), labelled.next()) {
            (Some(attribute), None) => return Some(attribute.key.clone()),
            (Some(_), Some(_)) => {
                "is the label of several attributes: name one by its key".to_owned()
            }
            (None, _) => format!(
                "is no attribute of the source: {}",
                known(attributes.iter().map(|attribute| attribute.key.as_str()))
            ),
        };
        node.refuse(problems, message);
        None
    }

    fn custom(&self, key: &str, node: &Node, problems: &mut Problems) -> Option<Condition> {
        let custom = &self.against.source.custom;
        let Some(field) = custom.iter().find(|field| field.key == key) else {
            let message = format!(
                "is no custom field of the source: {}",
                known(custom.iter().map(|field| field.key.as_str()))
            );
            node.refuse(problems, message);
            return None;
        };
        let key = key.to_owned();
        match (field.kind, node.json()) {
            (CustomKind::Text, Json::List(_)) => {
                let values = text_values(node, problems)?;
                Some(Condition::AnyOf { key, values })
            }
            (CustomKind::Dropdown, Json::List(_)) => {
                let values = options(field, node, problems)?;
                Some(Condition::AnyOf { key, values })
            }
            (CustomKind::Number, Json::Object(_)) => number(key, node, problems),
            (CustomKind::Date, Json::Object(_)) => {
                let mut members = node.members(problems)?;
                let days = Days::take(&mut members, self.zone, problems);
                members.finish(problems);
                Some(Condition::Days { key, days })
            }
            (CustomKind::Boolean, Json::Bool(value)) => Some(Condition::Is { key, value: *value }),
            (kind, _) => {
                let message = match kind {
                    CustomKind::Text => "the field is a text: give a list of values",
                    CustomKind::Dropdown => "the field is a dropdown: give a list of its options",
                    CustomKind::Number => "the field is a number: give {\"min\": …, \"max\": …}",
                    CustomKind::Date => "the field is a date: give {\"from\": …, \"to\": …}",
                    CustomKind::Boolean => "the field is a boolean: give true or false",
                };
                node.refuse(problems, message);
                None
            }
        }
    }

    /// Keys of fields of the source.
    fn keys(&self, node: &Node, problems: &mut Problems) -> Vec<String> {
        let fields = self.against.source.fields();
        let mut keys = Vec::new();
        for (node, key) in texts(node, problems).unwrap_or_default() {
            if fields.iter().any(|field| field.key == key) {
                keys.push(key.to_owned());
            } else {
                let message = format!("{} is no field of the source", shown(key));
                node.refuse(problems, message);
            }
        }
        keys
    }
}

fn known<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    match keys.take(20).collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "it has none".to_owned(),
        keys => format!("known are {keys}"),
    }
}

/// The items of a list of 1 to 100 texts, each with its place.
pub(super) fn texts<'a>(
    node: &Node<'a>,
    problems: &mut Problems,
) -> Option<Vec<(Node<'a>, &'a str)>> {
    let items = node.list(problems)?;
    let message = match items.len() {
        0 => Some("must not be empty".to_owned()),
        1..=limits::FILTER_VALUES => None,
        more => Some(format!(
            "has {more} values: at most {} are taken",
            limits::FILTER_VALUES
        )),
    };
    let sound = message.is_none();
    if let Some(message) = message {
        node.refuse(problems, message);
    }
    let texts: Vec<_> = items
        .into_iter()
        .take(limits::FILTER_VALUES)
        .filter_map(|item| item.text(problems).map(|text| (item, text)))
        .collect();
    sound.then_some(texts)
}

fn text_values(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let texts = texts(node, problems)?;
    Some(texts.into_iter().map(|(_, text)| text.to_owned()).collect())
}

/// Options of a dropdown. Any other value is a mistake that would find nothing, so it is refused.
fn options(field: &CustomField, node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let texts = texts(node, problems)?;
    for (node, text) in &texts {
        let text = UniCase::new(*text);
        if !field
            .options
            .iter()
            .any(|option| UniCase::new(option.as_str()) == text)
        {
            let message = format!(
                "{} is no option of the field: {}",
                shown(*text),
                known(field.options.iter().map(String::as_str))
            );
            node.refuse(problems, message);
        }
    }
    Some(texts.into_iter().map(|(_, text)| text.to_owned()).collect())
}

fn number(key: String, node: &Node, problems: &mut Problems) -> Option<Condition> {
    let mut members = node.members(problems)?;
    let (least, most) = (members.take("min"), members.take("max"));
    members.finish(problems);
    let min = least.as_ref().map(|node| node.decimal(problems));
    let max = most.as_ref().map(|node| node.decimal(problems));
    let (min, max) = (min.unwrap_or_default(), max.unwrap_or_default());
    if let (Some(min), Some(max), Some(node)) = (min, max, least)
        && min > max
    {
        node.refuse(problems, "is greater than 'max'");
        return None;
    }
    Some(Condition::Number { key, min, max })
}

fn search(node: &Node, problems: &mut Problems) -> Option<Condition> {
    let text = node.text(problems)?;
    let length = text.chars().count();
    if length > limits::SEARCH_CHARS {
        let message = format!(
            "has {length} characters: 1 to {} are taken",
            limits::SEARCH_CHARS
        );
        node.refuse(problems, message);
        return None;
    }
    Some(Condition::Search(text.to_owned()))
}
