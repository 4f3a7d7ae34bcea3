use super::*;
use crate::depot::memory::MemoryDepot;
use crate::generate::plain_source;
use lead_export_core::lead::{OrgId, SourceId};

fn source() -> Source {
    let org = OrgId::parse("acme").unwrap();
    plain_source(&org, &SourceId::parse("crm").unwrap(), "CRM", "UTC")
}

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

fn lead(id: &str, created_at: i64, values: &[(&str, Value)]) -> Lead {
    Lead {
        id: LeadId::parse(id).unwrap(),
        created_at: at(created_at),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    }
}

async fn load(depot: &MemoryDepot, start: i64, leads: Vec<Lead>) -> Loaded {
    let known = depot.source(&source().org, &source().id).await.unwrap();
    let mut load = Load::begin(depot, known.unwrap_or_else(source), at(start))
        .await
        .unwrap();
    load.put(leads).await.unwrap();
    load.end(false).await.unwrap()
}

async fn count(depot: &MemoryDepot) -> Option<u64> {
    depot
        .source(&source().org, &source().id)
        .await
        .unwrap()
        .unwrap()
        .lead_count
}

#[tokio::test]
async fn a_lead_that_is_there_keeps_its_place_and_an_unchanged_one_is_not_written() {
    let depot = MemoryDepot::default();
    let first = vec![lead("a", 1, &[("city", "Rome".into())]), lead("b", 2, &[])];
    assert_eq!(
        load(&depot, 10, first).await,
        Loaded {
            added: 2,
            replaced: 0
        }
    );
    assert_eq!((count(&depot).await, depot.writes()), (Some(2), 2));

    let again = vec![
        lead("a", 5, &[("city", "Rome".into())]),
        lead("b", 6, &[("city", "Bern".into())]),
        lead("c", 7, &[]),
    ];
    assert_eq!(
        load(&depot, 20, again).await,
        Loaded {
            added: 1,
            replaced: 2
        }
    );
    assert_eq!((count(&depot).await, depot.writes()), (Some(3), 2));
    let updated = Value::Text(at(20).to_string());
    assert_eq!(
        depot.leads(&source()),
        [
            lead("a", 1, &[("city", "Rome".into())]),
            lead("b", 2, &[("city", "Bern".into()), ("updated_at", updated)]),
            lead("c", 7, &[]),
        ]
    );
    // What was updated is the same still.
    let same = vec![lead("b", 6, &[("city", "Bern".into())])];
    assert_eq!(
        load(&depot, 30, same).await,
        Loaded {
            added: 0,
            replaced: 1
        }
    );
    assert_eq!((count(&depot).await, depot.writes()), (Some(3), 0));
    // Unless it says otherwise itself.
    let own = vec![lead(
        "b",
        6,
        &[("city", "Bern".into()), ("updated_at", "x".into())],
    )];
    load(&depot, 40, own).await;
    assert_eq!(depot.leads(&source())[1].values["updated_at"], "x".into());
}

#[tokio::test]
async fn count_is_unknown_while_leads_are_written_and_found_out_after_an_interruption() {
    let depot = MemoryDepot::default();
    let mut load_a = Load::begin(&depot, source(), at(0)).await.unwrap();
    load_a
        .put(vec![lead("a", 1, &[]), lead("b", 2, &[])])
        .await
        .unwrap();
    assert_eq!(count(&depot).await, None);
    drop(load_a);
    assert_eq!(
        load(&depot, 10, vec![lead("b", 3, &[]), lead("c", 3, &[])]).await,
        Loaded {
            added: 1,
            replaced: 1
        }
    );
    assert_eq!(count(&depot).await, Some(3));
    assert_eq!(depot.leads(&source()).len(), 3);
}

#[tokio::test]
async fn a_count_of_none_is_not_believed() {
    let depot = MemoryDepot::default();
    depot.write(&source(), &[lead("a", 1, &[])]).await.unwrap();
    assert_eq!(
        load(&depot, 10, vec![lead("a", 3, &[])]).await,
        Loaded {
            added: 0,
            replaced: 1
        }
    );
    assert_eq!(count(&depot).await, Some(1));
}

#[test]
fn numbers_and_sets_are_compared_by_what_they_are() {
    let number = |text: &str| Value::Number(text.to_owned());
    let set = |items: &[&str]| Value::Set(items.iter().map(|item| number(item)).collect());
    assert!(are_equal(&number("1.50"), &number("1.5")));
    assert!(!are_equal(&number("1.5"), &Value::Text("1.5".into())));
    assert!(!are_equal(&number("x"), &number("y")));
    assert!(are_equal(&set(&["1", "2"]), &set(&["2", "1.0"])));
    assert!(!are_equal(&set(&["1", "2"]), &set(&["2", "3"])));
    assert!(are_equal(
        &Value::List(vec![number("1")]),
        &Value::List(vec![number("1.0")])
    ));
    assert!(!are_equal(
        &Value::List(vec![number("1")]),
        &Value::List(vec![])
    ));
}
