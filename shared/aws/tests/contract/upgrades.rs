//! What an earlier release keeps of exports that are under way is taken up by this one.
//!
//! `fixtures/v1.json` was written by the first release (commit f8eb982), which ran its own use-cases over its own adapters: an export that
//! was asked for, one that was paused twice, with pieces and a tail, and one that was completed and downloaded. It holds all four tables
//! as DynamoDB JSON, the bucket's objects, the hints, and for each export the file that the first release made of it in the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use lead_export_aws::leads::DynamoLeads;
use lead_export_aws::objects::object_key;
use lead_export_aws::queue::parse_hint;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::limits;
use lead_export_core::memory::{
    ManualClock, MemoryNotifier, MemoryPieces, MemoryQueue, SeededDice,
};
use lead_export_core::piece::crc64;
use lead_export_core::ports::{
    AuditStore as _, ExportStore as _, FileKind, HistoryQuery, ObjectKey, PieceStore as _,
    StoreErrorKind,
};
use lead_export_core::record::{Export, ExportId, RunId, Status};
use lead_export_core::run::{Done, RunExport};
use lead_export_core::time::Instant;
use lead_export_core::volume::DailyVolume;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Tables;

/// The first release's tables and objects, under this release's adapters and use-cases.
struct Before {
    kept: Json,
    tables: Tables,
    pieces: Arc<MemoryPieces>,
    run: RunExport,
}

fn attribute(value: &Json) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    let items = || value.as_array().unwrap().iter();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(
            items()
                .map(|item| item.as_str().unwrap().to_owned())
                .collect(),
        ),
        "L" => AttributeValue::L(items().map(attribute).collect()),
        "M" => AttributeValue::M(item(value)),
        other => panic!("{other}"),
    }
}

