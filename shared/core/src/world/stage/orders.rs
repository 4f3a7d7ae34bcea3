//! What a fault or an event of the script wants of the scheduler.

use std::sync::Arc;

use super::{LAGS, LIFE, Stage, VISIBILITY};
use crate::record::{Export, ExportId};
use crate::world::actors::{Body, Role};
use crate::world::script::Order;
use crate::world::{Kind, org, principal, source_id};

impl Stage {
    pub(super) fn carry_out(&mut self, order: Order, index: Option<usize>) {
        let now = self.now();
        let id = self.world.exports.all().first().map(Export::id);
        match (order, index) {
            (Order::Freeze(duration, until_end), Some(index)) => {
                let actor = &mut self.actors[index];
                actor.frozen = Some((now.plus(duration), until_end));
                actor.dies_at = actor.began.plus(LIFE);
            }
            (Order::Kill, Some(index)) => {
                let actor = &mut self.actors[index];
                actor.frozen = Some((actor.dies_at, false));
            }
            (Order::EndSlice, Some(index)) => {
                let stop_at = self.actors[index].stop_at;
                if stop_at > now {
                    self.world.clock.0.set(stop_at);
                }
            }
            (Order::Skew(minutes), Some(index)) => self.actors[index].clock.set(minutes),
            (Order::Deliver, Some(index)) => {
                // The event is delivered a second time while the first is at work.
                for message in self.actors[index].messages.clone() {
                    self.post(self.messages[message].body);
                }
            }
            (Order::Beside, _) => {
                if let Some(id) = id {
                    let message = self.post(Body::Hint(id));
                    self.messages[message].receives = 1;
                    self.messages[message].visible_at = now.plus(VISIBILITY);
                    self.invoke(vec![message], 2);
                }
            }
            (Order::Neighbour(good), _) => self.neighbour = Some(good),
            (Order::Sweep, _) => self.spawn(Role::Sweep, 0, vec![], |world, _| {
                Box::pin(world.sweeping())
            }),
            (Order::Stale, _) => {
                self.world.exports.hold_indexes();
                let exports = Arc::clone(&self.world.exports);
                self.world
                    .script
                    .later_within(4, LAGS, move || exports.release_indexes());
            }
            (Order::Event(kind), _) => self.happen(kind, id),
            (_, None) => {}
        }
    }

    fn happen(&mut self, kind: Kind, id: Option<ExportId>) {
        self.note(|_| format!("{kind}"));
        match kind {
            Kind::Cancel => {
                if let Some(id) = id {
                    self.spawn(Role::Cancel, 0, vec![], |world, _| {
                        Box::pin(world.cancelling(id))
                    });
                }
            }
            Kind::Revoke => {
                let user = principal().user;
                self.world
                    .sources
                    .remove_grant(&org(), &user, Some(&source_id()));
                self.lost_at.get_or_insert(self.world.script.number());
            }
            Kind::Gone => {
                self.world.sources.remove_source(&org(), &source_id());
                self.lost_at.get_or_insert(self.world.script.number());
            }
            Kind::Change(which) => self.world.change(which),
            // Before the request is recorded it would be what was asked for.
            Kind::Rename if self.seen.begun > 0 && self.lost_at.is_none() => self.world.rename(),
            _ => {}
        }
    }
}
