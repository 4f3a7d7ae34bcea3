//! What is asked wrong, by its path.

use super::tests::{account, any, contact};
use crate::filter::tests::parse;
use serde_json::{Value as Asked, json};

#[track_caller]
fn refused(filters: &Asked, field: &str, word: &str) {
    let error = parse(filters).unwrap_err();
    assert_eq!(error.errors.len(), 1, "{filters}: {error}");
    assert_eq!(error.errors[0].field, field, "{error}");
    assert!(error.errors[0].message.contains(word), "{error}");
}

#[test]
fn lists_and_terms_asked_wrong_are_refused_by_their_paths() {
    let long = "x".repeat(201);
    for (filters, field, word) in [
        (
            json!({"contact": {"senority": {}}}),
            "contact.senority",
            "seniority",
        ),
        (
            json!({"account": {"size": {}}}),
            "account.size",
            "employeeSize",
        ),
        (
            contact("skill", &json!({"some": {}})),
            "contact.skill.some",
            "any, all",
        ),
        (
            contact("skill", &json!({"any": {"only": []}})),
            "contact.skill.any.only",
            "include, exclude",
        ),
        (
            contact("skill", &json!({"any": {"include": []}})),
            "contact.skill.any.include",
            "empty",
        ),
        (
            contact("skill", &any(&[""])),
            "contact.skill.any.include[0]",
            "empty",
        ),
        (
            contact("skill", &any(&["a", "-"])),
            "contact.skill.any.include[1]",
            "no word",
        ),
        (
            contact("skill", &any(&[&long])),
            "contact.skill.any.include[0]",
            "201",
        ),
        (
            contact(
                "skill",
                &json!({"any": {"include": {"mode": "smart", "content": ["a"]}}}),
            ),
            "contact.skill.any.include.mode",
            "SMART, WORD, STRICT",
        ),
        (
            contact("skill", &json!({"any": {"include": {"mode": "WORD"}}})),
            "contact.skill.any.include.content",
            "missing",
        ),
    ] {
        refused(&filters, field, word);
    }
}

#[test]
fn values_and_ranges_asked_wrong_are_refused_by_their_paths() {
    for (filters, field, word) in [
        (
            contact("seniority", &any(&["vp", "boss"])),
            "contact.seniority.any.include[1]",
            "founder, owner",
        ),
        (
            account("type", &any(&["big"])),
            "account.type.any.include[0]",
            "PRIVATELY_HELD",
        ),
        (
            contact("location", &any(&["Boston,"])),
            "contact.location.any.include[0]",
            "City, State",
        ),
        (
            contact("location", &any(&["a, b, c, d"])),
            "contact.location.any.include[0]",
            "City, State",
        ),
        (
            json!({"contact": {"education": {"year": {}}}}),
            "contact.education.year",
            "school",
        ),
        (
            json!({"contact": {"experience": {"now": {}}}}),
            "contact.experience.now",
            "current",
        ),
        (
            json!({"contact": {"experience": {"current": {"company": {}}}}}),
            "contact.experience.current.company",
            "title",
        ),
        (
            account("revenue", &json!({})),
            "account.revenue.type",
            "missing",
        ),
        (
            account("revenue", &json!({"type": "SOME"})),
            "account.revenue.type",
            "RANGE, ALL, NONE",
        ),
        (
            account("revenue", &json!({"type": "RANGE"})),
            "account.revenue.range",
            "missing",
        ),
        (
            account("revenue", &json!({"type": "RANGE", "range": []})),
            "account.revenue.range",
            "1 to 100",
        ),
        (
            account("revenue", &json!({"type": "ALL", "range": [{}]})),
            "account.revenue.range",
            "RANGE alone",
        ),
        (
            account(
                "revenue",
                &json!({"type": "RANGE", "range": [{"start": 2, "end": 1}]}),
            ),
            "account.revenue.range[0].start",
            "greater",
        ),
        (
            account("revenue", &json!({"type": "RANGE", "range": [{"from": 2}]})),
            "account.revenue.range[0].from",
            "start, end",
        ),
    ] {
        refused(&filters, field, word);
    }
}

#[test]
fn closed_lists_hold_what_the_contract_names_and_nothing_else() {
    let seniorities =
        "founder owner partner c_suite vp director head manager senior mid-level entry intern";
    let types = "PRIVATELY_HELD PUBLIC_COMPANY SELF_OWNED SELF_EMPLOYED PARTNERSHIP NON_PROFIT EDUCATIONAL GOVERNMENT_AGENCY";
    for (known, short, of) in [
        (
            seniorities,
            "",
            &(|term: &str| contact("seniority", &any(&[term]))) as &dyn Fn(&str) -> Asked,
        ),
        (types, "private public", &|term| {
            account("type", &any(&[term]))
        }),
    ] {
        for name in known.split(' ').chain(short.split_whitespace()) {
            for term in [
                name.to_owned(),
                name.to_uppercase(),
                name.replace(['_', '-'], " "),
            ] {
                assert!(parse(&of(&term)).is_ok(), "{term}");
            }
        }
        // Any other is refused with the list: these and no more.
        let error = parse(&of("boss")).unwrap_err();
        let list = known.replace(' ', ", ");
        assert!(error.errors[0].message.ends_with(&list), "{error}");
    }
}

#[test]
fn wrong_types_are_malformed() {
    for (filters, field) in [
        (contact("skill", &json!([])), "contact.skill"),
        (contact("skill", &json!({"any": []})), "contact.skill.any"),
        (
            contact(
                "seniority",
                &json!({"any": {"include": {"content": ["vp"]}}}),
            ),
            "contact.seniority.any.include",
        ),
        (
            contact("skill", &json!({"any": {"include": "a"}})),
            "contact.skill.any.include",
        ),
        (
            account(
                "revenue",
                &json!({"type": "RANGE", "range": [{"start": "1"}]}),
            ),
            "account.revenue.range[0].start",
        ),
    ] {
        let error = parse(&filters).unwrap_err();
        assert_eq!(error.fault, crate::input::Fault::Malformed, "{error}");
        assert_eq!(error.errors[0].field, field, "{error}");
    }
}
