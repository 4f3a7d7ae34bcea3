//! Sources, fields and grants; what hangs; and all of it by the tables of a deployed stack.

use std::sync::Arc;
use std::time::Duration;

use lead_export_aws::exports::DynamoExports;
use lead_export_core::access::Person;
use lead_export_core::fields::{Column, Kind};
use lead_export_core::filter::Filter;
use lead_export_core::format::Format;
use lead_export_core::lead::OrgId;
use lead_export_core::plan::{Order, Plan};
use lead_export_core::ports::{Created, ExportStore};
use lead_export_core::record::{Export, ExportId, RunId};
use lead_export_core::time::Instant;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{Ran, program, run};
use crate::util::{World, small_world};

fn now() -> Instant {
    Instant::from_timestamp(jiff::Timestamp::now())
}

fn exports(world: &World) -> Arc<dyn ExportStore> {
    let file = world.stack.file();
    let client = file.clients().unwrap().dynamodb;
    Arc::new(DynamoExports::new(client, file.tables.exports.clone()))
}

/// Records an export of alice's that nobody is told of, changed by `change`.
async fn record(world: &World, change: impl FnOnce(&mut Export)) -> String {
    let source = lead_export_core::lead::SourceId::parse("home-insurance").unwrap();
    let plan = Plan {
        source,
        shards: 8,
        requested_at: now(),
        asked: json!({}),
        filter: Filter::default(),
        pick: None,
        zone: None,
        columns: vec![Column {
            key: "lead_id".into(),
            header: "lead_id".into(),
            given: false,
            kind: Kind::Id,
        }],
        order: Order::Ascending,
        limit: None,
        format: Format::default(),
    };
    let person = Person {
        id: "alice".into(),
        name: "alice".into(),
    };
    let org = OrgId::parse("acme").unwrap();
    let id = ExportId(Uuid::new_v4());
    let by = RunId(Uuid::new_v4());
    let mut export = Export::new(id, org, by, person, plan, "x.csv".into(), None);
    change(&mut export);
    let created = exports(world).create(&export, None, 100).await.unwrap();
    assert_eq!(created, Created::New);
    id.to_string()
}

/// Until the sweeper looks: after the end of a slow test, and soon enough to be seen as one that may hang.
const AWHILE: Duration = Duration::from_secs(110);

/// An export whose run was lost five minutes ago.
async fn lost(world: &World) -> String {
    record(world, |export| {
        let then = now().minus(Duration::from_mins(7));
        let version = export.version;
        *export = export.leased(RunId(Uuid::nil()), then);
        export.version = version;
        export.due_at = Some(now().plus(AWHILE));
    })
    .await
}

