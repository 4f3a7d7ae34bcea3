//! The schemas against the readers and writers that they describe.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::access::Role;
use crate::ask::Asked;
use crate::fields::{Attribute, CustomField, CustomKind, Group, Kind, Source};
use crate::input::Fault;
use crate::lead::{OrgId, SourceId};
use crate::record::{Delivery, FailureCode, Warning};
use crate::time::Instant;

fn source() -> Source {
    let custom = |key: &str, kind: CustomKind| CustomField {
        key: key.into(),
        label: key.to_uppercase(),
        kind,
        options: vec!["tile".into(), "slate".into()],
    };
    Source {
        org: OrgId::parse("acme").unwrap(),
        id: SourceId::parse("crm").unwrap(),
        name: String::new(),
        time_zone: "America/New_York".into(),
        people: true,
        shards: 8,
        lead_count: None,
        custom: vec![
            custom("a_text", CustomKind::Text),
            custom("a_number", CustomKind::Number),
            custom("a_date", CustomKind::Date),
            custom("a_dropdown", CustomKind::Dropdown),
            custom("a_boolean", CustomKind::Boolean),
        ],
        attributes: vec![Attribute {
            key: "homeowner".into(),
            label: "Homeowner".into(),
        }],
    }
}

fn read(body: &Value) -> Result<Asked, crate::input::InvalidRequest> {
    let now = Instant::from_millis(1_763_779_380_000);
    Asked::parse(body.to_string().as_bytes(), &source(), now, &|_| Some(now))
}

