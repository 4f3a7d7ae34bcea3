use super::*;
use crate::connection::StackFile;
use crate::depot::{Depot as _, LocalDepot};
use crate::generate::{Generator, Temper, UNTIL, source};
use crate::load::Load;
use lead_export_aws::tables::TableNames;
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId, Value};
use lead_export_core::time::Instant;
use tokio::net::TcpListener;

const SECRET: &str = "k3y";
/// The places of the leads' indexes in their definition.
const BY_ID: usize = 0;
const SAMPLE: usize = 1;

/// The tables and the routes, each on its port.
struct Served {
    file: StackFile,
    database: Database,
}

impl Served {
    async fn start() -> Self {
        Self::over(Database::memory().unwrap()).await
    }

    async fn over(database: Database) -> Self {
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (tables, routes) = (listen().await, listen().await);
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let name = |name: &str| format!("test-{name}");
        let file = StackFile {
            pid: 0,
            url: address(&routes),
            dynamodb: address(&tables),
            s3: String::new(),
            sqs: String::new(),
            events: String::new(),
            access_key: "local".into(),
            secret_key: SECRET.into(),
            region: "us-east-1".into(),
            issuer: String::new(),
            audience: String::new(),
            tables: TableNames {
                leads: name("leads"),
                sources: name("sources"),
                exports: name("exports"),
                audit: name("audit"),
            },
            bucket: String::new(),
            queue_url: String::new(),
        };
        tokio::spawn(dynoxide::server::serve_on(tables, database.clone()));
        let served = router(database.clone(), SECRET);
        tokio::spawn(async move { axum::serve(routes, served).await });
        let client = file.clients().unwrap().dynamodb;
        lead_export_aws::tables::create_all(&client, &file.tables)
            .await
            .unwrap();
        Self { file, database }
    }

    fn depot(&self) -> LocalDepot {
        LocalDepot::new(&self.file).unwrap()
    }

    /// Status and body of a call.
    async fn call(
        &self,
        path: &str,
        key: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let mut call = reqwest::Client::new()
            .post(format!("{}{path}", self.file.url))
            .body(body);
        if let Some(key) = key {
            call = call.header(KEY_HEADER, key);
        }
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// How many entries an index has, all partitions together.
    fn entries(&self, index: usize) -> usize {
        let index = lead_export_aws::tables::LEADS.indexes[index].name;
        let answer = self
            .database
            .scan(dynoxide::actions::scan::ScanRequest {
                table_name: self.file.tables.leads.clone(),
                index_name: Some(index.to_owned()),
                ..Default::default()
            })
            .unwrap();
        answer.count
    }
}

fn crm() -> Source {
    let org = OrgId::parse("acme").unwrap();
    source(&org, &SourceId::parse("crm").unwrap(), "CRM", "UTC").unwrap()
}

fn lead(id: &str, city: &str) -> Lead {
    Lead {
        id: LeadId::parse(id).unwrap(),
        created_at: Instant::from_millis(0),
        values: [("city".to_owned(), Value::from(city))].into(),
    }
}

#[tokio::test]
async fn leads_are_written_replaced_found_and_counted() {
    let served = Served::start().await;
    let (depot, source) = (served.depot(), crm());
    assert!(!depot.holds_any(&source).await.unwrap());
    // More than one call, with one lead in 1 024 in the sample.
    let generator = Generator::new(&source, 7, Instant::from_millis(UNTIL), Temper::Hostile);
    let leads: Vec<Lead> = generator.leads(3000).collect();
    depot.write(&source, &leads).await.unwrap();
    let sampled = leads.iter().filter(|lead| lead.id.is_sampled()).count();
    assert!(sampled > 0);
    assert_eq!(depot.count(&source).await.unwrap(), 3000);
    assert_eq!(
        (served.entries(BY_ID), served.entries(SAMPLE)),
        (3000, sampled)
    );

    // Written over, not beside, in the indexes too.
    let mut changed = leads.clone();
    for lead in &mut changed {
        lead.values = [("city".to_owned(), Value::from("Rome"))].into();
    }
    depot.write(&source, &changed).await.unwrap();
    assert_eq!(depot.count(&source).await.unwrap(), 3000);
    assert_eq!(
        (served.entries(BY_ID), served.entries(SAMPLE)),
        (3000, sampled)
    );
    let ids: Vec<LeadId> = [&changed[0], &changed[2999]]
        .map(|lead| lead.id.clone())
        .into();
    let found = depot.find(&source, &ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&ids[1]], changed[2999]);
}

