//! The query string of the history: `?status=&requested_by=&from=&to=&limit=&cursor=`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::fields::Source;
use crate::filter::{Within, zone};
use crate::input::{InvalidRequest, Json, Node, Problems, shown};
use crate::limits;
use crate::ports::HistoryQuery;
use crate::record::{ExportId, Status};
use crate::time::Instant;

/// Reads the query string of a source's history. Days are days of the source's zone.
///
/// # Errors
/// [`InvalidRequest`] with every bad parameter; a cursor that is none of ours is malformed.
pub fn parse(
    parameters: &[(String, String)],
    source: &Source,
) -> Result<HistoryQuery, InvalidRequest> {
    let json = Json::query(
        parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )?;
    let mut problems = Problems::default();
    let Some(mut members) = Node::root(&json).members(&mut problems) else {
        return problems.or(None);
    };
    let zone = zone(&source.time_zone).map(|(zone, _)| zone);
    let status = members
        .take("status")
        .map(|node| statuses(&node, &mut problems))
        .unwrap_or_default();
    let requested_by = members
        .take("requested_by")
        .and_then(|node| node.text(&mut problems));
    let within = Within::take(&mut members, zone.as_ref(), &mut problems);
    let limit = members
        .take("limit")
        .and_then(|node| node.whole(&mut problems, 1, limits::HISTORY_LIMIT as u64))
        .and_then(|limit| usize::try_from(limit).ok());
    let after = members.take("cursor").and_then(|node| {
        let parsed = match node.json() {
            Json::Word(text) => parse_cursor(text),
            _ => None,
        };
        if parsed.is_none() {
            problems.wrong_type(
                "cursor",
                "is no cursor of this list: take next_cursor as it was answered",
            );
        }
        parsed
    });
    members.finish(&mut problems);
    problems.or(Some(HistoryQuery {
        org: source.org.clone(),
        source: source.id.clone(),
        from: within.from,
        to: within.to,
        status,
        requested_by: requested_by.map(str::to_owned),
        after,
        limit: limit.unwrap_or(limits::HISTORY_DEFAULT),
    }))
}

/// One state, or several joined by commas: that is how a repeated parameter arrives.
fn statuses(node: &Node, problems: &mut Problems) -> Vec<Status> {
    let Some(text) = node.text(problems) else {
        return Vec::new();
    };
    let mut chosen = Vec::new();
    for word in text.split(',') {
        if let Some(status) = Status::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
        {
            chosen.push(status);
        } else {
            let names = Status::ALL.map(Status::as_str).join(", ");
            node.refuse(problems, format!("{} is none of: {names}", shown(word)));
        }
    }
    chosen
}

/// The cursor of a list that goes on behind this entry. It holds no secret and opens nothing: organization and source always come
/// from the caller (TM22).
pub fn cursor(entry: (Instant, ExportId)) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}#{}", entry.0, entry.1))
}

fn parse_cursor(text: &str) -> Option<(Instant, ExportId)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let entry = String::from_utf8(bytes).ok()?;
    let (at, id) = entry.split_once('#')?;
    let parsed = (Instant::parse(at).ok()?, ExportId::parse(id)?);
    // One entry has one cursor.
    (cursor(parsed) == text).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Fault;
    use crate::lead::{OrgId, SourceId};
    use uuid::Uuid;

    fn read(parameters: &[(&str, &str)]) -> Result<HistoryQuery, InvalidRequest> {
        let source = Source {
            org: OrgId::parse("acme").unwrap(),
            id: SourceId::parse("crm").unwrap(),
            name: String::new(),
            time_zone: "America/New_York".into(),
            people: false,
            shards: 8,
            lead_count: None,
            custom: vec![],
            attributes: vec![],
        };
        let owned: Vec<_> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        parse(&owned, &source)
    }

    #[test]
    fn parameters_are_read_and_defaults_kept() {
        let query = read(&[]).unwrap();
        assert_eq!(
            (query.limit, query.status, query.requested_by, query.after),
            (50, vec![], None, None)
        );
        let entry = (Instant::from_millis(5), ExportId(Uuid::from_u128(7)));
        let query = read(&[
            ("status", "completed,failed"),
            ("requested_by", "user-1"),
            ("from", "2026-03-08"),
            ("to", "2026-03-08"),
            ("limit", "100"),
            ("cursor", &cursor(entry)),
        ])
        .unwrap();
        assert_eq!(query.status, [Status::Completed, Status::Failed]);
        // New York leaves an hour out that day.
        assert_eq!(query.from.unwrap().to_string(), "2026-03-08T05:00:00.000Z");
        assert_eq!(query.to.unwrap().to_string(), "2026-03-09T03:59:59.999Z");
        assert_eq!((query.limit, query.after), (100, Some(entry)));
    }

    #[test]
    fn all_bad_parameters_are_named() {
        let error = read(&[
            ("status", "done"),
            ("limit", "0"),
            ("from", "yesterday"),
            ("page", "2"),
        ])
        .unwrap_err();
        let fields: Vec<&str> = error
            .errors
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        assert_eq!(fields, ["status", "from", "limit", "page"]);
        assert_eq!(error.fault, Fault::Refused);
    }

    #[test]
    fn a_foreign_cursor_is_malformed() {
        for bad in [
            "x",
            "",
            "AAAA",
            &format!("{}=", cursor((Instant::MIN, ExportId(Uuid::nil())))),
        ] {
            let error = read(&[("cursor", bad)]).unwrap_err();
            assert_eq!(error.fault, Fault::Malformed, "{bad}");
        }
    }
}
