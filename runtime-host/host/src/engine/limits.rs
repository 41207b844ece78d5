//! What one call may use: memory and CPU time. A guest that asks for more costs exactly
//! the call that it serves.

use super::turns::Turns;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{ResourceLimiter, Result, StoreContextMut, UpdateDeadline};

/// A guest that has held its thread for so long lets others come first.
const TURN_MAX: Duration = Duration::from_millis(5);
/// Elements that a table may have: function pointers, as a rule.
const TABLE_ELEMENTS_MAX: usize = 20_000;

/// Counts memory and remembers whether a guest was refused some.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    max_bytes: usize,
    pub(crate) exceeded: bool,
}

impl MemoryLimit {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, exceeded: false }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let allowed = desired <= self.max_bytes;
        self.exceeded |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// The time for which a call has held a thread.
///
/// Ticks alone would not do: a guest that waits and wakes up often would be charged a whole
/// tick each time.
#[derive(Debug)]
pub(crate) struct CpuClock {
    origin: Instant,
    used_ns: AtomicU64,
    /// When the guest was last given the thread, since the origin.
    entered_ns: AtomicU64,
}

impl CpuClock {
    fn new() -> Self {
        let (used_ns, entered_ns) = Default::default();
        Self { origin: Instant::now(), used_ns, entered_ns }
    }

    fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    fn enter(&self) {
        self.entered_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    fn leave(&self) {
        self.used_ns.fetch_add(self.held_ns(), Ordering::Relaxed);
    }

    fn held_ns(&self) -> u64 {
        self.now_ns().saturating_sub(self.entered_ns.load(Ordering::Relaxed))
    }

    /// Run a guest's future on this clock.
    pub(super) async fn measure<F: Future>(&self, work: F) -> F::Output {
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

/// Ends a call that computes for too long.
pub(crate) struct CpuLimit {
    max: Duration,
    pub(crate) clock: Arc<CpuClock>,
    pub(super) turns: Arc<Turns>,
    pub(crate) exceeded: bool,
}

impl CpuLimit {
    pub(crate) fn new(max: Duration) -> Self {
        Self { max, clock: Arc::new(CpuClock::new()), turns: Arc::default(), exceeded: false }
    }

    pub(crate) fn restart(&mut self) {
        self.clock.used_ns.store(0, Ordering::Relaxed);
    }

    fn tick(&mut self) -> Result<UpdateDeadline> {
        let held_ns = self.clock.held_ns();
        let used_ns = self.clock.used_ns.load(Ordering::Relaxed) + held_ns;
        if u128::from(used_ns) > self.max.as_nanos() {
            self.exceeded = true;
            wasmtime::bail!("the call used more CPU time than it may");
        }
        if u128::from(held_ns) < TURN_MAX.as_nanos() {
            // It has only just begun; the tick was for whoever ran before.
            return Ok(UpdateDeadline::Continue(1));
        }
        self.turns.give_way();
        // Yielding lets timers fire and other calls run on this thread.
        Ok(UpdateDeadline::Yield(1))
    }
}

/// The epoch callback of every store.
pub(crate) fn on_tick(mut store: StoreContextMut<'_, super::State>) -> Result<UpdateDeadline> {
    store.data_mut().cpu.tick()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin_for(time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_costs_nothing_however_often_the_guest_wakes_up() {
        let mut limit = CpuLimit::new(Duration::from_millis(50));
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
        let mut limit = CpuLimit::new(Duration::from_secs(10));
        let clock = limit.clock.clone();
        let first = clock.measure(async { limit.tick().unwrap() }).await;
        assert!(matches!(first, UpdateDeadline::Continue(_)));
        let later = clock.measure(async {
            spin_for(TURN_MAX);
            limit.tick().unwrap()
        });
        assert!(matches!(later.await, UpdateDeadline::Yield(_)));
    }

    #[tokio::test]
    async fn computing_for_too_long_ends_the_call() {
        let mut limit = CpuLimit::new(Duration::from_millis(5));
        let clock = limit.clock.clone();
        clock.measure(async { spin_for(Duration::from_millis(6)) }).await;
        assert!(limit.tick().is_err());
        assert!(limit.exceeded);
        limit.restart();
        clock.measure(async { limit.tick().map(drop).unwrap() }).await;
    }
}