/// A validator of one schema, with the others beside it.
fn validator(name: &str) -> jsonschema::Validator {
    let mut schema = named(name);
    schema["components"] = json!({ "schemas": schemas() });
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The names by which the reader knows members at `path`, as it says itself when it meets one that it does not know.
fn known(path: &[&str], body: &Value) -> BTreeSet<String> {
    let at = [path, &["no_such_member"]]
        .concat()
        .join(".")
        .replace(".[", "[");
    let error = read(body).unwrap_err();
    let told = error.errors.iter().find(|error| error.field == at);
    let message = &told.unwrap_or_else(|| panic!("{at}: {error}")).message;
    let (_, names) = message.split_once("known are ").unwrap();
    // Those that the body names are known too.
    names.split(", ").map(str::to_owned).collect()
}

fn described(schema: &Value) -> BTreeSet<String> {
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn members_of_requests_are_those_that_are_read() {
    let unknown = || json!({ "no_such_member": 1 });
    let all = schemas();
    let request = &all["ExportRequest"];
    let contact = &all["ContactFilters"];
    let cases: [(&[&str], Value, &Value); 17] = [
        (&[], unknown(), request),
        (
            &["filters"],
            json!({ "filters": unknown() }),
            &all["Filters"],
        ),
        (
            &["format"],
            json!({ "format": unknown() }),
            &all["FormatRequest"],
        ),
        (
            &["notify"],
            json!({ "notify": unknown() }),
            &request["properties"]["notify"],
        ),
        (
            &["fields", "[0]"],
            json!({ "fields": [unknown()] }),
            &all["Column"]["anyOf"][1],
        ),
        (
            &["filters", "created"],
            json!({ "filters": { "created": unknown() } }),
            &all["InstantRange"],
        ),
        (
            &["filters", "updated"],
            json!({ "filters": { "updated": unknown() } }),
            &all["InstantRange"],
        ),
        (
            &["filters", "custom", "a_number"],
            json!({ "filters": { "custom": { "a_number": unknown() } } }),
            &all["NumberRange"],
        ),
        (
            &["filters", "custom", "a_date"],
            json!({ "filters": { "custom": { "a_date": unknown() } } }),
            &all["DayRange"],
        ),
        (
            &["filters", "contact"],
            json!({ "filters": { "contact": unknown() } }),
            contact,
        ),
        (
            &["filters", "account"],
            json!({ "filters": { "account": unknown() } }),
            &all["AccountFilters"],
        ),
        (
            &["filters", "contact", "education"],
            json!({ "filters": { "contact": { "education": unknown() } } }),
            &contact["properties"]["education"],
        ),
        (
            &["filters", "contact", "experience"],
            json!({ "filters": { "contact": { "experience": unknown() } } }),
            &contact["properties"]["experience"],
        ),
        (
            &["filters", "contact", "experience", "previous"],
            json!({ "filters": { "contact": { "experience": { "previous": unknown() } } } }),
            &contact["properties"]["experience"]["properties"]["previous"],
        ),
        (
            &["filters", "contact", "skill"],
            json!({ "filters": { "contact": { "skill": unknown() } } }),
            &all["MatchedFilter"],
        ),
        (
            &["filters", "account", "industry"],
            json!({ "filters": { "account": { "industry": unknown() } } }),
            &all["PlainFilter"],
        ),
        (
            &["filters", "account", "revenue"],
            json!({ "filters": { "account": { "revenue": unknown() } } }),
            &all["RangeFilter"],
        ),
    ];
    for (path, body, schema) in cases {
        assert_eq!(known(path, &body), described(schema), "{path:?}");
    }
}

#[test]
fn what_is_at_its_limit_is_accepted_by_both_and_beyond_it_by_neither() {
    let validator = validator("ExportRequest");
    let long = |length: usize| "x".repeat(length);
    let many = |count: usize| vec!["active"; count];
    for (body, good) in [
        (json!({}), true),
        (json!({ "limit": null }), true),
        (json!({ "limit": 1 }), true),
        (json!({ "limit": u64::MAX }), true),
        (json!({ "limit": 0 }), false),
        (json!({ "limit": 1.5 }), false),
        (json!({ "limit": "1" }), false),
        (json!({ "order": "-created_at" }), true),
        (json!({ "order": "name" }), false),
        (json!({ "fields": [] }), false),
        (
            json!({ "fields": ["email", { "key": "phone", "header": long(limits::HEADER_CHARS) }] }),
            true,
        ),
        (
            json!({ "fields": [{ "key": "phone", "header": long(limits::HEADER_CHARS + 1) }] }),
            false,
        ),
        (
            json!({ "fields": [{ "key": "phone", "header": "" }] }),
            false,
        ),
        (json!({ "fields": [{ "key": "phone" }] }), false),
        (json!({ "fields": [1] }), false),
        (json!({ "filters": null }), false),
        (
            json!({ "filters": { "search": long(limits::SEARCH_CHARS) } }),
            true,
        ),
        (
            json!({ "filters": { "search": long(limits::SEARCH_CHARS + 1) } }),
            false,
        ),
        (json!({ "filters": { "search": "" } }), false),
        (
            json!({ "filters": { "status": many(limits::FILTER_VALUES) } }),
            true,
        ),
        (
            json!({ "filters": { "status": many(limits::FILTER_VALUES + 1) } }),
            false,
        ),
        (json!({ "filters": { "status": [] } }), false),
        (json!({ "filters": { "status": [""] } }), false),
        (json!({ "filters": { "status": "active" } }), false),
        (
            json!({ "filters": { "attributes": { "homeowner": true, "Homeowner": ["Yes"] } } }),
            true,
        ),
        (
            json!({ "filters": { "attributes": { "homeowner": "Yes" } } }),
            false,
        ),
        (
            json!({ "filters": { "custom": { "a_number": { "min": 1.5 }, "a_boolean": false } } }),
            true,
        ),
        (
            json!({ "filters": { "custom": { "a_number": { "min": "1" } } } }),
            false,
        ),
        (
            json!({ "filters": { "custom": { "a_date": { "from": "2026-01-01" } } } }),
            true,
        ),
        (
            json!({ "filters": { "has": ["email"], "lacks": ["phone"], "contact": {}, "account": {} } }),
            true,
        ),
        (json!({ "filters": { "since_export": "" } }), false),
        (json!({ "notify": { "email": true } }), true),
        (json!({ "notify": { "email": "yes" } }), false),
        (
            json!({ "format": { "profile": "excel-semicolon", "header": "labels", "compression": "gzip" } }),
            true,
        ),
        (json!({ "format": { "profile": "word" } }), false),
        (json!([]), false),
    ] {
        assert_eq!(read(&body).is_ok(), good, "read: {body}");
        assert_eq!(validator.is_valid(&body), good, "described: {body}");
    }
}

/// That the service refuses both at once is tested where they are filled in (`presets`).
#[test]
fn a_preset_and_an_export_stand_for_a_body_one_at_a_time() {
    let validator = validator("ExportRequest");
    for (body, good) in [
        (json!({ "preset": "weekly", "limit": 5 }), true),
        (json!({ "again": "6f1c", "limit": 5 }), true),
        (json!({ "preset": "weekly", "again": "6f1c" }), false),
    ] {
        assert_eq!(validator.is_valid(&body), good, "{body}");
    }
}

/// JSON of the names that requests use, at any place.
fn bodies() -> impl Strategy<Value = Value> {
    let word = proptest::sample::select(vec![
        "",
        "*",
        "email",
        "phone",
        "active",
        "created_at",
        "-created_at",
        "excel",
        "keys",
        "none",
        "gzip",
        "UTC",
        "tile",
        "2026-01-01",
        "2026-03-01T00:00:00Z",
        "homeowner",
        "x",
    ]);
    let leaf = prop_oneof![
        4 => word.prop_map(|word| json!(word)),
        1 => any::<bool>().prop_map(|value| json!(value)),
        2 => (-2i64..70_000).prop_map(|value| json!(value)),
        1 => (-4.0f64..4.0).prop_map(|value| json!(value)),
        1 => Just(Value::Null),
    ];
    let name = proptest::sample::select(vec![
        "filters",
        "fields",
        "order",
        "limit",
        "format",
        "notify",
        "email",
        "status",
        "created",
        "updated",
        "attributes",
        "search",
        "custom",
        "has",
        "lacks",
        "since_export",
        "time_zone",
        "contact",
        "account",
        "from",
        "to",
        "min",
        "max",
        "profile",
        "header",
        "compression",
        "key",
        "a_text",
        "a_number",
        "a_date",
        "a_dropdown",
        "a_boolean",
        "homeowner",
        "Homeowner",
        "other",
    ]);
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => proptest::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()),
        ]
    })
}

