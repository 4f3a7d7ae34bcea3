//! A condition of the people search, ready for rows.

use serde_json::Value as Json;

use super::band::Band;
use super::closed::{company_type, seniority};
use super::place::{Place, Whereabouts};
use super::words::{Phrase, fold};
use super::{Facet, Mode, Range, Sides, Terms, Wanted};
use crate::fields::FieldReader;
use crate::lead::SourceId;
use crate::page::{Cell, Row, Slot, Slots};

/// A facet of rows, and what is wanted of it.
#[derive(Debug, Clone)]
pub(in crate::filter) struct PeopleTest {
    facet: Facet,
    name: FieldReader,
    slots: Vec<Slot>,
    wanted: Ready,
}

#[derive(Debug, Clone)]
enum Ready {
    Lists(Vec<List>),
    Ranges(Vec<Range>),
    Filled(bool),
}

/// One of the four lists.
#[derive(Debug, Clone)]
struct List {
    terms: Vec<Term>,
    /// Whether all of its terms count, or any.
    all: bool,
    exclude: bool,
}

#[derive(Debug, Clone)]
enum Term {
    Phrase(Phrase),
    Place(Place),
    /// One of a closed list.
    Of(String),
    /// A company's name; or a domain, if it is one.
    Company(Phrase, Option<String>),
}

/// What a lead has of a facet.
enum Own {
    /// Texts, folded.
    Texts(Vec<String>),
    Place(Whereabouts),
    /// Names of a closed list.
    Of(Vec<&'static str>),
    /// Folded names, and hosts of websites.
    Company(Vec<String>, Vec<String>),
}

impl PeopleTest {
    pub(in crate::filter) fn new(
        facet: Facet,
        wanted: &Wanted,
        slots: &Slots,
        source: &SourceId,
        slot: impl Fn(&str) -> Slot,
    ) -> Self {
        let wanted = match wanted {
            Wanted::Terms(sides) => Ready::Lists(lists(facet, sides)),
            Wanted::Ranges(ranges) => Ready::Ranges(ranges.clone()),
            Wanted::Filled(filled) => Ready::Filled(*filled),
        };
        Self {
            facet,
            name: FieldReader::new("name", slots, source),
            slots: facet.attributes().iter().map(|name| slot(name)).collect(),
            wanted,
        }
    }

    pub(in crate::filter) fn holds(&self, row: &Row, scratch: &mut Vec<u8>) -> bool {
        match &self.wanted {
            Ready::Lists(lists) => {
                let own = self.own(row, scratch);
                lists.iter().all(|list| list.is_content_with(&own))
            }
            Ready::Ranges(ranges) => self.cells(row).any(|cell| {
                let band = text(cell).and_then(Band::parse);
                band.is_some_and(|band| ranges.iter().any(|range| band.overlaps(range)))
            }),
            Ready::Filled(wanted) => self.cells(row).any(|cell| cell.is_filled()) == *wanted,
        }
    }

    /// The values of all the facet's attributes.
    fn cells<'a>(&self, row: &Row<'a>) -> impl Iterator<Item = Cell<'a>> {
        self.slots
            .iter()
            .flat_map(move |slot| row.cell(*slot).each())
    }

    fn own(&self, row: &Row, scratch: &mut Vec<u8>) -> Own {
        let at = |index: usize| {
            self.slots
                .get(index)
                .map_or(Cell::Missing, |slot| row.cell(*slot))
        };
        let texts = |cell: Cell| -> Vec<String> {
            let texts = cell.each().filter_map(|cell| Some(fold(text(cell)?)));
            texts.filter(|text| !text.is_empty()).collect()
        };
        match self.facet {
            Facet::FullName => Own::Texts(texts(self.name.read(row, scratch))),
            Facet::Location => Own::Place(Whereabouts {
                cities: texts(at(0)),
                states: texts(at(1)),
                countries: texts(at(2)),
            }),
            Facet::CompanyLocation => Own::Place(Whereabouts {
                cities: texts(at(0)),
                states: Vec::new(),
                countries: texts(at(1)),
            }),
            Facet::Seniority => Own::Of(
                self.cells(row)
                    .filter_map(|cell| seniority(text(cell)?))
                    .collect(),
            ),
            Facet::CompanyType => Own::Of(
                self.cells(row)
                    .filter_map(|cell| company_type(text(cell)?))
                    .collect(),
            ),
            Facet::School => Own::Texts(members(at(0), "school", |_| true)),
            Facet::Degree => Own::Texts(members(at(0), "degree", |_| true)),
            Facet::FieldOfStudy => Own::Texts(members(at(0), "field_of_study", |_| true)),
            Facet::CurrentTitle => {
                let mut titles = texts(at(0));
                titles.extend(members(at(1), "title", is_current));
                Own::Texts(titles)
            }
            Facet::PreviousTitle => Own::Texts(members(at(0), "title", |job| !is_current(job))),
            Facet::NameOrDomain => {
                let hosts = at(1).each().filter_map(|cell| host(text(cell)?));
                Own::Company(texts(at(0)), hosts.collect())
            }
            Facet::Department
            | Facet::Skill
            | Facet::Language
            | Facet::Industry
            | Facet::EmployeeSize
            | Facet::Revenue => Own::Texts(
                self.slots
                    .iter()
                    .flat_map(|slot| texts(row.cell(*slot)))
                    .collect(),
            ),
        }
    }
}

