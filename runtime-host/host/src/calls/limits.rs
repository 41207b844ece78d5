//! The limits of components.

use std::time::Duration;

/// The resolved limits of a component.
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
    /// The component's own limits, then the application's, then these defaults.
    pub(crate) fn resolve(own: &tessera_manifest::Limits, app: &tessera_manifest::Limits) -> Self {
        let pick =
            |own: Option<u64>, app: Option<u64>, default: u64| own.or(app).unwrap_or(default);
        let millis = |own, app, default| Duration::from_millis(pick(own, app, default));
        Self {
            memory_max_bytes: pick(own.memory_max_mib, app.memory_max_mib, 128) as usize * MIB,
            cpu_time_max: millis(own.cpu_time_max_ms, app.cpu_time_max_ms, 2_000),
            concurrency_max: pick(own.concurrency_max, app.concurrency_max, 64) as usize,
            queue_length_max: pick(own.queue_length_max, app.queue_length_max, 1_024) as usize,
            streams_max: pick(own.streams_max, app.streams_max, 1_024) as usize,
            streams_per_client_max: pick(
                own.streams_per_client_max,
                app.streams_per_client_max,
                256,
            ) as usize,
            call_depth_max: pick(own.call_depth_max, app.call_depth_max, 16) as usize,
            body_max_bytes: pick(own.body_max_kib, app.body_max_kib, 1_024) * KIB,
            deadline: millis(own.deadline_ms, app.deadline_ms, 30_000),
            stream_deadline: millis(own.stream_deadline_ms, app.stream_deadline_ms, 600_000),
            instance_reuse_max: pick(own.instance_reuse_max, app.instance_reuse_max, 1_000),
            log_max_bytes: pick(own.log_max_kib, app.log_max_kib, 64) * KIB,
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;
