//! Addresses, and letters about hostile names.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::access::Person;
use crate::record::{FailureCode, RunId};
use crate::time::Instant;
use crate::world::World;

#[test]
fn addresses_are_one_mailbox_each() {
    for good in [
        "alice@example.com",
        "a.b+tag@sub.example.co",
        "o'brien@example.com",
        "x@xn--mnchen-3ya.example",
        &format!("{}@e.com", "l".repeat(64)),
    ] {
        assert_eq!(Address::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@@example.com",
        "a@b@c",
        "alice@example.com,mallory@example.com",
        "alice@example.com;mallory@example.com",
        "Alice <alice@example.com>",
        "<alice@example.com>",
        "alice@example.com\r\nBcc: m@example.com",
        "al ice@example.com",
        "alice@exa mple.com",
        "\"a b\"@example.com",
        "alice(x)@example.com",
        ".alice@example.com",
        "al..ice@example.com",
        "alice@example..com",
        "alice@[127.0.0.1]",
        "älice@example.com",
        "alice@exämple.com",
        &format!("{}@e.com", "l".repeat(65)),
        &format!("a@{}.com", "d".repeat(255)),
    ] {
        assert_eq!(Address::parse(bad), Err(NotAnAddress), "{bad}");
    }
    // Nor does a record bring one in.
    assert!(serde_json::from_str::<Address>(r#""a@b, c@d""#).is_err());
}

/// An export of a source in each state that is told.
fn ended(person: &str) -> Vec<Export> {
    let world = World::new(3);
    let body = r#"{"filters": {"search": "canary-literal", "status": ["canary-literal"]}, "notify": {"email": true}}"#;
    let pending = world.export(world.request(body));
    let now = pending.head.requested_at.plus(Duration::from_secs(9));
    let by = RunId(uuid::Uuid::from_u128(1));
    let person = Person {
        id: "u-9".into(),
        name: person.to_owned(),
    };
    let completed = world.export(world.completed());
    vec![
        completed.clone(),
        completed.expired(by, Some(person.clone()), now),
        pending.failed(by, FailureCode::AccessRevoked, now),
        pending.cancelled(by, person, now),
    ]
}

const PAGE: &str = "https://exports.example.com";

#[test]
fn every_end_has_its_letter_and_leads_to_the_page_alone() {
    let letters: Vec<(Export, Letter)> = ended("Ann")
        .into_iter()
        .map(|export| (export.clone(), letter(&export, PAGE)))
        .collect();
    let subjects: BTreeSet<&str> = letters
        .iter()
        .map(|(_, letter)| letter.subject.as_str())
        .collect();
    assert_eq!(
        subjects.into_iter().collect::<Vec<_>>(),
        [
            "Your export of crm failed",
            "Your export of crm is ready",
            "Your export of crm was cancelled",
            "Your export of crm was ready"
        ]
    );
    for (export, letter) in &letters {
        let link = format!("{PAGE}/?export={}", export.id());
        for part in [&letter.text, &letter.html] {
            assert!(part.contains(&link), "{part}");
            assert_eq!(part.matches("https://").count(), 1, "{part}");
            assert!(
                !part.contains("canary") && !part.contains("/download"),
                "{part}"
            );
            assert!(part.contains(&export.head.file_name), "{part}");
        }
    }
    assert!(
        letters[0]
            .1
            .text
            .contains("is ready, 3 leads. You can download it until ")
    );
    assert!(letters[2].1.text.contains("Ask an admin for the grant"));
    assert!(letters[3].1.text.contains("cancelled by Ann."));
    // A slash at the page's end is not doubled.
    let (export, _) = &letters[0];
    assert_eq!(letter(export, "https://exports.example.com/"), letters[0].1);
}

proptest! {
    /// Names are others' words: they stay words.
    #[test]
    fn hostile_names_stay_words(name in "(\\PC|[\r\n\t\u{202E}<>&\"'=@,:/]|<script>|https?://x\\.example/|\r\nBcc: m@x\\.example){0,60}") {
        for export in ended(&name) {
            let letter = letter(&export, PAGE);
            prop_assert!(!letter.subject.chars().any(char::is_control));
            let cancelled = export.status() == Status::Cancelled;
            // As many lines and elements as without a name.
            prop_assert_eq!(letter.text.lines().count(), 5);
            let turned = [&letter.text, &letter.html].iter().any(|part| part.contains('\u{202E}'));
            prop_assert!(!turned, "the direction of writing");
            prop_assert_eq!(letter.html.matches('<').count(), 20, "{}", letter.html);
            prop_assert_eq!(letter.html.matches('"').count(), 6);
            if cancelled {
                prop_assert!(letter.text.len() < 4096);
            }
        }
    }
}

#[test]
fn instants_of_letters_are_utc() {
    let export = &ended("Ann")[0];
    let until = export.head.file_expires_at.unwrap();
    assert!(until > Instant::MIN);
    assert!(
        letter(export, PAGE)
            .text
            .contains(&format!("until {until}."))
    );
}
