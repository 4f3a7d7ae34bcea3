//! [`ExportStore`]: the leads of a user's day.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{must, org, then};
use crate::lead::OrgId;
use crate::ports::{Charge, Charged, ExportStore, StoreErrorKind, VolumeKey};

/// Every claim of this module.
pub async fn all(store: &dyn ExportStore) {
    join_all([
        leads_are_counted_up_to_the_most(store).boxed_local(),
        delivery_is_counted_once(store).boxed_local(),
        days_are_of_one_organization_user_and_date(store).boxed_local(),
        many_at_once_take_no_more_than_the_most(store).boxed_local(),
    ])
    .await;
}

fn charge(org: &OrgId, user: &str, leads: u64) -> Charge {
    let key = VolumeKey::new(org, user, then());
    let until = key.ends_at().plus(Duration::from_hours(48));
    Charge {
        key,
        id: Uuid::new_v4(),
        leads,
        until,
    }
}

/// Charges, again as long as others are at the same row: what the caller of the port does.
async fn charged(store: &dyn ExportStore, charge: &Charge, most: u64) -> Charged {
    let mut tries = 0;
    loop {
        match store.charge(charge, most).await {
            Err(error) if error.kind == StoreErrorKind::Conflict && tries < 1000 => tries += 1,
            answer => return must(answer, "charge"),
        }
    }
}

/// Leads fit until the day counts the most; what does not fit counts nothing, and something smaller still may.
pub async fn leads_are_counted_up_to_the_most(store: &dyn ExportStore) {
    let org = org();
    let of = |leads| charge(&org, "u-1", leads);
    let key = of(1).key;
    assert_eq!(must(store.volume(&key, None).await, "volume"), 0);
    assert_eq!(
        charged(store, &of(11), 10).await,
        Charged::Over(0),
        "more than a day has"
    );
    assert_eq!(charged(store, &of(6), 10).await, Charged::Taken);
    assert_eq!(charged(store, &of(5), 10).await, Charged::Over(6));
    assert_eq!(must(store.volume(&key, None).await, "volume"), 6);
    assert_eq!(charged(store, &of(4), 10).await, Charged::Taken);
    assert_eq!(charged(store, &of(1), 10).await, Charged::Over(10));
    assert_eq!(must(store.volume(&key, None).await, "volume"), 10);
    assert_eq!(
        charged(store, &of(1), 5).await,
        Charged::Over(10),
        "the most was lowered meanwhile"
    );
}

/// A charge whose answer was lost is sent again, perhaps with another count, perhaps when the day is full: it counts once.
pub async fn delivery_is_counted_once(store: &dyn ExportStore) {
    let org = org();
    let first = charge(&org, "u-1", 7);
    assert_eq!(charged(store, &first, 10).await, Charged::Taken);
    // Whether or not there is room for it once more, or has been less meanwhile than it took.
    for (leads, most) in [(7, 10), (9, 10), (7, 100), (9, 100), (7, 5)] {
        let again = Charge {
            leads,
            ..first.clone()
        };
        assert_eq!(charged(store, &again, most).await, Charged::Taken);
    }
    let other = charge(&org, "u-1", 2);
    assert_eq!(charged(store, &other, 10).await, Charged::Taken);
    let but = |id| store.volume(&first.key, id);
    assert_eq!(must(but(None).await, "volume"), 9);
    assert_eq!(must(but(Some(first.id)).await, "volume"), 2);
    assert_eq!(must(but(Some(Uuid::new_v4())).await, "volume"), 9);
}

/// Each organization, user and date counts by itself, also where the parts' texts would run together.
pub async fn days_are_of_one_organization_user_and_date(store: &dyn ExportStore) {
    let here = org();
    let first = charge(&here, "u", 1);
    assert_eq!(charged(store, &first, 1).await, Charged::Taken);
    let tomorrow = VolumeKey::new(&here, "u", first.key.ends_at());
    assert_ne!(tomorrow, first.key);
    let of = |key: VolumeKey| Charge {
        key,
        ..charge(&here, "u", 1)
    };
    for other in [
        charge(&org(), "u", 1),
        charge(&here, "v", 1),
        charge(&here, "u#2026-11-22", 1),
        of(tomorrow),
    ] {
        assert_eq!(charged(store, &other, 1).await, Charged::Taken, "{other:?}");
    }
}

/// However many deliveries end at the same time, the day counts no more than the most, and every one that fits.
pub async fn many_at_once_take_no_more_than_the_most(store: &dyn ExportStore) {
    let org = org();
    let charges: Vec<Charge> = (0..12).map(|_| charge(&org, "u-1", 3)).collect();
    let calls = charges.iter().map(|charge| charged(store, charge, 16));
    let answers = join_all(calls).await;
    let taken = answers.iter().filter(|answer| **answer == Charged::Taken);
    assert_eq!(taken.count(), 5, "{answers:?}");
    let used = must(store.volume(&charges[0].key, None).await, "volume");
    assert_eq!(used, 15);
}
