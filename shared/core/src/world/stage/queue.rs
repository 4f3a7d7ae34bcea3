//! The queue as the event source mapping sees it, and who is fetched what is ready.

use super::{Message, RECEIVES, RUNS, Stage, VISIBILITY};
use crate::record::{ExportId, Status};
use crate::world::actors::{Actor, Body, Role};

impl Stage {
    /// The event source mapping: one message an event, and a neighbour if there is one.
    pub(super) fn receive(&mut self) {
        let now = self.now();
        while let Some((_, id)) = self.world.queue.pop() {
            self.post(Body::Hint(id));
        }
        loop {
            // A frozen one holds no other back: Lambda starts another sandbox.
            let works = |actor: &&Actor| actor.role == Role::Run && actor.frozen.is_none();
            if self.actors.iter().filter(works).count() >= RUNS {
                return;
            }
            let visible = |message: &Message| !message.gone && message.visible_at <= now;
            let Some(first) = self.messages.iter().position(visible) else {
                return;
            };
            let mut event = vec![first];
            if let Some(good) = self.neighbour.take() {
                event.push(self.post(Body::Neighbour(good)));
            }
            event.retain(|index| {
                let message = &mut self.messages[*index];
                message.receives += 1;
                message.visible_at = now.plus(VISIBILITY);
                message.gone = message.receives > RECEIVES;
                let is_hint = matches!(message.body, Body::Hint(_));
                self.dead_letters += usize::from(message.gone && is_hint);
                !message.gone
            });
            self.invoke(event, 0);
        }
    }

    pub(super) fn post(&mut self, body: Body) -> usize {
        self.messages.push(Message {
            body,
            visible_at: self.now(),
            receives: 0,
            gone: false,
        });
        self.messages.len() - 1
    }

    pub(super) fn invoke(&mut self, event: Vec<usize>, skew: i64) {
        if event.is_empty() {
            return;
        }
        let bodies: Vec<(usize, Body)> = event
            .iter()
            .map(|index| (*index, self.messages[*index].body))
            .collect();
        self.spawn(Role::Run, skew, event, |world, stop_at| {
            Box::pin(world.running(bodies, stop_at))
        });
    }

    /// When an export is completed its requester fetches it.
    pub(super) fn fetch(&mut self) {
        let is_there = |id: &ExportId| {
            let status = self.world.export(*id).status();
            status == Status::Completed
        };
        if self.downloaded || self.downloads > 4 || self.seen.ended == 0 {
            return;
        }
        if let Some(id) = self.accepted.first().copied().filter(is_there) {
            self.downloaded = true;
            self.downloads += 1;
            self.spawn(Role::Download(id), 0, vec![], |world, _| {
                Box::pin(world.downloading(id))
            });
        }
    }
}
