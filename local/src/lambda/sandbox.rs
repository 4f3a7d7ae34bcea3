//! One child process, its Runtime API and its invocations, from the cold start to the end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::log::Log;
use super::pool::{Function, Job, Phase};
use super::runtime_api::{Desk, Event, Invocation};
use super::{LogSink, environment, runtime_api};
use crate::invoke::InvokeError;

/// What Lambda grants the start of a process besides the function's timeout
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>, "Init phase").
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How long we read on after a process ended. Its pipes close with it, unless it left children of its own behind.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How one invocation ended.
enum Ending {
    /// The function answered; the process can be used again.
    Answered(Result<Bytes, InvokeError>),
    /// The process is gone or must go.
    Broken(InvokeError),
    /// A warm process was gone before it took the job: nothing ran.
    Untouched,
}

/// Starts a process for a first job and keeps it for later ones, until it breaks, idles too long or the stack stops.
pub(super) async fn live(function: Arc<Function>, number: u64, first: Job) {
    let mut sandbox = match Sandbox::start(&function).await {
        Ok(sandbox) => sandbox,
        Err(error) => return first.finish(Err(error)),
    };
    function.note_pid(number, sandbox.child.id());
    let mut job = first;
    let mut warm = false;
    loop {
        let ending = sandbox.run(&function, &job, warm).await;
        if let Ending::Answered(answer) = ending {
            // Offered before the caller is answered: its next call shall find this process warm.
            let offer = function.park(number);
            job.finish(answer);
            warm = true;
            match sandbox.next_job(&function, number, offer).await {
                Some(next) => job = next,
                None => break,
            }
            continue;
        }
        sandbox.end().await;
        function.note_pid(number, None);
        return match ending {
            Ending::Broken(error) => job.finish(Err(error)),
            _ => function.dispatch(job),
        };
    }
    sandbox.end().await;
    function.note_pid(number, None);
}

struct Sandbox {
    child: Child,
    /// Never written to: that it closes with us is what tells the child that we are gone.
    _parent_lives: Option<ChildStdin>,
    desk: Arc<Desk>,
    events: mpsc::UnboundedReceiver<Event>,
    log: Log,
    /// The Runtime API's server.
    server: JoinSet<()>,
    /// The two readers of the child's output.
    readers: JoinSet<()>,
}

impl Sandbox {
    async fn start(function: &Function) -> Result<Self, InvokeError> {
        let spec = &function.spec;
        // The port is the process's identity: what is asked there is asked by this child.
        let (desk, events) = Desk::new(spec.timeout, function.arn.clone());
        let mut server = JoinSet::new();
        let address = runtime_api::serve(Arc::clone(&desk), &mut server)
            .await
            .map_err(|error| {
                not_started(
                    "Runtime.Unknown",
                    format!("the Runtime API cannot listen: {error}"),
                )
            })?;
        let log_stream = log_stream();
        let mut command = Command::new(&spec.command);
        command
            .args(&spec.args)
            .env_clear()
            .envs(environment::variables(spec, address, &log_stream, |name| {
                std::env::var_os(name)
            }))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C in a terminal goes to the whole group: the parent alone shall hear it, and stop us gracefully.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let message = format!("Couldn't start {}: {error}", spec.command.display());
            not_started("Runtime.InvalidEntrypoint", message)
        })?;
        let open = async |sink: &LogSink| Log::open(sink, &spec.name).await;
        let mut readers = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            readers.spawn(open(&spec.log).await.follow(pipe));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.spawn(open(&spec.log).await.follow(pipe));
        }
        Ok(Self {
            _parent_lives: child.stdin.take(),
            child,
            desk,
            events,
            log: open(&spec.log).await,
            server,
            readers,
        })
    }

    /// Offers one job and waits for the first of: an answer, the process's end, the deadline, the stack's end.
    async fn run(&mut self, function: &Function, job: &Job, warm: bool) -> Ending {
        let timeout = function.spec.timeout;
        // The poll of a process that has just died may still look open to the server, and would swallow the job.
        if warm && !matches!(self.child.try_wait(), Ok(None)) {
            return Ending::Untouched;
        }
        self.desk.offer(Invocation {
            id: job.id.clone(),
            payload: job.payload.clone(),
        });
        let mut deadline = Instant::now() + if warm { timeout } else { INIT_LIMIT + timeout };
        let mut taken = false;
        loop {
            tokio::select! {
                // An answer that is there counts, whatever happened to the process since.
                biased;
                event = self.events.recv() => match event {
                    Some(Event::Taken(at)) => {
                        taken = true;
                        deadline = at + timeout;
                    }
                    Some(Event::Answered(answer)) => return Ending::Answered(answer),
                    Some(Event::InitFailed(error)) => {
                        self.log.line(&format!("{} {error}", job.id)).await;
                        return Ending::Broken(error);
                    }
                    None => return Ending::Broken(InvokeError::Stopped),
                },
                status = self.child.wait() => {
                    if warm && !taken {
                        return Ending::Untouched;
                    }
                    let message = format!("RequestId: {} Error: {}", job.id, describe(status));
                    self.log.line(&message).await;
                    return Ending::Broken(InvokeError::Function {
                        error_type: "Runtime.ExitError".to_owned(),
                        message,
                    });
                }
                () = tokio::time::sleep_until(deadline) => {
                    self.log.line(&format!("{} Task timed out after {:.2} seconds", job.id, timeout.as_secs_f64())).await;
                    return Ending::Broken(InvokeError::TimedOut);
                }
                () = function.reached(Phase::Killing) => return Ending::Broken(InvokeError::Stopped),
            }
        }
    }

    /// Waits, warm, for the next job. None when the process has ended or is to end.
    async fn next_job(
        &mut self,
        function: &Function,
        number: u64,
        mut offer: oneshot::Receiver<Job>,
    ) -> Option<Job> {
        tokio::select! {
            biased;
            job = &mut offer => return job.ok(),
            _ = self.child.wait() => {}
            () = tokio::time::sleep(function.spec.idle_after) => {}
            () = function.reached(Phase::Draining) => {}
        }
        // Whoever took the offer up in this very moment has a job for us, and must not lose it.
        if function.unpark(number) {
            None
        } else {
            offer.await.ok()
        }
    }

    /// Kills the process if it lives, and waits until it is gone and its last lines are written.
    async fn end(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::error!(%error, "a function's process cannot be killed");
        }
        self.server.shutdown().await;
        let written = async { while self.readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, written).await;
    }
}

fn not_started(error_type: &str, message: String) -> InvokeError {
    InvokeError::Function {
        error_type: error_type.to_owned(),
        message,
    }
}

/// Lambda's words for the end of a process.
fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) if status.success() => "Runtime exited without providing a reason".to_owned(),
        Ok(status) => match status.code() {
            Some(code) => format!("Runtime exited with error: exit status {code}"),
            None => format!("Runtime exited with error: {status}"),
        },
        Err(error) => format!("Runtime exited with error: {error}"),
    }
}

/// A log stream's name in Lambda's form: the day, the version, 32 hexadecimal digits.
fn log_stream() -> String {
    let day = jiff::Timestamp::now().strftime("%Y/%m/%d");
    format!("{day}/[$LATEST]{}", uuid::Uuid::new_v4().simple())
}
