//! A run and the daily volume of who asked for the export.

use super::{End, RunExport, Why};
use crate::ports::{StoreError, VolumeKey};
use crate::record::Export;
use crate::volume::VolumeError;

/// The requester's day that an export's leads are charged to: that of the request.
fn day_of(export: &Export) -> VolumeKey {
    let head = &export.head;
    VolumeKey::new(&export.org, &head.requested_by.id, head.requested_at)
}

impl RunExport {
    /// Whether so many leads cannot be delivered today: they are read in vain, so the sooner it is known the better.
    pub(super) async fn is_over_volume(
        &self,
        seen: &Export,
        leads: u64,
    ) -> Result<bool, StoreError> {
        let day = day_of(seen);
        let (exports, clock, id) = (&*self.exports, &*self.clock, seen.id().0);
        let left = self.volume.check(exports, clock, &day, Some(id), leads);
        match left.await {
            Ok(()) => Ok(false),
            Err(VolumeError::Over(_)) => Ok(true),
            Err(VolumeError::Store(error)) => Err(error),
        }
    }

    /// Takes the file's leads of the requester's day, before there is a file.
    pub(super) async fn charge(&self, record: &Export, rows: u64) -> Result<(), End> {
        let day = day_of(record);
        let (exports, clock, dice) = (&*self.exports, &*self.clock, &*self.dice);
        let charge = self
            .volume
            .charge(exports, clock, dice, &day, record.id().0, rows);
        charge.await.map_err(|error| match error {
            VolumeError::Over(_) => End::Fail(Why::OverVolume, None),
            VolumeError::Store(error) => End::Broken(error),
        })
    }
}
