//! The stage: invocations under a deterministic scheduler, with a queue that redelivers as AWS documents, a sweeper each minute, and
//! clients that ask again. Every step is watched ([`super::watch`]).

mod orders;
mod queue;
mod trace;

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;

use super::actors::{Actor, Body, Output, Role, Skewed};
use super::scenario::{Scenario, Turns};
use super::watch::Seen;
use super::{Flag, Seeded, What, Where, World};
use crate::lead::LeadKey;
use crate::ports::{Clock, ExportStore};
use crate::record::ExportId;
use crate::time::Instant;

/// Invocations of run-export at a time (the least that an event source mapping takes).
const RUNS: usize = 2;
/// Six times the function's timeout.
const VISIBILITY: Duration = Duration::from_mins(36);
const RECEIVES: u32 = 8;
/// Each function's timeout, as the template has them.
const RUN_TIMEOUT: Duration = Duration::from_mins(6);
const API_TIMEOUT: Duration = Duration::from_secs(30);
const SWEEP_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest that Lambda lets any invocation live.
const LIFE: Duration = Duration::from_mins(15);
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// An index lags by seconds; it never does so for longer.
const LAGS: Duration = Duration::from_mins(1);
/// How often a client asks, and how long it waits between.
const ASKS: u32 = 8;
const ASKS_AGAIN: Duration = Duration::from_secs(1);
/// How often somebody mends what refuses for good.
const MENDED: Duration = Duration::from_hours(1);

struct Message {
    body: Body,
    visible_at: Instant,
    receives: u32,
    gone: bool,
}

struct Client {
    asks: u32,
    ask_at: Option<Instant>,
}

/// One run of a scenario.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) scenario: Scenario,
    dice: Seeded,
    switches: Vec<u64>,
    pub(super) actors: Vec<Actor>,
    numbers: usize,
    current: usize,
    messages: Vec<Message>,
    neighbour: Option<bool>,
    clients: Vec<Client>,
    began: Instant,
    mended_at: Instant,
    sweep_at: Instant,
    /// Exports whose ids a client was told.
    pub(crate) accepted: Vec<ExportId>,
    downloads: u32,
    downloaded: bool,
    pub(crate) dead_letters: usize,
    /// The call at which the requester lost the grant or the source went.
    pub(super) lost_at: Option<u64>,
    pub(super) seen: Seen,
    /// The rows of the file, of leads that stay as they are.
    pub(super) expected: OnceCell<Vec<(LeadKey, String)>>,
    /// Told while it is played, if anybody listens.
    trace: Option<Vec<String>>,
}

