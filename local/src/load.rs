//! Putting leads into a source, new ones and ones that are there already.
//!
//! - A lead that is there keeps its `created_at`, which is part of its key: a changed one would stand beside the old one.
//! - One that would not change is not written, and one that does gets an `updated_at` unless it brings its own, so that an
//!   export `since_export` sees exactly what changed.
//! - While leads are written the source's `lead_count` is unknown rather than wrong, should the writer be interrupted.

use lead_export_core::fields::Source;
use lead_export_core::input::Decimal;
use lead_export_core::lead::{Lead, LeadId, Value};
use lead_export_core::time::Instant;

use crate::depot::Depot;

/// Leads to put at once: some MiB, enough for a depot to write some while it makes the next ready.
pub const LEADS_AT_ONCE: usize = 8_000;

/// What became of the leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Those that were not there before.
    pub added: u64,
    /// Those that were.
    pub replaced: u64,
}

/// The loading of leads into one source.
pub struct Load<'a> {
    depot: &'a dyn Depot,
    source: Source,
    start: Instant,
    before: u64,
    loaded: Loaded,
}

impl<'a> Load<'a> {
    /// Begins: writes `source` as it shall be, but with an unknown number of leads.
    ///
    /// # Errors
    /// The depot fails.
    pub async fn begin(
        depot: &'a dyn Depot,
        mut source: Source,
        start: Instant,
    ) -> anyhow::Result<Self> {
        let known = source.lead_count.take();
        let before = match known {
            Some(count) if count > 0 => count,
            // A count of none is no promise: another writer may keep none.
            _ if !depot.holds_any(&source).await? => 0,
            _ => depot.count(&source).await?,
        };
        depot.put_source(&source).await?;
        Ok(Self {
            depot,
            source,
            start,
            before,
            loaded: Loaded::default(),
        })
    }

    /// The source, as it is to be.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Puts leads, no two of which, in this and all other calls, have the same id.
    ///
    /// # Errors
    /// The depot fails; some of the leads may be there.
    pub async fn put(&mut self, leads: Vec<Lead>) -> anyhow::Result<()> {
        if self.before == 0 {
            self.loaded.added += leads.len() as u64;
            return self.depot.write(&self.source, &leads).await;
        }
        let ids: Vec<LeadId> = leads.iter().map(|lead| lead.id.clone()).collect();
        let mut found = self.depot.find(&self.source, &ids).await?;
        let mut changed = Vec::with_capacity(leads.len());
        for mut lead in leads {
            match found.remove(&lead.id) {
                None => {
                    self.loaded.added += 1;
                    changed.push(lead);
                }
                Some(old) => {
                    self.loaded.replaced += 1;
                    lead.created_at = old.created_at;
                    if !is_same(&old, &lead) {
                        lead.values
                            .entry("updated_at".to_owned())
                            .or_insert_with(|| Value::Text(self.start.to_string()));
                        changed.push(lead);
                    }
                }
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        self.depot.write(&self.source, &changed).await
    }

    /// Ends: the source gets its count, and people fields if `people`.
    ///
    /// # Errors
    /// The depot fails; the leads are there.
    pub async fn end(self, people: bool) -> anyhow::Result<Loaded> {
        let Source { org, id, .. } = &self.source;
        // Others may have changed the source meanwhile.
        let now = self.depot.source(org, id).await?;
        let mut source = now.unwrap_or(self.source);
        source.people |= people;
        source.lead_count = Some(self.before + self.loaded.added);
        self.depot.put_source(&source).await?;
        Ok(self.loaded)
    }
}

/// Whether `new` would change nothing. If it does not say when it was updated, that counts as unchanged.
fn is_same(old: &Lead, new: &Lead) -> bool {
    let own = new.values.contains_key("updated_at");
    let mut olds = old
        .values
        .iter()
        .filter(|(key, _)| own || *key != "updated_at");
    let mut news = new.values.iter();
    loop {
        match (olds.next(), news.next()) {
            (None, None) => return true,
            (Some((old_key, old)), Some((new_key, new)))
                if old_key == new_key && are_equal(old, new) => {}
            _ => return false,
        }
    }
}

/// Whether the values are the same to a store: it may write a number its own way, gives sets in any order, and holds as text and
/// list the numbers and sets that it has no room for.
fn are_equal(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Text(old), Value::Number(new)) => old == new && Decimal::parse(new).is_err(),
        (Value::Number(a), Value::Number(b)) => {
            a == b || Decimal::parse(a).is_ok_and(|a| Decimal::parse(b) == Ok(a))
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b))
        }
        (Value::Set(a) | Value::List(a), Value::Set(b)) => {
            let within =
                |a: &[Value], b: &[Value]| a.iter().all(|a| b.iter().any(|b| are_equal(a, b)));
            within(a, b) && within(b, a)
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((a_key, a), (b_key, b))| a_key == b_key && are_equal(a, b))
        }
        (old, new) => old == new,
    }
}

#[cfg(test)]
mod tests;