#[tokio::test]
async fn leads_of_other_sources_are_not_found() {
    let served = Served::start().await;
    let (depot, source) = (served.depot(), crm());
    let mut other = source.clone();
    other.id = SourceId::parse("crm-2").unwrap();
    depot
        .write(&source, &[lead("1", "Rome"), lead("a#b", "Oslo")])
        .await
        .unwrap();
    depot.write(&other, &[lead("1", "Bern")]).await.unwrap();
    let ids = ["1", "2", "a#b"].map(|id| LeadId::parse(id).unwrap());
    let found = depot.find(&source, &ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&ids[0]].values["city"], "Rome".into());
    assert_eq!(found[&ids[2]].values["city"], "Oslo".into());
    assert_eq!(depot.count(&source).await.unwrap(), 2);
    assert!(depot.holds_any(&other).await.unwrap());
}

#[tokio::test]
async fn loading_generated_leads_twice_changes_nothing() {
    let served = Served::start().await;
    let (depot, source) = (served.depot(), crm());
    let generator = Generator::new(&source, 7, Instant::from_millis(UNTIL), Temper::Hostile);
    let leads: Vec<Lead> = generator.leads(2000).collect();
    for start in 0..2 {
        let known = depot.source(&source.org, &source.id).await.unwrap();
        let mut load = Load::begin(
            &depot,
            known.unwrap_or_else(crm),
            Instant::from_millis(start),
        )
        .await
        .unwrap();
        load.put(leads.clone()).await.unwrap();
        let loaded = load.end(true).await.unwrap();
        assert_eq!(
            (loaded.added, loaded.replaced),
            if start == 0 { (2000, 0) } else { (0, 2000) }
        );
    }
    let ids: Vec<LeadId> = leads.iter().map(|lead| lead.id.clone()).collect();
    let found = depot.find(&source, &ids).await.unwrap();
    let touched = Value::Text(Instant::from_millis(1).to_string());
    for lead in &leads {
        assert_ne!(
            found[&lead.id].values.get("updated_at"),
            Some(&touched),
            "{lead:#?}"
        );
    }
    let source = depot
        .source(&source.org, &source.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(source.lead_count, Some(2000));
}

#[tokio::test]
async fn a_call_without_the_key_or_with_bad_items_writes_nothing() {
    let served = Served::start().await;
    let path = "/local/leads?table=test-leads";
    let item = |names: &[&str]| {
        let mut item = wire::Writer::default();
        let value = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        item.sent(
            &names
                .iter()
                .map(|name| ((*name).to_owned(), value("x")))
                .collect(),
        )
        .unwrap();
        item.bytes
    };
    let good = item(&["PK", "SK"]);
    for key in [None, Some("k3x"), Some("k3y1"), Some("")] {
        let (status, body) = served.call(path, key, good.clone()).await;
        assert_eq!(status, 403, "{key:?} {body}");
        assert!(!body.contains(SECRET));
        let (status, _) = served
            .call("/local/leads/find?table=test-leads", key, b"{}".to_vec())
            .await;
        assert_eq!(status, 403);
    }
    for (path, body, expected) in [
        (path, [&good[..], b"junk"].concat(), "item 2"),
        (path, [good.clone(), item(&["PK"])].concat(), "SK"),
        ("/local/leads?table=nothing", good.clone(), "not found"),
        (
            "/local/leads/find?table=test-leads",
            b"{}".to_vec(),
            "missing field",
        ),
    ] {
        let (status, message) = served.call(path, Some(SECRET), body).await;
        assert_eq!(status, 400, "{message}");
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(served.entries(BY_ID), 0);
    assert!(!served.depot().holds_any(&crm()).await.unwrap());
}

/// Run by hand: `cargo test --release -p lead-export --lib -- --ignored --nocapture hundred_thousand`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_hundred_thousand_leads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leads.sqlite");
    let served = Served::over(Database::new(file.to_str().unwrap()).unwrap()).await;
    let (depot, source) = (served.depot(), crm());
    let generator = Generator::new(&source, 7, Instant::from_millis(UNTIL), Temper::Hostile);
    for round in ["new", "again"] {
        let started = std::time::Instant::now();
        let known = depot.source(&source.org, &source.id).await.unwrap();
        let mut load = Load::begin(&depot, known.unwrap_or_else(crm), Instant::from_millis(0))
            .await
            .unwrap();
        let mut made = std::time::Duration::ZERO;
        for part in 0..50 {
            let begun = std::time::Instant::now();
            let leads = (part * 2000..(part + 1) * 2000)
                .map(|index| generator.lead(index))
                .collect();
            made += begun.elapsed();
            load.put(leads).await.unwrap();
        }
        let loaded = load.end(true).await.unwrap();
        println!(
            "{round}: {loaded:?} in {:?}, of which making {made:?}",
            started.elapsed()
        );
    }
    let started = std::time::Instant::now();
    let count = depot.count(&source).await.unwrap();
    println!("counting {count} in {:?}", started.elapsed());
}