#[tokio::test]
async fn sources_fields_and_grants_are_made_and_changed() {
    let world = World::start().await;
    let out = run(
        &world,
        &[
            "source",
            "set",
            "crm",
            "--name",
            "Customers",
            "--time-zone",
            "Europe/Berlin",
        ],
    )
    .await;
    assert_eq!(out.done(), "made the source crm of acme\n");
    let out = run(
        &world,
        &["source", "set", "crm", "--people", "on", "--json"],
    )
    .await
    .json();
    assert_eq!(
        (&out["name"], &out["time_zone"], &out["people"]),
        (&json!("Customers"), &json!("Europe/Berlin"), &json!(true))
    );
    run(
        &world,
        &["source", "set", "crm", "--time-zone", "Mars/Olympus"],
    )
    .await
    .refused(2);
    let roof = [
        "field",
        "add",
        "--source",
        "crm",
        "--label",
        "Roof Type",
        "--type",
        "dropdown",
    ];
    let roof = [&roof[..], &["--option", "tile", "--option", "slate"]].concat();
    assert_eq!(
        run(&world, &roof).await.done(),
        "added the field roof_type to the source crm\n"
    );
    let said = run(&world, &roof).await.refused(1);
    assert!(said.contains("the key 'roof_type' is taken"), "{said}");
    let campaign = [
        "field",
        "add",
        "--source",
        "crm",
        "--label",
        "Campaign",
        "--attribute",
        "--json",
    ];
    let added = run(&world, &campaign).await.json();
    assert_eq!(
        (&added["key"], &added["group"]),
        (&json!("campaign"), &json!("attribute"))
    );
    for (flags, code) in [
        (&["--label", "x", "--type", "dropdown"][..], 1),
        (&["--label", "x", "--key", "Not A Key"], 1),
        (&["--label", "x", "--type", "colour"], 2),
        (&["--label", " "], 2),
    ] {
        let add = ["field", "add", "--source", "crm"];
        run(&world, &[&add[..], flags].concat()).await.refused(code);
    }
    run(
        &world,
        &["field", "add", "--source", "none", "--label", "x"],
    )
    .await
    .refused(1);

    // Who made the source is its admin, and sees the fields.
    let fields = run(&world, &["fields", "--source", "crm", "--json"])
        .await
        .json();
    let keys: Vec<&str> = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["key"].as_str().unwrap())
        .collect();
    assert!(
        keys.contains(&"roof_type") && keys.contains(&"campaign") && keys.contains(&"linkedin_url"),
        "{keys:?}"
    );
    let table = run(&world, &["fields", "--source", "crm"]).await.done();
    assert!(table.contains("tile | slate"), "{table}");
    let out = run(
        &world,
        &[
            "grant", "--source", "crm", "--user", "vera", "--role", "viewer", "--name", "Vera",
        ],
    )
    .await;
    assert_eq!(out.done(), "vera has viewer on crm of acme\n");
    let out = run(
        &world,
        &[
            "grant", "--source", "*", "--user", "adam", "--role", "admin", "--json",
        ],
    )
    .await
    .json();
    assert_eq!(
        (&out["source_id"], &out["role"]),
        (&json!("*"), &json!("admin"))
    );
    let grants = run(&world, &["grants", "--json"]).await.json();
    assert_eq!(
        grants,
        json!({"grants": [
            {"user": "adam", "source_id": "*", "role": "admin", "name": null},
            {"user": "alice", "source_id": "crm", "role": "admin", "name": null},
            {"user": "vera", "source_id": "crm", "role": "viewer", "name": "Vera"},
        ]})
    );
    run(
        &world,
        &[
            "grant", "--source", "crm", "--user", "vera", "--role", "none",
        ],
    )
    .await
    .done();
    run(&world, &["fields", "--source", "crm", "--user", "vera"])
        .await
        .refused(1);
    run(
        &world,
        &[
            "grant", "--source", "none", "--user", "vera", "--role", "viewer",
        ],
    )
    .await
    .refused(1);
    run(
        &world,
        &[
            "grant", "--source", "crm", "--user", "vera", "--role", "boss",
        ],
    )
    .await
    .refused(2);
    let out = run(
        &world,
        &["generate", "--source", "crm", "--leads", "12", "--json"],
    )
    .await
    .json();
    assert_eq!(out, json!({"generated": 12, "replaced": 0}));
    let listed = run(&world, &["source", "list"]).await.done();
    assert!(
        listed
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("crm     Customers  Europe/Berlin  on         12"),
        "{listed}"
    );
    // A source that is made for them has people: the generator fills their fields.
    let out = run(&world, &["generate", "--source", "made", "--leads", "3"]).await;
    assert_eq!(out.done(), "generated 3, replaced 0\n");
    let listed = run(&world, &["source", "list"]).await.done();
    assert!(
        listed
            .lines()
            .nth(2)
            .unwrap()
            .starts_with("made    made       UTC            on          3"),
        "{listed}"
    );
    world.stop().await;
}

#[tokio::test]
async fn what_hangs_is_seen_and_taken_up_again() {
    let world = World::start().await;
    small_world(&world).await;
    let ran = run(&world, &["stuck"]).await;
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(0), "", "nothing is stuck\n")
    );
    let pending = record(&world, |export| {
        export.due_at = Some(now().plus(AWHILE));
    })
    .await;
    let lost = lost(&world).await;
    let dying = record(&world, |export| {
        let version = export.version;
        *export = export.leased(RunId(Uuid::nil()), now());
        (export.version, export.tries) = (version, 3);
    })
    .await;
    let stuck = run(&world, &["stuck", "--json"]).await.json();
    let mut why: Vec<(&str, &str)> = stuck["stuck"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    why.sort_by_key(|(_, why)| *why);
    assert_eq!(why.len(), 2, "{stuck}");
    assert!(
        why[0].0 == lost && why[0].1.contains("has not been heard of"),
        "{stuck}"
    );
    assert!(
        why[1].0 == dying && why[1].1 == "its runs die: try 3 of 5",
        "{stuck}"
    );
    let table = run(&world, &["stuck"]).await.done();
    assert!(
        table.contains(&lost) && table.contains("Processing"),
        "{table}"
    );
    let other = run(&world, &["stuck", "--org", "globex", "--json"])
        .await
        .json();
    assert_eq!(other, json!({"stuck": []}));

    let said = run(&world, &["retry", &dying]).await.refused(1);
    assert!(said.contains("is at work on the export"), "{said}");
    assert_eq!(
        run(&world, &["retry", &lost]).await.done(),
        format!("the export {lost} is due again\n")
    );
    assert_eq!(world.ended("alice", &lost).await["status"], "completed");
    let timeline = run(&world, &["show", &lost, "--timeline"]).await.done();
    for words in [
        "the run did not come back",
        "made due again by an operator",
        "slice 2",
        "completed: 6 rows",
    ] {
        assert!(timeline.contains(words), "{words}: {timeline}");
    }
    let said = run(&world, &["retry", &lost]).await.refused(1);
    assert!(said.contains("lead-export download"), "{said}");
    let out = run(&world, &["cancel", &pending]).await.done();
    assert_eq!(out, format!("the export {pending} is cancelled\n"));
    let again = run(&world, &["cancel", &pending, "--json"]).await.json();
    assert_eq!(again["status"], "cancelled");
    run(&world, &["cancel", &Uuid::new_v4().to_string()])
        .await
        .refused(1);
    world.stop().await;
}

