//! The memory of instances: reserved once, handed out and taken back without asking the
//! operating system each time.
//!
//! An instance that ends leaves pages that it wrote. They have to be as new for the next one,
//! and unmapping them interrupts every other core that runs this process. So a slot keeps its
//! pages and they are written over with what they held at first. A kernel with `PAGEMAP_SCAN`
//! (Linux 6.7) says which pages those are. An older one does not: then the whole initial memory
//! is written over, and mapping it copy-on-write would only add page faults.

use wasmtime::{Config, Enabled, PoolingAllocationConfig};

/// Core instances of one component, as a mean: its module, and the small ones that wire it up.
const CORE_INSTANCES_PER_COMPONENT: u32 = 8;
/// Linear memories of one component, as a mean: one, and that of a library.
const MEMORIES_PER_COMPONENT: u32 = 2;
/// Linear memories of one component at most.
const MEMORIES_PER_COMPONENT_MAX: u32 = 16;
/// Tables of one component, as a mean.
const TABLES_PER_COMPONENT: u32 = 4;
/// Tables of one component at most.
const TABLES_PER_COMPONENT_MAX: u32 = 64;
/// Stacks of one instance: that of the guest, and one that is kept for what it begins next.
const STACKS_PER_COMPONENT: u32 = 2;
/// How much of a memory stays when its instance ends, in bytes: more than a function touches
/// while it serves a request.
const MEMORY_KEPT_BYTES: usize = 1 << 20;
/// The same where the kernel can't say what was touched: the memory that a function begins with.
const WHOLE_MEMORY_KEPT_BYTES: usize = 2 << 20;
/// How much of a table stays when its instance ends, in bytes.
const TABLE_KEPT_BYTES: usize = 64 << 10;
/// Slots that stay set up for a component after its last instance has ended.
const UNUSED_SLOTS_MAX: u32 = 100;

/// Have instances made from a pool, which reserves address space (not memory) for all of them when
/// the process starts.
pub(crate) fn configure(config: &mut Config, instances_max: u32) {
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let kept = if scan { MEMORY_KEPT_BYTES } else { WHOLE_MEMORY_KEPT_BYTES };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances_max)
        .total_core_instances(instances_max * CORE_INSTANCES_PER_COMPONENT)
        .total_memories(instances_max * MEMORIES_PER_COMPONENT)
        .total_tables(instances_max * TABLES_PER_COMPONENT)
        .total_stacks(instances_max * STACKS_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
        .max_unused_warm_slots(UNUSED_SLOTS_MAX)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    config.memory_init_cow(scan).allocation_strategy(pool);
}
