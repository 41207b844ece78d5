//! How many instances `tessera up` makes, how long it uses them, and their limits.

use crate::application::OperatorLimits;
use crate::commands::environment::SpinInstances;
use crate::commands::machine;
use crate::engine::{Capacity, EngineOptions, Reuse};
use crate::runtime_config::INSTANCE_MEMORY;
use clap::Args;
use std::num::NonZeroUsize;
use std::time::Duration;
use tessera_resilience::Choice;

/// The default of `--instances-max`.
const INSTANCES_MAX: u32 = 4_000;
/// The greatest value of `--instances-max`.
const INSTANCES_MOST: u32 = 10_000;
/// The default share of this machine's memory for instances, in percent.
const MEMORY_PERCENT: usize = 75;
/// The default of `--answers-max-mib`.
const ANSWERS_MAX_MIB: u32 = 256;
/// The longest time for a request.
const REQUEST_TIMEOUT_MAX: Duration = Duration::from_secs(60 * 60);

/// Instances and their limits.
#[derive(Debug, Args)]
pub(super) struct Instances {
    /// Threads that serve requests [default: one per core].
    #[arg(long, env = "TESSERA_WORKERS", value_name = "COUNT")]
    pub(super) workers: Option<NonZeroUsize>,
    /// Instances of all components, busy or idle. A call that needs another one replaces an idle
    /// one, or waits, and gets 503 `host-failure` after its deadline. A value that is too small for
    /// a single call is refused at startup. Address space is reserved for all instances [default:
    /// `SPIN_MAX_INSTANCE_COUNT`, or 4,000].
    #[arg(long, env = "TESSERA_INSTANCES_MAX", value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(INSTANCES_MOST)))]
    instances_max: Option<u32>,
    /// Memory of all instances together. Beyond it, memory growth and new instances get 503
    /// `memory-short` if no idle instance can be dropped. Above 80 %, idle instances are dropped
    /// [default: three quarters of the memory of the machine or container].
    #[arg(long, env = "TESSERA_MEMORY_MAX_MIB", value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(16..=1 << 24))]
    memory_max_mib: Option<u64>,
    /// Memory of the answers that policies with `cache` keep, of all callers and callees together. The
    /// least recently used ones make room.
    #[arg(long, env = "TESSERA_ANSWERS_MAX_MIB", value_name = "MIB",
          default_value_t = ANSWERS_MAX_MIB, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    answers_max_mib: u32,
    /// Memory of one instance, instead of the default of `memory_max_mib`. A component with a lower
    /// limit in the manifest keeps it [default: `max_instance_memory` of the runtime configuration,
    /// or that of `memory_max_mib`].
    #[arg(long, env = "SPIN_MAX_INSTANCE_MEMORY", value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(INSTANCE_MEMORY))]
    max_instance_memory: Option<u64>,
    /// Calls after which an instance is replaced, instead of the default of `instance_reuse_max`: a
    /// number, or a range such as `1..8`, of which each instance gets a number. A component with a
    /// lower limit in the manifest keeps it, and so do components of WASI 0.2, whose default is 1.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_instance_reuse_count: Option<Choice>,
    /// Concurrent calls in one instance. An instance serves one call at a time, so a higher value
    /// has no effect.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_instance_concurrent_reuse_count: Option<Choice>,
    /// Time until the head of a response is sent, instead of the default of `deadline_ms`, for
    /// example `10`, `500ms`, or a range such as `8s..12s`, of which each component gets a time. A
    /// component with a lower limit in the manifest keeps it.
    #[arg(long, value_name = "TIME", value_parser = request_timeout)]
    request_timeout: Option<Choice>,
    /// Time after which an idle instance is dropped, with the same units and ranges [default: it is
    /// kept until others need its place or its memory].
    #[arg(long, value_name = "TIME", value_parser = nanoseconds)]
    idle_instance_timeout: Option<Choice>,
    /// Map the memory of each instance when it is made, instead of taking it from a pool. Slower,
    /// but reserves no address space.
    #[arg(long)]
    disable_pooling: bool,
    /// Compile components so that a debugger (gdb, lldb) finds their functions and variables.
    #[arg(long)]
    debug_info: bool,
}

