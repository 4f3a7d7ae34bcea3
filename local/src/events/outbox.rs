//! What was told: kept in memory and in a file of the data folder.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The file in the data folder's `logs`.
const FILE: &str = "outbox.log";

/// Events, and mails, that are shown at most: the newest. The file holds all.
const SHOWN: usize = 1000;

/// An event as EventBridge would hand it on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Drawn by the bus for each entry: not the `event_id` of the detail.
    pub id: String,
    /// The bus.
    pub bus: String,
    /// Who tells.
    pub source: String,
    /// What is told.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// When it was, RFC 3339.
    pub time: String,
    /// The event itself.
    pub detail: Value,
}

/// A mail as SES would send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The `MessageId`.
    pub id: String,
    /// When it was taken, RFC 3339.
    pub time: String,
    /// The sender.
    pub from: String,
    /// Its readers.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Event(Event),
    Mail(Mail),
}

/// All that was told.
#[derive(Debug)]
pub struct Outbox {
    inner: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    file: fs::File,
    events: Vec<Event>,
    mails: Vec<Mail>,
}

impl Told {
    fn keep(&mut self, line: Line) {
        match line {
            Line::Event(event) => push(&mut self.events, event),
            Line::Mail(mail) => push(&mut self.mails, mail),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= SHOWN {
        list.remove(0);
    }
    list.push(item);
}

impl Outbox {
    /// Opens the outbox of a data folder, with what was told before.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let logs = data.join("logs");
        fs::create_dir_all(&logs)?;
        let path = logs.join(FILE);
        let before = match fs::read_to_string(&path) {
            Ok(before) => before,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let mut told = Told {
            file: file.with_context(|| format!("{} cannot be written", path.display()))?,
            events: Vec::new(),
            mails: Vec::new(),
        };
        // A line that a crash cut short tells nothing.
        let lines = before
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.for_each(|line: Line| told.keep(line));
        Ok(Self {
            inner: Mutex::new(told),
        })
    }

    fn take(&self, line: Line) -> std::io::Result<()> {
        let text = serde_json::to_string(&line)?;
        let mut told = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        told.file.write_all(format!("{text}\n").as_bytes())?;
        told.keep(line);
        Ok(())
    }

    /// Takes an event.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell(&self, event: Event) -> std::io::Result<()> {
        self.take(Line::Event(event))
    }

    /// Takes a mail.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn send(&self, mail: Mail) -> std::io::Result<()> {
        self.take(Line::Mail(mail))
    }

    /// All events and mails, the oldest first.
    pub fn shown(&self) -> Value {
        let told = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        json!({ "events": told.events, "mails": told.mails })
    }
}
