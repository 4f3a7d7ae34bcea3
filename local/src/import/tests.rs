use std::collections::BTreeMap;
use std::io::Write as _;

use super::*;
use crate::depot::memory::MemoryDepot;
use lead_export_core::fields::{Attribute, CustomField, CustomKind};
use lead_export_core::lead::{Lead, Value};

mod guarded;
mod mapped;
mod skipped;

/// 2026-11-22T12:00:00Z.
const START: &str = "2026-11-22T12:00:00.000Z";

/// Keeps what an import tells.
#[derive(Default)]
struct Told {
    skipped: Vec<(u64, String)>,
    progress: Vec<(u64, u64)>,
}

impl Report for Told {
    fn skipped(&mut self, line: u64, reason: &Skip) {
        self.skipped.push((line, reason.to_string()));
    }

    fn progress(&mut self, rows: u64, total: u64) {
        self.progress.push((rows, total));
    }
}

/// A depot and what is imported into its source `crm`.
struct Scene {
    depot: MemoryDepot,
    choices: Choices,
    time_zone: Option<String>,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        Self {
            depot: MemoryDepot::default(),
            choices: Choices::default(),
            time_zone: None,
            start: Instant::parse(START).unwrap(),
        }
    }

    /// With a source that has fields of its own.
    async fn with_fields() -> Self {
        let scene = Self::new();
        let mut source = plain_source(&org(), &id(), "CRM", "America/New_York");
        for (key, label, kind, options) in [
            ("income", "Income", CustomKind::Number, vec![]),
            (
                "roof",
                "Roof Type",
                CustomKind::Dropdown,
                vec!["tile".to_owned(), "slate".to_owned()],
            ),
            ("opted_in", "Opted In", CustomKind::Boolean, vec![]),
            ("birthday", "Birthday", CustomKind::Date, vec![]),
            ("remark", "Remark", CustomKind::Text, vec![]),
        ] {
            let (key, label) = (key.to_owned(), label.to_owned());
            source
                .add_custom(CustomField {
                    key,
                    label,
                    kind,
                    options,
                })
                .unwrap();
        }
        let (key, label) = ("campaign".to_owned(), "Campaign".to_owned());
        source.add_attribute(Attribute { key, label }).unwrap();
        scene.depot.put_source(&source).await.unwrap();
        scene
    }

    async fn import(&self, csv: impl AsRef<[u8]>) -> anyhow::Result<(Imported, Told)> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(csv.as_ref()).unwrap();
        let order = Order {
            file: file.path().to_owned(),
            org: org(),
            source: id(),
            user: "alice".into(),
            choices: self.choices.clone(),
            time_zone: self.time_zone.clone(),
        };
        let mut told = Told::default();
        let imported = import(&self.depot, &order, self.start, &mut told).await?;
        Ok((imported, told))
    }

    /// Imports a file of which every row is taken, and gives the leads.
    async fn leads(&self, csv: impl AsRef<[u8]>) -> Vec<Lead> {
        let (_, told) = self.import(csv).await.unwrap();
        assert_eq!(told.skipped, []);
        self.depot.leads(&self.source().await)
    }

    async fn refusal(&self, csv: impl AsRef<[u8]>) -> String {
        match self.import(csv).await {
            Ok((imported, _)) => panic!("{imported:?}"),
            Err(error) => format!("{error:#}"),
        }
    }

    async fn source(&self) -> Source {
        self.depot.source(&org(), &id()).await.unwrap().unwrap()
    }
}

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn id() -> SourceId {
    SourceId::parse("crm").unwrap()
}