impl Instances {
    /// The options of the engine. With `keeps_code`, it keeps compiled code.
    ///
    /// # Errors
    /// What is wrong with Spin's variables about instances.
    pub(super) fn engine(&self, keeps_code: bool) -> anyhow::Result<EngineOptions> {
        let spin = SpinInstances::of_process()?;
        // As much as there may be here, and not an error: the variables are those of another host.
        let spin_count = spin.count.map(|count| count.min(INSTANCES_MOST));
        let instances_max = self.instances_max.or(spin_count).unwrap_or(INSTANCES_MAX);
        let memory_max_bytes = match self.memory_max_mib {
            Some(mib) => usize::try_from(mib << 20).unwrap_or(usize::MAX),
            None => machine::memory_bytes() / 100 * MEMORY_PERCENT,
        };
        Ok(EngineOptions {
            capacity: Capacity { instances_max, memory_max_bytes },
            reuse: Reuse {
                calls_max: self.max_instance_reuse_count,
                idle_max_ns: self.idle_instance_timeout,
            },
            pooling: !self.disable_pooling && !spin.without_pool,
            debug_info: self.debug_info,
            keeps_code,
        })
    }

    /// The memory of the answers that policies keep.
    pub(super) fn answers_max_bytes(&self) -> usize {
        usize::try_from(u64::from(self.answers_max_mib) << 20).unwrap_or(usize::MAX)
    }

    /// The limits of each component.
    pub(super) fn limits(&self) -> OperatorLimits {
        OperatorLimits {
            memory_max_bytes: self.max_instance_memory,
            deadline_ns: self.request_timeout,
        }
    }

    /// Warns of what has no effect.
    pub(super) fn warn(&self) {
        let concurrent = self.max_instance_concurrent_reuse_count;
        if concurrent.is_some_and(|count| count.greatest() > 1) {
            tracing::warn!(
                "--max-instance-concurrent-reuse-count has no effect: an instance serves one call \
                 at a time, and more calls get more instances"
            );
        }
    }
}

/// A number, or a range of numbers, all of them at least 1.
fn count(text: &str) -> Result<Choice, String> {
    let number = |text: &str| match text.parse::<u64>() {
        Ok(0) => Err("the least number is 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number: write a number, or a range as 1..8")),
    };
    choice(text, number)
}

/// A time, or a range of times, in nanoseconds.
fn nanoseconds(text: &str) -> Result<Choice, String> {
    choice(text, time_ns)
}

fn request_timeout(text: &str) -> Result<Choice, String> {
    let choice = nanoseconds(text)?;
    let most = u64::try_from(REQUEST_TIMEOUT_MAX.as_nanos()).unwrap_or(u64::MAX);
    match choice.least() > 0 && choice.greatest() <= most {
        true => Ok(choice),
        false => Err(format!("it is from 1ns to {}s", REQUEST_TIMEOUT_MAX.as_secs())),
    }
}

fn choice(text: &str, read: impl Fn(&str) -> Result<u64, String>) -> Result<Choice, String> {
    let Some((from, to)) = text.split_once("..") else { return read(text).map(Choice::one) };
    Choice::range(read(from)?, read(to)?).ok_or_else(|| {
        "the range is empty: its end is not part of it, and each end has its own unit".to_owned()
    })
}

/// A number is in seconds, unless it has another unit.
fn time_ns(text: &str) -> Result<u64, String> {
    /// The longest units first: `s` ends all of them.
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1_000_000),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ns", 1),
        ("s", 1_000_000_000),
    ];
    let unit = UNITS.iter().find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, *ns)));
    let (number, ns) = unit.unwrap_or((text, 1_000_000_000));
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(ns));
    number.ok_or_else(|| format!("`{text}` is not a time: write a number with s, ms, us or ns"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_times_are_numbers_or_ranges() {
        assert_eq!(count("7"), Ok(Choice::one(7)));
        assert_eq!(count("1..8"), Ok(Choice::range(1, 8).unwrap()));
        for (text, ns) in [("2", 2_000_000_000), ("2s", 2_000_000_000), ("3ms", 3_000_000)] {
            assert_eq!(nanoseconds(text), Ok(Choice::one(ns)), "{text}");
        }
        for (text, ns) in [("4us", 4_000), ("4μs", 4_000), ("4µs", 4_000), ("5ns", 5)] {
            assert_eq!(nanoseconds(text), Ok(Choice::one(ns)), "{text}");
        }
        let range = Choice::range(500_000_000, 2_000_000_000).unwrap();
        assert_eq!(nanoseconds("500ms..2"), Ok(range));
    }

    #[test]
    fn other_forms_are_refused_with_the_reason() {
        for (result, words) in [
            (count("0"), "the least number is 1"),
            (count("1..x"), "`x` is not a number"),
            (count("8..8"), "the range is empty"),
            (nanoseconds("1..8ms"), "each end has its own unit"),
            (nanoseconds("5m"), "`5m` is not a time"),
            (nanoseconds("99999999999999999999"), "is not a time"),
            (request_timeout("0"), "from 1ns to 3600s"),
            (request_timeout("3601"), "from 1ns to 3600s"),
        ] {
            let error = result.unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
