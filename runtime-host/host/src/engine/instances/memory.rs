//! Memory limits of each instance, and of all instances together.
//!
//! An instance is charged for its linear memories and tables, and for memory that the host holds
//! for it: see [`held`](super::held). The sum of all instances has a separate limit, so that many
//! instances, each within its own limit, can't cause the operating system to kill the process.
//!
//! A charge is only released when the instance ends. wasmtime also reports failed growth, but not
//! for which memory, and also growth that was never charged: a guest could get its charge released
//! by requesting impossible growth. So impossible growth is refused beforehand.

use super::budget::InstanceBudget;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasmtime::{ResourceLimiter, Result};

/// The size of a table element.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();
/// The maximum number of elements of a table, which are usually function pointers.
const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Above this percentage of the limit, idle instances are released proactively.
const SHORT_PERCENT: usize = 80;

/// The memory of all instances.
pub(crate) struct MemoryBudget {
    max_bytes: usize,
    used_bytes: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, used_bytes: AtomicUsize::new(0) }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Whether idle instances should be released.
    pub(crate) fn is_short(&self) -> bool {
        self.used_bytes() > self.max_bytes / 100 * SHORT_PERCENT
    }

    fn charge(&self, bytes: usize) -> bool {
        let charged = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.max_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged).is_ok()
    }

    fn release(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The memory of all instances of a component. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryTotal(Arc<AtomicUsize>);

impl MemoryTotal {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The limit that a guest has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExceededLimit {
    /// That of its instance.
    Instance,
    /// That of the process.
    Process,
}

/// Counts the memory of one instance and remembers whether it was refused some.
pub(crate) struct MemoryLimit {
    max_bytes: usize,
    /// Linear memories and tables.
    guest_bytes: usize,
    /// Memory that the host holds for the guest.
    held_bytes: usize,
    budget: Arc<InstanceBudget>,
    /// That of its component.
    total: MemoryTotal,
    pub(crate) exceeded: Option<ExceededLimit>,
}

impl MemoryLimit {
    pub(crate) fn new(max_bytes: usize, budget: Arc<InstanceBudget>, total: MemoryTotal) -> Self {
        let (guest_bytes, held_bytes) = Default::default();
        Self { max_bytes, guest_bytes, held_bytes, budget, total, exceeded: None }
    }

    /// Linear memories and tables.
    pub(crate) fn guest_bytes(&self) -> usize {
        self.guest_bytes
    }

    /// Sets the memory that the host holds for the guest now.
    ///
    /// Errors: it exceeds a limit.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<()> {
        if bytes <= self.held_bytes {
            self.release(self.held_bytes - bytes);
        } else if !self.charge(bytes - self.held_bytes) {
            wasmtime::bail!("the host would have to hold {bytes} bytes for the guest");
        }
        self.held_bytes = bytes;
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> bool {
        let total = self.guest_bytes.saturating_add(self.held_bytes).saturating_add(bytes);
        if total > self.max_bytes {
            self.exceeded = Some(ExceededLimit::Instance);
            return false;
        }
        while !self.budget.memory.charge(bytes) {
            if !self.budget.free_memory() {
                self.exceeded = Some(ExceededLimit::Process);
                return false;
            }
        }
        self.total.0.fetch_add(bytes, Ordering::Relaxed);
        true
    }

    fn release(&self, bytes: usize) {
        self.budget.memory.release(bytes);
        self.total.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let allowed = self.charge(bytes);
        if allowed {
            self.guest_bytes += bytes;
        }
        allowed
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        self.release(self.guest_bytes + self.held_bytes);
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(possible && self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let maximum = maximum.map_or(TABLE_ELEMENTS_MAX, |own| own.min(TABLE_ELEMENTS_MAX));
        let growth = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(desired <= maximum && self.grow(growth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(max_bytes: usize) -> Arc<InstanceBudget> {
        Arc::new(InstanceBudget::new(10, MemoryBudget::new(max_bytes)))
    }

    fn limit(max_bytes: usize, budget: &Arc<InstanceBudget>) -> MemoryLimit {
        MemoryLimit::new(max_bytes, budget.clone(), MemoryTotal::default())
    }

    #[test]
    fn the_memory_of_a_component_is_that_of_its_instances() {
        let (budget, total) = (budget(1_000), MemoryTotal::default());
        let mut one = MemoryLimit::new(100, budget.clone(), total.clone());
        let mut other = MemoryLimit::new(100, budget.clone(), total.clone());
        assert!(one.memory_growing(0, 60, None).unwrap());
        assert!(other.memory_growing(0, 10, None).unwrap());
        one.hold(30).unwrap();
        one.hold(20).unwrap();
        assert_eq!(total.bytes(), 90);
        drop(one);
        assert_eq!((total.bytes(), budget.memory.used_bytes()), (10, 10));
    }

    #[test]
    fn all_memories_of_an_instance_have_one_limit() {
        let budget = budget(1_000);
        let mut limit = limit(100, &budget);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap(), "a second memory");
        assert_eq!(limit.exceeded, Some(ExceededLimit::Instance));
        assert!(!limit.memory_growing(60, usize::MAX, None).unwrap());
        assert!(limit.table_growing(0, 5, None).unwrap(), "40 bytes");
        assert!(!limit.memory_growing(60, 61, None).unwrap());
        assert_eq!(budget.memory.used_bytes(), 100);
        drop(limit);
        assert_eq!(budget.memory.used_bytes(), 0);
    }

    #[test]
    fn memory_that_the_host_holds_is_charged_to_the_guest() {
        let budget = budget(1_000);
        let mut limit = limit(100, &budget);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        limit.hold(40).unwrap();
        assert!(limit.hold(41).is_err());
        assert_eq!(limit.exceeded, Some(ExceededLimit::Instance));
        limit.hold(0).unwrap();
        assert!(limit.memory_growing(60, 100, None).unwrap());
        assert_eq!(budget.memory.used_bytes(), 100);
    }

    #[test]
    fn growth_that_is_not_possible_is_not_charged() {
        let budget = budget(1_000);
        let mut limit = limit(100, &budget);
        assert!(!limit.memory_growing(0, 60, Some(50)).unwrap());
        assert!(!limit.table_growing(0, 5, Some(4)).unwrap());
        assert!(!limit.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).unwrap());
        assert_eq!((limit.guest_bytes(), budget.memory.used_bytes()), (0, 0));
        assert_eq!(limit.exceeded, None);
    }

    #[test]
    fn a_guest_cannot_get_its_charge_released() {
        let budget = budget(1_000);
        let mut limit = limit(100, &budget);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        // As wasmtime does for a table whose number of elements would overflow.
        limit.table_grow_failed(wasmtime::format_err!("too many elements")).unwrap();
        limit.memory_grow_failed(wasmtime::format_err!("too large")).unwrap();
        assert_eq!((limit.guest_bytes(), budget.memory.used_bytes()), (60, 60));
        assert!(!limit.memory_growing(60, 120, None).unwrap());
    }

    #[test]
    fn all_instances_together_have_a_limit() {
        let budget = budget(100);
        let mut one = limit(80, &budget);
        let mut other = limit(80, &budget);
        assert!(one.memory_growing(0, 80, None).unwrap());
        assert!(!budget.memory.is_short());
        assert!(!other.memory_growing(0, 30, None).unwrap());
        assert_eq!(other.exceeded, Some(ExceededLimit::Process));
        assert!(other.memory_growing(0, 20, None).unwrap());
        assert!(budget.memory.is_short());
        drop(one);
        assert!(other.memory_growing(20, 60, None).unwrap());
    }
}
