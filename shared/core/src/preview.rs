//! PreviewExport: what a request would give, before it is made: how many leads, which columns, the first rows.
//!
//! The same pipeline as a run's, into a sink that counts: so an exact preview is the file's count, and an estimate errs only in
//! what was not read.

mod allowance;
mod cells;
mod sink;

use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::access::{Act, Principal, Refusal};
use crate::export::{ExportError, Outcome, Selection, export};
use crate::fields::{Column, Source};
use crate::format::Compression;
use crate::input::{InvalidRequest, Json};
use crate::lead::OrgId;
use crate::limits;
use crate::mail::MailTo;
use crate::plan::Plan;
use crate::ports::{
    Clock, ExportStore, LeadSample, LeadSource, PresetStore, SourceStore, StoreError,
    StoreErrorKind,
};
use crate::presets::{NotUnderstood, understand};
use crate::record::Warning;
use crate::time::Instant;

use allowance::{Allowance, Allowed};
use sink::{Counted, Counting};

/// Previews requests. Its fields are the ports it needs.
#[derive(Clone)]
pub struct PreviewExport {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records: what `again` and `since_export` name.
    pub exports: Arc<dyn ExportStore>,
    /// What stands for a body.
    pub presets: Arc<dyn PresetStore>,
    /// The leads.
    pub leads: Arc<dyn LeadSource>,
    /// How many leads there are, about.
    pub sample: Arc<dyn LeadSample>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is read at most: [`limits::PREVIEW_READ_BYTES`] but in tests.
    pub read_bytes: u64,
    /// The CSV in a gzip member: [`limits::GZIP_MEMBER_BYTES`] but in tests.
    pub member_bytes: usize,
}

/// What a request would give now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Data rows of the file.
    pub lead_count: u64,
    /// Whether `lead_count` and `size_bytes` were counted; else they are estimated from what was read.
    pub exact: bool,
    /// The file's size.
    pub size_bytes: u64,
    /// The columns, with their headers.
    pub columns: Vec<Column>,
    /// The cells of the first rows, as a reader of the file finds them: [`limits::PREVIEW_ROWS`] of them, or all there are.
    pub rows: Vec<Vec<String>>,
    /// What a reader of the file should know.
    pub warnings: Vec<Warning>,
}

/// Why nothing is previewed.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The user may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request's words.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotUnderstood> for PreviewError {
    fn from(error: NotUnderstood) -> Self {
        match error {
            NotUnderstood::Invalid(invalid) => invalid.into(),
            NotUnderstood::Store(error) => error.into(),
        }
    }
}

impl PreviewExport {
    /// Previews a request with this body. Writes nothing, and takes no longer than [`limits::PREVIEW_ESTIMATED_BY`] and the reads of
    /// sources and presets.
    ///
    /// # Errors
    /// [`PreviewError`], as the request itself would be refused.
    pub async fn preview(
        &self,
        principal: &Principal,
        source: &str,
        body: &[u8],
    ) -> Result<Preview, PreviewError> {
        let now = self.clock.now();
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::Request)?;
        let body = Json::object(body)?;
        let (_, asked) = understand(
            body,
            source,
            now,
            &MailTo::Unasked,
            &*self.presets,
            &*self.exports,
        )
        .await?;
        let plan = asked.plan;
        // The zone was looked up when the request was read.
        let mut selection = Selection::new(&principal.org, &plan).map_err(|error| {
            StoreError::caused(StoreErrorKind::Corrupt, "zones", Box::new(error))
        })?;
        let member_bytes = match plan.format.compression {
            Compression::None => None,
            Compression::Gzip => Some(self.member_bytes),
        };
        let allowance = Arc::new(Allowance::new(self.read_bytes));
        let mut sink = Counting::new(
            &selection,
            member_bytes,
            Arc::clone(&self.clock),
            now.plus(limits::PREVIEW_READS),
            Arc::clone(&allowance),
        );
        let leads = Arc::new(Allowed::new(Arc::clone(&self.leads), allowance));
        let outcome = export(leads, &mut selection, None, 0, &mut sink)
            .await
            .map_err(unread)?;
        let counted = sink.counted();
        let (lead_count, size_bytes) = match outcome {
            Outcome::Complete { .. } => (counted.rows, counted.size_bytes),
            Outcome::Stopped => {
                let there = self
                    .there_may_be(&principal.org, source, &plan, &selection, &counted, now)
                    .await?;
                counted.extended_to(there, plan.limit)
            }
        };
        let mut warnings = counted.warnings;
        if lead_count > limits::EXCEL_ROWS {
            warnings.push(Warning::ExcelRows);
        }
        Ok(Preview {
            lead_count,
            exact: matches!(outcome, Outcome::Complete { .. }),
            size_bytes,
            columns: plan.columns,
            rows: counted.first,
            warnings,
        })
    }

    /// How many leads the selection looks at in all, about, and not fewer than it has looked at.
    async fn there_may_be(
        &self,
        org: &OrgId,
        source: &Source,
        plan: &Plan,
        selection: &Selection,
        counted: &Counted,
        started: Instant,
    ) -> Result<u64, StoreError> {
        let known = source.lead_count.unwrap_or(0).max(counted.read);
        // A whole source has been counted by whoever wrote it.
        if source.lead_count.is_some() && plan.filter.created_bounds() == (None, None) {
            return Ok(known);
        }
        let Some((from, to)) = selection.bounds() else {
            return Ok(counted.read);
        };
        let by = started.plus(limits::PREVIEW_ESTIMATED_BY);
        let wait = by.since(self.clock.now());
        let sampled = self.sample.sampled(org, &source.id, from, to);
        // A sample that takes too long is worth less than an answer in time.
        match select(sampled, self.clock.sleep(wait)).await {
            Either::Left((sampled, _)) => {
                let about = sampled?.saturating_mul(limits::SAMPLE_ONE_IN);
                Ok(about.max(counted.read))
            }
            Either::Right(_) => Ok(known),
        }
    }
}

fn unread(error: ExportError) -> StoreError {
    match error {
        ExportError::Leads(error) => error,
        // The sink that counts asks no store.
        ExportError::Sink(error) => {
            StoreError::caused(StoreErrorKind::Unavailable, "preview", Box::new(error))
        }
    }
}

#[cfg(test)]
mod tests;
