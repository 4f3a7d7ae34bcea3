//! Reading `contact` and `account`.

use super::closed::{SENIORITIES, TYPES, company_type, seniority};
use super::place::Place;
use super::words::has_words;
use super::{Facet, Mode, Range, Side, Sides, Terms, Wanted};
use crate::filter::Condition;
use crate::filter::parse::texts;
use crate::input::{Json, Members, Node, Problems, shown};
use crate::limits;

/// Reads `contact`: the person.
pub(in crate::filter) fn contact(node: &Node, problems: &mut Problems) -> Vec<Condition> {
    let Some(members) = node.members(problems) else {
        return Vec::new();
    };
    let mut reader = Reader::new(members, problems);
    reader.terms("fullName", Facet::FullName, matched);
    reader.terms("location", Facet::Location, places);
    reader.terms("seniority", Facet::Seniority, seniorities);
    reader.terms("departmentAndFunction", Facet::Department, plain);
    reader.terms("skill", Facet::Skill, matched);
    reader.terms("language", Facet::Language, matched);
    reader.within("education", |reader| {
        reader.terms("school", Facet::School, plain);
        reader.terms("degree", Facet::Degree, matched);
        reader.terms("fieldOfStudy", Facet::FieldOfStudy, matched);
    });
    reader.within("experience", |reader| {
        for (when, facet) in [
            ("current", Facet::CurrentTitle),
            ("previous", Facet::PreviousTitle),
        ] {
            reader.within(when, |reader| reader.terms("title", facet, matched));
        }
    });
    reader.finish()
}

/// Reads `account`: the company.
pub(in crate::filter) fn account(node: &Node, problems: &mut Problems) -> Vec<Condition> {
    let Some(members) = node.members(problems) else {
        return Vec::new();
    };
    let mut reader = Reader::new(members, problems);
    reader.terms("nameOrDomain", Facet::NameOrDomain, matched);
    reader.terms("industry", Facet::Industry, plain);
    reader.terms("location", Facet::CompanyLocation, places);
    reader.range("employeeSize", Facet::EmployeeSize);
    reader.range("revenue", Facet::Revenue);
    reader.terms("type", Facet::CompanyType, types);
    reader.finish()
}

/// Reads the members of one object into conditions.
struct Reader<'a, 'p> {
    members: Members<'a>,
    problems: &'p mut Problems,
    conditions: Vec<Condition>,
}

impl<'a, 'p> Reader<'a, 'p> {
    fn new(members: Members<'a>, problems: &'p mut Problems) -> Self {
        Self {
            members,
            problems,
            conditions: Vec::new(),
        }
    }

    fn within(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'a, '_>)) {
        let Some(node) = self.members.take(key) else {
            return;
        };
        let Some(members) = node.members(self.problems) else {
            return;
        };
        let mut inner = Reader::new(members, self.problems);
        read(&mut inner);
        self.conditions.extend(inner.finish());
    }

    fn terms(
        &mut self,
        key: &'static str,
        facet: Facet,
        read: fn(&Node, &mut Problems) -> Option<Terms>,
    ) {
        let Some(node) = self.members.take(key) else {
            return;
        };
        let sides = sides(&node, read, self.problems).unwrap_or_default();
        // Without a list it asks for nothing.
        if sides != Sides::default() {
            let wanted = Wanted::Terms(sides);
            self.conditions.push(Condition::People { facet, wanted });
        }
    }

    fn range(&mut self, key: &'static str, facet: Facet) {
        let node = self.members.take(key);
        let wanted = node.and_then(|node| range(&node, self.problems));
        let condition = wanted.map(|wanted| Condition::People { facet, wanted });
        self.conditions.extend(condition);
    }

    fn finish(self) -> Vec<Condition> {
        self.members.finish(self.problems);
        self.conditions
    }
}

fn sides(
    node: &Node,
    read: fn(&Node, &mut Problems) -> Option<Terms>,
    problems: &mut Problems,
) -> Option<Sides> {
    let mut members = node.members(problems)?;
    let mut side = |key| -> Option<Side> {
        let mut lists = members.take(key)?.members(problems)?;
        let mut list = |key| read(&lists.take(key)?, problems);
        let side = Side {
            include: list("include"),
            exclude: list("exclude"),
        };
        lists.finish(problems);
        Some(side)
    };
    let sides = Sides {
        any: side("any").unwrap_or_default(),
        all: side("all").unwrap_or_default(),
    };
    members.finish(problems);
    Some(sides)
}

/// The texts of a list, none longer than a search.
fn bounded<'a>(node: &Node<'a>, problems: &mut Problems) -> Option<Vec<(Node<'a>, &'a str)>> {
    let texts = texts(node, problems)?;
    for (node, text) in &texts {
        let length = text.chars().count();
        if length > limits::SEARCH_CHARS {
            let most = limits::SEARCH_CHARS;
            node.refuse(
                problems,
                format!("has {length} characters: 1 to {most} are taken"),
            );
        }
    }
    Some(texts)
}

