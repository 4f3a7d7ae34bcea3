//! AnswerExport: the CSV in the answer to the request, for up to 1 000 leads (contract §6).
//!
//! The same pipeline as for a file, over all sources at once, into a buffer. Leads that are named by their ids are looked up beside
//! it, and flow into the same merge as the ranges that are read.

mod ask;
mod looked_up;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

pub(crate) use self::ask::FIELDS;
use self::ask::{Wanted, source, wanted};
use self::looked_up::Beside;
use crate::access::{Act, Person, Principal, Refusal, Role};
use crate::ask::Asked;
use crate::csv::UnknownZone;
use crate::export::{ExportError, Selection, SinkError, export};
use crate::fields::Source;
use crate::format::{Format, Profile};
use crate::input::{InvalidRequest, Json};
use crate::lead::{LeadId, LeadKey, OrgId};
use crate::limits;
use crate::page::Page;
use crate::plan::{Order, Plan};
use crate::ports::{LeadIndex, LeadSource, Place, StoreError, VolumeKey};
use crate::record::{Export, ExportId, Progress, RunId};
use crate::request::{Accepted, Met, RequestError, RequestExport, Words};
use crate::sink::{Carried, Inline};
use crate::time::Instant;

/// Records under way at once.
const RECORDS_AT_ONCE: usize = 16;

/// Answers requests with the CSV itself. Its fields are the ports it needs; those of a request for a file are among them, since
/// `Prefer: respond-async` makes one.
#[derive(Clone)]
pub struct AnswerExport {
    /// Sources, records, queue, time.
    pub request: RequestExport,
    /// The leads in their order.
    pub leads: Arc<dyn LeadSource>,
    /// The leads by their ids.
    pub index: Arc<dyn LeadIndex>,
}

/// A CSV for the answer.
#[derive(Debug)]
pub struct Answer {
    /// The CSV.
    pub bytes: Vec<u8>,
    /// How it fits into the answer.
    pub carried: Carried,
    /// Its media type.
    pub content_type: &'static str,
    /// The name under which it is saved.
    pub file_name: String,
    /// Data rows.
    pub leads: u64,
    /// The records in the histories of the sources it is of.
    pub exports: Vec<ExportId>,
}

/// Why there is no CSV.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Nothing was selected.
    #[error("nothing was selected")]
    NoData,
    /// The request's words, in one sentence.
    #[error("{0}")]
    Invalid(String),
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More than an answer can carry.
    #[error("the answer would be too large")]
    TooLarge,
    /// It takes longer than an answer may.
    #[error("the answer would come too late")]
    TooLate,
    /// As a request for a file may fail.
    #[error(transparent)]
    Request(RequestError),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan cannot be run: a fault of ours.
    #[error(transparent)]
    Plan(#[from] UnknownZone),
}

impl From<InvalidRequest> for AnswerError {
    fn from(error: InvalidRequest) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<RequestError> for AnswerError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Invalid(invalid) => invalid.into(),
            RequestError::Store(error) => error.into(),
            other => Self::Request(other),
        }
    }
}

impl From<ExportError> for AnswerError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Leads(error)
            | ExportError::Sink(SinkError::Pieces(error) | SinkError::Record(error)) => {
                error.into()
            }
            // The sink of an answer has no record that could move on.
            ExportError::Sink(SinkError::Lost) => Self::TooLate,
        }
    }
}

impl AnswerExport {
    /// Makes the CSV. Before it returns, each source that gives a row has a record of it in its history.
    ///
    /// # Errors
    /// [`AnswerError`]: no lead goes out. Records may have been written all the same if a store failed.
    pub async fn answer(&self, principal: &Principal, body: &[u8]) -> Result<Answer, AnswerError> {
        let clock = Arc::clone(&self.request.clock);
        let limit = clock.sleep(limits::ANSWER_TIME);
        match select(Box::pin(self.make(principal, body)), limit).await {
            Either::Left((made, _)) => made,
            Either::Right(_) => Err(AnswerError::TooLate),
        }
    }