impl List {
    fn is_content_with(&self, own: &Own) -> bool {
        let mut terms = self.terms.iter();
        let holds = |term: &Term| term.holds(own);
        let hold = if self.all {
            terms.all(holds)
        } else {
            terms.any(holds)
        };
        hold != self.exclude
    }
}

impl Term {
    fn new(facet: Facet, mode: Mode, text: &str) -> Option<Self> {
        Some(match facet {
            Facet::Location | Facet::CompanyLocation => Self::Place(Place::parse(text)?),
            Facet::Seniority | Facet::CompanyType => Self::Of(text.to_owned()),
            Facet::NameOrDomain => Self::Company(Phrase::new(mode, text), domain(text)),
            _ => Self::Phrase(Phrase::new(mode, text)),
        })
    }

    fn holds(&self, own: &Own) -> bool {
        match (self, own) {
            (Self::Phrase(phrase), Own::Texts(texts)) => {
                texts.iter().any(|text| phrase.is_met_by(text))
            }
            (Self::Place(place), Own::Place(at)) => place.holds(at),
            (Self::Of(name), Own::Of(names)) => names.contains(&name.as_str()),
            (Self::Company(phrase, domain), Own::Company(names, hosts)) => {
                names.iter().any(|name| phrase.is_met_by(name))
                    || domain
                        .as_ref()
                        .is_some_and(|domain| hosts.iter().any(|host| is_of(host, domain)))
            }
            // A facet's terms and values are of one kind.
            _ => false,
        }
    }
}

fn lists(facet: Facet, sides: &Sides) -> Vec<List> {
    let list = |terms: &Option<Terms>, all, exclude| {
        let terms = terms.as_ref()?;
        let ready = terms.content.iter();
        let ready = ready.filter_map(|text| Term::new(facet, terms.mode, text));
        Some(List {
            terms: ready.collect(),
            all,
            exclude,
        })
    };
    [
        list(&sides.any.include, false, false),
        list(&sides.any.exclude, false, true),
        list(&sides.all.include, true, false),
        list(&sides.all.exclude, true, true),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn text(cell: Cell<'_>) -> Option<&str> {
    std::str::from_utf8(cell.text()?).ok()
}

/// The folded member `key`, a text or a list of texts, of all maps in a cell that are wanted.
fn members(cell: Cell, key: &str, wanted: impl Fn(&Json) -> bool) -> Vec<String> {
    let maps = cell.each().filter_map(|cell| match cell {
        Cell::Json(json) => serde_json::from_slice::<Json>(json).ok(),
        _ => None,
    });
    let mut texts = Vec::new();
    for map in maps.filter(wanted) {
        let own = match map.get(key) {
            Some(Json::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let own = own.iter().filter_map(Json::as_str);
        texts.extend(own.filter(|text| !text.is_empty()).map(fold));
    }
    texts
}

/// Whether a job is held now. One that does not say so is not.
fn is_current(job: &Json) -> bool {
    match job.get("current") {
        Some(Json::Bool(current)) => *current,
        Some(Json::String(current)) => current.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The host of a website, in lower case and without `www.`
fn host(website: &str) -> Option<String> {
    let rest = website.trim();
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(':').next()?.trim_end_matches('.');
    let host = fold(rest);
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// The domain that a term names, if it is one: a host with a dot, no blanks.
fn domain(term: &str) -> Option<String> {
    host(term).filter(|host| host.contains('.') && !host.contains(char::is_whitespace))
}

/// Whether a host is a domain or lies below it.
fn is_of(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
