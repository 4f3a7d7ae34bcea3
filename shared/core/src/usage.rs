//! ReadUsage: what a source's exports came to, by day or by user.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Unit};

use crate::access::{Act, Person, Principal, Refusal};
use crate::fields::Source;
use crate::filter::{Within, zone};
use crate::input::{InvalidRequest, Json, Node, Problems};
use crate::limits;
use crate::ports::{
    AuditStore, Clock, Download, ExportStore, GivenQuery, HistoryQuery, SourceStore, StoreError,
};
use crate::record::Head;
use crate::time::Instant;

/// Entries read at once: about a page of the store.
const AT_ONCE: usize = 1000;

/// Counts what a source's exports came to. Its fields are the ports it needs.
#[derive(Clone)]
pub struct ReadUsage {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records.
    pub exports: Arc<dyn ExportStore>,
    /// Who was given links.
    pub audit: Arc<dyn AuditStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A day of the source's zone.
    Day,
    /// A user.
    User,
}

impl By {
    /// The name of a bucket's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::User => "user",
        }
    }
}

/// What is counted of which time, as a caller asked.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// The buckets.
    pub by: By,
    /// The first instant that counts.
    pub from: Instant,
    /// The last instant that counts.
    pub to: Instant,
    /// The source's zone, whose days count, and its name.
    pub zone: (TimeZone, String),
}

/// What exports came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Exports requested, whatever became of them.
    pub exports: u64,
    /// Data rows of those that were completed.
    pub leads: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Links given away.
    pub downloads: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.exports = self.exports.saturating_add(other.exports);
        self.leads = self.leads.saturating_add(other.leads);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.downloads = self.downloads.saturating_add(other.downloads);
    }

    fn of(head: &Head) -> Self {
        Self {
            exports: 1,
            leads: head.lead_count.unwrap_or(0),
            bytes: head.file.as_ref().map_or(0, |file| file.size_bytes),
            downloads: 0,
        }
    }

    const DOWNLOAD: Self = Self {
        exports: 0,
        leads: 0,
        bytes: 0,
        downloads: 1,
    };
}

/// Whose tally it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// A day's.
    Day(Date),
    /// A user's.
    User(Person),
}

/// The usage of a source.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The source.
    pub source: Source,
    /// What was asked.
    pub query: UsageQuery,
    /// The buckets in which something happened: days in their order, users by their leads, the most first.
    pub buckets: Vec<(Bucket, Tally)>,
    /// All of them together.
    pub total: Tally,
}

/// Why nothing is counted.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The user may not see it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The query's words.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the query string `?from=&to=&by=`. Days are days of the source's zone; without `to` it is now, without `from` 30 days.
///
/// # Errors
/// [`InvalidRequest`] with every bad parameter.
pub fn parse(
    parameters: &[(String, String)],
    source: &Source,
    now: Instant,
) -> Result<UsageQuery, InvalidRequest> {
    let parameters = parameters.iter();
    let json = Json::query(parameters.map(|(name, value)| (name.as_str(), value.as_str())))?;
    let mut problems = Problems::default();
    let Some(mut members) = Node::root(&json).members(&mut problems) else {
        return problems.or(None);
    };
    let zone = zone(&source.time_zone).unwrap_or((TimeZone::UTC, "UTC".to_owned()));
    let by = members.take("by").and_then(|node| {
        let choices = [By::Day, By::User].map(|by| (by.as_str(), by));
        node.choice(&mut problems, &choices)
    });
    let within = Within::take(&mut members, Some(&zone.0), &mut problems);
    members.finish(&mut problems);
    let to = within.to.unwrap_or(now);
    let from = within.from.unwrap_or_else(|| first_day(to, &zone.0));
    if days(from, to, &zone.0) > limits::USAGE_DAYS_MAX {
        let most = limits::USAGE_DAYS_MAX;
        problems.refuse(
            "from",
            format!("is more than {most} days before 'to': ask for less at a time"),
        );
    }
    problems.or(Some(UsageQuery {
        by: by.unwrap_or(By::Day),
        from,
        to,
        zone,
    }))
}

fn date(at: Instant, zone: &TimeZone) -> Date {
    at.timestamp().to_zoned(zone.clone()).date()
}

/// The beginning of the first of [`limits::USAGE_DAYS`] days, of which `to` is in the last.
fn first_day(to: Instant, zone: &TimeZone) -> Instant {
    let first = date(to, zone).checked_sub(Span::new().days(limits::USAGE_DAYS - 1));
    let start = first.and_then(|first| first.to_zoned(zone.clone()));
    start.map_or(Instant::MIN, |start| {
        Instant::from_timestamp(start.timestamp())
    })
}

