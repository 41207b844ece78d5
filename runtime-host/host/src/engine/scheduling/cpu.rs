//! Measures and limits the CPU time of one call, and makes it yield to others.

use super::poll_driver::PollDriver;
use crate::background;
use rustix::time::{ClockId, clock_gettime};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{Result, UpdateDeadline};

/// A guest that has held its thread for this time yields to others.
const TURN_MAX: Duration = Duration::from_millis(1);
/// A call that has used this much CPU time moves to the background, even if it never held its
/// thread for a whole turn.
const FOREGROUND_MAX: Duration = Duration::from_millis(100);

/// The time for which a call has held a thread.
///
/// Ticks alone would not do: a guest that waits and wakes up often would be charged a whole tick
/// each time. In the background, where threads are often preempted, only the thread's CPU time
/// counts. In the foreground, measuring that would cost two system calls per request.
#[derive(Debug)]
pub(crate) struct CpuClock {
    origin: Instant,
    used_ns: AtomicU64,
    /// When the guest last started to run.
    entered_ns: AtomicU64,
}

impl CpuClock {
    fn new() -> Self {
        let (used_ns, entered_ns) = Default::default();
        Self { origin: Instant::now(), used_ns, entered_ns }
    }

    fn now_ns(&self) -> u64 {
        if background::is_current() {
            thread_time_ns()
        } else {
            self.origin.elapsed().as_nanos() as u64
        }
    }

    fn enter(&self) {
        self.entered_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    fn leave(&self) {
        let held_ns = self.held_ns();
        let used_ns = self.used_ns.fetch_add(held_ns, Ordering::Relaxed) + held_ns;
        if u128::from(used_ns) > FOREGROUND_MAX.as_nanos() {
            background::request_move();
        }
    }

    fn held_ns(&self) -> u64 {
        self.now_ns().saturating_sub(self.entered_ns.load(Ordering::Relaxed))
    }

    /// Runs a guest's future on this clock.
    pub(crate) async fn measure<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.enter();
            let poll = work.as_mut().poll(cx);
            self.leave();
            poll
        })
        .await
    }
}

/// The CPU time of this thread.
fn thread_time_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The time for which all calls of a component have held a thread. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuTotal(Arc<AtomicU64>);

impl CpuTotal {
    /// That of calls that have ended.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Ends a call that computes for too long.
pub(crate) struct CpuLimit {
    max: Duration,
    total: CpuTotal,
    pub(crate) clock: Arc<CpuClock>,
    pub(crate) driver: Arc<PollDriver>,
    pub(crate) exceeded: bool,
    /// A turn that a tick has found to be long: its start, and the CPU time of the thread at that
    /// tick.
    long_turn: Option<(u64, u64)>,
}

impl CpuLimit {
    pub(crate) fn new(max: Duration, total: CpuTotal) -> Self {
        let (exceeded, long_turn) = Default::default();
        let clock = Arc::new(CpuClock::new());
        Self { max, total, clock, driver: Arc::default(), exceeded, long_turn }
    }

    pub(crate) fn restart(&mut self) {
        self.settle();
    }

    /// Adds the time of the call that has ended to that of its component.
    pub(crate) fn settle(&self) {
        let used_ns = self.clock.used_ns.swap(0, Ordering::Relaxed);
        self.total.0.fetch_add(used_ns, Ordering::Relaxed);
    }

    /// Called when the epoch changes while the guest is running.
    pub(crate) fn tick(&mut self) -> Result<UpdateDeadline> {
        let held_ns = self.clock.held_ns();
        let used_ns = self.clock.used_ns.load(Ordering::Relaxed) + held_ns;
        if u128::from(used_ns) > self.max.as_nanos() {
            self.exceeded = true;
            wasmtime::bail!("the call used more CPU time than it may");
        }
        if u128::from(held_ns) < TURN_MAX.as_nanos() {
            // The turn has just begun; the tick belongs to an earlier one.
            return Ok(UpdateDeadline::Continue(1));
        }
        if !background::is_current() && !self.has_computed() {
            return Ok(UpdateDeadline::Continue(1));
        }
        background::request_move();
        self.driver.yield_after_poll();
        // Yielding lets timers fire and other calls run on this thread.
        Ok(UpdateDeadline::Yield(1))
    }

    /// Whether the guest itself used the time of this turn, and not another process that preempted
    /// the thread. Known from the second tick of a long turn on.
    fn has_computed(&mut self) -> bool {
        let turn = self.clock.entered_ns.load(Ordering::Relaxed);
        let now_ns = thread_time_ns();
        match self.long_turn {
            Some((same, then_ns)) if same == turn => {
                u128::from(now_ns.saturating_sub(then_ns)) >= TURN_MAX.as_nanos()
            }
            _ => {
                self.long_turn = Some((turn, now_ns));
                false
            }
        }
    }
}

/// A call that was cut short ends here.
impl Drop for CpuLimit {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(max: Duration) -> CpuLimit {
        CpuLimit::new(max, CpuTotal::default())
    }

    #[tokio::test]
    async fn the_time_of_calls_adds_up() {
        let total = CpuTotal::default();
        let mut limit = CpuLimit::new(Duration::from_secs(10), total.clone());
        for _ in 0..2 {
            limit.clock.clone().measure(async { spin_for(TURN_MAX) }).await;
            limit.restart();
        }
        let after_two = total.get();
        assert!(after_two >= 2 * TURN_MAX, "{after_two:?}");
        limit.clock.clone().measure(async { spin_for(TURN_MAX) }).await;
        drop(limit);
        assert!(total.get() >= after_two + TURN_MAX);
    }

    fn spin_for(time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_costs_nothing_however_often_the_guest_wakes_up() {
        let mut limit = limit_of(Duration::from_secs(1));
        let clock = limit.clock.clone();
        clock
            .measure(async {
                for _ in 0..1_000 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    limit.tick().unwrap();
                }
            })
            .await;
    }

    #[tokio::test]
    async fn only_a_guest_that_has_computed_for_a_while_lets_others_come_first() {
        let mut limit = limit_of(Duration::from_secs(10));
        let clock = limit.clock.clone();
        let first = clock.measure(async { limit.tick().unwrap() }).await;
        assert!(matches!(first, UpdateDeadline::Continue(_)));
        let later = clock.measure(async {
            spin_for(TURN_MAX);
            limit.tick().unwrap();
            // The wall-clock time is longer, because other threads run, too.
            let begun = thread_time_ns();
            while thread_time_ns() - begun < TURN_MAX.as_nanos() as u64 {}
            limit.tick().unwrap()
        });
        assert!(matches!(later.await, UpdateDeadline::Yield(_)));
    }

    #[tokio::test]
    async fn computing_for_too_long_ends_the_call() {
        let mut limit = limit_of(Duration::from_millis(100));
        let clock = limit.clock.clone();
        clock.measure(async { spin_for(Duration::from_millis(101)) }).await;
        assert!(limit.tick().is_err());
        assert!(limit.exceeded);
        limit.restart();
        clock.measure(async { limit.tick().map(drop).unwrap() }).await;
    }

    #[tokio::test]
    async fn many_short_turns_add_up_to_a_long_one() {
        let clock = CpuClock::new();
        clock.measure(async { spin_for(FOREGROUND_MAX / 50) }).await;
        assert!(!background::move_requested());
        clock.measure(async { spin_for(FOREGROUND_MAX) }).await;
        assert!(background::move_requested());
    }
}
