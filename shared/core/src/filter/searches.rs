//! Search, and which cells are filled.

use super::tests::{check, list, number};
use crate::lead::Value;
use serde_json::json;

#[test]
fn search_finds_a_part_of_the_name_or_of_any_email_whatever_the_case() {
    let name = [
        ("first_name", Value::from("Jané")),
        ("last_name", Value::from("GROẞ")),
        ("name", Value::from("Other")),
        ("email", Value::from("first@x.io")),
        ("emails", list(&["second@x.io", "Third@X.io"])),
        ("company_name", Value::from("Initech")),
    ];
    for (search, expected) in [
        ("jan", true),
        ("JANÉ gross", true),
        ("é g", true),
        ("FIRST@", true),
        ("second", true),
        ("third@x.IO", true),
        ("d@x", true),
        ("other", false),
        ("initech", false),
        ("jane", false),
        ("x.iof", false),
        (" ", true),
    ] {
        check(&json!({ "search": search }), &name, expected);
    }
    check(
        &json!({"search": "oth"}),
        &[("name", Value::from("Other"))],
        true,
    );
    check(&json!({"search": "a"}), &[], false);
    check(&json!({"search": "aab"}), &[("name", "aaab".into())], true);
    check(&json!({"search": "aaab"}), &[("name", "aab".into())], false);
}

#[test]
fn search_by_digits_finds_a_part_of_any_phone() {
    let phones = [
        ("phone", Value::from("+1 (415) 555-2671 x12")),
        (
            "phones",
            Value::List(vec!["030/1234567".into(), number("491512345")]),
        ),
        ("company_phone", "999 9999".into()),
    ];
    for (search, expected) in [
        ("5552671", true),
        ("555-26", true),
        ("(415) 555", true),
        ("+1.415/555", true),
        ("2671x12", true),
        ("0301234", true),
        ("49 1512", true),
        // Four digits are sought in phones, three are not.
        ("2671", true),
        ("267", false),
        ("555", false),
        ("5 5 5", false),
        ("5552672", false),
        ("tel 5552671", false),
        ("5552671X12", false),
        ("９９９９", false),
        ("9999999", false),
        // Digits of two phones are not one number.
        ("12030", false),
    ] {
        check(&json!({ "search": search }), &phones, expected);
    }
    // Digits are sought in names and e-mails too.
    check(
        &json!({"search": "1984"}),
        &[("email", "ann1984@x.io".into())],
        true,
    );
}

#[test]
fn has_and_lacks_look_at_the_cell_as_the_file_shows_it() {
    for (values, expected) in [
        (vec![], false),
        (vec![("email", Value::from(""))], false),
        (vec![("emails", list(&[""]))], false),
        (vec![("emails", list(&["", "a@b"]))], true),
        (vec![("email", Value::from("a@b"))], true),
    ] {
        for key in ["email", "emails"] {
            check(&json!({"has": [key]}), &values, expected);
            check(&json!({"lacks": [key]}), &values, !expected);
        }
    }
    let ann = [("first_name", Value::from("Ann"))];
    check(&json!({"has": ["name"], "lacks": ["phone"]}), &ann, true);
    check(&json!({"has": ["name", "phone"]}), &ann, false);
    check(
        &json!({"has": ["source_id", "lead_id", "created_at"]}),
        &[],
        true,
    );
}
