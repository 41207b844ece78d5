//! What one call may use: memory and CPU time. A guest that asks for more costs exactly
//! the call that it serves.

use super::EPOCH_TICK;
use std::time::Duration;
use wasmtime::{ResourceLimiter, Result, StoreContextMut, UpdateDeadline};

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

/// Counts the ticks at which the guest was found running.
#[derive(Debug)]
pub(crate) struct CpuLimit {
    max_ticks: u128,
    used_ticks: u128,
    pub(crate) exceeded: bool,
}

impl CpuLimit {
    pub(crate) fn new(max: Duration) -> Self {
        let max_ticks = max.as_millis().div_ceil(EPOCH_TICK.as_millis()).max(1);
        Self { max_ticks, used_ticks: 0, exceeded: false }
    }

    pub(crate) fn restart(&mut self) {
        self.used_ticks = 0;
    }

    fn tick(&mut self) -> Result<UpdateDeadline> {
        self.used_ticks += 1;
        if self.used_ticks > self.max_ticks {
            self.exceeded = true;
            wasmtime::bail!("the call used more CPU time than it may");
        }
        // Yielding lets timers fire and other calls run on this thread.
        Ok(UpdateDeadline::Yield(1))
    }
}

/// The epoch callback of every store.
pub(crate) fn on_tick(mut store: StoreContextMut<'_, super::State>) -> Result<UpdateDeadline> {
    store.data_mut().cpu.tick()
}
