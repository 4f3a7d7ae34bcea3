//! Files of our own come back as they were.

use super::*;
use bytes::Bytes;
use lead_export_core::csv::{Encoder, attributes};
use lead_export_core::fields::Column;
use lead_export_core::format::{Format, Header, Profile};
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::value::push_lead;

/// The file of these leads with all columns.
fn export(source: &Source, leads: &[Lead], format: &Format) -> Vec<u8> {
    let columns: Vec<Column> = source
        .fields()
        .into_iter()
        .map(|field| Column {
            given: false,
            header: match format.header {
                Header::Labels => field.label,
                _ => field.key.clone(),
            },
            key: field.key,
            kind: field.kind,
        })
        .collect();
    let slots = Slots::new(attributes(&columns));
    let mut builder = PageBuilder::new(Bytes::new(), &slots);
    for lead in leads {
        push_lead(&mut builder, &slots, lead);
    }
    let page = builder.finish();
    let mut encoder = Encoder::new(&columns, format, &slots, &source.id).unwrap();
    let mut file = Vec::new();
    encoder.header(&mut file);
    for index in 0..leads.len() {
        encoder.row(&page.row(index), &mut file);
    }
    file
}

const TEXTS: [&str; 12] = [
    "=1+1",
    "'=1+1",
    "''=x",
    "-5",
    "+1 555 0100",
    "@a",
    " =x",
    "'plain",
    "00123",
    "1E5",
    "a \"b\", c",
    "two\r\nlines",
];

#[tokio::test]
async fn files_of_all_profiles_and_headers_read_back() {
    for profile in [
        Profile::Standard,
        Profile::Tsv,
        Profile::Excel,
        Profile::ExcelSemicolon,
    ] {
        for header in [Header::Keys, Header::Labels] {
            let scene = Scene::with_fields().await;
            let mut source = scene.source().await;
            source.custom.push(CustomField {
                key: "evil".into(),
                label: "=Evil".into(),
                kind: CustomKind::Text,
                options: vec![],
            });
            scene.depot.put_source(&source).await.unwrap();
            let leads: Vec<Lead> = TEXTS
                .iter()
                .enumerate()
                .map(|(index, text)| Lead {
                    id: lead_export_core::lead::LeadId::parse(format!("'=id {index}")).unwrap(),
                    created_at: Instant::parse("2026-01-02T03:04:05.000Z").unwrap(),
                    values: values(&[
                        ("first_name", (*text).into()),
                        ("remark", (*text).into()),
                        ("evil", (*text).into()),
                        ("phone", "+1 (555) 010-0100".into()),
                        // As a reader of the file sees them: a name and the first mail are shown even if they are not stored.
                        ("name", (*text).into()),
                        ("phones", list(&["+1 (555) 010-0100"])),
                        ("income", number("-12.50")),
                        ("campaign", list(&["=a", "b"])),
                        ("opted_in", Value::Bool(false)),
                        ("birthday", "2000-01-01".into()),
                    ]),
                })
                .collect();
            let format = Format {
                profile,
                header,
                ..Format::default()
            };
            let file = export(&source, &leads, &format);
            let mut again = Scene::with_fields().await;
            again.time_zone = Some("UTC".into());
            again.depot.put_source(&source).await.unwrap();
            let read = again.leads(&file).await;
            let text = String::from_utf8_lossy(&file);
            assert_eq!(read.len(), leads.len(), "{text}");
            for lead in &leads {
                assert!(
                    read.contains(lead),
                    "{profile:?} {header:?} {lead:#?}\n{text}"
                );
            }
            assert_eq!(again.source().await.custom, source.custom);
        }
    }
}

#[tokio::test]
async fn guards_come_off_a_file_with_ids_even_if_its_fields_are_not_known_yet() {
    let scene = Scene::new();
    let leads = scene.leads("Lead ID,'=Evil\n'=1,'=2\n").await;
    assert_eq!(
        (leads[0].id.as_str(), &leads[0].values),
        ("=1", &values(&[("evil", "=2".into())]))
    );
    assert_eq!(scene.source().await.custom[0].label, "=Evil");
}

#[tokio::test]
async fn others_files_are_taken_as_they_stand() {
    let scene = Scene::new();
    let leads = scene.leads("Reference,Remark,City\nx,'=1,'-1\n").await;
    assert_eq!(
        leads[0].values,
        values(&[
            ("reference", "x".into()),
            ("remark", "'=1".into()),
            ("city", "'-1".into())
        ])
    );
}
