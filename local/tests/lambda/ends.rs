//! Every way a process may end: idle, stopped, dropped, orphaned.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lead_export_local::invoke::InvokeError;
use lead_export_local::lambda::{FunctionSpec, Lambdas};
use serde_json::json;

use crate::meeting::{Meeting, Visitor, soon};
use crate::process::{arguments, spec, visit};
use crate::{begin, call, pid};

/// Starts a process and leaves it idle; the visitor stays as long as the process lives.
async fn idle(lambdas: &Lambdas, meeting: &Meeting) -> Visitor {
    let payload = json!({"do": "hold", "at": meeting.address()});
    let (answer, visitor) = tokio::join!(call(lambdas, payload), meeting.arrival());
    assert_eq!(answer, Ok(json!(visitor.pid)));
    visitor
}

#[tokio::test]
async fn process_without_work_is_ended() {
    let lambdas = Lambdas::new(vec![FunctionSpec {
        idle_after: Duration::from_millis(1),
        ..spec()
    }]);
    let meeting = Meeting::new().await;
    let mut visitor = idle(&lambdas, &meeting).await;
    visitor.gone().await;
    assert_ne!(pid(&lambdas).await, visitor.pid);
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn stop_ends_idle_processes_and_refuses_calls() {
    let lambdas = Lambdas::new(vec![spec()]);
    let meeting = Meeting::new().await;
    let mut visitor = idle(&lambdas, &meeting).await;
    // No grace is needed for the idle.
    soon(lambdas.stop(Duration::from_hours(1))).await;
    #[cfg(target_os = "linux")]
    assert!(!std::path::Path::new(&format!("/proc/{}", visitor.pid)).exists());
    visitor.gone().await;
    assert!(lambdas.pids("f").is_empty());
    assert_eq!(
        call(&lambdas, json!({"do": "pid"})).await,
        Err(InvokeError::Stopped)
    );
    soon(lambdas.stop(Duration::ZERO)).await;
}

#[tokio::test]
async fn stop_lets_a_running_invocation_finish_but_nothing_new_begin() {
    let lambdas = Arc::new(Lambdas::new(vec![FunctionSpec {
        max_concurrency: 1,
        queue_wait: Duration::from_hours(1),
        ..spec()
    }]));
    let meeting = Meeting::new().await;
    let running = begin(&lambdas, &meeting);
    let mut visitor = meeting.arrival().await;
    let waiting = call(&lambdas, json!({"do": "pid"}));
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let stop = lambdas.stop(Duration::from_hours(1));
    tokio::pin!(stop);
    assert!(futures_util::poll!(&mut stop).is_pending());
    assert_eq!(waiting.await, Err(InvokeError::Stopped));
    assert_eq!(
        call(&lambdas, json!({"do": "pid"})).await,
        Err(InvokeError::Stopped)
    );
    assert!(futures_util::poll!(&mut stop).is_pending());
    visitor.release().await;
    soon(stop).await;
    assert_eq!(running.await.unwrap(), Ok(json!(visitor.pid)));
    assert!(lambdas.pids("f").is_empty());
}

#[tokio::test]
async fn stop_kills_what_outlasts_the_grace() {
    let lambdas = Arc::new(Lambdas::new(vec![spec()]));
    let meeting = Meeting::new().await;
    let running = begin(&lambdas, &meeting);
    let mut visitor = meeting.arrival().await;
    soon(lambdas.stop(Duration::ZERO)).await;
    #[cfg(target_os = "linux")]
    assert!(!std::path::Path::new(&format!("/proc/{}", visitor.pid)).exists());
    visitor.gone().await;
    assert_eq!(running.await.unwrap(), Err(InvokeError::Stopped));
}

#[tokio::test]
async fn dropped_lambdas_leave_no_process() {
    let lambdas = Lambdas::new(vec![spec()]);
    let meeting = Meeting::new().await;
    let mut visitor = idle(&lambdas, &meeting).await;
    drop(lambdas);
    visitor.gone().await;
}

#[tokio::test]
async fn invocation_outlives_its_caller() {
    let lambdas = Arc::new(Lambdas::new(vec![FunctionSpec {
        max_concurrency: 1,
        queue_wait: Duration::from_mins(1),
        ..spec()
    }]));
    let meeting = Meeting::new().await;
    let caller = begin(&lambdas, &meeting);
    let mut visitor = meeting.arrival().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    let next = pid(&lambdas);
    tokio::pin!(next);
    assert!(
        futures_util::poll!(&mut next).is_pending(),
        "its place must stay taken"
    );
    visitor.release().await;
    assert_eq!(next.await, visitor.pid);
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn process_is_out_of_reach_of_the_terminals_interrupt() {
    let lambdas = Lambdas::new(vec![spec()]);
    let pid = pid(&lambdas).await;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name in parentheses: state, parent, process group.
    let group = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(2)
        .unwrap();
    assert_eq!(group, pid.to_string());
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn killed_parent_leaves_no_process() {
    let meeting = Meeting::new().await;
    let mut parent = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(arguments("ends::parent"))
        .env("MEETING_OF_THE_ORPHANS", meeting.address())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // The busy one, the idle one and the parent, which comes when the second is idle.
    let mut visitors = [
        meeting.arrival().await,
        meeting.arrival().await,
        meeting.arrival().await,
    ];
    let pids: BTreeSet<u32> = visitors.iter().map(|visitor| visitor.pid).collect();
    assert_eq!(pids.len(), 3);
    assert!(pids.contains(&parent.id().unwrap()));
    // SIGKILL: nothing of the parent's own runs any more.
    parent.kill().await.unwrap();
    for visitor in &mut visitors {
        visitor.gone().await;
    }
}

#[test]
#[ignore = "the parent that is killed; a test starts it"]
fn parent() {
    let Ok(address) = std::env::var("MEETING_OF_THE_ORPHANS") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let lambdas = Lambdas::new(vec![spec()]);
        let busy = call(&lambdas, json!({"do": "meet", "at": address}));
        let rest = async {
            // Taken up only once the first is on its way, so that this is a second process.
            while lambdas.pids("f").is_empty() {
                tokio::task::yield_now().await;
            }
            call(&lambdas, json!({"do": "hold", "at": address}))
                .await
                .unwrap();
            let _ready = visit(&json!({"at": address})).await;
            std::future::pending::<()>().await;
        };
        let _ = tokio::join!(busy, rest);
    });
}
