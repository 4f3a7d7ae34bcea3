//! Facets whose values are of a closed list.

/// How senior one can be.
pub(super) const SENIORITIES: [&str; 12] = [
    "founder",
    "owner",
    "partner",
    "c_suite",
    "vp",
    "director",
    "head",
    "manager",
    "senior",
    "mid-level",
    "entry",
    "intern",
];

/// What kind a company can be.
pub(super) const TYPES: [&str; 8] = [
    "PRIVATELY_HELD",
    "PUBLIC_COMPANY",
    "SELF_OWNED",
    "SELF_EMPLOYED",
    "PARTNERSHIP",
    "NON_PROFIT",
    "EDUCATIONAL",
    "GOVERNMENT_AGENCY",
];

/// Short names of kinds.
const SHORT_TYPES: [(&str, &str); 2] = [("private", TYPES[0]), ("public", TYPES[1])];

/// Whether two names differ at most in case, `-`, `_` and blanks.
fn is_same(a: &str, b: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars()
            .filter(|c| !matches!(c, '-' | '_') && !c.is_whitespace())
            .map(|c| c.to_ascii_lowercase())
    }
    letters(a).eq(letters(b))
}

/// The list's own name of a seniority.
pub(super) fn seniority(name: &str) -> Option<&'static str> {
    SENIORITIES.into_iter().find(|known| is_same(known, name))
}

/// The list's own name of a kind of company.
pub(super) fn company_type(name: &str) -> Option<&'static str> {
    let short = SHORT_TYPES.into_iter();
    TYPES
        .into_iter()
        .map(|known| (known, known))
        .chain(short)
        .find(|(known, _)| is_same(known, name))
        .map(|(_, own)| own)
}
