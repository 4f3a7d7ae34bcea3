//! RequestExport: an accepted request is a record that will reach a terminal state (R1 to R4).

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::access::{Access, Act, Principal, Refusal};
use crate::ask::Asked;
use crate::contention::patiently;
use crate::fields::Source;
use crate::input::{InvalidRequest, Json, Problems};
use crate::limits;
use crate::mail::{Mail, MailTo};
use crate::ports::{
    Clock, Created, Dice, ExportQueue, ExportStore, PresetStore, Remembered, RequestKey,
    SourceStore, StoreError, StoreErrorKind, VolumeKey,
};
use crate::presets::{NotUnderstood, understand};
use crate::record::{Export, ExportId, RunId};
use crate::time::Instant;
use crate::volume::{DailyVolume, OverVolume, VolumeError};

/// Takes requests. Its fields are the ports it needs.
#[derive(Clone)]
pub struct RequestExport {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// What stands for a body.
    pub presets: Arc<dyn PresetStore>,
    /// Hints.
    pub queue: Arc<dyn ExportQueue>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub dice: Arc<dyn Dice>,
    /// Exports of an organization pending or processing at once.
    pub max_active: usize,
    /// Leads of a user in a day.
    pub volume: DailyVolume,
    /// Whether the service sends mails.
    pub sends_mails: bool,
}

/// A request as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// The source's name in the path.
    pub source: &'a str,
    /// The path: part of what an idempotency key stands for.
    pub path: &'a str,
    /// The caller's idempotency key.
    pub key: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// An accepted request.
#[derive(Debug)]
pub struct Accepted {
    /// The export as it is now.
    pub export: Export,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
    /// Why its hint could not be sent, if it could not: for the log, the sweeper takes the export up when it is due.
    pub unhinted: Option<StoreError>,
}

/// Why a request is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request's words.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The organization has as many exports under way as it may; those of them that the user may see.
    #[error("too many exports are under way")]
    Quota(Vec<ExportId>),
    /// The user has taken the leads of the day.
    #[error(transparent)]
    Volume(OverVolume),
    /// Others were at the same rows for too long.
    #[error("too many requests at the same time")]
    Contention,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotUnderstood> for RequestError {
    fn from(error: NotUnderstood) -> Self {
        match error {
            NotUnderstood::Invalid(invalid) => invalid.into(),
            NotUnderstood::Store(error) => error.into(),
        }
    }
}

impl From<VolumeError> for RequestError {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Over(over) => Self::Volume(over),
            VolumeError::Store(error) => error.into(),
        }
    }
}

/// What a request says, but for its source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// The path.
    pub(crate) path: &'a str,
    /// The caller's idempotency key.
    pub(crate) key: Option<&'a str>,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// What is known of a request's words before they are understood.
pub(crate) enum Met {
    /// They were accepted before, under their key.
    Before(Box<Accepted>),
    /// They are new.
    New(NewWords),
}

/// A request that was not made before under its key.
pub(crate) struct NewWords {
    key: Option<RequestKey>,
    /// Whether other words were accepted under the key.
    is_reused: bool,
    fingerprint: String,
    /// When it was made.
    pub(crate) at: Instant,
}

impl RequestExport {
    /// Accepts a request: once it answers, the record is durable and will reach a terminal state.
    ///
    /// # Errors
    /// [`RequestError`]: nothing was recorded, but for a store that did not answer: then it may have been.
    pub async fn request(&self, request: Request<'_>) -> Result<Accepted, RequestError> {
        let Request {
            principal, body, ..
        } = request;
        // R1
        let access = crate::history::access(&*self.sources, principal, request.source).await?;
        let (source, _) = access.allows(Act::Request)?;
        let words = Words {
            path: request.path,
            key: request.key,
            body,
        };
        let new = match self.met(principal, words).await? {
            Met::Before(accepted) => return Ok(*accepted),
            Met::New(new) => new,
        };
        let body = Json::object(body)?;
        let mail = MailTo::of(principal, self.sends_mails);
        let (presets, exports) = (&*self.presets, &*self.exports);
        let (_, asked) = understand(body, source, new.at, &mail, presets, exports).await?;
        self.record(principal, &access, source, new, asked).await
    }

    /// R1: whether the words were accepted before.
    pub(crate) async fn met(
        &self,
        principal: &Principal,
        words: Words<'_>,
    ) -> Result<Met, RequestError> {
        let key = words
            .key
            .map(|key| check_key(key).map(|()| key))
            .transpose()?;
        let key = key.map(|key| RequestKey {
            org: principal.org.clone(),
            user: principal.user.clone(),
            key: key.to_owned(),
        });
        let now = self.clock.now();
        let fingerprint = fingerprint(words.path, words.body);
        let remembered = match &key {
            Some(key) => self.exports.remembered(key, now).await?,
            None => None,
        };
        if let Some(remembered) = &remembered
            && remembered.fingerprint == fingerprint
        {
            let accepted = self.replay(principal, remembered).await?;
            return Ok(Met::Before(Box::new(accepted)));
        }
        Ok(Met::New(NewWords {
            key,
            is_reused: remembered.is_some(),
            fingerprint,
            at: now,
        }))
    }

