//! ReadHistory: sources, their exports, one export with its downloads.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::access::{Access, Act, Principal, Refusal, Role};
use crate::fields::Source;
use crate::lead::{OrgId, SourceId};
use crate::ports::{
    AuditStore, Clock, Download, ExportStore, HistoryPage, HistoryQuery, SourceStore, StoreError,
};
use crate::record::{Export, ExportId, Head, Status};

/// Reads of audit rows under way at once for one list.
const READS_AT_ONCE: usize = 16;

/// Reads what a user may see. Its fields are the ports it needs.
#[derive(Clone)]
pub struct ReadHistory {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// Who was given links.
    pub audit: Arc<dyn AuditStore>,
    /// Time: a file's may have passed before anybody has swept it.
    pub clock: Arc<dyn Clock>,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The user may not see it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadHistory {
    /// The sources on which the user has a grant, by id.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub async fn sources(
        &self,
        principal: &Principal,
    ) -> Result<Vec<(Source, Role)>, HistoryError> {
        Ok(self
            .sources
            .visible(&principal.org, &principal.user)
            .await?)
    }

    /// A source that the user may see; none if its name is malformed.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn source(
        &self,
        principal: &Principal,
        source: &str,
    ) -> Result<Source, HistoryError> {
        let access = access(&*self.sources, principal, source).await?;
        Ok(access.allows(Act::See).map(|(source, _)| source.clone())?)
    }

    /// A part of a source's history, newest first, each export with its downloads. The query was read against a source that the
    /// user may see, and names it.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn list(
        &self,
        query: &HistoryQuery,
    ) -> Result<(HistoryPage, Vec<Vec<Download>>), HistoryError> {
        let mut asked = query.clone();
        if asked.status.contains(&Status::Expired) && !asked.status.contains(&Status::Completed) {
            // Those whose time has passed are still written as completed until the sweeper has been there.
            asked.status.push(Status::Completed);
        }
        let mut page = self.exports.history(&asked).await?;
        let now = self.clock.now();
        let heads = page.exports.into_iter().map(|head| head.seen_at(now));
        // The store's filter went by what was written.
        let is_wanted =
            |head: &Head| query.status.is_empty() || query.status.contains(&head.status);
        page.exports = heads.filter(is_wanted).collect();
        let reads: Vec<_> = page
            .exports
            .iter()
            .map(|head| self.downloads(&query.org, head))
            .collect();
        let downloads = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok((page, downloads))
    }

    async fn downloads(&self, org: &OrgId, head: &Head) -> Result<Vec<Download>, StoreError> {
        // What never had a file was never downloaded.
        if head.file.is_none() {
            return Ok(Vec::new());
        }
        self.audit.downloads(org, head.id).await
    }

    /// One export with its downloads.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn one(
        &self,
        principal: &Principal,
        id: Option<ExportId>,
    ) -> Result<(Export, Vec<Download>), HistoryError> {
        let (export, _) =
            crate::download::seen::<HistoryError>(&*self.exports, &*self.sources, principal, id)
                .await?;
        let downloads = self.audit.downloads(&export.org, export.id()).await?;
        Ok((export.seen_at(self.clock.now()), downloads))
    }
}

/// Reads the user's access to the source of this name. A malformed name costs the same read as an unknown one.
///
/// # Errors
/// A store's error.
pub(crate) async fn access(
    sources: &dyn SourceStore,
    principal: &Principal,
    source: &str,
) -> Result<Access, StoreError> {
    match SourceId::parse(source).or_else(|_| SourceId::parse("0")) {
        Ok(id) => {
            let access = sources.access(&principal.org, &principal.user, &id).await?;
            Ok(if id.as_str() == source {
                access
            } else {
                Access::default()
            })
        }
        Err(_) => Ok(Access::default()),
    }
}

#[cfg(test)]
mod tests;
