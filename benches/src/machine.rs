//! What the figures were measured on.

use serde::Serialize;
use std::fs::read_to_string;

/// The machine, according to Linux; empty or 0 where it does not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's model.
    pub(crate) processor: String,
    /// Hardware threads that this process may use.
    pub(crate) threads: usize,
    /// Memory, in MiB.
    pub(crate) memory_mib: u64,
    /// Kernel and its release.
    pub(crate) system: String,
    /// Runnable and running tasks of the last minute, when the run began: more than a few tenths
    /// means that others were at work.
    pub(crate) load_average: f64,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn this() -> Machine {
        let text = |path: &str| read_to_string(path).unwrap_or_default();
        let first_number = |text: &str| text.split_whitespace().find_map(|word| word.parse().ok());
        let processors = text("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let memory_kib: f64 = first_number(&text("/proc/meminfo")).unwrap_or(0.0);
        Machine {
            processor: model.unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned(),
            threads: std::thread::available_parallelism().map_or(0, Into::into),
            memory_mib: (memory_kib / 1024.0) as u64,
            system: format!(
                "{} {}",
                std::env::consts::OS,
                text("/proc/sys/kernel/osrelease").trim()
            ),
            load_average: first_number(&text("/proc/loadavg")).unwrap_or(0.0),
        }
    }
}
