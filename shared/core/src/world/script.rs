//! What happens at which call.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::kinds::{Kind, WRITES};
use crate::memory::{Call, Fault};
use crate::ports::StoreErrorKind;
use crate::time::Instant;

/// Which calls are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// The call of this number, whichever port it asks.
    Number(u64),
    /// The nth call of this name.
    Nth(&'static str, u64),
    /// Every call of this name.
    Every(&'static str),
}

/// What happens there.
pub(crate) enum What {
    /// It fails.
    Fault(Fault),
    /// It never answers and is not applied, but its caller lives on.
    Hang,
    /// It times out and is applied so many calls later (F7), if it is a write that can be.
    Late(u64),
    /// The world changes just before it.
    Do(Box<dyn FnOnce() + Send>),
    /// A fault or an event of the list.
    Kind(Kind),
}

/// What a scheduler is to do once the step under way has gone on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Leave the caller alone for so long, or until the export has ended if that is sooner.
    Freeze(Duration, bool),
    /// The function's timeout.
    Kill,
    /// End the caller's slice.
    EndSlice,
    /// Put the caller's clock so many minutes off.
    Skew(i64),
    /// Deliver the message again.
    Deliver,
    /// Deliver it to a run that takes the lease for ended.
    Beside,
    /// Give the next invocation a neighbour.
    Neighbour(bool),
    /// Start a sweep.
    Sweep,
    /// Show indexes as they are, for some calls.
    Stale,
    /// What people do.
    Event(Kind),
}

/// How a write leaves.
enum Trick {
    Late(u64),
    Twice,
    Copied(u64),
}

/// The same fault at the calls of a name: so many of them, of one caller or of all.
struct Storm {
    name: &'static str,
    actor: Option<usize>,
    left: u64,
    fault: Fault,
}

/// A copy that travels: the number of the call it arrives at, when it arrives at the latest, and what it does.
type Arrival = (u64, Instant, Box<dyn FnOnce() + Send>);

/// No copy travels for longer: a connection is given up before.
const TRAVELS: Duration = Duration::from_mins(5);

/// Steps, each done once but for those at every call of a name.
#[derive(Default)]
pub(crate) struct Script {
    steps: Mutex<Vec<(Where, What)>>,
    calm: AtomicBool,
    crashed: AtomicBool,
    faults: AtomicU64,
    number: AtomicU64,
    /// Whose call it is, where a scheduler says so.
    pub(super) actor: AtomicUsize,
    trick: Mutex<Option<Trick>>,
    flip: AtomicBool,
    storms: Mutex<Vec<Storm>>,
    travelling: Mutex<Vec<Arrival>>,
    orders: Mutex<Vec<Order>>,
    struck: Mutex<Vec<(u64, Kind, &'static str)>>,
    now: AtomicU64,
}

impl Script {
    pub(crate) fn at(&self, place: Where, what: What) {
        self.steps.lock().unwrap().push((place, what));
    }

    pub(crate) fn fail(&self, place: Where, fault: Fault) {
        self.at(place, What::Fault(fault));
    }

    /// No steps from now on. What travels still arrives.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// Whether a call crashed since this was asked last.
    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed.swap(false, Ordering::SeqCst)
    }

    /// Notes a crash that a plan of its own decided.
    pub(crate) fn crash(&self) {
        self.crashed.store(true, Ordering::SeqCst);
    }

    /// How many faults there were.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    /// The faults and events that came to pass: call, kind, the call's name.
    pub(crate) fn struck(&self) -> Vec<(u64, Kind, &'static str)> {
        self.struck.lock().unwrap().clone()
    }

    /// The number of the last call.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// What the scheduler is to do.
    pub(super) fn take_orders(&self) -> Vec<Order> {
        std::mem::take(&mut *self.orders.lock().unwrap())
    }

    /// All late copies arrive now.
    pub(crate) fn arrive(&self) {
        self.arrive_if(|_, _| true);
    }

