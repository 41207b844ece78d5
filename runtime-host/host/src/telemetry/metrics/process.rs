//! Metrics of the process, with the names that Prometheus has for them.
//! <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>

use super::declarations::Declarations;
use super::gauge;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// Figures of the operating system about the process. One that can't be read is 0.
#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter<f64, AtomicU64>,
    resident_memory: Gauge,
    open_files: Gauge,
    threads: Gauge,
}

impl Process {
    #[expect(clippy::disallowed_methods, reason = "the start of the process is a date")]
    pub(super) fn declare(all: &mut Declarations) -> Self {
        let started: Gauge<f64, AtomicU64> =
            all.seconds("start_time", "When the process was started, since 1970");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        started.set(now.as_secs_f64());
        Self {
            cpu: all.seconds("cpu", "CPU time of the process"),
            resident_memory: all.bytes("resident_memory", "Memory of the process"),
            open_files: all.count("open_fds", "Open files and sockets"),
            threads: all.count("threads", "Threads"),
        }
    }

    /// Sets the values of now.
    pub(super) fn update(&self) {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        self.cpu.inner().store(seconds.to_bits(), Relaxed);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        };
        self.resident_memory.set(gauge(figure("VmRSS").unwrap_or(0) * 1024));
        self.threads.set(gauge(figure("Threads").unwrap_or(0)));
        // One of them is that of this folder.
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_files.set(gauge(files.saturating_sub(1) as u64));
    }
}
