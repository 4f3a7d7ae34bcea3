use super::*;
use crate::fields::{Attribute, Column, CustomField, CustomKind};
use crate::lead::{OrgId, SourceId};
use proptest::prelude::*;
use serde_json::json;

fn source() -> Source {
    let custom = |key: &str, label: &str| CustomField {
        key: key.into(),
        label: label.into(),
        kind: CustomKind::Number,
        options: vec![],
    };
    Source {
        org: OrgId::parse("acme").unwrap(),
        id: SourceId::parse("home-insurance").unwrap(),
        name: "Home insurance".into(),
        time_zone: "America/New_York".into(),
        people: false,
        shards: 4,
        lead_count: None,
        custom: vec![custom("income", "Income"), custom("mail", "Email")],
        attributes: vec![Attribute {
            key: "campaign".into(),
            label: "Email (mail)".into(),
        }],
    }
}

fn at() -> Instant {
    Instant::parse("2026-11-22T02:43:00.250Z").unwrap()
}

pub(super) fn ask(body: &str) -> Result<Asked, InvalidRequest> {
    Asked::parse(body.as_bytes(), &source(), at(), &|_| None)
}

fn columns(body: &serde_json::Value) -> String {
    let plan = ask(&body.to_string()).unwrap().plan;
    let shown = |column: Column| format!("{}={}", column.key, column.header);
    plan.columns
        .into_iter()
        .map(shown)
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn an_empty_request_exports_the_source_as_it_stands() {
    let plan = ask("{}").unwrap().plan;
    assert_eq!(ask("").unwrap().plan, plan);
    assert_eq!(plan.source.as_str(), "home-insurance");
    assert_eq!((plan.shards, plan.requested_at), (4, at()));
    assert_eq!(plan.asked, json!({}));
    assert_eq!(plan.filter, Filter::default());
    assert_eq!((plan.order, plan.limit), (Order::Ascending, None));
    assert_eq!(plan.format, Format::default());
    let keys: Vec<String> = plan
        .columns
        .iter()
        .map(|column| column.key.clone())
        .collect();
    let fields: Vec<String> = source()
        .fields()
        .into_iter()
        .map(|field| field.key)
        .collect();
    assert_eq!(keys, fields);
    assert!(
        plan.columns
            .iter()
            .all(|column| column.header == column.key)
    );
}

#[test]
fn everything_asked_for_is_in_the_plan() {
    let body = json!({
        "filters": {"status": ["sold"], "custom": {"income": {"min": 50000}}},
        "fields": ["email"], "order": "-created_at", "limit": 50000,
        "format": {"profile": "excel-semicolon", "header": "labels", "time_zone": "europe/berlin", "compression": "none"},
        "notify": {"email": false},
    });
    let Asked {
        plan,
        file_name,
        mail,
    } = ask(&body.to_string()).unwrap();
    assert!(!mail);
    assert_eq!(plan.asked, body["filters"]);
    assert_eq!(plan.filter.attributes(), ["status", "income"]);
    assert_eq!((plan.order, plan.limit), (Order::Descending, Some(50_000)));
    assert_eq!(plan.format.profile, Profile::ExcelSemicolon);
    assert_eq!(plan.format.header, Header::Labels);
    assert_eq!(plan.format.time_zone, "Europe/Berlin");
    assert_eq!(file_name, "home-insurance_2026-11-22T03-43-00+0100.csv");
    // Frozen: it is stored and read back as it is.
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    assert!(ask(r#"{"notify":{"email":true}}"#).unwrap().mail);
    // What the record shows can be sent again.
    assert!(ask(r#"{"limit":null,"fields":[{"key":"email","header":"email"}]}"#).is_ok());
}

#[test]
fn a_star_stands_for_the_default_columns_not_named() {
    let all = "lead_id|name|first_name|last_name|email|emails|phone|phones|address|city|state|zip|country|status|income|mail|campaign|created_at|updated_at|source_id";
    let keys = |fields: serde_json::Value| {
        columns(&json!({ "fields": fields }))
            .split('|')
            .map(|column| column.split_once('=').unwrap().0.to_owned())
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(keys(json!(["*"])), all);
    assert_eq!(keys(json!(["email", "lead_id"])), "email|lead_id");
    let rest = all.replace("|email|", "|").replace("|phone|", "|");
    assert_eq!(
        keys(json!(["phone", "*", "email"])),
        format!("phone|{rest}|email")
    );
    let named: Vec<&str> = all.split('|').chain(["*"]).collect();
    assert_eq!(keys(json!(named)), all);
}

#[test]
fn a_given_header_wins_in_every_header_mode() {
    for (header, expected) in [
        ("keys", "phone=Mobile|zip=zip"),
        ("labels", "phone=Mobile|zip=Postal Code"),
        ("none", "phone=Mobile|zip=zip"),
    ] {
        let body = json!({"fields": [{"key": "phone", "header": "Mobile"}, "zip"], "format": {"header": header}});
        assert_eq!(columns(&body), expected);
    }
}

#[test]
fn of_two_equal_labels_the_later_gets_its_key() {
    let labels = json!({"header": "labels"});
    assert_eq!(
        columns(&json!({"fields": ["email", "mail"], "format": labels})),
        "email=Email|mail=Email (mail)"
    );
    assert_eq!(
        columns(&json!({"fields": ["mail", "email"], "format": labels})),
        "mail=Email|email=Email (email)"
    );
    // A label that looks like one made here.
    assert_eq!(
        columns(&json!({"fields": ["campaign", "email", "mail"], "format": labels})),
        "campaign=Email (mail)|email=Email|mail=Email (mail) (mail)"
    );
    assert_eq!(
        columns(&json!({"fields": ["email", "mail", "campaign"], "format": labels})),
        "email=Email|mail=Email (mail)|campaign=Email (mail) (campaign)"
    );
}

#[test]
fn files_are_named_by_source_and_moment() {
    let name = |zone: &str, profile, compression| {
        let format = Format {
            profile,
            time_zone: zone.into(),
            compression,
            ..Format::default()
        };
        file_name(&source(), at(), &format)
    };
    let (none, gzip) = (Compression::None, Compression::Gzip);
    assert_eq!(
        name("UTC", Profile::Standard, none),
        "home-insurance_2026-11-22T02-43-00Z.csv"
    );
    assert_eq!(
        name("America/New_York", Profile::Raw, gzip),
        "home-insurance_2026-11-21T21-43-00-0500.csv.gz"
    );
    assert_eq!(
        name("Asia/Kathmandu", Profile::Tsv, none),
        "home-insurance_2026-11-22T08-28-00+0545.tsv"
    );
    assert_eq!(
        name("UTC", Profile::Tsv, gzip),
        "home-insurance_2026-11-22T02-43-00Z.tsv.gz"
    );
}

fn body() -> impl Strategy<Value = serde_json::Value> {
    let word = proptest::sample::select(vec![
        "*",
        "email",
        "zip",
        "phone",
        "income",
        "mail",
        "campaign",
        "created_at",
        "-created_at",
        "excel",
        "labels",
        "gzip",
        "UTC",
        "Mars",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "9999-12-31",
        "0000-01-01",
        "",
        "x",
    ]);
    let leaf = prop_oneof![
        4 => word.prop_map(|word| json!(word)),
        1 => any::<i64>().prop_map(|value| json!(value)),
        1 => any::<f64>().prop_map(|value| json!(value)),
        1 => any::<bool>().prop_map(|value| json!(value)),
        1 => Just(json!(null)),
        1 => "\\PC{0,8}".prop_map(|value| json!(value)),
    ];
    let name = proptest::sample::select(vec![
        "filters",
        "fields",
        "order",
        "limit",
        "format",
        "notify",
        "preset",
        "again",
        "status",
        "created",
        "updated",
        "from",
        "to",
        "min",
        "max",
        "attributes",
        "custom",
        "search",
        "has",
        "lacks",
        "since_export",
        "contact",
        "account",
        "time_zone",
        "profile",
        "header",
        "compression",
        "key",
        "email",
        "income",
        "mail",
        "campaign",
        "Email (mail)",
        "#",
        ":v0",
        "a.b[0]",
    ]);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
            3 => proptest::collection::btree_map(name.clone(), inner, 0..7).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_is_taken_or_refused(body in body(), filters in body()) {
        for body in [body, json!({ "filters": filters })] {
            match ask(&body.to_string()) {
                Ok(Asked { plan, .. }) => {
                    prop_assert!(!plan.columns.is_empty());
                    let text = serde_json::to_string(&plan).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
                }
                Err(error) => prop_assert!(!error.errors.is_empty()),
            }
        }
    }
}
