//! The tables of the queues. Times in them are milliseconds since 1970.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::attributes::{Settings, arn};
use super::message::{Message, Outgoing};
use super::receipt::Receipt;
use super::refusal::Refusal;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        settings TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        modified_ms INTEGER NOT NULL,
        purged_ms INTEGER
    ) STRICT;
    CREATE TABLE IF NOT EXISTS deleted_queues (
        name TEXT PRIMARY KEY,
        deleted_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS messages (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        attributes TEXT NOT NULL,
        tenant TEXT,
        trace TEXT,
        moved_from TEXT,
        sent_ms INTEGER NOT NULL,
        visible_ms INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        receives_here INTEGER NOT NULL DEFAULT 0,
        first_received_ms INTEGER,
        last_received_ms INTEGER,
        receipt TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue, visible_ms, seq);
    CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_ms);
";

/// A queue as it is kept.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) created_ms: i64,
    pub(super) modified_ms: i64,
    pub(super) purged_ms: Option<i64>,
}

/// How many messages a queue holds, by what can be done with them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: i64,
    pub(super) delayed: i64,
    pub(super) in_flight: i64,
}

/// The whereabouts of a received message.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) visible_ms: i64,
    pub(super) last_received_ms: i64,
}

pub(super) fn open(path: &Path) -> anyhow::Result<Connection> {
    let db = Connection::open(path)
        .with_context(|| format!("the queues' file {} cannot be opened", path.display()))?;
    // A killed program must lose nothing; a power cut may cost the last moments of a local queue.
    db.pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| db.pragma_update(None, "synchronous", "NORMAL"))
        .and_then(|()| db.pragma_update(None, "foreign_keys", true))
        .and_then(|()| db.execute_batch(TABLES))
        .with_context(|| format!("{} is not a file of queues", path.display()))?;
    Ok(db)
}

pub(super) fn find(db: &Connection, name: &str) -> Result<Option<Queue>, Refusal> {
    let sql =
        "SELECT id, name, settings, created_ms, modified_ms, purged_ms FROM queues WHERE name = ?";
    let queue = db
        .prepare_cached(sql)?
        .query_row([name], |row| {
            Ok(Queue {
                id: row.get(0)?,
                name: row.get(1)?,
                settings: json(row, 2)?,
                created_ms: row.get(3)?,
                modified_ms: row.get(4)?,
                purged_ms: row.get(5)?,
            })
        })
        .optional()?;
    Ok(queue)
}

pub(super) fn insert_queue(
    db: &Connection,
    name: &str,
    settings: &Settings,
    now_ms: i64,
) -> Result<(), Refusal> {
    db.execute(
        "INSERT INTO queues (name, settings, created_ms, modified_ms) VALUES (?1, ?2, ?3, ?3)",
        params![name, text(settings)?, now_ms],
    )?;
    Ok(())
}

pub(super) fn change_settings(
    db: &Connection,
    queue: &Queue,
    settings: &Settings,
    now_ms: i64,
) -> Result<(), Refusal> {
    db.execute(
        "UPDATE queues SET settings = ?2, modified_ms = ?3 WHERE id = ?1",
        params![queue.id, text(settings)?, now_ms],
    )?;
    Ok(())
}

pub(super) fn delete_queue(db: &Connection, queue: &Queue, now_ms: i64) -> Result<(), Refusal> {
    db.execute("DELETE FROM queues WHERE id = ?", [queue.id])?;
    db.execute(
        "INSERT OR REPLACE INTO deleted_queues (name, deleted_ms) VALUES (?1, ?2)",
        params![queue.name, now_ms],
    )?;
    Ok(())
}

/// When the last queue of this name was deleted.
pub(super) fn deleted_ms(db: &Connection, name: &str) -> Result<Option<i64>, Refusal> {
    let sql = "SELECT deleted_ms FROM deleted_queues WHERE name = ?";
    Ok(db.query_row(sql, [name], |row| row.get(0)).optional()?)
}

