//! Lambda on one machine: every function is a pool of child processes that ask our own Runtime API for work.
//!
//! What it keeps of the real thing, because the service leans on it: a process serves one invocation at a time and is used
//! again while warm; a cold one starts on demand; at its timeout it is killed, not asked; a crash fails the invocation and
//! costs the process; the environment is what Lambda sets and nothing of the caller's; 6 MB each way
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
//!
//! What it does not: freezing between invocations, memory limits, retries of asynchronous invocations.
//!
//! No process outlives us. [`Lambdas::stop`] ends all of them; dropping [`Lambdas`] kills them; and if we are killed, the
//! pipe on each child's standard input closes, which is what [`exit_when_parent_dies`] waits for.

mod environment;
mod log;
mod orphan;
mod pool;
mod runtime_api;
mod sandbox;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::invoke::{Invoke, InvokeError};

pub use log::LogSink;
pub use orphan::exit_when_parent_dies;

use pool::{Function, Phase};

/// The largest request Lambda takes from a caller that waits for the answer: 6 MiB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const REQUEST_LIMIT_BYTES: usize = 6 * 1024 * 1024;

/// The largest answer Lambda passes on. 6 MiB and 100 bytes is the number in Lambda's own error message,
/// "maximum allowed payload size (6291556 bytes)".
pub const RESPONSE_LIMIT_BYTES: usize = 6 * 1024 * 1024 + 100;

/// One function: what to run and within which bounds.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// The name callers use. Letters, digits, `-` and `_`, as in Lambda.
    pub name: String,
    /// The program: an absolute path, or a name to be found on the `PATH`.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The function's own variables, credentials and region among them. They win over the defaults but not over what tells
    /// the process who it is (`AWS_LAMBDA_*`).
    pub env: BTreeMap<String, String>,
    /// What the function is told its memory is, in MB. Not enforced.
    pub memory_mb: u32,
    /// How long one invocation may run, counted from the moment the process takes it.
    pub timeout: Duration,
    /// How many processes may run at once. 0 refuses every call, as a reserved concurrency of 0 does.
    pub max_concurrency: usize,
    /// How long a call waits for a free process before it is [`InvokeError::Throttled`]. Lambda does not wait; a browser that
    /// opens a page on a small machine is better served by a moment's patience.
    pub queue_wait: Duration,
    /// How long a warm process is kept without work.
    pub idle_after: Duration,
    /// Where the lines go that the process writes to its standard output and error.
    pub log: LogSink,
}

impl FunctionSpec {
    /// A function with Lambda's own defaults (128 MB, 3 s; 10 at once is the quota of a new account), no patience, five warm
    /// minutes and no log.
    pub fn new(name: impl Into<String>, command: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            memory_mb: 128,
            timeout: Duration::from_secs(3),
            max_concurrency: 10,
            queue_wait: Duration::ZERO,
            idle_after: Duration::from_mins(5),
            log: LogSink::Discard,
        }
    }
}

/// The functions of one stack.
///
/// - An invocation, once begun, runs to its end or its timeout even when its caller has gone, as in Lambda.
/// - At most `max_concurrency` invocations of a function run at once.
/// - A process that crashed, timed out or said it cannot start is never used again.
pub struct Lambdas {
    functions: BTreeMap<String, Arc<Function>>,
    phase: watch::Sender<Phase>,
    sandboxes: Arc<Mutex<Option<JoinSet<()>>>>,
    stopping: tokio::sync::Mutex<()>,
}

impl Lambdas {
    /// Takes the functions; starts no process yet. Of two specs with one name the later counts.
    pub fn new(specs: Vec<FunctionSpec>) -> Self {
        let (phase, _) = watch::channel(Phase::Open);
        let sandboxes = Arc::new(Mutex::new(Some(JoinSet::new())));
        let functions = specs
            .into_iter()
            .map(|spec| {
                let name = spec.name.clone();
                let function = Function::new(spec, phase.subscribe(), Arc::downgrade(&sandboxes));
                (name, Arc::new(function))
            })
            .collect();
        Self {
            functions,
            phase,
            sandboxes,
            stopping: tokio::sync::Mutex::new(()),
        }
    }

    /// Ends everything. New and waiting calls get [`InvokeError::Stopped`] at once, running invocations have `grace` to finish,
    /// then they are killed and their callers get [`InvokeError::Stopped`] too. When it returns, no child process is left and
    /// every line they wrote is in the log. A second call waits for the first.
    pub async fn stop(&self, grace: Duration) {
        let _one_at_a_time = self.stopping.lock().await;
        self.phase.send_replace(Phase::Draining);
        let taken = self
            .sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut sandboxes = taken.unwrap_or_default();
        let drained = async { while sandboxes.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(grace, drained).await.is_ok();
        self.phase.send_replace(Phase::Killing);
        if !in_time {
            while sandboxes.join_next().await.is_some() {}
        }
    }

    /// The process ids of a function's living processes, idle or at work, in the order they were started. Empty for a name
    /// that is not known.
    pub fn pids(&self, function: &str) -> Vec<u32> {
        self.functions
            .get(function)
            .map(|function| function.pids())
            .unwrap_or_default()
    }
}

#[async_trait]
impl Invoke for Lambdas {
    /// Runs the function in a warm process, or a new one, and returns its answer unchanged. A payload over
    /// [`REQUEST_LIMIT_BYTES`] is [`InvokeError::Function`] with Lambda's `RequestTooLargeException`.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        let Some(function) = self.functions.get(function) else {
            return Err(InvokeError::Unknown(function.to_owned()));
        };
        if payload.len() > REQUEST_LIMIT_BYTES {
            return Err(InvokeError::Function {
                error_type: "RequestTooLargeException".to_owned(),
                message: format!(
                    "{} byte payload is too large for the RequestResponse invocation type (limit {REQUEST_LIMIT_BYTES} bytes)",
                    payload.len()
                ),
            });
        }
        function.invoke(payload).await
    }
}