    /// When the first copy under way arrives at the latest.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let travelling = self.travelling.lock().unwrap();
        travelling.iter().map(|(_, at, _)| *at).min()
    }

    /// Those that have travelled long enough arrive.
    pub(super) fn arrive_by(&self, now: Instant) {
        self.arrive_if(|_, at| at <= now);
    }

    /// Every refusal for good ends: somebody has mended what was broken.
    pub(super) fn clear_storms(&self) {
        self.storms.lock().unwrap().clear();
    }

    pub(super) fn tell_time(&self, now: Instant) {
        let millis = u64::try_from(now.millis()).unwrap();
        self.now.store(millis, Ordering::SeqCst);
    }

    fn arrive_if(&self, is_due: impl Fn(u64, Instant) -> bool) {
        loop {
            let next = {
                let mut travelling = self.travelling.lock().unwrap();
                let index = travelling
                    .iter()
                    .position(|(number, at, _)| is_due(*number, *at));
                index.map(|index| travelling.remove(index))
            };
            let Some((_, _, arrive)) = next else { return };
            arrive();
        }
    }

    /// Does `act` so many calls later.
    fn later(&self, calls: u64, act: impl FnOnce() + Send + 'static) {
        self.later_within(calls, TRAVELS, act);
    }

    /// Does `act` so many calls later, or when so much time has passed.
    pub(super) fn later_within(
        &self,
        calls: u64,
        time: Duration,
        act: impl FnOnce() + Send + 'static,
    ) {
        let number = self.number.load(Ordering::SeqCst) + calls;
        let now = i64::try_from(self.now.load(Ordering::SeqCst)).unwrap();
        let until = Instant::from_millis(now).plus(time);
        let mut travelling = self.travelling.lock().unwrap();
        travelling.push((number, until, Box::new(act)));
    }

    /// Whether the call being made is to arrive late; then, or when a copy arrives, `apply` is what it does.
    pub(super) fn is_late(&self, apply: impl Fn() + Send + 'static) -> bool {
        let trick = self.trick.lock().unwrap().take();
        match trick {
            None => false,
            Some(Trick::Late(later)) => {
                self.later(later, apply);
                true
            }
            Some(Trick::Twice) => {
                apply();
                false
            }
            Some(Trick::Copied(later)) => {
                self.later(later, apply);
                false
            }
        }
    }

    /// Whether a byte of the call being made flips.
    pub(super) fn flips(&self) -> bool {
        self.flip.swap(false, Ordering::SeqCst)
    }

    pub(super) fn decide(&self, call: &Call) -> Option<Fault> {
        self.number.store(call.number, Ordering::SeqCst);
        self.arrive_if(|number, _| number <= call.number);
        if self.calm.load(Ordering::SeqCst) {
            return None;
        }
        let mut fault = self.storm(call.name);
        for what in self.steps_at(call) {
            match what {
                What::Do(change) => change(),
                What::Late(later) if WRITES.contains(&call.name) => {
                    self.faults.fetch_add(1, Ordering::SeqCst);
                    *self.trick.lock().unwrap() = Some(Trick::Late(later));
                }
                What::Late(_) => fault = Some(Fault::Before(StoreErrorKind::Unavailable)),
                What::Fault(kind) => fault = Some(kind),
                What::Hang => return Some(Fault::CrashBefore),
                What::Kind(kind) => {
                    if kind.strikes(call.name) {
                        let struck = (call.number, kind, call.name);
                        self.struck.lock().unwrap().push(struck);
                        fault = self.strike(kind, call).or(fault);
                    }
                }
            }
        }
        if fault.is_some() {
            self.faults.fetch_add(1, Ordering::SeqCst);
            *self.trick.lock().unwrap() = None;
            self.flip.store(false, Ordering::SeqCst);
        }
        if matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter)) {
            self.crashed.store(true, Ordering::SeqCst);
        }
        fault
    }

    fn storm(&self, name: &str) -> Option<Fault> {
        let actor = self.actor.load(Ordering::SeqCst);
        let mut storms = self.storms.lock().unwrap();
        let storm = storms.iter_mut().find(|storm| {
            storm.name == name && storm.left > 0 && storm.actor.is_none_or(|of| of == actor)
        })?;
        storm.left -= 1;
        Some(storm.fault)
    }

    fn strike(&self, kind: Kind, call: &Call) -> Option<Fault> {
        let storm = |left, whose: bool, fault| {
            let actor = whose.then(|| self.actor.load(Ordering::SeqCst));
            let mut storms = self.storms.lock().unwrap();
            storms.push(Storm {
                name: call.name,
                actor,
                left,
                fault,
            });
            Some(fault)
        };
        let trick = |trick| {
            *self.trick.lock().unwrap() = Some(trick);
            None
        };
        let order = |order| {
            self.orders.lock().unwrap().push(order);
            None
        };
        let before = |kind| Some(Fault::Before(kind));
        match kind {
            Kind::CrashBefore => Some(Fault::CrashBefore),
            Kind::CrashAfter => Some(Fault::CrashAfter),
            Kind::Silent | Kind::FalseSuccess => before(StoreErrorKind::Unavailable),
            Kind::LostAnswer => Some(Fault::After(StoreErrorKind::Unavailable)),
            Kind::Throttled(9) => storm(u64::MAX, true, Fault::Before(StoreErrorKind::Throttled)),
            Kind::Throttled(n) => storm(n - 1, false, Fault::Before(StoreErrorKind::Throttled)),
            Kind::Broken => storm(1, false, Fault::Before(StoreErrorKind::Unavailable)),
            Kind::Contended => storm(2, false, Fault::Before(StoreErrorKind::Conflict)),
            Kind::Refused(kind) => storm(u64::MAX, false, Fault::Before(kind)),
            Kind::Late(later) => trick(Trick::Late(later)),
            Kind::Twice => trick(Trick::Twice),
            Kind::Copied(later) => trick(Trick::Copied(later)),
            Kind::Flipped => {
                self.flip.store(true, Ordering::SeqCst);
                None
            }
            Kind::Frozen => {
                order(Order::Freeze(Duration::from_mins(14), true));
                Some(Fault::Hold)
            }
            Kind::Zombie => {
                order(Order::Freeze(Duration::from_mins(14), false));
                Some(Fault::Hold)
            }
            Kind::SoftDeadline => order(Order::EndSlice),
            Kind::HardDeadline => {
                order(Order::Kill);
                Some(Fault::Hold)
            }
            Kind::Skewed(minutes) => order(Order::Skew(minutes)),
            Kind::Duplicate => order(Order::Deliver),
            Kind::Beside => order(Order::Beside),
            Kind::Neighbour(good) => order(Order::Neighbour(good)),
            Kind::Sweep => order(Order::Sweep),
            Kind::Stale => order(Order::Stale),
            Kind::Cancel | Kind::Revoke | Kind::Gone | Kind::Change(_) | Kind::Rename => {
                order(Order::Event(kind))
            }
        }
    }

    fn steps_at(&self, call: &Call) -> Vec<What> {
        let mut steps = self.steps.lock().unwrap();
        let mut found = Vec::new();
        let mut index = 0;
        while index < steps.len() {
            let (place, what) = &steps[index];
            match (*place, what) {
                (Where::Every(name), What::Fault(fault)) if name == call.name => {
                    found.push(What::Fault(*fault));
                    index += 1;
                }
                (Where::Number(number), _) if number == call.number => {
                    found.push(steps.remove(index).1);
                }
                (Where::Nth(name, nth), _) if name == call.name && nth == call.nth => {
                    found.push(steps.remove(index).1);
                }
                _ => index += 1,
            }
        }
        found
    }
}
