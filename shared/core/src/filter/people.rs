//! The people search of contract §6: conditions on the person (`contact`) and on the company (`account`) of a lead.
//!
//! A facet is what a lead is searched by; it may have no value, one or several. A *term* holds if any of the values meets it; what
//! the terms of a filter are to do together is said by its four lists ([`Sides`]). A missing value meets no term: it passes no
//! `include` and is dropped by no `exclude`.

mod band;
mod closed;
mod matcher;
mod parse;
mod place;
mod words;

use serde::{Deserialize, Serialize};

use crate::input::Decimal;

pub(super) use matcher::PeopleTest;
pub(crate) use parse::{MODES, RANGE_TYPES};
pub(super) use parse::{account, contact};

/// What a lead is searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// The name, as the column shows it.
    FullName,
    /// City, state and country of the person.
    Location,
    /// How senior.
    Seniority,
    /// Departments and functions.
    Department,
    /// Skills.
    Skill,
    /// Languages.
    Language,
    /// Schools of all educations.
    School,
    /// Degrees of all educations.
    Degree,
    /// Fields of study of all educations.
    FieldOfStudy,
    /// The job title, and the titles of current experiences.
    CurrentTitle,
    /// The titles of all other experiences.
    PreviousTitle,
    /// The company's name and the host of its website.
    NameOrDomain,
    /// The company's industry.
    Industry,
    /// City and country of the company.
    CompanyLocation,
    /// How many work there.
    EmployeeSize,
    /// What it earns.
    Revenue,
    /// What kind of company.
    CompanyType,
}

impl Facet {
    /// The attributes of a lead that it looks at.
    pub fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::FullName => &["first_name", "last_name", "name"],
            Self::Location => &["city", "state", "country"],
            Self::Seniority => &["seniority"],
            Self::Department => &["departments", "functions"],
            Self::Skill => &["skills"],
            Self::Language => &["languages"],
            Self::School | Self::Degree | Self::FieldOfStudy => &["educations"],
            Self::CurrentTitle => &["job_title", "experiences"],
            Self::PreviousTitle => &["experiences"],
            Self::NameOrDomain => &["company_name", "company_website"],
            Self::Industry => &["company_industry"],
            Self::CompanyLocation => &["company_city", "company_country"],
            Self::EmployeeSize => &["company_headcount"],
            Self::Revenue => &["company_revenue"],
            Self::CompanyType => &["company_type"],
        }
    }
}

/// What is wanted of a facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Terms that hold or do not.
    Terms(Sides),
    /// A band that overlaps one of these; not empty.
    Ranges(Vec<Range>),
    /// A value, or none.
    Filled(bool),
}

/// The four lists of a filter, all of which must be content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sides {
    /// `include`: one of the terms holds. `exclude`: none does.
    #[serde(default)]
    pub any: Side,
    /// `include`: all terms hold. `exclude`: not all do.
    #[serde(default)]
    pub all: Side,
}

/// What is to be in, and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Side {
    /// Terms of leads that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Terms>,
    /// Terms of leads that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Terms>,
}

/// Terms, and how they are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How.
    pub mode: Mode,
    /// The terms as written, or by their own names where the facet has a closed list; not empty.
    pub content: Vec<String>,
}

/// How a text meets a term; case is folded in all modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// It has all of the term's words, in any order, each at least as the beginning of one of its own.
    #[default]
    Smart,
    /// It has the term's words one behind the other.
    Word,
    /// It is the term.
    Strict,
}

/// A range of numbers, both ends included; without an end it is open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The least.
    pub start: Option<Decimal>,
    /// The most.
    pub end: Option<Decimal>,
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;
