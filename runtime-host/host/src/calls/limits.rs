//! The limits of components.

use std::time::Duration;

/// The limits of a component, in the units of the host.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) memory_max_bytes: usize,
    pub(crate) cpu_time_max: Duration,
    pub(crate) concurrency_max: usize,
    pub(crate) queue_length_max: usize,
    pub(crate) streams_max: usize,
    pub(crate) streams_per_client_max: usize,
    pub(crate) call_depth_max: usize,
    pub(crate) body_max_bytes: u64,
    pub(crate) deadline: Duration,
    pub(crate) stream_deadline: Duration,
    pub(crate) instance_reuse_max: u64,
    pub(crate) log_max_bytes: u64,
}

impl Limits {
    /// The limits of the component, then those of the application, then the defaults of the
    /// manifest.
    pub(crate) fn resolve(own: &tessera_manifest::Limits, app: &tessera_manifest::Limits) -> Self {
        let limits = own.resolve(app);
        Self {
            memory_max_bytes: limits.memory_max_mib as usize * MIB,
            cpu_time_max: Duration::from_millis(limits.cpu_time_max_ms),
            concurrency_max: limits.concurrency_max as usize,
            queue_length_max: limits.queue_length_max as usize,
            streams_max: limits.streams_max as usize,
            streams_per_client_max: limits.streams_per_client_max as usize,
            call_depth_max: limits.call_depth_max as usize,
            body_max_bytes: limits.body_max_kib * KIB,
            deadline: Duration::from_millis(limits.deadline_ms),
            stream_deadline: Duration::from_millis(limits.stream_deadline_ms),
            instance_reuse_max: limits.instance_reuse_max,
            log_max_bytes: limits.log_max_kib * KIB,
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;
