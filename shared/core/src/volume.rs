//! The daily volume: how many leads a user may take out of the service in a UTC day, in files and in answers together.
//!
//! Whoever delivers leads charges them first, by [`DailyVolume::charge`]: leads that do not fit into what is left of the day are
//! not delivered, so nobody takes more than the volume, however many exports end at the same time. The day of an export is that
//! of its request. Off, nothing is asked of any store.

use std::num::NonZeroU64;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::contention::patiently;
use crate::lead::OrgId;
use crate::limits;
use crate::ports::{Clock, Dice, ExportStore, StoreError};
use crate::time::Instant;

/// A user's day, whose leads are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeKey {
    /// The organization.
    pub org: OrgId,
    /// The user.
    pub user: String,
    /// The day, in UTC.
    pub day: Date,
}

/// Leads of a user's day that one delivery takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The day.
    pub key: VolumeKey,
    /// The delivery: an export, or an answer.
    pub id: Uuid,
    /// How many.
    pub leads: u64,
    /// Until when it must be remembered.
    pub until: Instant,
}

/// What [`ExportStore::charge`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// The delivery's leads are counted: by this call, or by an earlier one for the same delivery.
    Taken,
    /// So many are not left; nothing was counted. The leads that the day counts.
    Over(u64),
}

/// How many leads a user may take in a UTC day; the default is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DailyVolume(Option<NonZeroU64>);

/// The day's leads are taken, or not enough of them are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user's leads of the day are taken")]
pub struct OverVolume {
    /// Leads that a user may take in a day.
    pub most: u64,
    /// Leads that the user has taken in it.
    pub used: u64,
    /// Until the day is over.
    pub again_in: Duration,
}

/// Why leads may not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// They do not fit into the day.
    #[error(transparent)]
    Over(#[from] OverVolume),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VolumeKey {
    /// The day of `at` of a user.
    pub fn new(org: &OrgId, user: &str, at: Instant) -> Self {
        Self {
            org: org.clone(),
            user: user.to_owned(),
            day: at.timestamp().to_zoned(TimeZone::UTC).date(),
        }
    }

    /// The instant at which the next day begins.
    pub fn ends_at(&self) -> Instant {
        start_of(self.day).plus(Duration::from_hours(24))
    }
}

fn start_of(day: Date) -> Instant {
    let start = day.to_zoned(TimeZone::UTC);
    start.map_or(Instant::MAX, |start| {
        Instant::from_timestamp(start.timestamp())
    })
}

impl DailyVolume {
    /// So many leads for each user in each day; none for no bound.
    pub fn new(leads: u64) -> Self {
        Self(NonZeroU64::new(leads))
    }

    /// Refuses when fewer than `leads` of the day are left, those of the delivery `but` not counted: nobody shall wait for, and
    /// nobody go on with, what could not be delivered. It takes nothing.
    ///
    /// # Errors
    /// [`VolumeError`].
    pub async fn check(
        self,
        exports: &dyn ExportStore,
        clock: &dyn Clock,
        key: &VolumeKey,
        but: Option<Uuid>,
        leads: u64,
    ) -> Result<(), VolumeError> {
        let Some(most) = self.0 else { return Ok(()) };
        let used = exports.volume(key, but).await?;
        if used.saturating_add(leads) <= most.get() {
            return Ok(());
        }
        Err(self.over(clock, key, used).into())
    }

    /// Takes `leads` of the day for the delivery `id`, before the first of them is delivered. Repeating it is harmless: a delivery is
    /// charged once, by its first count.
    ///
    /// # Errors
    /// [`VolumeError::Over`] if so many are not left: nothing is taken, and nothing may be delivered. A store's error; they may have
    /// been taken.
    pub async fn charge(
        self,
        exports: &dyn ExportStore,
        clock: &dyn Clock,
        dice: &dyn Dice,
        key: &VolumeKey,
        id: Uuid,
        leads: u64,
    ) -> Result<(), VolumeError> {
        let Some(most) = self.0 else { return Ok(()) };
        if leads == 0 {
            return Ok(());
        }
        let charge = Charge {
            key: key.clone(),
            id,
            leads,
            until: key.ends_at().plus(limits::VOLUME_KEPT),
        };
        // A user's deliveries meet at one row.
        match patiently(clock, dice, || exports.charge(&charge, most.get())).await? {
            Charged::Taken => Ok(()),
            Charged::Over(used) => Err(self.over(clock, key, used).into()),
        }
    }

    fn over(self, clock: &dyn Clock, key: &VolumeKey, used: u64) -> OverVolume {
        OverVolume {
            most: self.0.map_or(u64::MAX, NonZeroU64::get),
            used,
            again_in: key.ends_at().since(clock.now()),
        }
    }
}

#[cfg(test)]
mod tests;