/// A body whose members are likely of the right kind: the generator above alone seldom gets past the first member.
fn likely() -> impl Strategy<Value = Value> {
    let member = |name: &'static str, good: Vec<Value>| {
        let good = proptest::sample::select(good);
        let value = prop_oneof![6 => good, 1 => bodies()];
        proptest::option::of(value)
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let gathered = |members: Vec<Option<(String, Value)>>| -> Value {
        members.into_iter().flatten().collect()
    };
    let filters = [
        member("status", vec![json!(["active"]), json!(["a", "b"])]),
        member("created", vec![json!({ "from": "2026-01-01" }), json!({})]),
        member(
            "attributes",
            vec![
                json!({ "homeowner": true }),
                json!({ "Homeowner": ["Yes"] }),
            ],
        ),
        member(
            "custom",
            vec![
                json!({ "a_number": { "min": 1, "max": 2.5 } }),
                json!({ "a_boolean": true }),
            ],
        ),
        member("has", vec![json!(["email", "phone"])]),
        member("time_zone", vec![json!("Asia/Tokyo")]),
    ];
    let filters = Vec::from(filters).prop_map(gathered);
    let all = (
        proptest::option::of(filters),
        Vec::from([
            member(
                "fields",
                vec![
                    json!(["email", "*"]),
                    json!([{ "key": "phone", "header": "Mobile" }]),
                ],
            ),
            member("order", vec![json!("created_at")]),
            member("limit", vec![json!(1), json!(5000), Value::Null]),
            member(
                "format",
                vec![json!({ "profile": "tsv" }), json!({ "time_zone": "UTC" })],
            ),
            member("notify", vec![json!({ "email": false })]),
        ]),
    );
    all.prop_map(move |(filters, mut members)| {
        members.push(filters.map(|filters| ("filters".to_owned(), filters)));
        gathered(members)
    })
}

