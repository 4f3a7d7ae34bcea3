//! What the body of `POST /api/v1/operations/export` asks for (contract §6).

use std::collections::HashSet;

use super::AnswerError;
use crate::ask::PROFILES;
use crate::fields::{Column, product_fields};
use crate::filter::Filter;
use crate::format::{Format, Header};
use crate::input::{Json, Members, Node, Problems, shortened};
use crate::lead::LeadId;
use crate::limits;
use crate::pick::{Pick, Positions};

/// The export's fields as callers name them, and their keys.
pub(crate) const FIELDS: [(&str, &str); 27] = [
    ("name", "name"),
    ("emails", "emails"),
    ("phones", "phones"),
    ("linkedinUrl", "linkedin_url"),
    ("city", "city"),
    ("postalCode", "zip"),
    ("country", "country"),
    ("jobTitle", "job_title"),
    ("seniority", "seniority"),
    ("departments", "departments"),
    ("functions", "functions"),
    ("industry", "industry"),
    ("skills", "skills"),
    ("languages", "languages"),
    ("companyName", "company_name"),
    ("companyLegalName", "company_legal_name"),
    ("companyWebsite", "company_website"),
    ("companyLinkedin", "company_linkedin"),
    ("companyPhone", "company_phone"),
    ("companyCity", "company_city"),
    ("companyPostalCode", "company_postal_code"),
    ("companyCountry", "company_country"),
    ("companyIndustry", "company_industry"),
    ("companyHeadcount", "company_headcount"),
    ("companyRevenue", "company_revenue"),
    ("companyFoundedYear", "company_founded_year"),
    ("companySummary", "company_summary"),
];

/// The fields of a request that names none.
const DEFAULT: [&str; 8] = [
    "name",
    "emails",
    "phones",
    "linkedinUrl",
    "city",
    "country",
    "jobTitle",
    "companyName",
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) pick: Pick,
    pub(super) filter: Filter,
    /// The filters as written.
    pub(super) asked: serde_json::Value,
    pub(super) columns: Vec<Column>,
    pub(super) format: Format,
}

/// The source that a body names. It is looked for before anything else is judged.
pub(super) fn source(body: &Json) -> Result<Option<&str>, AnswerError> {
    match body.member("source") {
        None => Ok(None),
        Some(Json::Text(source)) => Ok(Some(source)),
        Some(other) => {
            let message = format!("source: must be a text, not {}", other.type_name());
            Err(AnswerError::Invalid(message))
        }
    }
}

/// Reads a body. `bounded`: the range may have no more leads than an answer.
pub(super) fn wanted(body: &Json, bounded: bool) -> Result<Wanted, AnswerError> {
    let mut problems = Problems::default();
    let Some(mut members) = Node::root(body).members(&mut problems) else {
        return Err(invalid(problems));
    };
    members.take("source");
    let Some(selection) = members
        .take("selection")
        .filter(|node| *node.json() != Json::Null)
    else {
        return Err(AnswerError::Invalid("selection is required".to_owned()));
    };
    let Some(mut selected) = selection.members(&mut problems) else {
        return Err(invalid(problems));
    };
    let is_manual = match selected.take("mode").map(|node| node.json().clone()) {
        Some(Json::Text(mode)) if mode == "manual" => true,
        Some(Json::Text(mode)) if mode == "bulk" => false,
        _ => return Err(AnswerError::Invalid("Invalid selection mode".to_owned())),
    };
    let columns = columns(members.take("exportFields").as_ref(), &mut problems)?;
    let profile = members
        .take("profile")
        .and_then(|node| node.choice(&mut problems, &PROFILES));
    let (pick, filter, asked) = if is_manual {
        (
            manual(&mut selected, &mut problems),
            Filter::default(),
            None,
        )
    } else {
        bulk(&mut selected, bounded, &mut problems)
    };
    selected.finish(&mut problems);
    members.finish(&mut problems);
    if problems.any() {
        return Err(invalid(problems));
    }
    // An empty list of ids is well said; it selects nothing.
    let pick = pick.ok_or(AnswerError::NoData)?;
    Ok(Wanted {
        pick,
        filter,
        asked: asked.unwrap_or_else(|| serde_json::json!({})),
        columns,
        format: Format {
            profile: profile.unwrap_or_default(),
            header: Header::Labels,
            ..Format::default()
        },
    })
}

fn invalid(problems: Problems) -> AnswerError {
    match problems.or::<()>(None) {
        Err(error) => AnswerError::Invalid(error.to_string()),
        // Nothing is wrong and there is nothing: not reached, and an answer all the same.
        Ok(()) => AnswerError::NoData,
    }
}

