//! `up` and its line; `token`; Ctrl-C; and commands without a running system.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Ran, program, welcome};

/// `program` over the data in `data`.
fn over(data: &Path, args: &[&str]) -> Command {
    let mut command = program();
    command.args(args).arg("--data").arg(data);
    command
}

async fn ran(data: &Path, args: &[&str]) -> Ran {
    Ran::new(over(data, args).output().await.unwrap())
}

fn interrupt(child: &Child) {
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn up_says_ready_on_one_line_and_what_a_newcomer_wants_before_it() {
    let dir = TempDir::new().unwrap();
    // A name that a shell takes apart unless it is quoted.
    let data = dir.path().join("my data");
    let mut up = over(&data, &["up", "--port", "0", "--leads", "40"])
        .env("RETENTION", "2d")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(up.stdout.take().unwrap());
    let mut line = String::new();
    timeout(Duration::from_mins(1), out.read_line(&mut line))
        .await
        .unwrap()
        .unwrap();
    let url = line.trim().strip_prefix("ready ").unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{line}");

    // Nothing but a token, good for this system.
    let token = ran(&data, &["token", "--user", "vera"]).await.done();
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    let get = |path: &str| {
        let call = reqwest::Client::new().get(format!("{url}{path}"));
        call.bearer_auth(token.trim()).send()
    };
    let sources: Json = get("/sources").await.unwrap().json().await.unwrap();
    assert_eq!(
        sources,
        json!({"sources": [{"source_id": "home-insurance", "name": "Home Insurance", "role": "viewer", "time_zone": "America/New_York"}]})
    );
    let mut err = BufReader::new(up.stderr.take().unwrap());
    let welcome = welcome::read(&mut err).await;
    welcome::names_what_a_newcomer_wants(&welcome, &url);
    welcome::commands_work_as_they_are_printed(&welcome, &url, dir.path(), &data).await;

    // The environment's parameter holds.
    let export = ["export", "--source", "home-insurance", "--json", "-o"];
    let path = dir.path().join("all.csv");
    let shown = ran(&data, &[&export[..], &[path.to_str().unwrap()]].concat())
        .await
        .json();
    let day = |name: &str| {
        shown[name]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let kept = day("file_expires_at").duration_since(day("completed_at"));
    assert_eq!(kept.as_hours(), 48);
    assert_eq!(shown["lead_count"], 40);

    // Port taken, folder in use: one clear sentence.
    let port = url.rsplit_once(':').unwrap().1;
    let other = dir.path().join("other");
    let said = ran(&other, &["up", "--port", port]).await.refused(1);
    assert!(
        said.contains(&format!("port {port} is taken")) && said.lines().count() == 1,
        "{said}"
    );
    let said = ran(&data, &["up", "--port", "0"]).await.refused(1);
    assert!(
        said.contains("is in use") && said.lines().count() == 1,
        "{said}"
    );

    interrupt(&up);
    let ended = timeout(Duration::from_secs(30), up.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(ended.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "", "one line on standard output");
    let mut said = String::new();
    err.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "", "nothing was said behind the welcome");

    // Without a running system a command has one of its own: the history is there.
    let listed = ran(&data, &["list", "--json"]).await.json();
    assert_eq!(listed["exports"][0]["id"], shown["id"]);

    // Afresh nothing of it is there. Both outputs are one pipe here, so that their order is seen: the line that a program waits for
    // comes when all is said.
    let (read, write) = std::io::pipe().unwrap();
    let mut fresh = over(&data, &["up", "--port", "0", "--fresh", "--leads", "0"]);
    fresh.stdout(write.try_clone().unwrap()).stderr(write);
    let mut up = fresh.spawn().unwrap();
    let read = pipe::Receiver::from_owned_fd(read.into()).unwrap();
    let mut lines = BufReader::new(read).lines();
    let mut before = Vec::new();
    let url = loop {
        let line = timeout(Duration::from_mins(1), lines.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        match line.strip_prefix("ready ") {
            Some(url) => break url.to_owned(),
            None => before.push(line),
        }
    };
    welcome::names_what_a_newcomer_wants(&before.join("\n"), &url);
    let listed = ran(&data, &["list", "--json"]).await.json();
    assert_eq!(listed, json!({"exports": []}));
    let sources = ran(&data, &["source", "list", "--json"]).await.json();
    assert_eq!(sources, json!({"sources": []}));
    interrupt(&up);
    let ended = timeout(Duration::from_secs(30), up.wait()).await;
    assert!(ended.unwrap().unwrap().success());
}

/// What the repository's own manifests make of `cargo run` in a fresh clone, and of `cargo install --path local`.
#[test]
fn a_bare_cargo_run_is_the_program_and_installing_local_gives_it() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = |name: &str| packages.iter().find(|package| package["name"] == name);
    let local = package("lead-export").unwrap();
    let root = metadata["workspace_root"].as_str().unwrap();
    let at = |path: &str| json!(format!("{root}/{path}"));
    assert_eq!(local["manifest_path"], at("local/Cargo.toml"));
    // What a bare `cargo run` looks for programs in: this package alone, whose one program needs no feature.
    assert_eq!(metadata["workspace_default_members"], json!([local["id"]]));
    let targets = local["targets"].as_array().unwrap();
    let programs: Vec<&Json> = targets
        .iter()
        .filter(|target| target["kind"] == json!(["bin"]))
        .collect();
    let [program] = programs[..] else {
        panic!("{programs:?}");
    };
    assert_eq!(program["name"], "lead-export");
    assert_eq!(program["src_path"], at("local/src/main.rs"));
    assert!(program.get("required-features").is_none(), "{program}");
    // It is the one under test here, by another name.
    for path in ["local/src/main.rs", "tests/stack-under-test.rs"] {
        let code = std::fs::read_to_string(format!("{root}/{path}")).unwrap();
        assert!(code.contains("\n    lead_export_local::main()\n"), "{path}");
    }
}

#[tokio::test]
async fn what_up_cannot_do_is_one_sentence() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let said = ran(&file, &["up", "--port", "0"]).await.refused(1);
    assert!(
        said.contains("cannot be made") && said.lines().count() == 1,
        "{said}"
    );
    let bad = over(dir.path(), &["up", "--port", "0"])
        .env("SLICE", "soon")
        .output()
        .await;
    let said = Ran::new(bad.unwrap()).refused(1);
    assert!(
        said.contains("SLICE") && said.lines().count() == 1,
        "{said}"
    );
    ran(dir.path(), &["up", "--port", "many"]).await.refused(2);
    ran(dir.path(), &["token", "--ttl", "soon"])
        .await
        .refused(2);
}

#[tokio::test]
async fn help_is_printed_and_shells_complete() {
    let dir = TempDir::new().unwrap();
    let help = ran(dir.path(), &["source", "set", "--help"]).await.done();
    assert!(
        help.contains("Example") && help.contains("lead-export source set"),
        "{help}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = ran(dir.path(), &["completions", shell]).await.done();
        assert!(
            script.contains("lead-export") && script.contains("since-export"),
            "{shell}"
        );
    }
}

#[tokio::test]
async fn an_interrupted_export_says_how_to_fetch_it_later() {
    // A service whose export never ends.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let id = "6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b";
    let (asked, mut again) = tokio::sync::mpsc::channel(100);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            super::question(&mut connection).await;
            let body = json!({"id": id, "status": "processing", "progress": {}}).to_string();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\nRetry-After: 1\r\n\r\n{body}"
            );
            let _ = connection.write_all(answer.as_bytes()).await;
            let _ = asked.send(()).await;
        }
    });
    let mut command = program();
    command.args([
        "export",
        "--source",
        "crm",
        "-o",
        "my leads.csv",
        "--url",
        &url,
        "--token",
        "secret-token",
    ]);
    let dir = TempDir::new().unwrap();
    command
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let export = command.spawn().unwrap();
    // It has asked, and asked again: it waits.
    for _ in 0..2 {
        timeout(Duration::from_secs(30), again.recv())
            .await
            .unwrap()
            .unwrap();
    }
    interrupt(&export);
    let ended = timeout(Duration::from_secs(30), export.wait_with_output()).await;
    let said = Ran::new(ended.unwrap().unwrap()).refused(1);
    let later = format!(" download {id} -o 'my leads.csv' --url {url} --token …");
    assert!(said.contains(&later), "{said}");
    assert!(!said.contains("secret-token"), "{said}");
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing is left"
    );
}
