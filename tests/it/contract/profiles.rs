//! The file, byte for byte, in each profile, header mode and zone; its name and type.

use lead_export_core::access::Role;
use lead_export_core::fields::{CustomField, CustomKind};
use lead_export_core::lead::Value;
use serde_json::{Value as Json, json};

use crate::util::{World, lead, list, text};

const PLAIN: &str =
    "l-1,'=1+1,\"a, b\",+1 (555) 010-0001,00501,49999.5,2026-03-31,2026-01-01T00:00:01.000Z";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn each_profile_header_and_zone_gives_its_bytes_name_and_type() {
    let world = World::start().await;
    let custom = |key: &str, label: &str, kind| CustomField {
        key: key.into(),
        label: label.into(),
        kind,
        options: vec![],
    };
    let source = world
        .source("home", |source| {
            source.custom = vec![
                custom("income", "Income; yearly", CustomKind::Number),
                custom("since", "-Since", CustomKind::Date),
            ];
        })
        .await;
    world.grant("acme", "alice", "home", Role::Exporter).await;
    let values = [
        ("name", text("=1+1")),
        ("emails", list(&["a", "b"])),
        ("phone", text("+1 (555) 010-0001")),
        ("zip", text("00501")),
        ("income", Value::Number("49999.5".into())),
        ("since", text("2026-03-31")),
    ];
    world.load(&source, &[lead("l-1", 1, &values)]).await;
    let keys = "lead_id,name,emails,phone,zip,income,since,created_at";
    let labels = "Lead ID,Name,Email(s),Phone,Postal Code,Income; yearly,'-Since,Created At";
    let excel = "l-1,'=1+1,\"a, b\",\"=\"\"+1 (555) 010-0001\"\"\",\"=\"\"00501\"\"\",49999.5,2026-03-31,2026-01-01 00:00:01";
    let semicolon = "l-1;'=1+1;a, b;\"=\"\"+1 (555) 010-0001\"\"\";\"=\"\"00501\"\"\";49999,5;2026-03-31;2026-01-01 00:00:01";
    let csv = "text/csv; charset=utf-8";
    let tsv = "text/tab-separated-values; charset=utf-8";
    for (format, header, row, extension, kind) in [
        (json!({}), keys.to_owned(), PLAIN.to_owned(), ".csv", csv),
        (
            json!({"header": "labels"}),
            labels.to_owned(),
            PLAIN.to_owned(),
            ".csv",
            csv,
        ),
        (
            json!({"profile": "raw"}),
            keys.to_owned(),
            PLAIN.replace("'=", "="),
            ".csv",
            csv,
        ),
        (
            json!({"profile": "excel"}),
            format!("\u{feff}{keys}"),
            excel.to_owned(),
            ".csv",
            csv,
        ),
        (
            json!({"profile": "excel-semicolon", "header": "labels"}),
            format!(
                "\u{feff}{}",
                labels
                    .replace("Income; yearly", "\"Income# yearly\"")
                    .replace([',', '#'], ";")
            ),
            semicolon.to_owned(),
            ".csv",
            csv,
        ),
        (
            json!({"profile": "tsv"}),
            keys.replace(',', "\t"),
            PLAIN
                .replace("\"a, b\"", "a# b")
                .replace(',', "\t")
                .replace('#', ","),
            ".tsv",
            tsv,
        ),
        (
            json!({"time_zone": "Asia/Kathmandu"}),
            keys.to_owned(),
            PLAIN.replace("00:00:01.000Z", "05:45:01.000+05:45"),
            ".csv",
            csv,
        ),
    ] {
        let body = json!({
            "fields": ["lead_id", "name", "emails", "phone", "zip", "income", "since", "created_at"],
            "format": format,
        });
        let asked = world.request("alice", "home", &body).await;
        let id = asked["id"].as_str().unwrap();
        let export = world.ended("alice", id).await;
        let file = String::from_utf8(world.download("alice", id).await).unwrap();
        assert_eq!(file, format!("{header}\r\n{row}\r\n"), "{format}");
        let name = export["file_name"].as_str().unwrap();
        assert!(
            name.starts_with("home_20") && name.ends_with(extension),
            "{name}"
        );
        let call = world.call(
            "alice",
            reqwest::Method::GET,
            &format!("/exports/{id}/download"),
        );
        let call = call.header("accept", "application/json").send().await;
        let link: Json = call.unwrap().json().await.unwrap();
        let answer = reqwest::get(link["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], kind, "{format}");
        // What was chosen is recorded, what was not has its default.
        let mut expected = json!({"profile": "standard", "header": "keys", "time_zone": "UTC", "compression": "none"});
        for (member, value) in format.as_object().unwrap() {
            expected[member] = value.clone();
        }
        assert_eq!(export["format"], expected);
    }
    let none = json!({"fields": ["lead_id", "name"], "format": {"header": "none"}, "filters": {"status": ["none"]}});
    let asked = world.request("alice", "home", &none).await;
    let export = world.ended("alice", asked["id"].as_str().unwrap()).await;
    assert_eq!(
        (&export["lead_count"], &export["size_bytes"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(export["status"], "completed");
    world.stop().await;
}