/// The columns in the order asked. What is wrong with a list of fields is said in the published words.
fn columns(node: Option<&Node>, problems: &mut Problems) -> Result<Vec<Column>, AnswerError> {
    let Some(node) = node else {
        return Ok(DEFAULT.iter().filter_map(|name| column(name)).collect());
    };
    let mut names = Vec::new();
    for item in node.list(problems).unwrap_or_default() {
        names.extend(match item.json() {
            // An empty name is an unknown one.
            Json::Text(name) => Some(name.as_str()),
            _ => item.text(problems),
        });
    }
    if problems.any() {
        return Ok(Vec::new());
    }
    let mut columns = Vec::new();
    let mut unknown = None;
    for name in &names {
        match column(name) {
            Some(column) => columns.push(column),
            None => unknown = unknown.or(Some(*name)),
        }
    }
    if columns.is_empty() {
        let message = "No valid export fields specified".to_owned();
        return Err(AnswerError::Invalid(message));
    }
    if let Some(name) = unknown {
        let message = format!("Unknown export field: {}", shortened(name));
        return Err(AnswerError::Invalid(message));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(**name)) {
        None => Ok(columns),
        Some(name) => Err(AnswerError::Invalid(format!(
            "Export field given twice: {name}"
        ))),
    }
}

fn column(name: &str) -> Option<Column> {
    let (_, key) = FIELDS.iter().find(|(known, _)| *known == name)?;
    let (key, label, kind, _) = product_fields().find(|(known, ..)| known == key)?;
    Some(Column {
        key: key.to_owned(),
        header: label.to_owned(),
        given: false,
        kind,
    })
}

/// Ids; none if there are none. The members of the other mode are looked at for their types alone.
fn manual(members: &mut Members, problems: &mut Problems) -> Option<Pick> {
    for key in ["startIndex", "targetCount"] {
        if let Some(node) = members.take(key)
            && !matches!(node.json(), Json::Number(_))
        {
            let message = format!("must be a number, not {}", node.json().type_name());
            problems.wrong_type(node.path(), message);
        }
    }
    if let Some(node) = members.take("filters") {
        node.members(problems);
    }
    if let Some(node) = members.take("excludedIds") {
        for item in node.list(problems).unwrap_or_default() {
            if !matches!(item.json(), Json::Text(_)) {
                item.text(problems);
            }
        }
    }
    let ids = members
        .take("includedIds")
        .and_then(|node| ids(&node, Some(limits::ANSWER_LEADS), problems))
        .unwrap_or_default();
    (!ids.is_empty()).then_some(Pick::Ids(ids))
}

fn bulk(
    members: &mut Members,
    bounded: bool,
    problems: &mut Problems,
) -> (Option<Pick>, Filter, Option<serde_json::Value>) {
    let start = members
        .take("startIndex")
        .and_then(|node| node.whole(problems, 0, u64::MAX));
    let most = if bounded { ANSWER_LEADS } else { u64::MAX };
    let count = members.take("targetCount");
    let given = count.is_some();
    let count = count.and_then(|node| node.whole(problems, 1, most));
    let excluded = members
        .take("excludedIds")
        .and_then(|node| ids(&node, None, problems));
    let joining = members.take("includedIds");
    let included = joining
        .as_ref()
        .and_then(|node| ids(node, Some(limits::ANSWER_LEADS), problems));
    let (filter, asked) = match members.take("filters") {
        None => {
            let message = "is required in the mode bulk: {} takes all leads";
            problems.refuse("filters", message);
            (Filter::default(), None)
        }
        Some(node) => {
            // As published, and as in §3: its path does not begin with the selection.
            let node = Node::at("filters", node.json());
            let text = node.json().to_text();
            if text.len() > limits::BODY_BYTES {
                let most = limits::BODY_BYTES >> 10;
                node.refuse(problems, format!("must be at most {most} KiB of JSON"));
            }
            let filter = Filter::parse_people(&node, problems);
            (filter, Some(node.json().to_value()))
        }
    };
    let mut range = Positions {
        start: start.unwrap_or_default(),
        count: count.unwrap_or(ANSWER_LEADS),
        excluded: excluded.unwrap_or_default(),
        included: included.unwrap_or_default(),
    };
    let joining_leads = Pick::Range(range.clone()).joining().len() as u64;
    if !given {
        // The range that nobody bounded makes room for those who join it.
        range.count = ANSWER_LEADS.saturating_sub(joining_leads);
    } else if bounded
        && range.count.saturating_add(joining_leads) > ANSWER_LEADS
        && let Some(node) = joining
    {
        let message = format!(
            "has {joining_leads} ids that join {} leads: at most {ANSWER_LEADS} are taken together",
            range.count
        );
        node.refuse(problems, message);
    }
    (Some(Pick::Range(range)), filter, asked)
}

/// [`limits::ANSWER_LEADS`] as counts are.
const ANSWER_LEADS: u64 = limits::ANSWER_LEADS as u64;

/// A list of ids, each once, in the order given.
fn ids(node: &Node, most: Option<usize>, problems: &mut Problems) -> Option<Vec<LeadId>> {
    let items = node.list(problems)?;
    if let Some(most) = most.filter(|most| items.len() > *most) {
        let message = format!("has {} ids: at most {most} are taken", items.len());
        node.refuse(problems, message);
        return None;
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for item in items {
        let Some(text) = item.text(problems) else {
            continue;
        };
        match LeadId::parse(text) {
            Ok(id) if seen.insert(text) => ids.push(id),
            Ok(_) => {}
            Err(error) => item.refuse(problems, error.to_string()),
        }
    }
    Some(ids)
}

#[cfg(test)]
mod tests;