    async fn make(&self, principal: &Principal, body: &[u8]) -> Result<Answer, AnswerError> {
        let body = Json::object(body)?;
        let sources = self.sources(principal, source(&body)?).await?;
        let wanted = wanted(&body, true)?;
        let now = self.request.clock.now();
        let Selected {
            mut selection,
            leads,
            looked_up,
        } = self.select(&principal.org, &sources, &wanted, now).await?;
        let mut sink = Inline::new(selection.header(), limits::ANSWER_BYTES);
        export(leads, &mut selection, None, 0, &mut sink).await?;
        let carried = sink.carried().ok_or(AnswerError::TooLarge)?;
        let rows = selection.taken();
        let read = sink.read();
        let total: u64 = rows.iter().sum();
        if total == 0 {
            return Err(AnswerError::NoData);
        }
        let file_name = file_name(now, &wanted.format);
        let person = self.person(principal, &sources).await?;
        let id = self.request.dice.uuid();
        self.charge(principal, id, total, now).await?;
        let of_sources = sources.iter().zip(&looked_up).zip(rows);
        let records: Vec<Export> = of_sources
            .filter(|(_, rows)| **rows > 0)
            .map(|((source, looked_up), rows)| {
                let progress = Progress {
                    leads_read: read,
                    leads_written: *rows,
                    known_leads: source.lead_count,
                };
                let mut plan = wanted.plan(source, now);
                plan.pick = Some(wanted.pick.of_source(looked_up));
                Export::answered(
                    ExportId(self.request.dice.uuid()),
                    principal.org.clone(),
                    RunId(self.request.dice.uuid()),
                    person.clone(),
                    plan,
                    file_name.clone(),
                    progress,
                    self.request.clock.now(),
                )
            })
            .collect();
        stream::iter(&records)
            .map(Ok::<_, StoreError>)
            .try_for_each_concurrent(RECORDS_AT_ONCE, |record| self.request.exports.add(record))
            .await?;
        Ok(Answer {
            bytes: sink.into_bytes(),
            carried,
            content_type: wanted.format.file_kind().content_type,
            file_name,
            leads: total,
            exports: records.iter().map(Export::id).collect(),
        })
    }

    /// Makes an export of the same body that is delivered as a file (`Prefer: respond-async`).
    ///
    /// # Errors
    /// [`AnswerError`]: nothing was recorded, but for a store that did not answer.
    pub async fn later(
        &self,
        principal: &Principal,
        path: &str,
        key: Option<&str>,
        body: &[u8],
    ) -> Result<Accepted, AnswerError> {
        let json = Json::object(body)?;
        let sources = self.sources(principal, source(&json)?).await?;
        let [source] = sources.as_slice() else {
            let names: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
            let message = format!(
                "source is required: you may export from {}",
                names.join(", ")
            );
            return Err(AnswerError::Invalid(message));
        };
        let new = match self
            .request
            .met(principal, Words { path, key, body })
            .await?
        {
            Met::Before(accepted) => return Ok(*accepted),
            Met::New(new) => new,
        };
        let wanted = wanted(&json, false)?;
        let asked = Asked {
            file_name: file_name(new.at, &wanted.format),
            plan: wanted.plan(source, new.at),
            mail: false,
        };
        let store = &*self.request.sources;
        let access = store
            .access(&principal.org, &principal.user, &source.id)
            .await?;
        let (source, _) = access.allows(Act::Request)?;
        let accepted = self.request.record(principal, &access, source, new, asked);
        Ok(accepted.await?)
    }

    /// The sources that are asked, by id: the one named, or all on which the user is exporter.
    async fn sources(
        &self,
        principal: &Principal,
        named: Option<&str>,
    ) -> Result<Vec<Source>, AnswerError> {
        let store = &*self.request.sources;
        if let Some(named) = named {
            let access = crate::history::access(store, principal, named).await?;
            let (source, _) = access.allows(Act::Request)?;
            return Ok(vec![source.clone()]);
        }
        let visible = store.visible(&principal.org, &principal.user).await?;
        let may = |role: &Role| *role >= Act::Request.needs();
        let sources: Vec<Source> = visible
            .into_iter()
            .filter_map(|(source, role)| may(&role).then_some(source))
            .collect();
        if sources.is_empty() {
            return Err(Refusal::Forbidden.into());
        }
        Ok(sources)
    }

