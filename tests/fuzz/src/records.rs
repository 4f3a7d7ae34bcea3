//! Items of the tables, records with their checkpoints above all (BI11).

use lead_export_aws::oracle::{readers, record as read, record_again};
use lead_export_core::pieces::can_take_up;
use lead_export_core::ports::{Clock as _, ExportStore as _};

use crate::done;
use crate::world::World;

/// The body of a GetItem's answer. What is read as a record is written the same; a run that takes it up ends in some decision.
pub(crate) fn record(bytes: &[u8]) {
    readers(bytes);
    let Some(export) = read(bytes) else { return };
    assert_eq!(record_again(&export).as_ref(), Some(&export));
    let _ = export.checkpoint.as_ref().is_some_and(can_take_up);
    let shown = lead_export_core::view::export(&export, &[]);
    assert_eq!(shown["id"], export.id().to_string());
    if export.plan.shards > 64 || export.head.status.is_terminal() {
        return;
    }
    let world = World::new();
    world.put_leads(3);
    done(world.exports.inner().create(&export, None, 9)).unwrap();
    for _ in 0..3 {
        let run = world.run_export();
        let stop_at = world.clock.now().plus(lead_export_core::limits::SLICE);
        let _ = done(Box::pin(run.run(&export.org, export.id(), stop_at)));
        world
            .clock
            .advance(lead_export_core::limits::LEASE + lead_export_core::limits::LEASE_GRACE);
    }
}
