//! The local Lambda with real processes: this test program, started again as a function.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests, and a function whose output is the test's subject"
)]

#[path = "lambda/ends.rs"]
mod ends;
#[path = "lambda/meeting.rs"]
mod meeting;
#[path = "lambda/process.rs"]
mod process;
#[path = "lambda/surroundings.rs"]
mod surroundings;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lead_export_local::invoke::{Invoke, InvokeError};
use lead_export_local::lambda::{FunctionSpec, Lambdas, LogSink};
use meeting::{Meeting, soon};
use process::spec;
use serde_json::{Value, json};

/// Invokes `f` with a JSON value and reads the answer as one.
async fn call(lambdas: &Lambdas, payload: Value) -> Result<Value, InvokeError> {
    let answer = soon(lambdas.invoke("f", payload.to_string().into())).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn pid(lambdas: &Lambdas) -> u32 {
    let pid = call(lambdas, json!({"do": "pid"})).await.unwrap();
    u32::try_from(pid.as_u64().unwrap()).unwrap()
}

/// Begins an invocation that comes to the meeting and stays until released.
fn begin(
    lambdas: &Arc<Lambdas>,
    meeting: &Meeting,
) -> tokio::task::JoinHandle<Result<Value, InvokeError>> {
    let lambdas = Arc::clone(lambdas);
    let payload = json!({"do": "meet", "at": meeting.address()});
    tokio::spawn(async move { call(&lambdas, payload).await })
}

fn failed(error_type: &str, message: &str) -> Result<Value, InvokeError> {
    Err(InvokeError::Function {
        error_type: error_type.to_owned(),
        message: message.to_owned(),
    })
}

#[tokio::test]
async fn answer_comes_back_unchanged() {
    let lambdas = Lambdas::new(vec![spec()]);
    for value in [
        json!(null),
        json!("ä\u{0}\n"),
        json!({"a": [1, 2.5, {"b": null}]}),
    ] {
        assert_eq!(
            call(&lambdas, json!({"do": "echo", "value": value})).await,
            Ok(value)
        );
    }
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn unknown_function_is_told() {
    let lambdas = Lambdas::new(vec![spec()]);
    let answer = lambdas.invoke("g", "{}".into()).await;
    assert_eq!(answer, Err(InvokeError::Unknown("g".to_owned())));
    assert!(lambdas.pids("g").is_empty());
}

#[tokio::test]
async fn failures_of_the_handler_are_told_and_leave_the_process_warm() {
    let lambdas = Lambdas::new(vec![spec()]);
    let before = pid(&lambdas).await;
    assert_eq!(
        call(&lambdas, json!({"do": "error"})).await,
        failed("Teapot", "short and stout")
    );
    match call(&lambdas, json!({"do": "panic"})).await {
        Err(InvokeError::Function { message, .. }) => {
            assert_eq!(message, "Lambda panicked: on purpose");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pid(&lambdas).await, before);
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn process_that_exits_fails_its_invocation_and_is_replaced() {
    let lambdas = Lambdas::new(vec![spec()]);
    let before = pid(&lambdas).await;
    for (code, words) in [
        (3, "Runtime exited with error: exit status 3"),
        (0, "Runtime exited without providing a reason"),
    ] {
        match call(&lambdas, json!({"do": "exit", "code": code})).await {
            Err(InvokeError::Function {
                error_type,
                message,
            }) => {
                assert_eq!(error_type, "Runtime.ExitError");
                assert!(
                    message.starts_with("RequestId: ") && message.ends_with(words),
                    "{message}"
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(lambdas.pids("f").is_empty(), "the process is still counted");
    }
    assert_ne!(pid(&lambdas).await, before);
    lambdas.stop(Duration::ZERO).await;
}

/// Whether any thread of a process still runs. The first may be a zombie before the others have gone, and only when all have
/// can the parent learn of the end.
#[cfg(target_os = "linux")]
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads > 1 || (threads == 1 && !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn warm_process_that_died_unused_costs_no_invocation() {
    let lambdas = Lambdas::new(vec![spec()]);
    let mut last = pid(&lambdas).await;
    for _ in 0..5 {
        let killed = std::process::Command::new("kill")
            .args(["-9", &last.to_string()])
            .status();
        assert!(killed.unwrap().success());
        // Dead, and perhaps a zombie: nobody here has waited for it yet, as the runtime has had no turn.
        while is_alive(last) {
            std::thread::yield_now();
        }
        let next = pid(&lambdas).await;
        assert_ne!(next, last);
        assert_eq!(lambdas.pids("f"), [next]);
        last = next;
    }
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn timeout_kills_and_the_next_invocation_has_a_new_process() {
    let (lines, mut log) = tokio::sync::mpsc::unbounded_channel();
    let lambdas = Arc::new(Lambdas::new(vec![FunctionSpec {
        timeout: Duration::from_secs(1),
        log: LogSink::Lines(lines),
        ..spec()
    }]));
    let meeting = Meeting::new().await;
    let stuck = begin(&lambdas, &meeting);
    let mut visitor = meeting.arrival().await;
    assert_eq!(lambdas.pids("f"), [visitor.pid]);
    assert_eq!(stuck.await.unwrap(), Err(InvokeError::TimedOut));
    visitor.gone().await;
    assert!(lambdas.pids("f").is_empty());
    assert_ne!(pid(&lambdas).await, visitor.pid);
    lambdas.stop(Duration::ZERO).await;
    drop(lambdas);
    let mut told = false;
    while let Some((_, line)) = log.recv().await {
        told |= line.ends_with("Task timed out after 1.00 seconds");
    }
    assert!(told);
}

#[tokio::test]
async fn one_at_a_time_uses_one_process() {
    let lambdas = Lambdas::new(vec![spec()]);
    let first = pid(&lambdas).await;
    for _ in 0..20 {
        assert_eq!(pid(&lambdas).await, first);
    }
    assert_eq!(lambdas.pids("f"), [first]);
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn two_at_once_are_two_processes_and_a_third_is_throttled() {
    let lambdas = Arc::new(Lambdas::new(vec![FunctionSpec {
        max_concurrency: 2,
        ..spec()
    }]));
    let meeting = Meeting::new().await;
    let calls = [begin(&lambdas, &meeting), begin(&lambdas, &meeting)];
    let mut visitors = [meeting.arrival().await, meeting.arrival().await];
    assert_ne!(visitors[0].pid, visitors[1].pid);
    assert_eq!(
        call(&lambdas, json!({"do": "pid"})).await,
        Err(InvokeError::Throttled)
    );
    for visitor in &mut visitors {
        visitor.release().await;
    }
    let mut answers = BTreeSet::new();
    for call in calls {
        answers.insert(call.await.unwrap().unwrap().as_u64());
    }
    assert_eq!(
        answers,
        visitors
            .iter()
            .map(|visitor| Some(u64::from(visitor.pid)))
            .collect()
    );
    // Both are warm now, and one of them serves.
    assert!(
        visitors
            .iter()
            .any(|visitor| visitor.pid == visitors[0].pid)
    );
    let next = pid(&lambdas).await;
    assert!(visitors.iter().any(|visitor| visitor.pid == next));
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn patient_call_waits_for_a_place() {
    let lambdas = Arc::new(Lambdas::new(vec![FunctionSpec {
        max_concurrency: 1,
        queue_wait: Duration::from_mins(1),
        ..spec()
    }]));
    let meeting = Meeting::new().await;
    let running = begin(&lambdas, &meeting);
    let mut visitor = meeting.arrival().await;
    let waiting = pid(&lambdas);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    visitor.release().await;
    running.await.unwrap().unwrap();
    assert_eq!(waiting.await, visitor.pid);
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn concurrency_of_zero_refuses_all() {
    let lambdas = Lambdas::new(vec![FunctionSpec {
        max_concurrency: 0,
        ..spec()
    }]);
    assert_eq!(
        call(&lambdas, json!({"do": "pid"})).await,
        Err(InvokeError::Throttled)
    );
}

#[tokio::test]
async fn process_that_cannot_start_is_told() {
    let missing = FunctionSpec::new("f", "/nowhere/bootstrap");
    match call(&Lambdas::new(vec![missing]), json!({})).await {
        Err(InvokeError::Function {
            error_type,
            message,
        }) => {
            assert_eq!(error_type, "Runtime.InvalidEntrypoint");
            assert!(message.contains("/nowhere/bootstrap"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let leaving = FunctionSpec {
        command: PathBuf::from("sh"),
        args: vec!["-c".to_owned(), "exit 4".to_owned()],
        ..FunctionSpec::new("f", "sh")
    };
    match call(&Lambdas::new(vec![leaving]), json!({})).await {
        Err(InvokeError::Function {
            error_type,
            message,
        }) => {
            assert_eq!(error_type, "Runtime.ExitError");
            assert!(message.ends_with("exit status 4"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}
