//! The limits of components.

use std::time::Duration;
use tessera_resilience::codel;

/// The limits of a component.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) memory_max_bytes: usize,
    pub(crate) cpu_time_max: Duration,
    pub(crate) concurrency_max: usize,
    /// The least limit for concurrent calls, if it follows their latency.
    pub(crate) concurrency_min: Option<usize>,
    pub(crate) queue_length_max: usize,
    /// How long calls wait for a permit; `None` for until their deadline.
    pub(crate) queue_wait: Option<codel::Options>,
    pub(crate) streams_max: usize,
    pub(crate) streams_per_client_max: usize,
    pub(crate) call_depth_max: usize,
    pub(crate) body_max_bytes: u64,
    pub(crate) deadline: Duration,
    pub(crate) stream_deadline: Duration,
    /// `None` for the default, which depends on the component.
    pub(crate) instance_reuse_max: Option<u64>,
    pub(crate) log_max_bytes: u64,
}

/// Limits for tests. Those of components come from the manifest, which declares their defaults.
#[cfg(test)]
impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_max_bytes: 128 << 20,
            cpu_time_max: Duration::from_secs(2),
            concurrency_max: 64,
            concurrency_min: None,
            queue_length_max: 1_024,
            queue_wait: None,
            streams_max: 1_024,
            streams_per_client_max: 256,
            call_depth_max: 16,
            body_max_bytes: 1 << 20,
            deadline: Duration::from_secs(30),
            stream_deadline: Duration::from_secs(600),
            instance_reuse_max: None,
            log_max_bytes: 64 << 10,
        }
    }
}
