//! What the tables hold, and what the contract does not reach: tokens, unknown shapes, histories that match nothing for long.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use futures_util::StreamExt as _;
use futures_util::stream;
use lead_export_aws::tables::{LEADS, TableDefinition, create_all};
use lead_export_core::access::Person;
use lead_export_core::filter::Filter;
use lead_export_core::format::Format;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::plan::{Order, Plan};
use lead_export_core::ports::{
    Created, ExportStore, HistoryQuery, Remembered, RequestKey, StoreErrorKind, Written,
};
use lead_export_core::record::{Export, ExportId, FailureCode, RunId, Status};
use lead_export_core::time::Instant;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

use crate::Tables;

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn export(requested_at: Instant) -> Export {
    let plan = Plan {
        source: SourceId::parse("crm").unwrap(),
        shards: 8,
        requested_at,
        asked: serde_json::json!({ "custom": { "income": { "min": 1e300, "max": 1.0 } } }),
        filter: Filter::default(),
        zone: None,
        pick: None,
        columns: vec![],
        order: Order::Ascending,
        limit: None,
        format: Format::default(),
    };
    Export::new(
        ExportId(Uuid::new_v4()),
        org(),
        RunId(Uuid::new_v4()),
        Person {
            id: "u-1".into(),
            name: "Ann".into(),
        },
        plan,
        "crm.csv".into(),
        None,
    )
}

fn then() -> Instant {
    Instant::from_millis(1_795_315_380_123)
}

fn run() -> RunId {
    RunId(Uuid::new_v4())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_once_with_their_keys_indexes_and_expiry() {
    let Tables { client, names } = Tables::start().await;
    create_all(&client, &names).await.unwrap();
    let table = client.describe_table().table_name(&names.leads).send();
    let table = table.await.unwrap().table.unwrap();
    let schema = |schema: &[aws_sdk_dynamodb::types::KeySchemaElement]| {
        let names = schema.iter().map(|key| key.attribute_name().to_owned());
        names.collect::<Vec<_>>()
    };
    let keys = TableDefinition::KEY.map(|key| key.name().to_owned());
    assert_eq!(schema(table.key_schema()), keys);
    let mut indexes: Vec<_> = table
        .global_secondary_indexes()
        .iter()
        .map(|index| (index.index_name().unwrap(), schema(index.key_schema())))
        .collect();
    indexes.sort();
    let by_id = ("by_id", vec!["ID_PK".to_owned()]);
    let sample = ("sample", vec!["SAMPLE_PK".to_owned(), "SK".to_owned()]);
    assert_eq!(indexes, [by_id, sample]);
    assert_eq!(LEADS.key_attributes().len(), 4);
    let expiry = client.describe_time_to_live().table_name(&names.exports);
    let expiry = expiry.send().await.unwrap().time_to_live_description;
    let attribute = expiry.unwrap().attribute_name;
    assert_eq!(attribute.as_deref(), Some("expires_at"));
}

/// The names of the operations that were called.
#[derive(Debug, Clone, Default)]
struct Called(Arc<Mutex<Vec<String>>>);

#[dyn_dispatch_hint]
impl Intercept for Called {
    fn name(&self) -> &'static str {
        "called"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().unwrap().name().to_owned();
        self.0.lock().unwrap().push(operation);
        Ok(())
    }
}

/// A stand-in counts all items of a table that it describes: over a million leads no start would end in time.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_there_are_not_described() {
    let Tables { client, names } = Tables::start().await;
    let called = Called::default();
    let config = client.config().to_builder().interceptor(called.clone());
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    create_all(&client, &names).await.unwrap();
    let called = called.0.lock().unwrap();
    assert!(called.contains(&"CreateTable".to_owned()), "{called:?}");
    assert!(!called.contains(&"DescribeTable".to_owned()), "{called:?}");
}

