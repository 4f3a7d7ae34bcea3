//! `source set --shards`: more shards for new leads, while the old ones stay where they lie.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use super::run;
use crate::util::World;

/// Imports every other of 240 leads, one created each second, the first of them `from`.
async fn import(world: &World, from: usize) {
    let mut csv = String::from("lead_id,email,created_at\n");
    for n in (from..240).step_by(2) {
        let (minute, second) = (n / 60, n % 60);
        writeln!(
            csv,
            "L-{n:03},l{n}@x.example,2026-01-01T00:{minute:02}:{second:02}Z"
        )
        .unwrap();
    }
    let file = world.dir.path().join(format!("{from}.csv"));
    std::fs::write(&file, csv).unwrap();
    let out = run(
        world,
        &["import", file.to_str().unwrap(), "--source", "crm"],
    )
    .await;
    assert_eq!(out.done(), "imported 120, replaced 0, skipped 0\n");
}

/// The shards in which leads lie.
async fn shards(world: &World) -> BTreeSet<String> {
    let file = world.stack.file();
    let scan = file.clients().unwrap().dynamodb.scan();
    let found = scan.table_name(&file.tables.leads).send().await.unwrap();
    let places = found.items().iter();
    places
        .map(|item| item["PK"].as_s().unwrap().clone())
        .collect()
}

#[tokio::test]
async fn more_shards_take_new_leads_and_hide_none() {
    let world = World::start().await;
    import(&world, 0).await;
    assert_eq!(shards(&world).await.len(), 8);
    let set = ["source", "set", "crm", "--shards"];
    let set = async |shards| run(&world, &[&set[..], &[shards]].concat()).await;
    set("16").await.done();
    import(&world, 1).await;
    assert_eq!(shards(&world).await.len(), 16);
    let (_, rows) = world
        .export("alice", "crm", &json!({"fields": ["lead_id"]}))
        .await;
    let expected: Vec<[String; 1]> = (0..240).map(|n| [format!("L-{n:03}")]).collect();
    assert_eq!(rows[1..], expected);
    // Never fewer; no number that no run could read.
    let said = set("8").await.refused(1);
    assert!(said.contains("the source crm has 16 shards"), "{said}");
    set("0").await.refused(2);
    set("33").await.refused(2);
}
