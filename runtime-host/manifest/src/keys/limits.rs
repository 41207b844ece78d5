//! The table `limits`, of the application and of a component.

use crate::app::AppSettings;
use crate::keys::{Key, Number};
use serde::{Deserialize, Serialize};

/// Declares the limits: `name: range, unit, default, default for stock`.
macro_rules! limits {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $range:expr, $unit:literal, $default:literal, $stock:literal;
    )+) => {
        /// Limits as written; for a limit that is not set, the next wider scope decides.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Limits {
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<u64>,
            )+
        }

        /// The limits in effect.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct LimitValues {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        /// The keys of the table.
        pub const LIMITS: &[Key] = &[$(Key::Number(Number::new(
            stringify!($name), $range, $unit, Some($default), concat!($($doc),+),
        ).for_stock($stock))),+];

        impl Limits {
            /// Reads each limit with `read`.
            pub(crate) fn read(mut read: impl FnMut(&Number) -> Option<u64>) -> Self {
                Self {
                    $($name: read(&Number::new(
                        stringify!($name), $range, $unit, Some($default), concat!($($doc),+),
                    )),)+
                }
            }

            /// These limits, and those of a wider scope for the ones that are not set.
            #[must_use]
            pub fn or(&self, wider: &Self) -> Self {
                Self { $($name: self.$name.or(wider.$name),)+ }
            }

            /// The limits in effect: these, then those of the application, then the defaults. An
            /// application without settings of this host was made for stock Spin, which has
            /// hardly any limits, so it has other defaults.
            pub fn resolve(&self, application: &AppSettings) -> LimitValues {
                let default = |own, stock| if application.declared { own } else { stock };
                let limits = &application.limits;
                LimitValues {
                    $($name: self.$name.or(limits.$name).unwrap_or(default($default, $stock)),)+
                }
            }
        }
    };
}

// The lower ends of the ranges are what a component needs to run at all. Above the upper ends, a
// typo is more likely than an intention.
limits! {
    /// Memory of one instance: all its memories and tables, and the memory that the host holds for
    /// it (handles, header fields, arguments of pending calls). Beyond it: 500 `memory-exceeded`.
    memory_max_mib: 1..=4_096, "MiB", 128, 4_096;
    /// CPU time of one call. Beyond it: 500 `cpu-time-exceeded`.
    cpu_time_max_ms: 1..=3_600_000, "ms", 2_000, 600_000;
    /// Concurrent calls. Further calls wait. If components can call each other in a cycle, each
    /// nesting level has this number of permits.
    concurrency_max: 1..=100_000, "calls", 64, 1_000;
    /// If it is not 0, the limit for concurrent calls follows their latency, between this number
    /// and `concurrency_max`; see [below](#overload).
    concurrency_min: 0..=100_000, "calls", 0, 0;
    /// Calls that wait for a permit. Beyond it: 503 `queue-full`. With 0, calls do not wait.
    queue_length_max: 0..=1_000_000, "calls", 1_024, 10_000;
    /// The wait for a permit that is acceptable for as long as it takes. When no call of the last
    /// `queue_burst_ms` was served sooner, calls that have waited for twice this time get 503
    /// `queue-timeout`. With 0, calls wait until their deadline.
    queue_wait_ms: 0..=3_600_000, "ms", 0, 0;
    /// The time for which all calls may wait longer than `queue_wait_ms`.
    queue_burst_ms: 1..=3_600_000, "ms", 1_000, 1_000;
    /// Concurrent streamed responses. Beyond it: 503 `streams-full`.
    streams_max: 1..=100_000, "responses", 1_024, 10_000;
    /// Concurrent streamed responses to one client. Beyond it: 503 `streams-full` for this client.
    streams_per_client_max: 1..=100_000, "responses", 256, 10_000;
    /// Components in a call chain. Beyond it: 508 `call-depth-exceeded`.
    call_depth_max: 1..=64, "components", 16, 16;
    /// Size of a request body. Beyond it: 413 `body-too-large`.
    body_max_kib: 1..=4_194_304, "KiB", 1_024, 4_194_304;
    /// Time until the head of the response is sent. Beyond it: 504 `deadline-exceeded`. A callee
    /// gets at most the remaining time of its caller.
    deadline_ms: 1..=3_600_000, "ms", 30_000, 600_000;
    /// Time for the body of a streamed response. Beyond it, the response is aborted.
    stream_deadline_ms: 1..=86_400_000, "ms", 600_000, 86_400_000;
    /// Calls after which an instance is replaced; 1 means a new instance for each call, which is
    /// the default for components of WASI 0.2.
    instance_reuse_max: 1..=1_000_000, "calls", 1_000, 1_000;
    /// Size of the standard output of one call, and separately of its standard error. Further
    /// output is dropped and counted.
    log_max_kib: 1..=1_048_576, "KiB", 64, 65_536;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_decides_then_the_application_then_the_default() {
        let component = Limits { deadline_ms: Some(1), ..Limits::default() };
        let application =
            Limits { deadline_ms: Some(2), concurrency_max: Some(3), ..Limits::default() };
        let mut application =
            AppSettings { declared: true, limits: application, ..AppSettings::default() };
        let limits = component.resolve(&application);
        assert_eq!((limits.deadline_ms, limits.concurrency_max, limits.log_max_kib), (1, 3, 64));
        application.declared = false;
        let limits = component.resolve(&application);
        assert_eq!((limits.concurrency_max, limits.log_max_kib), (3, 65_536));
    }

    #[test]
    fn defaults_are_in_their_ranges() {
        for key in LIMITS {
            let Key::Number(number) = key else { panic!("{} is not a number", key.name()) };
            for default in [number.default, number.stock_default] {
                let default = default.filter(|default| number.range.contains(default));
                assert!(default.is_some(), "{}", number.name);
            }
        }
    }
}