impl Stage {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let world = scenario.profile.world();
        for (number, kind) in scenario.profile.meanwhile.iter().chain(&scenario.steps) {
            world.script.at(Where::Number(*number), What::Kind(*kind));
        }
        let now = world.clock.0.now();
        let (dice, switches) = match &scenario.turns {
            Turns::Seeded(seed) => (Seeded(*seed), Vec::new()),
            Turns::Switched(calls) => (Seeded(0), calls.clone()),
            Turns::Steady => (Seeded(0), Vec::new()),
        };
        let client = || Client {
            asks: 0,
            ask_at: Some(now),
        };
        Self {
            clients: (0..scenario.callers).map(|_| client()).collect(),
            world,
            scenario,
            dice,
            switches,
            actors: Vec::new(),
            numbers: 0,
            current: 0,
            messages: Vec::new(),
            neighbour: None,
            began: now,
            mended_at: now,
            sweep_at: now.plus(SWEEP_EVERY),
            accepted: Vec::new(),
            downloads: 0,
            downloaded: false,
            dead_letters: 0,
            lost_at: None,
            seen: Seen::default(),
            expected: OnceCell::new(),
            trace: None,
        }
    }

    /// As [`Stage::new`], and what happens is told line by line.
    pub(crate) fn traced(scenario: Scenario) -> Self {
        Self {
            trace: Some(Vec::new()),
            ..Self::new(scenario)
        }
    }

    pub(super) fn current_actor(&self) -> Option<&Actor> {
        let mut actors = self.actors.iter();
        actors.find(|actor| actor.number == self.current)
    }

    pub(super) fn now(&self) -> Instant {
        self.world.clock.0.now()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.world.script.number()
    }

    /// Since the beginning, in the world's time.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().since(self.began)
    }

    /// Plays until nothing is left to do.
    pub(crate) fn play(&mut self) {
        for _ in 0..200_000 {
            self.open();
            if let Some(index) = self.choose() {
                self.step(index);
                self.watch();
            } else if !self.wait() {
                return;
            }
        }
        panic!("I7: the export does not come to rest: {:?}", self.scenario);
    }

    /// Begins what is due to begin.
    fn open(&mut self) {
        let now = self.now();
        self.world.script.tell_time(now);
        self.world.script.arrive_by(now);
        if now.since(self.mended_at) > MENDED {
            self.mended_at = now;
            self.world.script.clear_storms();
        }
        let dead: Vec<usize> = (0..self.actors.len())
            .filter(|index| self.actors[*index].dies_at <= now)
            .collect();
        for index in dead.into_iter().rev() {
            self.note(|stage| format!("{}: killed by its timeout", stage.actors[index].name()));
            self.end(index, None);
        }
        for client in 0..self.clients.len() {
            if self.clients[client].ask_at.is_some_and(|at| at <= now) {
                self.clients[client].asks += 1;
                self.clients[client].ask_at =
                    (self.clients[client].asks < ASKS).then(|| now.plus(API_TIMEOUT));
                let body = self.scenario.profile.asked.body();
                self.spawn(Role::Request(client), 0, vec![], |world, _| {
                    Box::pin(world.requesting(body))
                });
            }
        }
        if self.sweep_at <= now {
            self.sweep_at = now.plus(SWEEP_EVERY);
            // A sweep that finds nothing changes nothing.
            let due = self.world.exports.due(now, 1).now_or_never();
            if due.is_some_and(|due| due.is_ok_and(|due| !due.is_empty())) {
                self.spawn(Role::Sweep, 0, vec![], |world, _| {
                    Box::pin(world.sweeping())
                });
            }
        }
        self.receive();
        self.fetch();
    }

    fn spawn(
        &mut self,
        role: Role,
        skew: i64,
        messages: Vec<usize>,
        make: impl FnOnce(&World, Instant) -> std::pin::Pin<Box<dyn Future<Output = Output> + Send>>,
    ) {
        self.numbers += 1;
        let now = self.now();
        let clock = Arc::new(Skewed::new(Arc::clone(&self.world.clock), skew));
        let world = World {
            time: Arc::clone(&clock) as Arc<dyn Clock>,
            ..self.world.clone()
        };
        let lives = match role {
            Role::Run => RUN_TIMEOUT,
            Role::Sweep => SWEEP_TIMEOUT,
            _ => API_TIMEOUT,
        };
        let stop_at = now.plus(self.scenario.profile.slice);
        let actor = Actor {
            number: self.numbers,
            role,
            task: make(&world, world.time.now().plus(self.scenario.profile.slice)),
            flag: Arc::new(Flag(true.into())),
            frozen: None,
            began: now,
            dies_at: now.plus(lives),
            stop_at,
            after_call: self.calls(),
            clock,
            messages,
        };
        self.note(|_| format!("{}: begins", actor.name()));
        self.actors.push(actor);
    }

    /// Whose turn it is, if anybody can go on.
    fn choose(&mut self) -> Option<usize> {
        let (now, is_over) = (self.now(), self.is_over());
        let awake: Vec<usize> = (0..self.actors.len())
            .filter(|index| {
                let actor = &self.actors[*index];
                actor.flag.0.load(Ordering::SeqCst) && !actor.is_frozen(now, is_over)
            })
            .collect();
        let current = awake
            .iter()
            .copied()
            .find(|index| self.actors[*index].number == self.current);
        let index = match &self.scenario.turns {
            _ if awake.is_empty() => return None,
            Turns::Seeded(_) => *self.dice.pick(&awake),
            Turns::Steady => current.unwrap_or(awake[0]),
            Turns::Switched(_) => {
                let due = self.switches.first().is_some_and(|at| *at <= self.calls());
                let other = awake.iter().copied().find(|index| Some(*index) != current);
                match (due, current, other) {
                    (true, Some(_), Some(other)) => {
                        self.switches.remove(0);
                        other
                    }
                    (_, Some(current), _) => current,
                    _ => awake[0],
                }
            }
        };
        self.current = self.actors[index].number;
        Some(index)
    }

    /// Whether every export there is has ended.
    pub(super) fn is_over(&self) -> bool {
        self.seen.begun > 0 && self.seen.begun == self.seen.ended
    }

    fn step(&mut self, index: usize) {
        let before = self.calls();
        let struck = self
            .trace
            .as_ref()
            .map(|_| self.world.script.struck().len());
        let actor = &mut self.actors[index];
        self.world
            .script
            .actor
            .store(actor.number, Ordering::SeqCst);
        actor.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&actor.flag));
        let polled = actor.task.as_mut().poll(&mut Context::from_waker(&waker));
        let name = self.actors[index].name();
        if self.calls() > before {
            if let Some(struck) = struck {
                self.tell_calls(&name, before, struck);
            }
            // Calls side by side take as long as one.
            self.world.clock.0.advance(self.scenario.profile.latency);
        }
        let orders = self.world.script.take_orders();
        let number = self.actors[index].number;
        if self.world.script.has_crashed() {
            self.note(|_| format!("{name}: dies"));
            self.end(index, None);
        } else if let Poll::Ready(output) = polled {
            self.end(index, Some(output));
        }
        for order in orders {
            let index = self.actors.iter().position(|actor| actor.number == number);
            self.carry_out(order, index);
        }
    }

    /// Moves the clock to what comes next; false when nothing does.
    fn wait(&mut self) -> bool {
        let now = self.now();
        if self.is_at_rest() {
            return false;
        }
        let is_over = self.is_over();
        let thaws = self.actors.iter().flat_map(|actor| {
            let frozen = actor.frozen.filter(|_| actor.is_frozen(now, is_over));
            [frozen.map(|(until, _)| until), Some(actor.dies_at)]
        });
        let visible = self
            .messages
            .iter()
            .filter(|message| !message.gone)
            .map(|message| Some(message.visible_at));
        let asks = self.clients.iter().map(|client| client.ask_at);
        let next = thaws
            .chain(visible)
            .chain(asks)
            .chain([
                Some(self.sweep_at),
                self.world.clock.0.next_wake(),
                self.world.script.next_arrival(),
            ])
            .flatten()
            .filter(|at| *at > now)
            .min();
        match next {
            Some(at) => {
                self.world.clock.0.set(at);
                true
            }
            None => panic!("I7: nobody will go on"),
        }
    }

    /// Whether all has been told and cleaned and nothing is under way.
    fn is_at_rest(&self) -> bool {
        self.actors.is_empty()
            && self.clients.iter().all(|client| client.ask_at.is_none())
            && self.messages.iter().all(|message| message.gone)
            && self.world.script.next_arrival().is_none()
            && self.world.exports.all().iter().all(|export| {
                export.status().is_terminal() && !export.notify && export.clean_at.is_none()
            })
    }

    fn end(&mut self, index: usize, output: Option<Output>) {
        let actor = self.actors.remove(index);
        let now = self.now();
        let name = actor.name();
        // Who dies may have been about to tell the end.
        self.seen.disturbed |= output.is_none() && self.seen.pending;
        match (actor.role, output) {
            (Role::Request(client), Some(Output::Requested(Ok((id, replayed))))) => {
                self.note(|_| format!("{name}: accepted, replayed: {replayed}"));
                self.clients[client].ask_at = None;
                self.accepted.push(id);
            }
            (Role::Request(client), output) => {
                if let Some(Output::Requested(Err(error))) = output {
                    self.note(|_| format!("{name}: {error}"));
                }
                // It may have been given up for dead, and another try be under way or have been answered.
                let client = &mut self.clients[client];
                client.ask_at = client.ask_at.map(|at| at.min(now.plus(ASKS_AGAIN)));
            }
            (Role::Run, Some(Output::Ran(done))) => {
                for (message, ran) in done {
                    self.note(|_| format!("{name}: {ran:?}"));
                    self.messages[message].gone |= ran.is_ok();
                }
            }
            (Role::Download(_), Some(Output::Downloaded(link))) => {
                self.note(|_| format!("{name}: {}", if link.is_ok() { "a link" } else { "none" }));
                self.check_link(&actor, &link);
                self.downloaded = link.is_ok();
            }
            (Role::Download(_), _) => self.downloaded = false,
            (_, Some(Output::Swept(swept))) => self.note(|_| format!("{name}: {swept:?}")),
            (_, Some(Output::Cancelled(done))) => self.note(|_| format!("{name}: done {done}")),
            _ => {}
        }
    }
}
