//! Several workers at once, in an order that a seed decides.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use super::{Flag, World};

/// A worker's whole work.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Random numbers that come again (splitmix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).unwrap()]
    }
}

impl World {
    /// Runs all tasks to their ends or crashes, one step of one at a time. When all sleep, the clock moves on.
    pub(crate) fn interleave(&self, tasks: Vec<Task>, dice: &mut Seeded) {
        let mut tasks: Vec<(Task, Arc<Flag>)> = tasks
            .into_iter()
            .map(|task| (task, Arc::new(Flag(true.into()))))
            .collect();
        while !tasks.is_empty() {
            let awake: Vec<usize> = (0..tasks.len())
                .filter(|index| tasks[*index].1.0.load(Ordering::SeqCst))
                .collect();
            if awake.is_empty() {
                self.sleep_on();
                continue;
            }
            let index = *dice.pick(&awake);
            let (task, flag) = &mut tasks[index];
            flag.0.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(flag));
            let is_done = task
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready();
            if self.script.has_crashed() || is_done {
                drop(tasks.swap_remove(index));
            }
        }
    }
}