    /// R2 to R4: records what was asked, and answers with the record.
    pub(crate) async fn record(
        &self,
        principal: &Principal,
        access: &Access,
        source: &Source,
        new: NewWords,
        asked: Asked,
    ) -> Result<Accepted, RequestError> {
        let NewWords {
            key,
            is_reused,
            fingerprint,
            at: now,
        } = new;
        if is_reused {
            return Err(RequestError::KeyReused);
        }
        let day = VolumeKey::new(&principal.org, &principal.user, now);
        let left = self
            .volume
            .check(&*self.exports, &*self.clock, &day, None, 1);
        left.await?;
        let id = ExportId(self.dice.uuid());
        let person = access.person(principal);
        let by = RunId(self.dice.uuid());
        let mut export = Export::new(
            id,
            principal.org.clone(),
            by,
            person,
            asked.plan,
            asked.file_name,
            source.lead_count,
        );
        // One that could reach nobody was refused before.
        if asked.mail
            && let MailTo::Address(to) = MailTo::of(principal, self.sends_mails)
        {
            export.mail = Some(Mail { to, sent: false });
        }
        let row = Remembered {
            fingerprint,
            export: id,
            until: now.plus(limits::IDEMPOTENCY),
        };
        // R2
        match self
            .create(&export, key.as_ref().map(|key| (key, &row)))
            .await?
        {
            Created::New => {}
            // An earlier copy of this very call, whose answer was lost: nobody else has its id.
            Created::Remembered(known) if known.export == id => {}
            Created::Remembered(known) if known.fingerprint == row.fingerprint => {
                return self.replay(principal, &known).await;
            }
            Created::Remembered(_) => return Err(RequestError::KeyReused),
            Created::Full(active) => return Err(self.full(principal, active).await?),
        }
        // R3: a hint, for speed alone: the record is due soon.
        let hint = self.queue.send(&export.org, id).await;
        // R4
        Ok(Accepted {
            export,
            replayed: false,
            unhinted: hint.err(),
        })
    }

    async fn create(
        &self,
        export: &Export,
        row: Option<(&RequestKey, &Remembered)>,
    ) -> Result<Created, RequestError> {
        let create = || self.exports.create(export, row, self.max_active);
        match patiently(&*self.clock, &*self.dice, create).await {
            Err(error) if error.kind == StoreErrorKind::Conflict => Err(RequestError::Contention),
            other => Ok(other?),
        }
    }

    async fn replay(
        &self,
        principal: &Principal,
        known: &Remembered,
    ) -> Result<Accepted, RequestError> {
        match self.exports.get(&principal.org, known.export).await? {
            Some(export) => Ok(Accepted {
                export: export.seen_at(self.clock.now()),
                replayed: true,
                unhinted: None,
            }),
            // The row and the record were written together, and records have no end.
            None => Err(StoreError::new(StoreErrorKind::Corrupt, "exports").into()),
        }
    }

    async fn full(
        &self,
        principal: &Principal,
        active: Vec<ExportId>,
    ) -> Result<RequestError, StoreError> {
        let visible = self
            .sources
            .visible(&principal.org, &principal.user)
            .await?;
        let mut seen = Vec::new();
        for id in active {
            let export = self.exports.get(&principal.org, id).await?;
            if export.is_some_and(|export| {
                visible
                    .iter()
                    .any(|(source, _)| source.id == export.head.source)
            }) {
                seen.push(id);
            }
        }
        Ok(RequestError::Quota(seen))
    }
}

/// 1 to 255 visible ASCII characters without a comma: two headers of the name arrive joined by one.
fn check_key(key: &str) -> Result<(), InvalidRequest> {
    let valid = (1..=limits::IDEMPOTENCY_KEY_CHARS).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',');
    if valid {
        return Ok(());
    }
    let mut problems = Problems::default();
    problems.wrong_type(
        "Idempotency-Key",
        "must be 1 to 255 visible ASCII characters without a comma, given once",
    );
    problems.or(None)
}

/// SHA-256 of path and body, as hex: what an idempotency key stands for.
fn fingerprint(path: &str, body: &[u8]) -> String {
    let mut sha = Sha256::new();
    sha.update((path.len() as u64).to_be_bytes());
    sha.update(path.as_bytes());
    sha.update(body);
    crate::piece::hex(&sha.finalize())
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod insist;
#[cfg(test)]
mod tests;
