//! A published sample of 10 000 leads that nobody here wrote, through the command line's import and HTTP.

use std::path::PathBuf;

use lead_export_core::access::Role;
use serde_json::json;

use crate::util::World;

#[tokio::test]
async fn the_published_sample_comes_back_cell_by_cell() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/leads-10000.csv");
    if !path.exists() {
        eprintln!(
            "skipped: {} is not there; it is no part of the repository",
            path.display()
        );
        return;
    }
    let original = std::fs::read(&path).unwrap();
    let original = crate::util::rows(&original);
    let (header, original) = original.split_first().unwrap();
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();

    let world = World::start().await;
    world.grant("acme", "alice", "*", Role::Admin).await;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_stack-under-test"))
        .arg("import")
        .arg(&path)
        .args(["--data"])
        .arg(world.dir.path().join("data"))
        .args([
            "--source",
            "crm",
            "--map",
            "Deal Stage=status",
            "--map",
            "Account Id=lead_id",
        ])
        .args([
            "--map",
            "Phone 1=phone",
            "--map",
            "Email 1=email",
            "--attribute",
            "Source",
        ])
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        "imported 10000, replaced 0, skipped 0"
    );

    let columns = [
        ("Account Id", "lead_id"),
        ("Lead Owner", "lead_owner"),
        ("First Name", "first_name"),
        ("Last Name", "last_name"),
        ("Company", "company"),
        ("Phone 1", "phone"),
        ("Phone 2", "phone_2"),
        ("Email 1", "email"),
        ("Email 2", "email_2"),
        ("Website", "website"),
        ("Source", "source"),
        ("Deal Stage", "status"),
        ("Notes", "notes"),
    ];
    let keys: Vec<&str> = columns.iter().map(|(_, key)| *key).collect();
    let (export, rows) = world.export("alice", "crm", &json!({"fields": keys})).await;
    assert_eq!(
        (&export["lead_count"], rows.len()),
        (&json!(10_000), 10_001)
    );
    let mut plus = 0;
    for (row, original) in rows[1..].iter().zip(original) {
        for (at, (name, _)) in columns.iter().enumerate() {
            assert_eq!(row[at], original[column(name)], "{name}");
            plus += usize::from(row[at].starts_with('+'));
        }
    }
    assert_eq!(
        plus, 3174,
        "the phones that begin with + come back byte for byte"
    );

    let body = json!({"fields": ["lead_id"], "filters": {"status": ["On Hold", "closed won"], "attributes": {"Source": ["cold call"]}}});
    let (_, rows) = world.export("alice", "crm", &body).await;
    let expected: Vec<&str> = original
        .iter()
        .filter(|row| {
            ["On Hold", "Closed Won"].contains(&row[column("Deal Stage")].as_str())
                && row[column("Source")] == "Cold Call"
        })
        .map(|row| row[column("Account Id")].as_str())
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(
        rows[1..]
            .iter()
            .map(|row| row[0].as_str())
            .collect::<Vec<_>>(),
        expected
    );
    world.stop().await;
}