    /// Takes the leads of the user's day, before any of them goes out.
    async fn charge(
        &self,
        principal: &Principal,
        id: Uuid,
        leads: u64,
        now: Instant,
    ) -> Result<(), AnswerError> {
        let RequestExport {
            exports,
            clock,
            dice,
            volume,
            ..
        } = &self.request;
        let day = VolumeKey::new(&principal.org, &principal.user, now);
        let charge = volume.charge(&**exports, &**clock, &**dice, &day, id, leads);
        Ok(charge.await.map_err(RequestError::from)?)
    }

    async fn person(
        &self,
        principal: &Principal,
        sources: &[Source],
    ) -> Result<Person, AnswerError> {
        let name = match (&principal.name, sources.first()) {
            (Some(name), _) => name.clone(),
            (None, Some(first)) => {
                let store = &*self.request.sources;
                let access = store
                    .access(&principal.org, &principal.user, &first.id)
                    .await?;
                return Ok(access.person(principal));
            }
            (None, None) => principal.user.clone(),
        };
        let id = principal.user.clone();
        Ok(Person { id, name })
    }

    /// The selection over all sources, and the leads it reads: ranges from the store, those who join looked up beside them.
    async fn select(
        &self,
        org: &OrgId,
        sources: &[Source],
        wanted: &Wanted,
        now: Instant,
    ) -> Result<Selected, AnswerError> {
        let plans: Vec<Plan> = sources.iter().map(|it| wanted.plan(it, now)).collect();
        let slots = plans.first().map(Selection::slots_of);
        let slots = slots.ok_or(AnswerError::NoData)?;
        let joining = wanted.pick.joining();
        let mut pages: BTreeMap<_, Page> = BTreeMap::new();
        if !joining.is_empty() {
            let last = LeadKey::behind(now);
            let mut places = self.index.find(org, &joining).await?;
            places.retain(|place: &Place| {
                place.key <= last && sources.iter().any(|source| source.id == place.source)
            });
            pages.extend(self.index.read(org, &places, &slots).await?);
        }
        let looked_up: Vec<Vec<LeadId>> = sources
            .iter()
            .map(|source| pages.get(&source.id).map(ids).unwrap_or_default())
            .collect();
        let selection = Selection::of_answer(org, &plans, slots, &looked_up)?;
        Ok(Selected {
            selection: selection.ok_or(AnswerError::NoData)?,
            leads: Arc::new(Beside::new(Arc::clone(&self.leads), pages)),
            looked_up,
        })
    }
}

/// What an answer reads.
struct Selected {
    selection: Selection,
    leads: Arc<dyn LeadSource>,
    /// The leads that join the pick, of each source.
    looked_up: Vec<Vec<LeadId>>,
}

/// The ids of a page's leads.
fn ids(page: &Page) -> Vec<LeadId> {
    page.rows()
        .filter_map(|row| {
            let (_, id) = LeadKey::parts_of(row.key());
            LeadId::parse(std::str::from_utf8(id).ok()?).ok()
        })
        .collect()
}

impl Wanted {
    /// What is asked for, of one source.
    fn plan(&self, source: &Source, now: Instant) -> Plan {
        Plan {
            source: source.id.clone(),
            shards: source.shards,
            requested_at: now,
            asked: self.asked.clone(),
            filter: self.filter.clone(),
            zone: None,
            pick: Some(self.pick.clone()),
            columns: self.columns.clone(),
            order: Order::Ascending,
            limit: None,
            format: self.format.clone(),
        }
    }
}

/// The name of the file: its day in UTC.
fn file_name(now: Instant, format: &Format) -> String {
    let day = now.timestamp().strftime("%Y-%m-%d");
    let extension = match format.profile {
        Profile::Tsv => "tsv",
        _ => "csv",
    };
    format!("lance-prospects-{day}.{extension}")
}

#[cfg(test)]
mod tests;
