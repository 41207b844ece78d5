//! The limits of components, as the manifest sets them.

use crate::calls::Limits;
use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;

/// Returns the limits of a component in the units of the host. Each one is the component's own, else
/// that of the application, else the default of the manifest.
pub(super) fn resolve(own: &tessera_manifest::Limits, app: &tessera_manifest::Limits) -> Limits {
    let limits = own.resolve(app);
    Limits {
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
        instance_reuse_max: own.instance_reuse_max.or(app.instance_reuse_max),
        log_max_bytes: limits.log_max_kib * KIB,
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
    }
}
