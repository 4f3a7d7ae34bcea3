//! The command line of contract §7, as a program: what it prints where, how it ends, what it does.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]
#![expect(
    clippy::too_many_lines,
    reason = "one stack and one story: starting a stack for each sentence would take minutes"
)]

mod exports;
mod import;
mod operator;
mod shards;
mod up;
mod welcome;

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::util::World;

/// What a command came to.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn new(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command printed that went well; nothing else was said.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(
            (self.code, self.err.as_str()),
            (Some(0), ""),
            "{}",
            self.out
        );
        self.out
    }

    #[track_caller]
    fn json(self) -> serde_json::Value {
        let out = self.done();
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap()
    }

    /// What a command said that failed so; nothing was printed.
    #[track_caller]
    fn refused(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.out.as_str()),
            (Some(code), ""),
            "{}",
            self.err
        );
        self.err
    }
}

/// The program, without what the machine's own environment says of AWS or a service.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stack-under-test"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    for name in ["LEAD_EXPORT_URL", "LEAD_EXPORT_TOKEN", "AWS_PROFILE"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command by the running stack of `world`.
async fn run(world: &World, args: &[&str]) -> Ran {
    let mut command = program();
    command.args(args).arg("--data").arg(data(world));
    Ran::new(command.output().await.unwrap())
}

fn data(world: &World) -> PathBuf {
    world.dir.path().join("data")
}

/// Reads a request whole, so that an answer does not cut it.
async fn question(connection: &mut TcpStream) {
    let mut read = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return;
            }
        }
        match connection.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&bytes[..count]),
        }
    }
}