/// Up to `limit` names that start with `prefix` and come after `after`, sorted.
pub(super) fn names(
    db: &Connection,
    prefix: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, Refusal> {
    let sql = "SELECT name FROM queues WHERE substr(name, 1, length(?1)) = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let names = statement.query_map(params![prefix, after, limit], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

pub(super) fn purge(db: &Connection, queue: &Queue, now_ms: i64) -> Result<(), Refusal> {
    db.execute("DELETE FROM messages WHERE queue = ?", [queue.id])?;
    db.execute(
        "UPDATE queues SET purged_ms = ?2 WHERE id = ?1",
        params![queue.id, now_ms],
    )?;
    Ok(())
}

pub(super) fn insert_message(
    db: &Connection,
    queue: &Queue,
    message: &Outgoing,
    now_ms: i64,
) -> Result<String, Refusal> {
    let id = Uuid::new_v4().to_string();
    let delay_s = message
        .delay_seconds
        .unwrap_or_else(|| queue.settings.delay_s.into());
    let none = BTreeMap::new();
    db.prepare_cached(
        "INSERT INTO messages (queue, id, body, attributes, tenant, trace, sent_ms, visible_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        queue.id,
        id,
        message.body,
        text(message.attributes.as_ref().unwrap_or(&none))?,
        message.group,
        message.trace(),
        now_ms,
        now_ms + delay_s * 1_000,
    ])?;
    Ok(id)
}

/// Deletes the messages that are older than the queue keeps them, in flight or not.
pub(super) fn expire(db: &Connection, queue: &Queue, now_ms: i64) -> Result<(), Refusal> {
    let oldest_ms = now_ms - i64::from(queue.settings.retention_s) * 1_000;
    db.prepare_cached("DELETE FROM messages WHERE queue = ?1 AND sent_ms <= ?2")?
        .execute(params![queue.id, oldest_ms])?;
    Ok(())
}

/// Moves the visible messages that were received too often to the dead-letter queue; returns how many. Their age counts on.
pub(super) fn redrive(db: &Connection, queue: &Queue, now_ms: i64) -> Result<usize, Refusal> {
    let Some(policy) = &queue.settings.redrive else {
        return Ok(0);
    };
    let Some(target) = find(db, &policy.target)? else {
        return Ok(0);
    };
    let moved = db
        .prepare_cached(
            "UPDATE messages SET queue = ?4, moved_from = ?5, visible_ms = ?2, receives_here = 0, receipt = NULL
             WHERE queue = ?1 AND visible_ms <= ?2 AND receives_here >= ?3",
        )?
        .execute(params![queue.id, now_ms, policy.max_receives, target.id, arn(&queue.name)])?;
    Ok(moved)
}

/// Receives up to `max` visible messages and hides them for `visibility_s` seconds.
pub(super) fn receive(
    db: &Connection,
    queue: &Queue,
    now_ms: i64,
    max: i64,
    visibility_s: i64,
) -> Result<Vec<Message>, Refusal> {
    let sql = "SELECT seq FROM messages WHERE queue = ?1 AND visible_ms <= ?2 ORDER BY visible_ms, seq LIMIT ?3";
    let seqs: Vec<i64> = db
        .prepare_cached(sql)?
        .query_map(params![queue.id, now_ms, max], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut update = db.prepare_cached(
        "UPDATE messages SET receipt = ?2, visible_ms = ?4, receives = receives + 1, receives_here = receives_here + 1,
             first_received_ms = coalesce(first_received_ms, ?3), last_received_ms = ?3
         WHERE seq = ?1
         RETURNING id, body, attributes, tenant, trace, moved_from, sent_ms, first_received_ms, receives",
    )?;
    let mut messages = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let receipt = Receipt {
            queue: queue.id,
            seq,
            nonce: Uuid::new_v4(),
        };
        let visible_ms = now_ms + visibility_s * 1_000;
        messages.push(update.query_row(
            params![seq, receipt.nonce.to_string(), now_ms, visible_ms],
            |row| message(row, receipt),
        )?);
    }
    Ok(messages)
}

fn message(row: &Row<'_>, receipt: Receipt) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        receipt_handle: receipt.handle(),
        body: row.get(1)?,
        attributes: json(row, 2)?,
        group: row.get(3)?,
        trace: row.get(4)?,
        moved_from: row.get(5)?,
        sent_at: instant(row, 6)?,
        first_received_at: instant(row, 7)?,
        receive_count: row.get(8)?,
    })
}

/// When the next of the hidden or delayed messages can be received.
pub(super) fn next_visible_ms(
    db: &Connection,
    queue: &Queue,
    now_ms: i64,
) -> Result<Option<i64>, Refusal> {
    let sql = "SELECT min(visible_ms) FROM messages WHERE queue = ?1 AND visible_ms > ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![queue.id, now_ms], |row| row.get(0))?)
}

/// Deletes the message if `receipt` is its latest one.
pub(super) fn delete(db: &Connection, receipt: Receipt) -> Result<(), Refusal> {
    db.prepare_cached("DELETE FROM messages WHERE queue = ?1 AND seq = ?2 AND receipt = ?3")?
        .execute(params![
            receipt.queue,
            receipt.seq,
            receipt.nonce.to_string()
        ])?;
    Ok(())
}

/// Finds the message whose latest receipt is `receipt`.
pub(super) fn find_received(
    db: &Connection,
    receipt: Receipt,
) -> Result<Option<InFlight>, Refusal> {
    let sql = "SELECT visible_ms, last_received_ms FROM messages WHERE queue = ?1 AND seq = ?2 AND receipt = ?3";
    let found = db
        .prepare_cached(sql)?
        .query_row(
            params![receipt.queue, receipt.seq, receipt.nonce.to_string()],
            |row| {
                Ok(InFlight {
                    visible_ms: row.get(0)?,
                    last_received_ms: row.get(1)?,
                })
            },
        )
        .optional()?;
    Ok(found)
}

pub(super) fn hide_until(
    db: &Connection,
    receipt: Receipt,
    visible_ms: i64,
) -> Result<(), Refusal> {
    db.prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE seq = ?1")?
        .execute(params![receipt.seq, visible_ms])?;
    Ok(())
}

pub(super) fn counts(db: &Connection, queue: &Queue, now_ms: i64) -> Result<Counts, Refusal> {
    let counts = db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE visible_ms <= ?2),
                    count(*) FILTER (WHERE visible_ms > ?2 AND receipt IS NULL),
                    count(*) FILTER (WHERE visible_ms > ?2 AND receipt IS NOT NULL)
             FROM messages WHERE queue = ?1",
        )?
        .query_row(params![queue.id, now_ms], |row| {
            Ok(Counts {
                visible: row.get(0)?,
                delayed: row.get(1)?,
                in_flight: row.get(2)?,
            })
        })?;
    Ok(counts)
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|cause| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, cause.into())
    })
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let millisecond = row.get(column)?;
    Timestamp::from_millisecond(millisecond)
        .map_err(|_| FromSqlError::OutOfRange(millisecond))
        .map_err(|cause| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, cause.into())
        })
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, Refusal> {
    serde_json::to_string(value)
        .map_err(|cause| Refusal::storage(&rusqlite::Error::ToSqlConversionFailure(cause.into())))
}
