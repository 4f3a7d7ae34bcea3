//! What the body of `POST …/exports` asks for, resolved against the source as it is: the frozen plan.

mod columns;

use jiff::tz::TimeZone;

use crate::fields::Source;
use crate::filter::{Against, Filter, zone};
use crate::format::{Compression, Format, Header, Profile};
use crate::input::{InvalidRequest, Json, Members, Node, Problems, shown};
use crate::plan::{Order, Plan};
use crate::time::Instant;

/// An accepted request.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the export holds. `plan.asked` are the filters as written, for the record; the columns are its `fields`.
    pub plan: Plan,
    /// The name under which the file will be downloaded.
    pub file_name: String,
    /// Whether a mail is wanted at the end (`notify.email`).
    pub mail: bool,
}

impl Asked {
    /// Reads a request's body, made at `requested_at`; no body at all stands for `{}`, which exports the source as it stands.
    ///
    /// `since` tells when the export of an id was requested, for `since_export`: look up beforehand what
    /// [`crate::filter::since_export`] names.
    ///
    /// # Errors
    /// [`InvalidRequest`] with every bad field.
    pub fn parse(
        body: &[u8],
        source: &Source,
        requested_at: Instant,
        since: &dyn Fn(&str) -> Option<Instant>,
    ) -> Result<Self, InvalidRequest> {
        Self::read(&Json::object(body)?, source, requested_at, since)
    }

    /// As [`Asked::parse`], of a body that has been read. A `preset` or `again` that is still in it names nothing.
    ///
    /// # Errors
    /// [`InvalidRequest`] with every bad field.
    pub fn read(
        body: &Json,
        source: &Source,
        requested_at: Instant,
        since: &dyn Fn(&str) -> Option<Instant>,
    ) -> Result<Self, InvalidRequest> {
        let mut problems = Problems::default();
        let asked = read(body, source, requested_at, since, &mut problems);
        problems.or(asked)
    }
}

fn read(
    body: &Json,
    source: &Source,
    requested_at: Instant,
    since: &dyn Fn(&str) -> Option<Instant>,
    problems: &mut Problems,
) -> Option<Asked> {
    let mut members = Node::root(body).members(problems)?;
    let filters = members.take("filters");
    let filter = filters.as_ref().map(|node| {
        let against = Against { source, since };
        Filter::parse(node, against, problems)
    });
    let fields = members.take("fields");
    let order = members
        .take("order")
        .and_then(|node| node.choice(problems, &ORDERS));
    // The record shows `null` where there is no limit, so what it shows can be sent again.
    let limit = members
        .take("limit")
        .filter(|node| *node.json() != Json::Null)
        .and_then(|node| node.whole(problems, 1, u64::MAX));
    let format = members
        .take("format")
        .and_then(|node| format(&node, problems))
        .unwrap_or_default();
    let columns = columns::resolve(fields.as_ref(), source, format.header, problems);
    let mail = members
        .take("notify")
        .and_then(|node| notify(&node, problems));
    not_standing_in(&mut members, problems);
    members.finish(problems);

    let plan = Plan {
        source: source.id.clone(),
        shards: source.shards,
        requested_at,
        asked: filters.map_or_else(
            || serde_json::Value::Object(serde_json::Map::new()),
            |node| node.json().to_value(),
        ),
        filter: filter.unwrap_or_default(),
        zone: Some(source.time_zone.clone()),
        pick: None,
        columns,
        order: order.unwrap_or_default(),
        limit,
        format,
    };
    let file_name = file_name(source, requested_at, &plan.format);
    Some(Asked {
        plan,
        file_name,
        mail: mail.unwrap_or_default(),
    })
}

/// Refuses `preset` and `again`: those that could be filled in are gone from the body by now (see [`crate::presets`]).
fn not_standing_in(members: &mut Members, problems: &mut Problems) {
    let named = [
        (members.take("preset"), "preset", ""),
        (
            members.take("again"),
            "export",
            " whose request can be repeated",
        ),
    ];
    let both = named.iter().all(|(node, ..)| node.is_some());
    for (node, what, rest) in named {
        let Some(node) = node else { continue };
        let Some(name) = node.text(problems) else {
            continue;
        };
        let message = if both {
            "preset and again each stand for a whole body: give one of them".to_owned()
        } else {
            format!("{} is no {what} of this source{}", shown(name), rest)
        };
        node.refuse(problems, message);
    }
}

/// The words for orders, by which they are read; likewise below.
pub(crate) const ORDERS: [(&str, Order); 2] = [
    ("created_at", Order::Ascending),
    ("-created_at", Order::Descending),
];

pub(crate) const PROFILES: [(&str, Profile); 5] = [
    ("standard", Profile::Standard),
    ("raw", Profile::Raw),
    ("excel", Profile::Excel),
    ("excel-semicolon", Profile::ExcelSemicolon),
    ("tsv", Profile::Tsv),
];

pub(crate) const HEADERS: [(&str, Header); 3] = [
    ("keys", Header::Keys),
    ("labels", Header::Labels),
    ("none", Header::None),
];

pub(crate) const COMPRESSIONS: [(&str, Compression); 2] =
    [("none", Compression::None), ("gzip", Compression::Gzip)];

fn format(node: &Node, problems: &mut Problems) -> Option<Format> {
    let mut members = node.members(problems)?;
    let mut format = Format::default();
    if let Some(node) = members.take("profile") {
        format.profile = node.choice(problems, &PROFILES).unwrap_or_default();
    }
    if let Some(node) = members.take("header") {
        format.header = node.choice(problems, &HEADERS).unwrap_or_default();
    }
    if let Some(node) = members.take("time_zone")
        && let Some(name) = node.text(problems)
    {
        match zone(name) {
            Some((_, name)) => format.time_zone = name,
            None => node.refuse(
                problems,
                format!("{} is no IANA time zone such as Europe/Berlin", shown(name)),
            ),
        }
    }
    if let Some(node) = members.take("compression") {
        format.compression = node.choice(problems, &COMPRESSIONS).unwrap_or_default();
    }
    members.finish(problems);
    Some(format)
}

/// Whether a mail is wanted. That one can be sent is checked where the requester is known ([`crate::presets::understand`]).
fn notify(node: &Node, problems: &mut Problems) -> Option<bool> {
    let mut members = node.members(problems)?;
    let email = members.take("email").and_then(|node| node.bool(problems));
    members.finish(problems);
    email
}

/// The name of an export's file: source and moment, the latter in the format's zone, in characters that every file system takes.
pub fn file_name(source: &Source, requested_at: Instant, format: &Format) -> String {
    let zone = zone(&format.time_zone).map_or(TimeZone::UTC, |(zone, _)| zone);
    let moment = requested_at.timestamp().to_zoned(zone);
    let moment = if format.time_zone == "UTC" {
        moment.strftime("%Y-%m-%dT%H-%M-%SZ")
    } else {
        moment.strftime("%Y-%m-%dT%H-%M-%S%z")
    };
    let extension = match format.profile {
        Profile::Tsv => "tsv",
        _ => "csv",
    };
    let compressed = match format.compression {
        Compression::None => "",
        Compression::Gzip => ".gz",
    };
    format!("{}_{moment}.{extension}{compressed}", source.id)
}

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