/// A CloudFormation that knows one stack: the one of `world`.
async fn cloud_formation(world: &World) -> String {
    let file = world.stack.file();
    let output = |key: &str, value: &str| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    let outputs = [
        output("LeadsTable", &file.tables.leads),
        output("SourcesTable", &file.tables.sources),
        output("ExportsTable", &file.tables.exports),
        output("AuditTable", &file.tables.audit),
        output("FilesBucket", &file.bucket),
        output("ExportsQueueUrl", &file.queue_url),
    ]
    .concat();
    let body = format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            super::question(&mut connection).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn an_operator_reaches_a_deployed_stack_by_its_name() {
    let world = World::start().await;
    small_world(&world).await;
    let cloud_formation = cloud_formation(&world).await;
    let file = world.stack.file();
    let on_stack = async |args: &[&str]| {
        let mut command = program();
        command
            .args(args)
            .args(["--stack", "lead-export"])
            .env("AWS_REGION", &file.region)
            .env("AWS_ACCESS_KEY_ID", &file.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &file.secret_key)
            .env("AWS_ENDPOINT_URL_CLOUDFORMATION", &cloud_formation)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &file.dynamodb)
            .env("AWS_ENDPOINT_URL_S3", &file.s3)
            .env("AWS_ENDPOINT_URL_SQS", &file.sqs);
        Ran::new(command.output().await.unwrap())
    };
    // The demo's organization and user are nobody's by oversight.
    let said = on_stack(&["grants"]).await.refused(2);
    assert!(said.contains("--org"), "{said}");
    let org = ["--org", "acme"];
    let said = on_stack(&[&["grant", "--source", "*", "--role", "admin"][..], &org].concat()).await;
    assert!(said.refused(2).contains("--user"));
    let on = async |args: &[&str]| on_stack(&[args, &org].concat()).await;
    let out = on(&[
        "grant", "--source", "*", "--user", "root", "--role", "admin",
    ])
    .await;
    assert_eq!(out.done(), "root has admin on every source of acme\n");
    let grants = on(&["grants", "--json"]).await.json();
    assert_eq!(grants["grants"].as_array().unwrap().len(), 3, "{grants}");
    let out = on(&["source", "set", "new", "--user", "root"]).await;
    assert_eq!(out.done(), "made the source new of acme\n");
    on(&[
        "field", "add", "--source", "new", "--label", "Score", "--type", "number",
    ])
    .await
    .done();
    let csv = world.dir.path().join("in.csv");
    std::fs::write(
        &csv,
        "lead_id,email,Score\n1,a@x.example,1.5\n2,b@x.example,2\n",
    )
    .unwrap();
    let import = [
        "import",
        csv.to_str().unwrap(),
        "--source",
        "new",
        "--user",
        "root",
    ];
    assert_eq!(
        on(&import).await.done(),
        "imported 2, replaced 0, skipped 0\n"
    );
    assert_eq!(
        on(&import).await.done(),
        "imported 0, replaced 2, skipped 0\n"
    );
    let listed = on(&["source", "list", "--json"]).await.json();
    assert_eq!(listed["sources"][1]["lead_count"], 2, "{listed}");
    let (_, rows) = world
        .export("root", "new", &json!({"fields": ["lead_id", "score"]}))
        .await;
    assert_eq!(rows[1..], [["1", "1.5"], ["2", "2"]]);

    let id = lost(&world).await;
    let stuck = on(&["stuck", "--json"]).await.json();
    assert_eq!(stuck["stuck"][0]["id"], json!(id), "{stuck}");
    assert!(
        on(&["show", &id, "--timeline"])
            .await
            .done()
            .contains("did not come back")
    );
    assert_eq!(
        on(&["show", &id, "--json"]).await.json()["status"],
        "processing"
    );
    let out = on(&["cancel", &id]).await.done();
    assert_eq!(out, format!("the export {id} is cancelled\n"));
    assert_eq!(
        world.ended("alice", &id).await["ended_by"]["name"],
        "Operator"
    );
    let said = on(&["retry", &id]).await.refused(1);
    assert!(said.contains("--again"), "{said}");
    let (done, _) = world.export("alice", "home-insurance", &json!({})).await;
    let done = done["id"].as_str().unwrap();
    on(&["cancel", done]).await.refused(1);
    on(&["cancel", done, "--delete"]).await.done();
    assert_eq!(world.ended("alice", done).await["status"], "expired");
    world.stop().await;
}