fn values(values: &[(&str, Value)]) -> BTreeMap<String, Value> {
    values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

fn number(text: &str) -> Value {
    Value::Number(text.to_owned())
}

fn counts(imported: u64, replaced: u64, skipped: u64) -> Imported {
    Imported {
        imported,
        replaced,
        skipped,
    }
}

#[tokio::test]
async fn a_source_is_made_with_admin_for_the_user_when_a_row_is_taken() {
    let mut scene = Scene::new();
    let (imported, told) = scene
        .import("lead_id,email\n,a@example.com\n")
        .await
        .unwrap();
    assert_eq!((imported, told.skipped.len()), (counts(0, 0, 1), 1));
    assert_eq!(scene.depot.source(&org(), &id()).await.unwrap(), None);
    assert_eq!(scene.depot.role(&org(), "alice", &id()), None);

    scene.time_zone = Some("europe/berlin".into());
    let (imported, told) = scene
        .import("lead_id,email\n1,a@example.com\n")
        .await
        .unwrap();
    assert_eq!((imported, told.progress), (counts(1, 0, 0), vec![(1, 1)]));
    let source = scene.source().await;
    assert_eq!(
        (source.time_zone.as_str(), source.lead_count, source.people),
        ("Europe/Berlin", Some(1), false)
    );
    assert_eq!(scene.depot.role(&org(), "alice", &id()), Some("admin"));
}

#[tokio::test]
async fn rows_without_a_time_are_a_millisecond_apart_and_the_last_is_at_the_start() {
    let scene = Scene::new();
    // The ragged row has its millisecond too: it is row 2 of 4.
    let (imported, _) = scene
        .import("lead_id,city\nz,A\ny\nx,C\nw,D\n")
        .await
        .unwrap();
    assert_eq!(imported, counts(3, 0, 1));
    let times: Vec<(String, i64)> = scene
        .depot
        .leads(&scene.source().await)
        .iter()
        .map(|lead| {
            (
                lead.id.to_string(),
                lead.created_at.millis() - scene.start.millis(),
            )
        })
        .collect();
    assert_eq!(times, [("z".into(), -3), ("x".into(), -1), ("w".into(), 0)]);
}

#[tokio::test]
async fn importing_twice_changes_nothing() {
    let mut scene = Scene::new();
    let csv = "city,zip\nRome,00100\nRome,00100\nBern,3000\n";
    assert_eq!(scene.import(csv).await.unwrap().0, counts(3, 0, 0));
    let first = scene.depot.leads(&scene.source().await);
    assert_eq!(scene.depot.writes(), 3);
    scene.start = scene.start.plus(std::time::Duration::from_hours(1));
    assert_eq!(scene.import(csv).await.unwrap().0, counts(0, 3, 0));
    assert_eq!(scene.depot.leads(&scene.source().await), first);
    assert_eq!(
        (scene.source().await.lead_count, scene.depot.writes()),
        (Some(3), 0)
    );
    // In another order, and with a row more, the same rows are the same leads.
    let (imported, _) = scene
        .import("city,zip\nBern,3000\nRome,00100\nOslo,1\nRome,00100\n")
        .await
        .unwrap();
    assert_eq!(imported, counts(1, 3, 0));
    assert_eq!(scene.source().await.lead_count, Some(4));
}

#[tokio::test]
async fn made_ids_are_the_same_for_ever() {
    let scene = Scene::new();
    let leads = scene.leads("city,zip\nRome,00100\nRome,00100\n").await;
    let ids: Vec<&str> = leads.iter().map(|lead| lead.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "afbd413eb73f4459a227b17a557a628f",
            "a1b1b042af37ebe9ce27b7e3d086aa36"
        ]
    );
}

#[tokio::test]
async fn the_same_row_of_another_source_is_another_lead() {
    let scene = Scene::new();
    let csv = "city,zip\nRome,00100\n";
    let here = scene.leads(csv).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(csv.as_bytes()).unwrap();
    let order = Order {
        file: file.path().to_owned(),
        org: org(),
        source: SourceId::parse("hr").unwrap(),
        user: "alice".into(),
        choices: Choices::default(),
        time_zone: None,
    };
    import(&scene.depot, &order, scene.start, &mut Told::default())
        .await
        .unwrap();
    let source = scene.depot.source(&org(), &order.source).await.unwrap();
    let there = scene.depot.leads(&source.unwrap());
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_ne!(here[0].id, there[0].id);
}

#[tokio::test]
async fn a_row_whose_id_is_there_replaces_that_lead_at_its_place() {
    let mut scene = Scene::new();
    scene
        .import("lead_id,created_at,city\n1,2026-01-01T00:00:00Z,Rome\n")
        .await
        .unwrap();
    scene.start = scene.start.plus(std::time::Duration::from_hours(1));
    let (imported, _) = scene
        .import("lead_id,created_at,status\n1,2026-02-02T00:00:00Z,sold\n")
        .await
        .unwrap();
    assert_eq!(imported, counts(0, 1, 0));
    let leads = scene.depot.leads(&scene.source().await);
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0].created_at.to_string(), "2026-01-01T00:00:00.000Z");
    // Replaced, not mended: what the row does not have is gone.
    let updated = Value::Text(scene.start.to_string());
    assert_eq!(
        leads[0].values,
        values(&[("status", "sold".into()), ("updated_at", updated)])
    );
}

#[tokio::test]
async fn a_file_longer_than_one_write_is_taken_whole() {
    let scene = Scene::new();
    let rows: Vec<String> = (0..20_001)
        .map(|row| format!("id-{row},{row}\r\n"))
        .collect();
    let rows = rows.concat();
    let (imported, told) = scene
        .import(format!("lead_id,income\r\n{rows}"))
        .await
        .unwrap();
    assert_eq!(imported, counts(20_001, 0, 0));
    assert_eq!(
        told.progress,
        [(8000, 20_001), (16_000, 20_001), (20_001, 20_001)]
    );
    assert_eq!(scene.depot.leads(&scene.source().await).len(), 20_001);
}
