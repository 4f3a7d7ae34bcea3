//! The whole program killed, and started again over the same data.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant as Moment};

use lead_export_aws::queue::SqsQueue;
use lead_export_core::ports::ExportQueue as _;
use lead_export_local::connection::StackFile;
use lead_export_local::stack::Stack;
use serde_json::json;

use super::{ALONE, big, calm, cleaned, end_lease, id_of, org, record_of, records, same_file};
use crate::util::{World, client, options};

/// The whole system as a program of its own.
struct Program(Child);

impl Program {
    fn start(data: &Path) -> (Self, StackFile) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stack-under-test"))
            .args(["up", "--port", "0", "--leads", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("ready "), "{line}");
        (Self(child), StackFile::find(data).unwrap().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_program_killed_and_started_again_goes_on_where_it_was() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    big(&world).await;
    let calm = calm(&world).await;
    let dir = world.stop().await;
    let data = dir.path().join("data");
    let (program, _) = Program::start(&data);
    // A request as the client makes it, and the program dies while its export is at work.
    let (mut id, mut program) = (None, Some(program));
    for turn in 0..3 {
        let found = StackFile::find(&data).unwrap().unwrap();
        let asked = if let Some(id) = id {
            id
        } else {
            let token = crate::util::token(&data, &found, "acme", "alice");
            let answer = client()
                .post(format!("{}/sources/big/exports", found.url))
                .bearer_auth(token)
                .json(&json!({}))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 202);
            id_of(&answer.json().await.unwrap())
        };
        id = Some(asked);
        let store = records(&found);
        let began = Moment::now();
        while record_of(&store, asked).await.lease.is_none()
            && began.elapsed() < Duration::from_secs(30)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(200 * (turn + 1))).await;
        program.take().unwrap().kill();
        let (again, found) = Program::start(&data);
        program = Some(again);
        // The sweeper of a program comes each minute, the lease ends after 90 s: neither is waited for.
        let seen = record_of(&records(&found), asked).await;
        if seen.status().is_terminal() {
            break;
        }
        end_lease(&found, asked).await;
        let queue = SqsQueue::new(found.clients().unwrap().sqs, found.queue_url.clone());
        queue.send(&org(), asked).await.unwrap();
    }
    program.take().unwrap().kill();
    let world = World {
        stack: Stack::start(options(&dir)).await.unwrap(),
        dir,
        client: client(),
    };
    let id = id.unwrap();
    end_lease(world.stack.file(), id).await;
    same_file(&world.ended("alice", &id.to_string()).await, &calm);
    cleaned(world.stack.file(), &[id]).await;
    world.stop().await;
}
