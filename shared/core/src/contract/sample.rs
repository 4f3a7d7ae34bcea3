//! [`LeadSample`]: the count of one lead in 1 024.

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::leads::{LeadWriter, SHARDS, at, lead};
use super::{eventually, must, org, source};
use crate::lead::{Lead, LeadId, LeadKey, OrgId, SourceId};
use crate::ports::LeadSample;
use crate::time::Instant;

/// Every claim of this module.
pub async fn all(sample: &dyn LeadSample, writer: &dyn LeadWriter) {
    join_all([
        sampled_leads_within_the_bounds_are_counted(sample, writer).boxed_local(),
        sources_and_organizations_are_counted_apart(sample, writer).boxed_local(),
    ])
    .await;
}

/// Ids of the sample, or of the rest.
fn ids(of_sample: bool) -> impl Iterator<Item = String> {
    (0_u32..)
        .map(|number| format!("lead-{number}"))
        .filter(move |id| LeadId::parse(id).is_ok_and(|id| id.is_sampled() == of_sample))
}

async fn counts(
    sample: &dyn LeadSample,
    (org, source): (&OrgId, &SourceId),
    (from, to): (&LeadKey, &LeadKey),
    expected: u64,
) {
    eventually("the sample is counted", async || {
        let found = must(sample.sampled(org, source, from, to).await, "sampled");
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found}, not {expected}, from {from} to {to}"))
        }
    })
    .await;
}

/// Of the leads at and between the bounds those of the sample count, each once, whatever their shard.
pub async fn sampled_leads_within_the_bounds_are_counted(
    sample: &dyn LeadSample,
    writer: &dyn LeadWriter,
) {
    let (org, source) = (org(), source());
    let place = (&org, &source);
    let whole = (
        &LeadKey::before(Instant::MIN),
        &LeadKey::behind(Instant::MAX),
    );
    counts(sample, place, whole, 0).await;
    let of_sample: Vec<Lead> = (0..5)
        .zip(ids(true))
        .map(|(second, id)| lead(&id, at(second)))
        .collect();
    let rest = (0..5)
        .zip(ids(false))
        .map(|(second, id)| lead(&id, at(second)));
    let leads: Vec<Lead> = of_sample.iter().cloned().chain(rest).collect();
    writer.put_leads(&org, &source, SHARDS, &leads).await;
    counts(sample, place, whole, 5).await;
    let key = |number: usize| of_sample[number].key();
    for (from, to, expected) in [
        (key(1), key(3), 3),
        (key(2), key(2), 1),
        (LeadKey::before(at(1)), LeadKey::behind(at(3)), 3),
        (LeadKey::before(at(9)), LeadKey::behind(at(9)), 0),
        (key(3), key(1), 0),
    ] {
        counts(sample, place, (&from, &to), expected).await;
    }
}

/// C3: a source's count holds its own leads alone.
pub async fn sources_and_organizations_are_counted_apart(
    sample: &dyn LeadSample,
    writer: &dyn LeadWriter,
) {
    let (here, there, crm, shop) = (org(), org(), source(), source());
    let whole = (
        &LeadKey::before(Instant::MIN),
        &LeadKey::behind(Instant::MAX),
    );
    let ids: Vec<String> = ids(true).take(3).collect();
    let places = [(&here, &crm), (&here, &shop), (&there, &crm)];
    for (number, (org, source)) in (1..).zip(places) {
        let leads: Vec<Lead> = ids.iter().take(number).map(|id| lead(id, at(0))).collect();
        writer.put_leads(org, source, SHARDS, &leads).await;
    }
    for (expected, place) in (1..).zip(places) {
        counts(sample, place, whole, expected).await;
    }
    counts(sample, (&there, &shop), whole, 0).await;
}
