//! The memory of a host.

use crate::Host;

impl Host {
    /// The peak of its resident memory so far, in MiB: `VmHWM:   204800 kB`.
    ///
    /// # Panics
    /// If the process does not run.
    #[must_use]
    pub fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()));
        let status = status.expect("the state of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.expect("its memory").trim().strip_suffix("kB").expect("a unit").trim();
        kib.parse::<u64>().expect("a number") >> 10
    }
}
