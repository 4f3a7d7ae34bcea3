//! What `up` says to a newcomer, and that the commands in it work as they are printed.

use std::path::Path;
use std::time::Duration;

use lead_export_local::connection::StackFile;
use serde_json::Value as Json;
use tokio::io::AsyncBufReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::Ran;
use crate::util::rows;

/// The last of the lines.
const LAST: &str = " -o mine.csv ";

/// Reads the welcome, which ends with a command.
pub(super) async fn read(from: &mut (impl AsyncBufReadExt + Unpin)) -> String {
    let mut welcome = String::new();
    while !welcome.contains(LAST) {
        let read = timeout(Duration::from_mins(1), from.read_line(&mut welcome)).await;
        assert!(read.unwrap().unwrap() > 0, "{welcome}");
    }
    welcome
}

/// Page and users, API, AWS endpoints with an `aws` line, commands that end in a CSV (contract §7).
pub(super) fn names_what_a_newcomer_wants(welcome: &str, url: &str) {
    for words in [
        &format!("Page    {url}/\n"),
        "Users   alice (exporter)",
        &format!("API     {url}\n"),
        "AWS     DynamoDB http://127.0.0.1:",
        " aws --endpoint-url http://127.0.0.1:",
        " export --source home-insurance ",
        LAST,
    ] {
        assert!(welcome.contains(words), "{words}: {welcome}");
    }
}

/// The commands, without the words before them, and with the lines put together that go on.
fn commands(welcome: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut begun = String::new();
    for line in welcome.lines() {
        let Some(line) = line.get(8..) else { continue };
        begun += line.trim_start();
        match begun.strip_suffix('\\') {
            Some(more) => begun = more.to_owned(),
            None => commands.push(std::mem::take(&mut begun)),
        }
    }
    let is_command = |line: &String| {
        let first = ["curl ", "AWS_ACCESS_KEY_ID=", "cargo run ", "lead-export "];
        first.iter().any(|first| line.starts_with(first))
    };
    commands.retain(is_command);
    commands
}

/// Runs a line in a shell. The program is the one under test; `curl` and `aws`, which a machine may lack, tell what they are to do.
async fn pasted(line: &str, folder: &Path) -> Vec<String> {
    let tools = r#"
        program() { "$PROGRAM" "$@"; }
        curl() { printf '%s\n' "$@"; }
        aws() { printf '%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION" "$@"; }
    "#;
    let line = line
        .replace("cargo run -q -- ", "program ")
        .replace("lead-export ", "program ");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{tools}\n{line}"))
        .env("PROGRAM", env!("CARGO_BIN_EXE_stack-under-test"))
        .current_dir(folder)
        .kill_on_drop(true);
    for name in ["LEAD_EXPORT_URL", "LEAD_EXPORT_TOKEN", "AWS_PROFILE"] {
        shell.env_remove(name);
    }
    let out = Ran::new(shell.output().await.unwrap()).done();
    out.lines().map(str::to_owned).collect()
}

/// Pastes each command, one after the other, into a shell in `folder`.
pub(super) async fn commands_work_as_they_are_printed(
    welcome: &str,
    url: &str,
    folder: &Path,
    data: &Path,
) {
    let commands = commands(welcome);
    let [curl, aws, first, import, second] = &commands[..] else {
        panic!("{commands:?}");
    };
    let told = pasted(curl, folder).await;
    let [flag, header, address] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((flag.as_str(), address), ("-H", &format!("{url}/sources")));
    let (name, token) = header.split_once(": ").unwrap();
    let call = reqwest::Client::new().get(address).header(name, token);
    let sources: Json = call.send().await.unwrap().json().await.unwrap();
    assert_eq!(sources["sources"][0]["source_id"], "home-insurance");

    assert_eq!(pasted(first, folder).await, ["leads.csv"]);
    let leads = rows(&std::fs::read(folder.join("leads.csv")).unwrap());
    assert!(leads.len() > 1);
    let imported = format!("imported {}, replaced 0, skipped 0", leads.len() - 1);
    assert_eq!(pasted(import, folder).await, [imported]);
    assert_eq!(pasted(second, folder).await, ["mine.csv"]);
    let mine = rows(&std::fs::read(folder.join("mine.csv")).unwrap());
    let ids =
        |rows: &[Vec<String>]| -> Vec<String> { rows.iter().map(|row| row[0].clone()).collect() };
    assert_eq!(ids(&mine), ids(&leads));

    // What aws is told lists the bucket, in which the two files are now.
    let told = pasted(aws, folder).await;
    let [
        key,
        secret,
        region,
        flag,
        endpoint,
        s3,
        ls,
        bucket,
        recursive,
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    let words = [flag, s3, ls, recursive].map(String::as_str);
    assert_eq!(words, ["--endpoint-url", "s3", "ls", "--recursive"]);
    let printed = StackFile {
        access_key: key.clone(),
        secret_key: secret.clone(),
        region: region.clone(),
        s3: endpoint.clone(),
        ..StackFile::find(data).unwrap().unwrap()
    };
    let bucket = bucket.strip_prefix("s3://").unwrap();
    let list = printed.clients().unwrap().s3.list_objects_v2();
    let listed = list.bucket(bucket).send().await.unwrap();
    let files = listed.contents().iter().filter_map(|object| object.key());
    assert_eq!(files.filter(|key| key.starts_with("files/")).count(), 2);
}
