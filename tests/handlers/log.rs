//! The log of a handler, caught: every event and span, of every level.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// What no line may hold: the filter literals of `events/request-export.json`, the caller's e-mail, links, and whatever a test
/// marks as `canary`: tokens, values of leads, further literals.
const SECRETS: [&str; 6] = [
    "canary",
    "https://",
    "2025-01-01",
    "50000",
    "alice@acme.example",
    "homeowner",
];

/// Lines, in the order written: level, target, message, fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Runs `work` with this log, and fails if a line tells what it must not. All work of a test binary is run so: a callsite that is
    /// first met by a thread without a subscriber may be taken for one that nobody listens to.
    pub(crate) async fn of<T>(&self, work: impl Future<Output = T>) -> T {
        let answer = work.with_subscriber(Dispatch::new(self.clone())).await;
        for line in self.lock().iter() {
            for secret in SECRETS {
                assert!(!line.contains(secret), "{secret} is in the log: {line}");
            }
        }
        answer
    }

    /// The lines since the last time, but for the trace that each call is a part of.
    pub(crate) fn take(&self) -> String {
        let mut lines = std::mem::take(&mut *self.lock());
        lines.retain(|line| !line.contains(" lead_export_aws::trace:"));
        lines.join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}:", metadata.level(), metadata.target()));
        record(&mut line);
        self.lock().push(line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?};"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        let mut line = Line("span:".to_owned());
        values.record(&mut line);
        self.lock().push(line.0);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
