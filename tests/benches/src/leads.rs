//! The canned leads: a thousand templates with everything in them that costs time, under keys of their own.

use lead_export_core::fields::{Attribute, CustomField, CustomKind, Source};
use lead_export_core::lead::{OrgId, SourceId};

/// The organization of the canned leads.
pub const ORG: &str = "acme";
/// Their source.
pub const SOURCE: &str = "canned";
/// Key-shards.
pub const SHARDS: u64 = 8;
/// Leads a page: DynamoDB stops at 1 MB, and these have some 0.9 KB of JSON.
pub const PAGE: u64 = 1000;
/// Different leads.
pub const TEMPLATES: u64 = 1000;
/// The day on which all of them were created, one a millisecond.
const DAY: &str = "2024-03-01T";
/// Leads that a day has room for.
pub const MOST: u64 = 86_400_000;

/// The sort key of the lead at `place` in the order of all leads: 40 bytes.
pub fn key(place: u64) -> String {
    format!("{}#{}", created_at(place), id(place))
}

fn id(place: u64) -> String {
    format!("lead-{place:010}")
}

fn created_at(place: u64) -> String {
    let (seconds, millis) = (place / 1000, place % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{DAY}{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// The first place whose key is not before `key`.
pub fn first_from(key_text: &str, leads: u64) -> u64 {
    let (mut low, mut high) = (0, leads);
    while low < high {
        let middle = low + (high - low) / 2;
        if key(middle).as_str() < key_text {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The source that the leads are of: 25 columns, some without a value in any lead.
///
/// # Errors
/// None in practice: the names are well formed and unlike each other.
pub fn source(leads: u64) -> anyhow::Result<Source> {
    let custom = |key: &str, kind| CustomField {
        key: key.to_owned(),
        label: key.to_uppercase(),
        kind,
        options: Vec::new(),
    };
    let attribute = |key: &str| Attribute {
        key: key.to_owned(),
        label: key.to_uppercase(),
    };
    Ok(Source {
        org: OrgId::parse(ORG)?,
        id: SourceId::parse(SOURCE)?,
        name: "Canned".to_owned(),
        time_zone: "UTC".to_owned(),
        people: false,
        shards: u16::try_from(SHARDS)?,
        lead_count: Some(leads),
        custom: vec![
            custom("annual_income", CustomKind::Number),
            custom("details", CustomKind::Text),
            custom("notes", CustomKind::Text),
            custom("opted_in", CustomKind::Boolean),
            custom("roof_type", CustomKind::Text),
        ],
        attributes: vec![
            attribute("homeowner"),
            attribute("campaign"),
            attribute("channel"),
        ],
    })
}

/// The columns of [`source`]'s leads, in the default order.
pub const COLUMNS: [&str; 25] = [
    "lead_id",
    "name",
    "first_name",
    "last_name",
    "email",
    "emails",
    "phone",
    "phones",
    "address",
    "city",
    "state",
    "zip",
    "country",
    "status",
    "annual_income",
    "details",
    "notes",
    "opted_in",
    "roof_type",
    "homeowner",
    "campaign",
    "channel",
    "created_at",
    "updated_at",
    "source_id",
];

/// Where a key goes in a template's bytes.
#[derive(Debug, Clone, Copy)]
enum Patch {
    Shard,
    Key,
    Id,
    Created,
}

/// The JSON of one template, for a certain set of attributes.
#[derive(Debug, Default)]
pub struct Template {
    bytes: Vec<u8>,
    patches: Vec<(usize, Patch)>,
}

impl Template {
    /// Appends the item at `place`.
    pub fn append(&self, place: u64, key_text: &str, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.bytes);
        let key = key_text.as_bytes();
        for (at, patch) in &self.patches {
            let at = from + at;
            match patch {
                Patch::Shard => out[at] = b'0' + u8::try_from(place % SHARDS).unwrap_or(0),
                Patch::Key => out[at..at + 40].copy_from_slice(key),
                Patch::Id => out[at..at + 15].copy_from_slice(&key[25..]),
                Patch::Created => out[at..at + 24].copy_from_slice(&key[..24]),
            }
        }
    }
}

/// The templates with these attributes of their items; all of them if none are named.
pub fn templates(wanted: Option<&[String]>) -> Vec<Template> {
    (0..TEMPLATES)
        .map(|number| {
            let mut template = Template::default();
            template.bytes.push(b'{');
            let mut any = false;
            for (name, value, patch) in attributes(number) {
                if wanted.is_some_and(|wanted| !wanted.iter().any(|known| known == name)) {
                    continue;
                }
                if any {
                    template.bytes.push(b',');
                }
                any = true;
                template
                    .bytes
                    .extend_from_slice(format!("\"{name}\":").as_bytes());
                if let Some((offset, patch)) = patch {
                    template
                        .patches
                        .push((template.bytes.len() + offset, patch));
                }
                template.bytes.extend_from_slice(value.as_bytes());
            }
            template.bytes.push(b'}');
            template
        })
        .collect()
}

/// Cells that files break on.
const HOSTILE: [&str; 10] = [
    "=HYPERLINK(\"http://x\",\"y\")",
    "+49 (30) 901820",
    "-2+3 cmd|' /C calc'!A0",
    "@SUM(A1:A9)",
    "say \"hello\", twice",
    "first line\r\nsecond line",
    "Łódź, Żółć",
    "名前；山田",
    "tab\there",
    "😀 emoji, and a comma",
];
const STREETS: [&str; 6] = [
    "Maple Street",
    "Oak Avenue",
    "Elm Boulevard, Suite 12",
    "Washington Road",
    "Lakeview Drive",
    "Sunset Lane",
];
const CITIES: [(&str, &str); 6] = [
    ("Springfield", "IL"),
    ("Portland", "OR"),
    ("Austin", "TX"),
    ("São Paulo", "SP"),
    ("Zürich", "ZH"),
    ("Columbus", "OH"),
];
const FIRST: [&str; 8] = [
    "Jane",
    "Robert",
    "Zoë",
    "Miguel",
    "Anneliese",
    "Li",
    "Oluwaseun",
    "François",
];
const LAST: [&str; 8] = [
    "Doe",
    "O'Connor",
    "Müller-Lüdenscheidt",
    "García",
    "Smith",
    "Wang",
    "Adeyemi",
    "Lefèvre",
];
const STATUS: [&str; 10] = [
    "active",
    "sold",
    "active",
    "duplicate",
    "active",
    "Sold",
    "rejected",
    "active",
    "ACTIVE",
    "sold",
];

fn text(value: &str) -> String {
    format!("{{\"S\":{}}}", serde_json::Value::from(value))
}

/// An attribute: its name, its value's JSON, and what of a key goes where in that.
type Attributes = Vec<(&'static str, String, Option<(usize, Patch)>)>;

/// The attributes of the template `number`, at most 21.
fn attributes(number: u64) -> Attributes {
    // A small generator of our own: the leads are the same on every machine.
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let (first, last) = (FIRST[next(8)], LAST[next(8)]);
    let (city, state_name) = CITIES[next(6)];
    // One lead in four holds what files break on.
    let hostile = HOSTILE[next(10)];
    let spoiled = next(4) == 0;
    let shown = if spoiled { hostile } else { first };
    let mail = format!(
        "{}.{}{number}@example.com",
        first.to_lowercase(),
        next(1000)
    );
    let zeros = |length: usize| "0".repeat(length);
    let mut all = vec![
        (
            "PK",
            text(&format!("{ORG}#{SOURCE}#0")),
            Some((6 + ORG.len() + SOURCE.len() + 2, Patch::Shard)),
        ),
        ("SK", text(&zeros(40)), Some((6, Patch::Key))),
        (
            "ID_PK",
            text(&format!("{ORG}#{}", zeros(15))),
            Some((6 + ORG.len() + 1, Patch::Id)),
        ),
        ("lead_id", text(&zeros(15)), Some((6, Patch::Id))),
        ("created_at", text(&zeros(24)), Some((6, Patch::Created))),
        (
            "updated_at",
            text(&format!(
                "2024-03-{:02}T10:20:{:02}.000Z",
                2 + next(27),
                next(60)
            )),
            None,
        ),
        ("status", text(STATUS[next(10)]), None),
        ("first_name", text(shown), None),
        ("last_name", text(last), None),
        ("email", text(&mail), None),
        (
            "emails",
            format!(
                "{{\"L\":[{},{}]}}",
                text(&mail),
                text(&format!("{}@work.example", next(100_000)))
            ),
            None,
        ),
        (
            "phone",
            text(&format!("+1 (555) 0{:02}-{:04}", next(100), next(10_000))),
            None,
        ),
        (
            "address",
            text(&format!("{} {}", 1 + next(9999), STREETS[next(6)])),
            None,
        ),
        ("city", text(city), None),
        ("state", text(state_name), None),
        ("zip", text(&format!("{:05}", next(100_000))), None),
        ("country", text("US"), None),
        (
            "annual_income",
            format!("{{\"N\":\"{}\"}}", 20_000 + next(180_000)),
            None,
        ),
        ("opted_in", format!("{{\"BOOL\":{}}}", next(2) == 0), None),
        (
            "homeowner",
            format!(
                "{{\"L\":[{}]}}",
                text(if next(3) == 0 { "No" } else { "Yes" })
            ),
            None,
        ),
    ];
    // In one lead of ten a value is missing.
    if next(10) == 0 {
        let gone = 11 + next(5);
        all.remove(gone);
    }
    let words = if spoiled {
        hostile
    } else {
        "asked for a quote by phone"
    };
    all.push(("details", details(next(100), words), None));
    all
}

/// A map with a map, a number, a list and a text in it, as DynamoDB gives it: in no order.
fn details(score: usize, words: &str) -> String {
    let (source, medium) = (text("newsletter"), text("email"));
    let (roof, solar, words) = (text("roof"), text("solar"), text(words));
    format!(
        "{{\"M\":{{\"utm\":{{\"M\":{{\"source\":{source},\"medium\":{medium}}}}},\"score\":{{\"N\":\"{score}\"}},\"tags\":{{\"L\":[{roof},{solar}]}},\"words\":{words}}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_are_of_the_size_that_was_promised() {
        let mut bytes = Vec::new();
        for (place, template) in (0..).zip(templates(None)) {
            template.append(place, &key(place), &mut bytes);
            assert!(attributes(place).len() <= 21);
            let item: serde_json::Value =
                serde_json::from_slice(&bytes[bytes.len() - template.bytes.len()..]).unwrap();
            assert_eq!(item["SK"]["S"], key(place));
            assert_eq!(item["PK"]["S"], format!("acme#canned#{}", place % SHARDS));
            assert_eq!(item["lead_id"]["S"], id(place));
            assert_eq!(item["ID_PK"]["S"], format!("acme#{}", id(place)));
        }
        let average = bytes.len() / 1000;
        assert!((850..=990).contains(&average), "{average}");
    }

    #[test]
    fn places_are_found_by_any_key() {
        assert_eq!(first_from("", 100), 0);
        assert_eq!(first_from(&key(17), 100), 17);
        assert_eq!(first_from(&format!("{}x", key(17)), 100), 18);
        assert_eq!(first_from("9", 100), 100);
    }
}
