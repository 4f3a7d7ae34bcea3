//! The law of previews: an exact one is what the file turns out to be.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Asked, json};

use super::*;
use crate::fields::Source;
use crate::filter::laws::made;
use crate::format::{Compression, Header, Profile};
use crate::lead::{Lead, LeadId};
use crate::record::Export;
use crate::request::RequestError;
use crate::world::{LONG, org, source_id};

/// A world whose source has fields of each kind and these leads; and an export requested amid them.
fn world(leads: Vec<Lead>, page_leads: usize) -> (World, String) {
    let world = World::new(0);
    world.leads.set_page_leads(page_leads);
    world.sources.put_source(Source {
        org: org(),
        id: source_id(),
        shards: 3,
        ..crate::filter::tests::source()
    });
    for (number, lead) in leads.into_iter().enumerate() {
        let id = LeadId::parse(format!("l{number}")).unwrap();
        world.put_lead(Lead { id, ..lead });
    }
    let set = |text: &str| world.clock.0.set(Instant::parse(text).unwrap());
    set("2026-03-01T00:00:00.000Z");
    let first = world.request("{}").to_string();
    set("2027-01-01T00:00:00.000Z");
    (world, first)
}

fn body() -> impl Strategy<Value = Asked> {
    let fields = subsequence(
        vec![
            "lead_id",
            "name",
            "phones",
            "annual_income",
            "opted_in",
            "moved_in",
            "note",
            "created_at",
        ],
        1..5,
    );
    (
        of(made::filters()),
        of(fields),
        of(1u64..12),
        select(vec!["created_at", "-created_at"]),
        select(vec!["standard", "raw", "excel", "excel-semicolon", "tsv"]),
        select(vec!["keys", "labels", "none"]),
        select(vec!["none", "gzip"]),
    )
        .prop_map(
            |(filters, fields, limit, order, profile, header, compression)| {
                let mut body = json!({
                    "order": order,
                    "limit": limit,
                    "format": {"profile": profile, "header": header, "compression": compression},
                });
                if let Some(filters) = filters {
                    body["filters"] = filters;
                }
                if let Some(fields) = fields {
                    body["fields"] = json!(fields);
                }
                body
            },
        )
}

/// The cells of the file's first rows, by a CSV reader of others.
fn first_rows(world: &World, export: &Export) -> Vec<Vec<String>> {
    let mut file = world.file(export.id());
    let format = &export.plan.format;
    if format.compression == Compression::Gzip {
        let packed = std::mem::take(&mut file);
        MultiGzDecoder::new(packed.as_slice())
            .read_to_end(&mut file)
            .unwrap();
    }
    let delimiter = match format.profile {
        Profile::ExcelSemicolon => b';',
        Profile::Tsv => b'\t',
        _ => b',',
    };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader
        .delimiter(delimiter)
        .has_headers(format.header != Header::None)
        .from_reader(file.as_slice());
    let cells = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader
        .records()
        .take(5)
        .map(|row| cells(row.unwrap()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn exact_preview_is_what_the_file_turns_out_to_be(
        leads in vec(made::lead(), 0..40), mut body in body(), page_leads in 1usize..9,
    ) {
        let (world, first) = world(leads, page_leads);
        if body["filters"].get("since_export").is_some() {
            body["filters"]["since_export"] = json!(first);
        }
        let body = body.to_string();
        let found = world.drive(world.preview_export().preview(&principal(), "crm", body.as_bytes())).unwrap();
        let found = match (found, world.ask(None, &body).unwrap()) {
            (Ok(found), Ok(_)) => found,
            (Err(PreviewError::Invalid(one)), Err(RequestError::Invalid(other))) => {
                prop_assert_eq!(one, other);
                return Ok(());
            }
            (found, asked) => panic!("{found:?}, but {asked:?}"),
        };
        let newest = world.exports.all().into_iter().find(|export| export.id().to_string() != first);
        let id = newest.unwrap().id();
        world.run(id, LONG).unwrap().unwrap();
        let export = world.export(id);
        prop_assert!(found.exact);
        prop_assert_eq!(Some(found.lead_count), export.head.lead_count, "{}", body);
        prop_assert_eq!(Some(found.size_bytes), export.head.file.as_ref().map(|file| file.size_bytes));
        prop_assert_eq!(&found.columns, &export.plan.columns);
        prop_assert_eq!(&found.warnings, &export.head.warnings);
        prop_assert_eq!(&found.rows, &first_rows(&world, &export));
        // What stands for the body gives the same.
        let again = format!(r#"{{"again": "{id}"}}"#);
        prop_assert_eq!(world.preview(&again), found);
    }
}
