//! What this machine or container offers: memory and open files.

use std::fs::read_to_string;
use std::path::Path;

/// The mount point of control groups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The memory that this process may use: that of the machine, or the limit of a control group if it
/// is lower. `usize::MAX` if the system does not say.
pub(crate) fn memory_bytes() -> usize {
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| read_to_string(file).ok());
    let limits = limits.filter_map(|text| text.trim().parse().ok());
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    limits.chain(machine).min().unwrap_or(usize::MAX)
}

/// Raises the limit of open files and sockets to the maximum that the system allows, and returns
/// it.
pub(crate) fn files_max() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limits) {
        tracing::warn!("the limit of open files could not be raised: {error}");
    }
    getrlimit(Resource::Nofile).current
}

/// `MemTotal:       24588216 kB`, in bytes.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// The files that may contain a limit: one for each control group from that of the process up to
/// the root, in both versions of the interface. `groups` is the content of `/proc/self/cgroup`.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for group in groups.lines() {
        let mut fields = group.splitn(3, ':').skip(1);
        let (folder, file) = match fields.next() {
            Some("") => (CGROUPS.to_owned(), "memory.max"),
            Some(controllers) if controllers.split(',').any(|one| one == "memory") => {
                (format!("{CGROUPS}/memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let path = Path::new(fields.next().unwrap_or("/"));
        files.extend(path.ancestors().map(|path| {
            let path = path.to_string_lossy();
            format!("{folder}{}/{file}", path.trim_end_matches('/'))
        }));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read() {
        let text = "MemTotal:       24588216 kB\nMemFree:          123 kB\n";
        assert_eq!(total(text), Some(24_588_216 * 1024));
        assert_eq!(total(""), None);
        assert!(memory_bytes() > 1 << 20);
    }

    #[test]
    fn all_groups_up_to_the_root_may_have_a_limit() {
        assert_eq!(
            limit_files("0::/a/b\n"),
            [
                "/sys/fs/cgroup/a/b/memory.max",
                "/sys/fs/cgroup/a/memory.max",
                "/sys/fs/cgroup/memory.max"
            ]
        );
        assert_eq!(
            limit_files("7:cpu,memory:/x\n3:pids:/y\n"),
            [
                "/sys/fs/cgroup/memory/x/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes"
            ]
        );
    }
}
