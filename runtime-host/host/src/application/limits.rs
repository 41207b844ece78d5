//! The limits of components, as the manifest sets them.

use crate::calls::Limits;
use crate::telemetry::random;
use std::time::Duration;
use tessera_manifest::AppSettings;
use tessera_resilience::{Choice, codel};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The time of a command whose limits are not in the manifest.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits that the operator chose for all components, in place of the manifest's defaults. A
/// component with a lower limit keeps it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OperatorLimits {
    pub(crate) memory_max_bytes: Option<u64>,
    /// Nanoseconds.
    pub(crate) deadline_ns: Option<Choice>,
}

impl OperatorLimits {
    /// The memory of an instance. `own` is the manifest's limit.
    fn memory_max_bytes(&self, own: Option<u64>, default: u64) -> u64 {
        let own = own.map(|mib| mib * MIB);
        lower(own, self.memory_max_bytes).unwrap_or(default * MIB)
    }

    fn deadline(&self, own: Option<u64>, default: Duration) -> Duration {
        let own = own.map(Duration::from_millis);
        let chosen = self.deadline_ns.map(|choice| Duration::from_nanos(choice.choose(random())));
        lower(own, chosen).unwrap_or(default)
    }
}

fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Returns the limits of a component in the units of the host. Each one is its own (`own` has those
/// of the application that it does not set), else that of the operator, else the default of the
/// manifest, which depends on whether the application was made for this host (`declared`).
///
/// A command has no callers that wait: its times are those of the manifest, or long.
pub(super) fn resolve(
    own: &tessera_manifest::Limits,
    declared: bool,
    operator: &OperatorLimits,
    is_command: bool,
) -> Limits {
    let limits = own.resolve(&AppSettings { declared, ..AppSettings::default() });
    let time = |written: Option<u64>, in_effect: u64| match written {
        None if is_command => COMMAND_TIME_MAX,
        _ => Duration::from_millis(in_effect),
    };
    let memory_max_bytes = operator.memory_max_bytes(own.memory_max_mib, limits.memory_max_mib);
    let deadline = own.deadline_ms;
    Limits {
        memory_max_bytes: usize::try_from(memory_max_bytes).unwrap_or(usize::MAX),
        cpu_time_max: time(own.cpu_time_max_ms, limits.cpu_time_max_ms),
        concurrency_max: limits.concurrency_max as usize,
        concurrency_min: (limits.concurrency_min > 0).then_some(limits.concurrency_min as usize),
        queue_length_max: limits.queue_length_max as usize,
        queue_wait: (limits.queue_wait_ms > 0).then(|| codel::Options {
            target: Duration::from_millis(limits.queue_wait_ms),
            interval: Duration::from_millis(limits.queue_burst_ms),
        }),
        streams_max: limits.streams_max as usize,
        streams_per_client_max: limits.streams_per_client_max as usize,
        call_depth_max: limits.call_depth_max as usize,
        body_max_bytes: limits.body_max_kib * KIB,
        deadline: operator.deadline(deadline, time(deadline, limits.deadline_ms)),
        stream_deadline: Duration::from_millis(limits.stream_deadline_ms),
        instance_reuse_max: own.instance_reuse_max,
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
        let limits = resolve(&own.or(&app), true, &OperatorLimits::default(), false);
        assert_eq!(limits.deadline, Duration::from_millis(1));
        assert_eq!(limits.body_max_bytes, 3 << 10);
    }

    #[test]
    fn the_operator_replaces_defaults_and_lowers_limits() {
        let operator = OperatorLimits {
            memory_max_bytes: Some(1 << 29),
            deadline_ns: Some(Choice::one(5_000_000)),
        };
        let none = tessera_manifest::Limits::default();
        let limits = resolve(&none, true, &operator, false);
        assert_eq!(limits.memory_max_bytes, 1 << 29);
        assert_eq!(limits.deadline, Duration::from_millis(5));
        let own = tessera_manifest::Limits {
            deadline_ms: Some(9),
            memory_max_mib: Some(1),
            ..Default::default()
        };
        let limits = resolve(&own, true, &operator, false);
        assert_eq!(limits.memory_max_bytes, 1 << 20);
        assert_eq!(limits.deadline, Duration::from_millis(5));
    }

    #[test]
    fn a_command_has_the_times_of_the_manifest_or_long_ones() {
        let own = tessera_manifest::Limits { deadline_ms: Some(2), ..Default::default() };
        let limits = resolve(&own, true, &OperatorLimits::default(), true);
        assert_eq!(limits.deadline, Duration::from_millis(2));
        assert_eq!(limits.cpu_time_max, COMMAND_TIME_MAX);
    }
}
