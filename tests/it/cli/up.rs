//! `up` and its line; `token`; Ctrl-C; and commands without a running system.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Ran, program};

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
    let data = dir.path().join("data");
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
    // The environment's parameter holds.
    let export = ["export", "--source", "home-insurance", "--json", "-o"];
    let path = dir.path().join("leads.csv");
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
    up.stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    for words in [
        "Users ",
        "API ",
        &url,
        "aws --endpoint-url",
        "export --source home-insurance",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }

    // Without a running system a command has one of its own: the history is there.
    let listed = ran(&data, &["list", "--json"]).await.json();
    assert_eq!(listed["exports"][0]["id"], shown["id"]);
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
async fn help_has_examples_and_shells_complete() {
    let dir = TempDir::new().unwrap();
    for command in [
        "export",
        "import",
        "show",
        "source set",
        "field add",
        "retry",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = ran(dir.path(), &words).await.done();
        assert!(
            help.contains("Example") && help.contains(&format!("lead-export {command}")),
            "{help}"
        );
    }
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
