//! A program under measurement: started, asked for what it has used, and ended for certain.
//!
//! Some hosts do their work in a child of the process that was started (`spin` does), so
//! processor time, memory and the end are always those of the whole family.

use crate::client;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::read_to_string;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a start may take, with code that was never compiled before.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long to wait between two looks whether it has started.
const START_INTERVAL: Duration = Duration::from_millis(20);

/// A running program. Dropping it kills it and what it has started.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: tempfile::NamedTempFile,
}

impl Process {
    /// Starts a program. It inherits the environment except for `RUST_BACKTRACE`, which makes
    /// each error of some hosts dear; its output goes to a file that is shown if it fails.
    pub(crate) fn spawn(name: &str, mut command: Command) -> Result<Process> {
        let log = tempfile::NamedTempFile::new()?;
        // Both streams share one position, or they would write over each other.
        let output = log.reopen()?;
        command
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{name} does not start"))?;
        Ok(Process { child, name: name.to_owned(), log })
    }

    /// Waits until it answers at this URL, whatever it answers.
    pub(crate) async fn answers(&mut self, url: &str) -> Result<()> {
        self.wait_until(url, async || client::any_answer(url).await.is_ok()).await
    }

    /// Waits until it accepts connections at this address.
    pub(crate) async fn accepts(&mut self, address: &str) -> Result<()> {
        self.wait_until(address, async || TcpStream::connect(address).await.is_ok()).await
    }

    /// Waits until this stands in its output.
    pub(crate) async fn prints(&mut self, text: &str) -> Result<()> {
        /// Short against what a start is to take.
        const INTERVAL: Duration = Duration::from_millis(1);
        while !self.output().contains(text) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.output());
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }

    async fn wait_until(&mut self, place: &str, ready: impl AsyncFn() -> bool) -> Result<()> {
        let begin = Instant::now();
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.output());
            }
            if begin.elapsed() > START_TIMEOUT {
                bail!("{} does not answer at {place}:\n{}", self.name, self.output());
            }
            tokio::time::sleep(START_INTERVAL).await;
        }
        Ok(())
    }

    /// Asks it to stop, as a supervisor would, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().and_then(raw_pid).context("it has ended before")?;
        kill_process(pid, Signal::TERM)?;
        let ended = tokio::time::timeout(START_TIMEOUT, self.child.wait()).await;
        ended.with_context(|| format!("{} does not stop", self.name))??;
        Ok(())
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        read_to_string(self.log.path()).unwrap_or_default()
    }

    /// What it and its children have used since they were started.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(&self.family())
    }

    /// Lets the peak of memory begin anew, where the kernel can.
    pub(crate) fn forget_memory_peak(&self) {
        for pid in self.family() {
            // Where it is refused, the peak is that since the start: no less true.
            let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// Its process id and those of all its descendants, parents first.
    pub(crate) fn family(&self) -> Vec<u32> {
        let mut family: Vec<u32> = self.child.id().into_iter().collect();
        let mut next = 0;
        while let Some(pid) = family.get(next) {
            family.extend(children(*pid));
            next += 1;
        }
        family
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for pid in self.family() {
            // One that has ended by itself needs no signal.
            let _ = raw_pid(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

/// What a family of processes has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on processors, user and system, in seconds.
    pub(crate) processor_seconds: f64,
    /// The largest resident size so far, in MiB.
    pub(crate) memory_peak_mib: f64,
    /// The resident size now, in MiB.
    pub(crate) memory_mib: f64,
}

impl Usage {
    /// What these processes have used; what has ended counts no more.
    pub(crate) fn of(pids: &[u32]) -> Usage {
        let mut usage = Usage::default();
        for &pid in pids {
            usage.processor_seconds += processor_seconds(pid).unwrap_or(0.0);
            usage.memory_peak_mib += status_mib(pid, "VmHWM:").unwrap_or(0.0);
            usage.memory_mib += status_mib(pid, "VmRSS:").unwrap_or(0.0);
        }
        usage
    }
}

/// A free port of the loopback interface, for programs that can't choose one.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn raw_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let listed = tasks.filter_map(|task| read_to_string(task.path().join("children")).ok());
    listed.flat_map(|list| numbers(&list)).collect()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn processor_seconds(pid: u32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(processor_ticks(&stat)? as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// User and system time of a line of `/proc/<pid>/stat`, in ticks.
fn processor_ticks(stat: &str) -> Option<u64> {
    // The name in parentheses may hold spaces; what follows it begins with field 3.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(field(14)? + field(15)?)
}

fn status_mib(pid: u32, name: &str) -> Option<f64> {
    let status = read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 8 0 100 1 1";
        assert_eq!(processor_ticks(stat), Some(300));
        assert_eq!(processor_ticks("nothing of the kind"), None);
    }

    #[test]
    fn this_process_has_a_size() {
        assert!(status_mib(std::process::id(), "VmRSS:").is_some_and(|mib| mib > 0.1));
        assert_eq!(status_mib(std::process::id(), "VmNothing:"), None);
    }
}
