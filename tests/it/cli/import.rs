//! `import`: CSV files, our own files, DynamoDB JSON.

use std::io::Write as _;

use serde_json::json;

use super::run;
use crate::util::World;

#[tokio::test]
async fn rows_are_taken_or_named_with_line_and_reason() {
    let world = World::start().await;
    let path = world.dir.path().join("in.csv");
    let file = path.to_str().unwrap();
    let import = [
        "import",
        file,
        "--source",
        "mine",
        "--map",
        "Ref=lead_id",
        "--attribute",
        "Campaign",
        "--type",
        "Income=number",
    ];
    std::fs::write(
        &path,
        "Ref,E-Mail,Email,Income,Campaign,Phone(s),Note,created_at\n\
         1,x,a@x.example,50000.5,a,\"1, 2\",hello,2026-01-01\n\
         2,x,b@x.example,much,,,,2026-01-01\n\
         3,x\n\
         1,x,c@x.example,1,,,,2026-01-01\n\
         4,x,d@x.example,,\"a, b\",,,2999-01-01\n\
         5,x,e@x.example,7,\"a, b\",,,2026-01-02 03:04:05\n",
    )
    .unwrap();
    let ran = run(&world, &import).await;
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "imported 2, replaced 0, skipped 4\n")
    );
    let said: Vec<&str> = ran.err.lines().collect();
    for (line, words) in said.iter().zip([
        "line 3 skipped: bad number in 'Income'",
        "line 4 skipped: ragged",
        "line 5 skipped: the lead id '1' is repeated",
        "line 6 skipped: future date",
    ]) {
        assert!(line.starts_with(words), "{line}");
    }
    assert_eq!(said.len(), 4, "{said:?}");
    // Twice changes nothing.
    let ran = run(&world, &[&import[..], &["--json"]].concat()).await;
    let again: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(again, json!({"imported": 0, "replaced": 2, "skipped": 4}));
    let fields = [
        "lead_id",
        "email",
        "e_mail",
        "income",
        "campaign",
        "phones",
        "note",
        "created_at",
        "updated_at",
    ];
    let (_, found) = world
        .export("alice", "mine", &json!({"fields": fields}))
        .await;
    assert_eq!(
        found[1..],
        [
            [
                "1",
                "a@x.example",
                "x",
                "50000.5",
                "a",
                "1, 2",
                "hello",
                "2026-01-01T00:00:00.000Z",
                ""
            ],
            [
                "5",
                "e@x.example",
                "x",
                "7",
                "a, b",
                "",
                "",
                "2026-01-02T03:04:05.000Z",
                ""
            ],
        ]
    );
    // Nothing taken: 1. No CSV, no file: one sentence, 1. A header that is not there: 1.
    std::fs::write(&path, "lead_id,email\n,a@x.example\n").unwrap();
    let ran = run(&world, &["import", file, "--source", "mine"]).await;
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), "imported 0, replaced 0, skipped 1\n")
    );
    std::fs::write(&path, [0xff, 0xfe, 0, 1]).unwrap();
    let said = run(&world, &["import", file, "--source", "mine"])
        .await
        .refused(1);
    assert!(
        said.contains("is no CSV file") && said.lines().count() == 1,
        "{said}"
    );
    let said = run(&world, &["import", "nothing.csv", "--source", "mine"])
        .await
        .refused(1);
    assert!(
        said.contains("nothing.csv cannot be read") && said.lines().count() == 1,
        "{said}"
    );
    std::fs::write(&path, "email\na@x.example\n").unwrap();
    run(
        &world,
        &["import", file, "--source", "mine", "--map", "Mail=email"],
    )
    .await
    .refused(1);
    run(
        &world,
        &["import", file, "--source", "mine", "--map", "Mail"],
    )
    .await
    .refused(2);
    world.stop().await;
}

