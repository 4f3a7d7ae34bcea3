//! What happens at which call.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::memory::{Call, Fault};
use crate::ports::StoreErrorKind;

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
}

type Arrival = (u64, Box<dyn FnOnce() + Send>);

/// Steps, each done once but for those at every call of a name.
#[derive(Default)]
pub(crate) struct Script {
    steps: Mutex<Vec<(Where, What)>>,
    calm: AtomicBool,
    crashed: AtomicBool,
    faults: AtomicU64,
    number: AtomicU64,
    /// The call being made arrives so many calls later.
    late: Mutex<Option<u64>>,
    travelling: Mutex<Vec<Arrival>>,
}

const CAN_BE_LATE: [&str; 6] = [
    "exports.create",
    "exports.replace",
    "exports.end",
    "pieces.put",
    "pieces.open",
    "pieces.complete",
];

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

    /// How many faults there were.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    /// All late copies arrive now.
    pub(crate) fn arrive(&self) {
        self.arrive_until(u64::MAX);
    }

    fn arrive_until(&self, number: u64) {
        loop {
            let next = {
                let mut travelling = self.travelling.lock().unwrap();
                let index = travelling.iter().position(|(at, _)| *at <= number);
                index.map(|index| travelling.remove(index))
            };
            let Some((_, arrive)) = next else { return };
            arrive();
        }
    }

    /// Whether the call being made is to arrive late; then `apply` is what it does.
    pub(super) fn is_late(&self, apply: impl FnOnce() + Send + 'static) -> bool {
        let Some(later) = self.late.lock().unwrap().take() else {
            return false;
        };
        let at = self.number.load(Ordering::SeqCst) + later;
        self.travelling.lock().unwrap().push((at, Box::new(apply)));
        true
    }

    pub(super) fn decide(&self, call: &Call) -> Option<Fault> {
        self.number.store(call.number, Ordering::SeqCst);
        self.arrive_until(call.number);
        if self.calm.load(Ordering::SeqCst) {
            return None;
        }
        let mut fault = None;
        for what in self.steps_at(call) {
            match what {
                What::Do(change) => change(),
                What::Late(later) if CAN_BE_LATE.contains(&call.name) => {
                    self.faults.fetch_add(1, Ordering::SeqCst);
                    *self.late.lock().unwrap() = Some(later);
                }
                What::Late(_) => fault = Some(Fault::Before(StoreErrorKind::Unavailable)),
                What::Fault(kind) => fault = Some(kind),
                What::Hang => return Some(Fault::CrashBefore),
            }
        }
        if fault.is_some() {
            self.faults.fetch_add(1, Ordering::SeqCst);
            *self.late.lock().unwrap() = None;
        }
        if matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter)) {
            self.crashed.store(true, Ordering::SeqCst);
        }
        fault
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
