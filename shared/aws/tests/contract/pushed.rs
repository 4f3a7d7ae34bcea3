//! What a filter that is pushed down saves, and what it does not.

use std::collections::BTreeMap;

use lead_export_aws::lead_writer::DynamoLeadWriter;
use lead_export_aws::leads::DynamoLeads;
use lead_export_core::filter::{Condition, Filter, Pushed};
use lead_export_core::lead::{Lead, LeadId, LeadKey, OrgId, SourceId, Value};
use lead_export_core::page::Slots;
use lead_export_core::ports::{LeadSource as _, PageQuery};
use lead_export_core::time::Instant;

use crate::Tables;

/// What reading a shard came to.
#[derive(Debug, Default)]
struct Came {
    leads: usize,
    pages: usize,
    empty: usize,
    scanned: u64,
    /// Bytes that pages hold: those that came, and where in them the cells are.
    held: usize,
    read_bytes: u64,
}

async fn read(leads: &DynamoLeads, pushed: Vec<Pushed>) -> Came {
    let mut query = PageQuery {
        org: OrgId::parse("acme").unwrap(),
        source: SourceId::parse("crm").unwrap(),
        shard: 0,
        from: LeadKey::before(Instant::MIN),
        to: LeadKey::behind(Instant::MAX),
        after: None,
        descending: false,
        slots: Slots::new(["status", "note"]),
        most: Some(50),
        pushed: pushed.into(),
    };
    let mut read = Came::default();
    loop {
        let page = leads.page(&query).await.unwrap();
        read.leads += page.page.len();
        read.pages += 1;
        read.empty += usize::from(page.page.is_empty());
        read.scanned += page.scanned;
        read.held += page.page.weight();
        read.read_bytes += page.read_bytes;
        let Some(next) = page.next else { return read };
        query.after = Some(next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_that_cannot_match_are_read_and_not_sent() {
    let Tables { client, names } = Tables::start().await;
    let writer = DynamoLeadWriter::new(client.clone(), names.leads.clone());
    let leads = DynamoLeads::new(client, names.leads, true);
    let all: Vec<Lead> = (0..400)
        .map(|number| Lead {
            id: LeadId::parse(format!("l-{number}")).unwrap(),
            created_at: Instant::from_millis(number),
            values: BTreeMap::from([
                (
                    "status".to_owned(),
                    Value::from(if number % 80 == 0 { "Sold" } else { "active" }),
                ),
                ("note".to_owned(), Value::Text("no secret ".repeat(100))),
            ]),
        })
        .collect();
    let (org, source) = (
        OrgId::parse("acme").unwrap(),
        SourceId::parse("crm").unwrap(),
    );
    writer.write(&org, &source, 1, &all).await.unwrap();
    let sold = Condition::AnyOf {
        key: "status".to_owned(),
        values: vec!["sold".to_owned()],
    };
    let whole = read(&leads, Vec::new()).await;
    let thinned = read(&leads, Filter::new(vec![sold]).pushed()).await;
    assert_eq!((whole.leads, whole.scanned), (400, 400));
    assert_eq!((thinned.leads, thinned.scanned), (5, 400));
    assert_eq!((thinned.pages, thinned.empty), (whole.pages, 4));
    assert!(thinned.held * 50 < whole.held, "{thinned:?} of {whole:?}");
    // The table is paid for what it looks at.
    assert_eq!(thinned.read_bytes, whole.read_bytes);
}