proptest! {
    /// Whatever is accepted is described; whatever is described is at least of the right types.
    #[test]
    fn readers_and_schemas_agree(body in prop_oneof![likely(), bodies()]) {
        use std::sync::LazyLock;
        static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("ExportRequest"));
        let described = VALIDATOR.is_valid(&body);
        match read(&body) {
            Ok(_) => prop_assert!(described, "accepted and not described: {}", body),
            Err(error) => prop_assert!(
                !described || error.fault == Fault::Refused,
                "described and of a wrong type: {}: {}", body, error
            ),
        }
    }
}

/// A variant that is added does not compile here before it is listed there.
#[test]
fn every_variant_is_listed() {
    let of = |schema: &Value| schema["enum"].as_array().unwrap().len();
    let kinds = answer::KINDS.map(|kind| match kind {
        Kind::Id | Kind::Derived | Kind::Text | Kind::List | Kind::Phone | Kind::Phones => 6,
        Kind::Number | Kind::Instant | Kind::Date | Kind::Dropdown | Kind::Boolean => 5,
    });
    assert_eq!(
        (of(&one_of(&answer::KINDS)), kinds[0] + kinds[10]),
        (11, 11)
    );
    let groups = answer::GROUPS.map(|group| match group {
        Group::System
        | Group::Person
        | Group::Company
        | Group::Custom
        | Group::Attribute
        | Group::Metadata => 6,
    });
    assert_eq!(groups.len(), groups[0]);
    let roles = answer::ROLES.map(|role| match role {
        Role::Viewer | Role::Exporter | Role::Admin => 3,
    });
    assert_eq!(roles.len(), roles[0]);
    let deliveries = answer::DELIVERIES.map(|delivery| match delivery {
        Delivery::File | Delivery::Inline => 2,
    });
    assert_eq!(deliveries.len(), deliveries[0]);
    let failures = answer::FAILURES.map(|code| match code {
        FailureCode::AccessRevoked
        | FailureCode::SourceGone
        | FailureCode::TooLarge
        | FailureCode::TimeLimit
        | FailureCode::StorageDenied
        | FailureCode::UnreadableLead
        | FailureCode::Internal => 7,
    });
    assert_eq!(failures.len(), failures[0]);
    let warnings = answer::WARNINGS.map(|warning| match warning {
        Warning::ExcelRows | Warning::ExcelCell => 2,
    });
    assert_eq!(warnings.len(), warnings[0]);
    for listed in [of(&one_of(&answer::FAILURES)), of(&one_of(&answer::ROLES))] {
        assert!(listed > 2);
    }
}

/// The file that others read. `UPDATE_SCHEMAS=1 cargo test -p lead-export-core schema` writes it.
#[test]
fn schema_of_events_is_the_file() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../events/export-ended.schema.json"
    );
    let made = serde_json::to_string_pretty(&event()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), made);
    jsonschema::draft202012::meta::validate(&event()).unwrap();
}

/// The schema with every object closed: a member that it does not name would be one that nobody described.
pub(crate) fn closed(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut members: Map<String, Value> = members
                .into_iter()
                .map(|(name, value)| (name, closed(value)))
                .collect();
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(members)
        }
        Value::Array(items) => items.into_iter().map(closed).collect(),
        other => other,
    }
}