fn strict(content: Vec<String>) -> Terms {
    let mode = Mode::Strict;
    Terms { mode, content }
}

fn plain(node: &Node, problems: &mut Problems) -> Option<Terms> {
    let texts = bounded(node, problems)?;
    let content = texts.into_iter().map(|(_, text)| text.to_owned());
    Some(strict(content.collect()))
}

pub(crate) const MODES: [(&str, Mode); 3] = [
    ("SMART", Mode::Smart),
    ("WORD", Mode::Word),
    ("STRICT", Mode::Strict),
];

/// A list, or `{mode?, content}`.
fn matched(node: &Node, problems: &mut Problems) -> Option<Terms> {
    let (mode, content) = match node.json() {
        Json::Object(_) => {
            let mut members = node.members(problems)?;
            let mode = members
                .take("mode")
                .and_then(|node| node.choice(problems, &MODES));
            let content = members.need(problems, "content");
            members.finish(problems);
            (mode.unwrap_or_default(), content?)
        }
        _ => (Mode::default(), node.clone()),
    };
    let texts = bounded(&content, problems)?;
    for (node, text) in &texts {
        if mode != Mode::Strict && !has_words(text) {
            // It would be in every text.
            node.refuse(problems, format!("{} holds no word", shown(text)));
        }
    }
    let content = texts.into_iter().map(|(_, text)| text.to_owned()).collect();
    Some(Terms { mode, content })
}

fn places(node: &Node, problems: &mut Problems) -> Option<Terms> {
    let texts = bounded(node, problems)?;
    for (node, text) in &texts {
        if Place::parse(text).is_none() {
            let wanted = "a city, state or country, \"City, State\" or \"City, Country\"";
            node.refuse(problems, format!("{} must be {wanted}", shown(text)));
        }
    }
    let content = texts.into_iter().map(|(_, text)| text.to_owned());
    Some(strict(content.collect()))
}

/// Terms of a closed list, by the list's own names.
fn of_list(
    node: &Node,
    problems: &mut Problems,
    name: fn(&str) -> Option<&'static str>,
    all: &[&str],
) -> Option<Terms> {
    let mut content = Vec::new();
    for (node, text) in bounded(node, problems)? {
        match name(text) {
            Some(name) => content.push(name.to_owned()),
            None => node.refuse(
                problems,
                format!("{} is none of: {}", shown(text), all.join(", ")),
            ),
        }
    }
    Some(strict(content))
}

fn seniorities(node: &Node, problems: &mut Problems) -> Option<Terms> {
    of_list(node, problems, seniority, &SENIORITIES)
}

fn types(node: &Node, problems: &mut Problems) -> Option<Terms> {
    of_list(node, problems, company_type, &TYPES)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeType {
    Range,
    All,
    None,
}

pub(crate) const RANGE_TYPES: [(&str, RangeType); 3] = [
    ("RANGE", RangeType::Range),
    ("ALL", RangeType::All),
    ("NONE", RangeType::None),
];

fn range(node: &Node, problems: &mut Problems) -> Option<Wanted> {
    let mut members = node.members(problems)?;
    let of_type = members.need(problems, "type");
    let ranges = members.take("range");
    members.finish(problems);
    let of_type = of_type?.choice(problems, &RANGE_TYPES)?;
    if of_type == RangeType::Range {
        let Some(ranges) = ranges else {
            let path = format!("{}.range", node.path());
            problems.refuse(path, "is missing: the type RANGE needs it");
            return None;
        };
        return bands(&ranges, problems).map(Wanted::Ranges);
    }
    if let Some(ranges) = ranges
        && ranges.list(problems).is_some_and(|items| !items.is_empty())
    {
        ranges.refuse(problems, "is of the type RANGE alone");
    }
    Some(Wanted::Filled(of_type == RangeType::All))
}

fn bands(node: &Node, problems: &mut Problems) -> Option<Vec<Range>> {
    let items = node.list(problems)?;
    let most = limits::FILTER_VALUES;
    if !(1..=most).contains(&items.len()) {
        let message = format!("has {} ranges: 1 to {most} are taken", items.len());
        node.refuse(problems, message);
        return None;
    }
    let mut ranges = Vec::with_capacity(items.len());
    for item in &items {
        let mut members = item.members(problems)?;
        let (least, most) = (members.take("start"), members.take("end"));
        members.finish(problems);
        let start = least.as_ref().and_then(|node| node.decimal(problems));
        let end = most.as_ref().and_then(|node| node.decimal(problems));
        if let (Some(node), Some(start), Some(end)) = (least, start, end)
            && start > end
        {
            node.refuse(problems, "is greater than 'end'");
        }
        ranges.push(Range { start, end });
    }
    Some(ranges)
}