fn item(value: &Json) -> HashMap<String, AttributeValue> {
    let members = value.as_object().unwrap().iter();
    members
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

/// The key of an object by its name in the bucket.
fn key(name: &str) -> ObjectKey {
    let parts: Vec<&str> = name.split('/').collect();
    let export = ExportId::parse(parts[1]).unwrap();
    let run = RunId(Uuid::parse_str(parts[2]).unwrap());
    let key = match parts.get(3) {
        None => ObjectKey::File(export, run),
        Some(&"tail") => ObjectKey::Tail(export, run),
        Some(n) => ObjectKey::Piece(export, run, n.parse().unwrap()),
    };
    assert_eq!(object_key(key), name, "objects are called as they were");
    key
}

impl Before {
    async fn restored() -> Self {
        let kept: Json = serde_json::from_str(include_str!("../fixtures/v1.json")).unwrap();
        let tables = Tables::start().await;
        let names = &tables.names;
        for (table, name) in [
            ("leads", &names.leads),
            ("sources", &names.sources),
            ("exports", &names.exports),
            ("audit", &names.audit),
        ] {
            let items = kept[table].as_array().unwrap();
            assert!(!items.is_empty(), "{table}");
            for kept in items {
                let put = tables.client.put_item().table_name(name);
                put.set_item(Some(item(kept))).send().await.unwrap();
            }
        }
        let pieces = Arc::new(MemoryPieces::new());
        pieces.set_min_part(0);
        let csv = FileKind {
            content_type: "text/csv; charset=utf-8",
        };
        for (name, text) in kept["objects"].as_object().unwrap() {
            let bytes = Bytes::from(text.as_str().unwrap().to_owned());
            let crc = crc64(&bytes);
            pieces.put(key(name), bytes, crc, &csv).await.unwrap();
        }
        let now = Instant::parse(kept["now"].as_str().unwrap()).unwrap();
        let leads = DynamoLeads::new(tables.client.clone(), names.leads.clone(), true);
        let run = RunExport {
            leads: Arc::new(leads),
            sources: Arc::new(tables.sources()),
            exports: Arc::new(tables.exports()),
            queue: Arc::new(MemoryQueue::new()),
            pieces: pieces.clone(),
            notifier: Arc::new(MemoryNotifier::new()),
            // The upgrade took a minute.
            clock: Arc::new(ManualClock::new(now.plus(Duration::from_mins(1)))),
            dice: Arc::new(SeededDice::new(2)),
            retention: limits::RETENTION,
            volume: DailyVolume::default(),
            piece_bytes: limits::PIECE_BYTES,
            member_bytes: limits::GZIP_MEMBER_BYTES,
        };
        Self {
            kept,
            tables,
            pieces,
            run,
        }
    }

    fn name(&self, which: &str) -> (OrgId, ExportId) {
        parse_hint(self.kept["exports_of"][which]["hint"].as_str().unwrap()).unwrap()
    }

    async fn export(&self, which: &str) -> Export {
        let (org, id) = self.name(which);
        self.tables.exports().get(&org, id).await.unwrap().unwrap()
    }

    /// Works on an export as its hint asks.
    async fn work(&self, which: &str) -> Result<Done, lead_export_core::run::RunError> {
        let (org, id) = self.name(which);
        let stop_at = self.run.clock.now().plus(Duration::from_mins(5));
        let ran = self.run.run(&org, id, stop_at).await;
        ran.map(|ran| ran.done)
    }

    /// Its file is the one that the first release would have made.
    async fn is_as_before(&self, which: &str) {
        let export = self.export(which).await;
        assert_eq!(export.status(), Status::Completed, "{which}");
        let file = export.head.file.unwrap();
        let object = &self.pieces.objects()[&ObjectKey::File(export.head.id, file.run)];
        let text = std::str::from_utf8(&object.bytes).unwrap();
        assert_eq!(text, self.kept["exports_of"][which]["file"], "{which}");
    }

    /// Deletes the lead of a file's first row.
    async fn forget_the_first_lead_of(&self, which: &str) {
        let file = self.kept["exports_of"][which]["file"].as_str().unwrap();
        let (_, rows) = file.split_once("\r\n").unwrap();
        let (id, _) = rows.split_once(',').unwrap();
        let mut leads = self.kept["leads"].as_array().unwrap().iter();
        let lead = leads.find(|lead| lead["lead_id"]["S"] == id).unwrap();
        let delete = self.tables.client.delete_item();
        delete
            .table_name(&self.tables.names.leads)
            .key("PK", attribute(&lead["PK"]))
            .key("SK", attribute(&lead["SK"]))
            .send()
            .await
            .unwrap();
    }

    /// Changes one attribute of a record.
    async fn change(&self, which: &str, name: &str, to: AttributeValue) {
        let (org, id) = self.name(which);
        let table = &self.tables.names.exports;
        self.set(table, &format!("{org}#{id}"), "export", name, to)
            .await;
    }

    async fn set(&self, table: &str, pk: &str, sk: &str, name: &str, to: AttributeValue) {
        let update = self.tables.client.update_item();
        update
            .table_name(table)
            .key("PK", AttributeValue::S(pk.into()))
            .key("SK", AttributeValue::S(sk.into()))
            .update_expression(format!("SET {name} = :to"))
            .expression_attribute_values(":to", to)
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_under_way_go_on_and_end_with_the_same_bytes() {
    let before = Before::restored().await;
    let paused = before.export("paused").await;
    let checkpoint = paused.checkpoint.unwrap();
    assert!(checkpoint.runs.len() >= 2 && checkpoint.tail.is_some() && checkpoint.rows > 0);
    assert_eq!(before.work("pending").await.unwrap(), Done::Completed);
    before.is_as_before("pending").await;
    // That it goes on, and does not begin anew, is seen by a lead that it has passed: it is in the file, though gone since.
    before.forget_the_first_lead_of("paused").await;
    assert_eq!(before.work("paused").await.unwrap(), Done::Completed);
    before.is_as_before("paused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_done_and_shown() {
    let before = Before::restored().await;
    let (org, id) = before.name("completed");
    let done = before.work("completed").await.unwrap();
    assert_eq!(done, Done::Ended(Status::Completed));
    before.is_as_before("completed").await;
    let downloads = before.tables.audit().downloads(&org, id).await.unwrap();
    assert_eq!(downloads.len(), 1);
    let query = HistoryQuery {
        org,
        source: SourceId::parse("home-insurance").unwrap(),
        from: None,
        to: None,
        status: Vec::new(),
        requested_by: None,
        after: None,
        limit: 100,
    };
    let page = before.tables.exports().history(&query).await.unwrap();
    assert_eq!(page.exports.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_encoder_is_left_for_the_same_bytes() {
    let before = Before::restored().await;
    let (org, id) = before.name("paused");
    let exports = &before.kept["exports"];
    let pk = format!("{org}#{id}");
    let record = exports.as_array().unwrap().iter();
    let mut record = record
        .filter(|item| item["PK"]["S"] == pk.as_str() && item["SK"]["S"] == "export")
        .map(|item| item["checkpoint"].clone());
    let mut checkpoint = record.next().unwrap();
    checkpoint["M"]["encoder"] = json!({ "N": "2" });
    before
        .change("paused", "checkpoint", attribute(&checkpoint))
        .await;
    assert_eq!(before.work("paused").await.unwrap(), Done::Completed);
    before.is_as_before("paused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_later_release_is_refused_and_left_as_it_is() {
    let before = Before::restored().await;
    let seen = before.export("paused").await;
    before
        .change("paused", "v", AttributeValue::N("2".into()))
        .await;
    let objects = before.pieces.objects();
    let refused = before.work("paused").await.unwrap_err().0;
    assert_eq!(refused.kind, StoreErrorKind::Corrupt);
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(
        cause,
        "the record has the shape 2, which this release does not know"
    );
    // The later release comes back.
    before
        .change("paused", "v", AttributeValue::N("1".into()))
        .await;
    assert_eq!(before.export("paused").await, seen);
    assert_eq!(before.pieces.objects(), objects);
    assert_eq!(before.work("paused").await.unwrap(), Done::Completed);
    before.is_as_before("paused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_grants_of_a_later_release_are_refused_and_those_of_the_first_are_read() {
    let before = Before::restored().await;
    let table = &before.tables.names.sources;
    for sk in ["source#home-insurance", "grant#alice#home-insurance"] {
        let later = AttributeValue::N("2".into());
        before.set(table, "acme", sk, "v", later).await;
        let refused = before.work("pending").await.unwrap_err().0;
        assert_eq!(refused.kind, StoreErrorKind::Corrupt, "{sk}");
        let now = AttributeValue::N("1".into());
        before.set(table, "acme", sk, "v", now).await;
    }
    assert_eq!(before.work("pending").await.unwrap(), Done::Completed);
}
