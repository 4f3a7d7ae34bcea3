//! Patience with transactions that meet others at the same rows.

use crate::limits;
use crate::ports::{Clock, Dice, StoreError, StoreErrorKind};
use std::time::Duration;

/// Does `act` again as long as it meets others, for [`limits::CONTENTION`]: nothing was written then, and the others are quick.
///
/// # Errors
/// [`StoreErrorKind::Conflict`] if that was not long enough; others as they come.
pub(crate) async fn patiently<T, F>(
    clock: &dyn Clock,
    dice: &dyn Dice,
    mut act: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let until = clock.now().plus(limits::CONTENTION);
    loop {
        match act().await {
            Err(error) if error.kind == StoreErrorKind::Conflict && clock.now() < until => {
                // 20 to 147 ms: callers that met once should not meet again.
                let jitter = u64::from(dice.uuid().as_bytes()[0] & 0x7f);
                clock.sleep(Duration::from_millis(20 + jitter)).await;
            }
            other => return other,
        }
    }
}