/// The days that a range touches.
fn days(from: Instant, to: Instant, zone: &TimeZone) -> i64 {
    let between = date(from, zone).until((Unit::Day, date(to, zone)));
    between.map_or(i64::MAX, |span| i64::from(span.get_days()) + 1)
}

impl ReadUsage {
    /// Counts the exports requested, and the links given away, in the time that the query string names.
    ///
    /// # Errors
    /// [`UsageError`]; a range with more than [`limits::USAGE_ENTRIES`] entries is refused.
    pub async fn usage(
        &self,
        principal: &Principal,
        source: &str,
        parameters: &[(String, String)],
    ) -> Result<Usage, UsageError> {
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::See)?;
        let query = parse(parameters, source, self.clock.now())?;
        let (heads, downloads) =
            try_join(self.requested(source, &query), self.given(source, &query)).await?;
        let mut counted = Counted::new(&query);
        for head in &heads {
            counted.add(head.requested_at, &head.requested_by, Tally::of(head));
        }
        for download in &downloads {
            counted.add(download.at, &download.by, Tally::DOWNLOAD);
        }
        let (buckets, total) = counted.into_buckets();
        Ok(Usage {
            source: source.clone(),
            query,
            buckets,
            total,
        })
    }

    async fn requested(
        &self,
        source: &Source,
        query: &UsageQuery,
    ) -> Result<Vec<Head>, UsageError> {
        let mut query = HistoryQuery {
            org: source.org.clone(),
            source: source.id.clone(),
            from: Some(query.from),
            to: Some(query.to),
            status: Vec::new(),
            requested_by: None,
            after: None,
            limit: AT_ONCE,
        };
        let mut heads = Vec::new();
        loop {
            let page = self.exports.history(&query).await?;
            heads.extend(page.exports);
            bounded(heads.len())?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(heads),
            }
        }
    }

    async fn given(
        &self,
        source: &Source,
        query: &UsageQuery,
    ) -> Result<Vec<Download>, UsageError> {
        let mut query = GivenQuery {
            org: source.org.clone(),
            source: source.id.clone(),
            from: query.from,
            to: query.to,
            after: None,
            limit: AT_ONCE,
        };
        let mut downloads = Vec::new();
        loop {
            let page = self.audit.given(&query).await?;
            downloads.extend(page.downloads);
            bounded(downloads.len())?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(downloads),
            }
        }
    }
}

fn bounded(entries: usize) -> Result<(), InvalidRequest> {
    if entries <= limits::USAGE_ENTRIES {
        return Ok(());
    }
    let mut problems = Problems::default();
    let most = limits::USAGE_ENTRIES;
    problems.refuse(
        "from",
        format!(
            "lies too far back: more than {most} exports or downloads since then; ask for less at a time"
        ),
    );
    problems.or(None)
}

/// Tallies by their buckets.
struct Counted<'a> {
    query: &'a UsageQuery,
    days: BTreeMap<Date, Tally>,
    users: BTreeMap<String, (Person, Tally)>,
    total: Tally,
}

impl<'a> Counted<'a> {
    fn new(query: &'a UsageQuery) -> Self {
        Self {
            query,
            days: BTreeMap::new(),
            users: BTreeMap::new(),
            total: Tally::default(),
        }
    }

    fn add(&mut self, at: Instant, who: &Person, tally: Tally) {
        self.total.add(tally);
        match self.query.by {
            By::Day => {
                let day = date(at, &self.query.zone.0);
                self.days.entry(day).or_default().add(tally);
            }
            By::User => {
                // The first name met is that of the newest export.
                let (_, known) = self
                    .users
                    .entry(who.id.clone())
                    .or_insert_with(|| (who.clone(), Tally::default()));
                known.add(tally);
            }
        }
    }

    fn into_buckets(self) -> (Vec<(Bucket, Tally)>, Tally) {
        let days = self.days.into_iter();
        let days = days.map(|(day, tally)| (Bucket::Day(day), tally));
        let mut users: Vec<_> = self.users.into_values().collect();
        users.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.leads, tally.exports)));
        let users = users.into_iter();
        let users = users.map(|(who, tally)| (Bucket::User(who), tally));
        (days.chain(users).collect(), self.total)
    }
}

#[cfg(test)]
mod tests;