/// The shape that the template's indexes and expiry, and whoever looks inside, go by.
#[tokio::test(flavor = "multi_thread")]
async fn items_lie_under_their_documented_keys() {
    let tables = Tables::start().await;
    let new = export(then());
    let key = RequestKey {
        org: org(),
        user: "u#1".into(),
        key: "k".into(),
    };
    let row = Remembered {
        fingerprint: "f".into(),
        export: new.id(),
        until: then(),
    };
    let store = tables.exports();
    let made = store.create(&new, Some((&key, &row)), 1).await.unwrap();
    assert_eq!(made, Created::New);
    let id = new.id();
    // SHA-256 of "k".
    let k = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a";
    let item = async |pk: &str, sk: &str| {
        let get = tables.client.get_item().table_name(&tables.names.exports);
        let get = get.key("PK", AttributeValue::S(pk.into()));
        let get = get.key("SK", AttributeValue::S(sk.into()));
        get.send().await.unwrap().item.unwrap()
    };
    let record = item(&format!("acme#{id}"), "export").await;
    let text = |name: &str| record[name].as_s().unwrap().clone();
    assert_eq!(text("HISTORY_PK"), "acme#crm");
    assert_eq!(text("HISTORY_SK"), format!("{}#{id}", then()));
    assert_eq!(text("due_at"), new.due_at.unwrap().to_string());
    assert_eq!(text("status"), "pending");
    let shard: u8 = record["DUE_SHARD"].as_n().unwrap().parse().unwrap();
    assert!(shard < 8);
    assert!(record["head"].is_m());
    assert!(!record.contains_key("expires_at"), "records have no end");
    let remembered = item(&format!("acme#u%231#{k}"), "request").await;
    assert_eq!(remembered["expires_at"].as_n().unwrap(), "1795315381");
    let active = item("acme", "active").await;
    assert_eq!(active["active"].as_ss().unwrap(), &[id.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn record_of_a_later_release_is_refused() {
    let tables = Tables::start().await;
    let store = tables.exports();
    let new = export(then());
    store.create(&new, None, 1).await.unwrap();
    let update = tables.client.update_item();
    let update = update
        .table_name(&tables.names.exports)
        .key("PK", AttributeValue::S(format!("acme#{}", new.id())))
        .key("SK", AttributeValue::S("export".into()))
        .update_expression("SET v = :two")
        .expression_attribute_values(":two", AttributeValue::N("2".into()));
    update.send().await.unwrap();
    let error = store.get(&org(), new.id()).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    let next = new.leased(run(), then()).leased(run(), then());
    let error = store.replace(&next).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "a lost write reads it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_not_given_to_another_request() {
    let store = Tables::start().await.exports();
    let first = export(then());
    assert_eq!(store.create(&first, None, 9).await.unwrap(), Created::New);
    let mut other = first.clone();
    other.head.requested_by.id = "u-2".into();
    let error = store.create(&other, None, 9).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(store.get(&org(), first.id()).await.unwrap(), Some(first));
}

/// D-8: when the token is forgotten, what was asked tells a late copy from another request.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_not_given_to_another_request_however_late() {
    let store = Tables::start().await.exports();
    let made = export(then());
    store.add(&made).await.unwrap();
    let changes: [fn(&mut Export); 3] = [
        |other| other.head.requested_by.id = "u-2".into(),
        |other| other.head.requested_at = then().plus(Duration::from_secs(1)),
        |other| other.plan.limit = Some(1),
    ];
    for change in changes {
        let mut other = made.clone();
        change(&mut other);
        let error = store.create(&other, None, 9).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Conflict);
    }
    let again = store.create(&made, None, 9).await.unwrap();
    assert_eq!(again, Created::New, "a late copy of the same");
    assert_eq!(store.get(&org(), made.id()).await.unwrap(), Some(made));
}

/// A quota of none lets nothing in, also before the first export, when there is no set to measure.
#[tokio::test(flavor = "multi_thread")]
async fn quota_of_none_lets_nothing_in() {
    let store = Tables::start().await.exports();
    let new = export(then());
    let answer = store.create(&new, None, 0).await.unwrap();
    assert_eq!(answer, Created::Full(vec![]));
    assert_eq!(store.get(&org(), new.id()).await.unwrap(), None);
}

/// One writer that ends a version again, later: the token was used for the end before, which is its own.
#[tokio::test(flavor = "multi_thread")]
async fn end_repeated_at_another_instant_finds_its_own() {
    let store = Tables::start().await.exports();
    let new = export(then());
    store.create(&new, None, 1).await.unwrap();
    let by = run();
    let first = new.failed(by, FailureCode::Internal, then());
    assert_eq!(store.end(&first).await.unwrap(), Written::Done);
    let later = then().plus(Duration::from_secs(3));
    let second = new.failed(by, FailureCode::Internal, later);
    let answer = store.end(&second).await.unwrap();
    assert_eq!(answer, Written::Lost(Some(Box::new(first))));
    assert!(answer.is_mine(&second));
}

/// Hundreds of entries that a filter leaves out: pages come short, lead on, and reach the one that is wanted.
#[tokio::test(flavor = "multi_thread")]
async fn filtered_history_reaches_behind_many_others() {
    let store = Tables::start().await.exports();
    let wanted = export(then());
    let others = (1..=620).map(|seconds| export(then().plus(Duration::from_secs(seconds))));
    let all: Vec<Export> = others.chain([wanted.clone()]).collect();
    // One after the other: all take a place in one set.
    for export in &all {
        let made = store.create(export, None, 1000).await.unwrap();
        assert_eq!(made, Created::New);
    }
    let ended = wanted.cancelled(run(), wanted.head.requested_by.clone(), then());
    assert_eq!(store.end(&ended).await.unwrap(), Written::Done);
    let mut query = HistoryQuery {
        org: org(),
        source: wanted.head.source.clone(),
        from: None,
        to: None,
        status: vec![Status::Cancelled],
        requested_by: None,
        after: None,
        limit: 1,
    };
    let first = store.history(&query).await.unwrap();
    assert!(first.exports.is_empty(), "it lies behind 620 others");
    query.after = first.next;
    assert!(query.after.is_some(), "and the page says so");
    let second = store.history(&query).await.unwrap();
    assert_eq!(second.exports, [ended.head]);
    assert_eq!(second.next, None);

    query.status.clear();
    query.after = None;
    query.limit = 100;
    let pages = stream::unfold(Some(query), async |query| {
        let mut query = query?;
        let page = store.history(&query).await.unwrap();
        let next = page.next.map(|next| {
            query.after = Some(next);
            query
        });
        Some((page.exports.len(), next))
    });
    let lengths: Vec<usize> = pages.collect().await;
    assert_eq!(lengths, [100, 100, 100, 100, 100, 100, 21]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_makes_no_sense_hides_no_due_export() {
    let tables = Tables::start().await;
    let store = tables.exports();
    let new = export(then());
    store.create(&new, None, 1).await.unwrap();
    for shard in 0..8 {
        let put = tables.client.put_item().table_name(&tables.names.exports);
        put.item("PK", AttributeValue::S(format!("nobody-{shard}")))
            .item("SK", AttributeValue::S("export".into()))
            .item("DUE_SHARD", AttributeValue::N(shard.to_string()))
            .item(
                "due_at",
                AttributeValue::S("0001-01-01T00:00:00.000Z".into()),
            )
            .send()
            .await
            .unwrap();
    }
    let due = store.due(new.due_at.unwrap(), 10).await.unwrap();
    let ids: Vec<ExportId> = due.iter().map(|due| due.id).collect();
    assert_eq!(ids, [new.id()]);
}
