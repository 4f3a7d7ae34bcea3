//! `export`, and what follows on it.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{Ran, run};
use crate::util::{World, rows, small_world};

/// The ids in the file that these flags ask for.
async fn ids(world: &World, flags: &[&str]) -> Vec<String> {
    let mut args = vec!["export", "--source", "home-insurance"];
    args.extend(["--field", "lead_id", "--header", "none", "-o", "-"]);
    args.extend(flags);
    let out = run(world, &args).await.done();
    rows(out.as_bytes())
        .into_iter()
        .map(|row| row[0].clone())
        .collect()
}

#[tokio::test]
async fn every_flag_of_export_asks_for_what_it_says() {
    let world = World::start().await;
    small_world(&world).await;
    let table: [(&[&str], &[&str]); 16] = [
        (&[], &["l-1", "l-2", "l-3", "l-4", "l-5", "l-6"]),
        (&["--status", "sold"], &["l-2", "l-3"]),
        (
            &["--status", "sold", "--status", "rejected"],
            &["l-2", "l-3", "l-4"],
        ),
        (&["--created-from", "2026-01-01T00:00:04Z"], &["l-5", "l-6"]),
        (&["--created-to", "2026-01-01T00:00:01Z"], &["l-1"]),
        (&["--updated-from", "2000-01-01"], &[]),
        (&["--updated-to", "2030-01-01"], &[]),
        (&["--attribute", "homeowner=Yes"], &["l-1"]),
        (&["--attribute", "campaign"], &["l-2"]),
        (&["--search", "jane"], &["l-1"]),
        (&["--where", "annual_income=50000.."], &["l-1", "l-5"]),
        (
            &["--where", "roof_type=tile", "--where", "opted_in=yes"],
            &["l-3"],
        ),
        (&["--has", "annual_income"], &["l-1", "l-2", "l-5"]),
        (&["--lacks", "status"], &["l-6"]),
        (
            &["--order", "-created_at"],
            &["l-6", "l-5", "l-4", "l-3", "l-2", "l-1"],
        ),
        (&["--limit", "6", "--status", "active"], &["l-1", "l-5"]),
    ];
    let found = join_all(table.iter().map(|(flags, _)| ids(&world, flags))).await;
    for ((flags, expected), found) in table.iter().zip(found) {
        assert_eq!(found, *expected, "{flags:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn files_are_brought_whole_and_never_over_others() {
    let world = World::start().await;
    small_world(&world).await;
    let folder = world.dir.path().join("files");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("leads.csv");
    let file = path.to_str().unwrap();
    let export = |more: &[&str]| {
        let mut args = vec!["export", "--source", "home-insurance"];
        args.extend(more);
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let world = &world;
        async move {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            run(world, &args).await
        }
    };
    // The path on standard output, nothing on standard error: no bar where nobody looks.
    let text = [
        "--field",
        "lead_id",
        "--field",
        "phone=Mobile",
        "--field",
        "created_at",
        "--limit",
        "1",
        "--profile",
        "excel-semicolon",
        "--header",
        "labels",
        "--time-zone",
        "Europe/Berlin",
    ];
    let ran = export(&[&text[..], &["-o", file]].concat()).await;
    // The limit has cut the file, which is said.
    assert_eq!((ran.code, ran.out.trim()), (Some(0), file));
    assert!(
        ran.err.contains("the limit has cut the file"),
        "{}",
        ran.err
    );
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "\u{feff}Lead ID;Mobile;Created At\r\nl-1;\"=\"\"+1 (555) 010-0001\"\"\";2026-01-01 01:00:01\r\n"
    );
    // Never over a file that is there, unless asked.
    let said = export(&["-o", file]).await.refused(1);
    assert!(
        said.contains("is there already") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(export(&["-o", file, "--force"]).await.done().trim(), file);
    // Into a folder under its own name; gzipped; as JSON.
    let folder_text = folder.to_str().unwrap();
    let shown = export(&["--gzip", "--json", "-o", folder_text])
        .await
        .json();
    let gzipped = shown["path"].as_str().unwrap();
    assert!(gzipped.ends_with(".csv.gz"), "{gzipped}");
    assert_eq!(std::fs::read(gzipped).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(
        (&shown["status"], &shown["lead_count"]),
        (&json!("completed"), &json!(6))
    );

    // A preset, and the same again with something else.
    let preset = world.call(
        "alice",
        Method::PUT,
        "/sources/home-insurance/presets/weekly",
    );
    let body = json!({"filters": {"status": ["sold"]}, "fields": ["lead_id"]});
    assert_eq!(preset.json(&body).send().await.unwrap().status(), 200);
    let out = export(&["--preset", "weekly", "-o", "-"]).await.done();
    assert_eq!(out, "lead_id\r\nl-2\r\nl-3\r\n");
    let listed = run(
        &world,
        &[
            "list",
            "--source",
            "home-insurance",
            "--json",
            "--limit",
            "1",
        ],
    );
    let listed = listed.await.json();
    let id = listed["exports"][0]["id"].as_str().unwrap().to_owned();
    let out = export(&["--again", &id, "--limit", "2", "-o", "-"])
        .await
        .done();
    assert_eq!(out, "lead_id\r\nl-2\r\nl-3\r\n");
    assert_eq!(ids(&world, &["--since-export", &id]).await, [""; 0]);

    // What makes no sense is usage; what the service refuses is a failure with every bad field.
    for flags in [
        &["--json", "-o", "-"][..],
        &["--where", "annual_income", "-o", "-"],
        &["--where", "annual_income=..", "-o", "-"],
        &[
            "--attribute",
            "campaign",
            "--attribute",
            "campaign=a",
            "-o",
            "-",
        ],
        &["--preset", "weekly", "--again", &id, "-o", "-"],
        &["--order", "up", "-o", "-"],
        &["--limit", "few", "-o", "-"],
    ] {
        export(flags).await.refused(2);
    }
    let said = export(&["--limit", "0", "--time-zone", "Mars/Olympus", "-o", "-"])
        .await
        .refused(1);
    assert!(
        said.contains("limit") && said.contains("format.time_zone"),
        "{said}"
    );
    let said = run(&world, &["export", "--source", "nothing", "-o", "-"])
        .await
        .refused(1);
    assert!(said.contains("There is no such source"), "{said}");
    world.stop().await;
}

#[tokio::test]
async fn the_history_is_listed_shown_downloaded_and_ended() {
    let world = World::start().await;
    small_world(&world).await;
    let path = world.dir.path().join("leads.csv");
    let file = path.to_str().unwrap();
    let export = ["export", "--source", "home-insurance", "--json", "-o", file];
    let shown = run(&world, &export).await.json();
    let id = shown["id"].as_str().unwrap();
    let bytes = std::fs::read(&path).unwrap();

    // As a table for people, in the page's words, and as JSON for programs.
    let listed = run(&world, &["list"]).await.done();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    for words in [
        "File Name",
        "Requested By",
        "Requested At",
        "Completed At",
        "Status",
        "Lead Count",
    ] {
        assert!(lines[0].contains(words), "{listed}");
    }
    assert!(
        lines[1].contains(id) && lines[1].contains("Completed"),
        "{listed}"
    );
    assert!(!listed.contains('\u{1b}'), "colours are for terminals");
    let coloured = run(&world, &["list", "--color", "always"]).await.done();
    assert!(
        coloured.contains("\u{1b}[32mCompleted\u{1b}[0m"),
        "{coloured:?}"
    );
    for (flags, count) in [
        (&["--requested-by", "alice"][..], 1),
        (&["--requested-by", "vera"], 0),
        (&["--status", "failed"], 0),
        (&["--from", "2100-01-01"], 0),
        (&["--to", "2100-01-01"], 1),
    ] {
        let listed = run(&world, &[&["list", "--json"][..], flags].concat())
            .await
            .json();
        assert_eq!(
            listed["exports"].as_array().unwrap().len(),
            count,
            "{flags:?}"
        );
    }
    let sheet = run(&world, &["show", id]).await.done();
    assert!(sheet.contains("\nStatus           Completed\n"), "{sheet}");
    let as_json = run(&world, &["show", id, "--json"]).await.json();
    assert_eq!(as_json["sha256"], shown["sha256"]);
    // vera may look, and may not download.
    run(&world, &["show", id, "--user", "vera"]).await.done();
    let said = run(&world, &["download", id, "-o", "-", "--user", "vera"]).await;
    assert!(said.refused(1).contains("grant"));
    run(&world, &["show", id, "--user", "gina", "--org", "globex"])
        .await
        .refused(1);
    let out = run(&world, &["download", id, "-o", "-"]).await.done();
    assert_eq!(out.as_bytes(), bytes);
    // As JSON: the export, and where its file is now.
    let again = world.dir.path().join("again.csv");
    let place = again.to_str().unwrap();
    let came = run(&world, &["download", id, "--json", "-o", place])
        .await
        .json();
    for member in ["id", "status", "lead_count", "sha256"] {
        assert_eq!(came[member], shown[member], "{member}");
    }
    assert_eq!(came["path"], place);
    assert_eq!(std::fs::read(&again).unwrap(), bytes);
    run(&world, &["download", id, "--json", "-o", "-"])
        .await
        .refused(2);
    // By the API of a deployed service, without this machine's data.
    let url = &world.stack.file().url;
    let token = world.token("acme", "alice");
    let remote = ["list", "--url", url, "--token", &token, "--json"];
    let output = super::program().args(remote).output().await.unwrap();
    assert_eq!(Ran::new(output).json()["exports"][0]["id"], json!(id));
    let remote = ["show", id, "--url", url, "--token", "nonsense"];
    let output = super::program().args(remote).output().await.unwrap();
    assert!(
        Ran::new(output)
            .refused(1)
            .contains("the token is not accepted")
    );
    let remote = ["show", id, "--timeline", "--url", url, "--token", &token];
    let output = super::program().args(remote).output().await.unwrap();
    assert!(Ran::new(output).refused(2).contains("--stack"));

    let usage = ["usage", "--source", "home-insurance"];
    let by_day = run(&world, &usage).await.done();
    assert!(
        by_day.starts_with("Day") && by_day.contains("\nTotal"),
        "{by_day}"
    );
    let by_user = [
        &usage[..],
        &["--by", "user", "--json", "--from", "2026-01-01"],
    ]
    .concat();
    let by_user = run(&world, &by_user).await.json();
    assert_eq!(by_user["total"]["leads"], 6, "{by_user}");
    run(&world, &[&usage[..], &["--by", "week"]].concat())
        .await
        .refused(2);

    // A file is deleted only where that is said.
    let said = run(&world, &["cancel", id]).await.refused(1);
    assert!(said.contains("--delete"), "{said}");
    let out = run(&world, &["cancel", id, "--delete"]).await.done();
    assert_eq!(out, format!("the file of the export {id} is deleted\n"));
    let said = run(&world, &["download", id, "-o", "-"]).await.refused(1);
    assert!(said.contains("expired"), "{said}");
    let timeline = run(&world, &["show", id, "--timeline"]).await.done();
    for words in [
        "requested by",
        "slice 1 (run",
        "completed: 6 rows",
        "a link to the file for",
        "deleted by",
        "now: expired",
    ] {
        assert!(timeline.contains(words), "{words}: {timeline}");
    }
    // One that is gone is asked for again.
    let again = run(&world, &["retry", id, "--json"]).await.json();
    assert_eq!(
        world.ended("alice", again["id"].as_str().unwrap()).await["status"],
        "completed"
    );
    world.stop().await;
}