#[tokio::test]
async fn our_own_files_come_back_in_every_profile_gzipped_too() {
    let world = World::start().await;
    let folder = world.dir.path().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    // A file with ids is read by the reader's rule: the first name of the first lead is a formula.
    let first = path("first.csv");
    let text = "lead_id,first_name,phone,zip,Income,Opted In,Campaign,created_at\r\n\
        1,'=1+1,+1 (555) 010-0100,00123,-12.5,true,\"a, b\",2026-01-02T03:04:05.000Z\r\n\
        2,\"a \"\"b\"\"; c\",,1E5,7,false,'=a,2026-01-02T03:04:06.000Z\r\n\
        3,\"two\r\nlines\t\",,,,,,2026-01-02T03:04:07.000Z\r\n\
        4,MAR1,''-x,1-2,0,,,2026-01-02T03:04:08.000Z\r\n";
    std::fs::write(&first, text).unwrap();
    let types = [
        "--type",
        "Income=number",
        "--type",
        "Opted In=boolean",
        "--attribute",
        "Campaign",
    ];
    let take = async |source: &str, file: &str| {
        let import = ["import", file, "--source", source, "--time-zone", "UTC"];
        let keys = types.map(|word| word.replace("Opted In", "opted in"));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut out = run(&world, &[&import[..], &types].concat()).await;
        if out.code != Some(0) {
            // Headers are keys.
            let keys: Vec<String> = keys
                .iter()
                .map(|word| word.replace("opted in", "opted_in"))
                .collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            out = run(&world, &[&import[..], &keys].concat()).await;
        }
        assert_eq!(out.done(), "imported 4, replaced 0, skipped 0\n", "{file}");
    };
    let export = async |source: &str, flags: &[&str], path: &str| {
        let export = ["export", "--source", source, "-o", path];
        run(&world, &[&export[..], flags].concat()).await.done()
    };
    take("first", &first).await;
    let columns = [
        "lead_id",
        "first_name",
        "phone",
        "zip",
        "income",
        "opted_in",
        "campaign",
        "created_at",
    ];
    let columns: Vec<&str> = columns
        .iter()
        .flat_map(|column| ["--field", *column])
        .collect();
    let plain = path("plain.csv");
    export("first", &columns, &plain).await;
    let original = std::fs::read_to_string(&plain).unwrap();
    assert!(
        original.contains("1,'=1+1,+1 (555) 010-0100,00123,-12.5,true,"),
        "{original}"
    );
    for (at, flags) in [
        &["--profile", "standard"][..],
        &["--profile", "excel", "--header", "labels"],
        &[
            "--profile",
            "excel-semicolon",
            "--header",
            "labels",
            "--gzip",
        ],
        &["--profile", "tsv", "--gzip"],
    ]
    .into_iter()
    .enumerate()
    {
        let (source, file) = (format!("copy-{at}"), path(&format!("copy-{at}")));
        export("first", flags, &file).await;
        take(&source, &file).await;
        let again = path(&format!("again-{at}.csv"));
        export(&source, &columns, &again).await;
        assert_eq!(
            std::fs::read_to_string(&again).unwrap(),
            original,
            "{flags:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn an_exported_dynamodb_table_is_imported() {
    let world = World::start().await;
    // As an export to S3 has it: gzipped lines in files of a folder `data`.
    let folder = world.dir.path().join("AWSDynamoDB/01693685827463-2d8752fd");
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let write = |name: &str, lines: &[&str]| {
        let file = std::fs::File::create(folder.join("data").join(name)).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        for line in lines {
            writeln!(gzip, "{line}").unwrap();
        }
        gzip.finish().unwrap();
    };
    std::fs::write(folder.join("manifest-summary.json"), "{}").unwrap();
    write(
        "a.json.gz",
        &[
            r#"{"Item":{"id":{"N":"1"},"email":{"S":"a@x.example"},"phones":{"L":[{"S":"+1 555 0100"},{"S":"2"}]},"score":{"N":"1.5"},"vip":{"BOOL":true},"tags":{"SS":["b","a"]},"created_at":{"N":"1767225600"},"internal":{"S":"x"},"experiences":{"L":[{"M":{"title":{"S":"CTO"},"current":{"BOOL":true}}}]}}}"#,
            "nonsense",
        ],
    );
    write(
        "b.json.gz",
        &[
            r#"{"Item":{"id":{"N":"2"},"email":{"S":"b@x.example"},"created_at":{"S":"2026-01-02T00:00:00Z"},"extra":{"M":{"k":{"N":"1"}}}}}"#,
            r#"{"Item":{"id":{"N":"1"},"email":{"S":"c@x.example"},"created_at":{"N":"1767225600"}}}"#,
        ],
    );
    let import = [
        "import",
        folder.to_str().unwrap(),
        "--source",
        "crm",
        "--map",
        "id=lead_id",
        "--leave-out",
        "internal",
    ];
    let ran = run(&world, &import).await;
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "imported 2, replaced 0, skipped 2\n")
    );
    let said: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        said[0],
        "a.json.gz line 2 skipped: no DynamoDB item: it is not JSON"
    );
    assert!(
        said[1].starts_with("b.json.gz line 2 skipped: the lead id '1' is repeated"),
        "{said:?}"
    );
    let ran = run(&world, &import).await;
    assert_eq!(ran.out, "imported 0, replaced 2, skipped 2\n");

    let fields = run(&world, &["fields", "--source", "crm", "--json"])
        .await
        .json();
    let kinds: Vec<(&str, &str, &str)> = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|field| matches!(field["group"].as_str(), Some("custom" | "attribute")))
        .map(|field| {
            let text = |name: &str| field[name].as_str().unwrap();
            (text("key"), text("kind"), text("group"))
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("score", "number", "custom"),
            ("vip", "boolean", "custom"),
            ("extra", "text", "custom"),
            ("tags", "list", "attribute")
        ]
    );
    let body = json!({"fields": ["lead_id", "email", "phones", "score", "vip", "tags", "extra", "created_at"]});
    let (_, found) = world.export("alice", "crm", &body).await;
    assert_eq!(
        found[1..],
        [
            [
                "1",
                "a@x.example",
                "+1 555 0100, 2",
                "1.5",
                "true",
                "a, b",
                "",
                "2026-01-01T00:00:00.000Z"
            ],
            [
                "2",
                "b@x.example",
                "",
                "",
                "",
                "",
                r#"{"k":1}"#,
                "2026-01-02T00:00:00.000Z"
            ],
        ]
    );
    world.stop().await;
}
