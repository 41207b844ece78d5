//! The limits of components, as the manifest sets them.

use crate::calls::Limits;
use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;

/// Each limit is the component's own, else that of the application, else the default.
pub(super) fn resolve(own: &tessera_manifest::Limits, app: &tessera_manifest::Limits) -> Limits {
    let default = Limits::default();
    let count = |own: Option<u64>, app: Option<u64>, default: usize| {
        own.or(app).map_or(default, |count| count as usize)
    };
    let millis = |own: Option<u64>, app: Option<u64>, default: Duration| {
        own.or(app).map_or(default, Duration::from_millis)
    };
    let kib = |own: Option<u64>, app: Option<u64>, default: u64| {
        own.or(app).map_or(default, |count| count * KIB)
    };
    Limits {
        memory_max_bytes: own
            .memory_max_mib
            .or(app.memory_max_mib)
            .map_or(default.memory_max_bytes, |count| count as usize * MIB),
        cpu_time_max: millis(own.cpu_time_max_ms, app.cpu_time_max_ms, default.cpu_time_max),
        concurrency_max: count(own.concurrency_max, app.concurrency_max, default.concurrency_max),
        queue_length_max: count(
            own.queue_length_max,
            app.queue_length_max,
            default.queue_length_max,
        ),
        streams_max: count(own.streams_max, app.streams_max, default.streams_max),
        streams_per_client_max: count(
            own.streams_per_client_max,
            app.streams_per_client_max,
            default.streams_per_client_max,
        ),
        call_depth_max: count(own.call_depth_max, app.call_depth_max, default.call_depth_max),
        body_max_bytes: kib(own.body_max_kib, app.body_max_kib, default.body_max_bytes),
        deadline: millis(own.deadline_ms, app.deadline_ms, default.deadline),
        stream_deadline: millis(
            own.stream_deadline_ms,
            app.stream_deadline_ms,
            default.stream_deadline,
        ),
        instance_reuse_max: own
            .instance_reuse_max
            .or(app.instance_reuse_max)
            .unwrap_or(default.instance_reuse_max),
        log_max_bytes: kib(own.log_max_kib, app.log_max_kib, default.log_max_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_components_own_limit_wins_over_that_of_the_application_and_the_default() {
        let own = tessera_manifest::Limits { deadline_ms: Some(1), ..Default::default() };
        let app = tessera_manifest::Limits {
            deadline_ms: Some(2),
            body_max_kib: Some(3),
            ..Default::default()
        };
        let limits = resolve(&own, &app);
        assert_eq!(limits.deadline, Duration::from_millis(1));
        assert_eq!(limits.body_max_bytes, 3 << 10);
        assert_eq!(limits.concurrency_max, Limits::default().concurrency_max);
    }
}
