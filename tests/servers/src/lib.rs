//! Servers of others that a test needs: databases, message brokers, a registry and Prometheus, as
//! Debian packages them.
//!
//! A test starts its own server, on a free port and with its data in a temporary folder. It ends with
//! the test. A test whose server is not installed is skipped, which [`Server::start`] reports.
//!
//! ```ignore
//! let Some(redis) = Server::start(&REDIS).await else { return };
//! let url = format!("redis://{}", redis.address());
//! ```

// It is part of tests: what it can't go on from is a failure of the test.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod databases;
mod mqtt;
mod output;
mod ports;
mod programs;
mod prometheus;
mod registry;
mod shared;

pub use databases::{MARIADB, PASSWORD, POSTGRES};
pub use mqtt::{MOSQUITTO, MOSQUITTO_WITH_PASSWORDS, MOSQUITTO_WITH_TLS};
pub use programs::{Program, REDIS};
pub use prometheus::{CONFIGURATION, PROMETHEUS, promtool};
pub use registry::DOCKER_REGISTRY;
pub use shared::Shared;

use output::Output;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The timeout of a start, on a slow and busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Starts on different ports, in case another process takes one before the server does.
const ATTEMPTS_MAX: usize = 5;

/// A running server. Dropping it kills the process and removes its data.
#[derive(Debug)]
pub struct Server {
    program: &'static Program,
    executable: PathBuf,
    folder: TempDir,
    address: SocketAddr,
    child: Child,
    output: Output,
}

impl Server {
    /// Starts it and waits until it is ready. `None` if the program is not installed, which is
    /// reported as the reason why the test is skipped.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(program: &'static Program) -> Option<Self> {
        let executable = programs::installed(program)?;
        let folder = TempDir::with_prefix(shared::prefix()).expect("a temporary folder");
        (program.prepare)(&executable, folder.path());
        let mut failures = Vec::new();
        for _ in 0..ATTEMPTS_MAX {
            let address = ports::free();
            match run(program, &executable, folder.path(), address).await {
                Ok((child, output)) => {
                    return Some(Self { program, executable, folder, address, child, output });
                }
                Err(output) => failures.push(output),
            }
        }
        panic!("{} did not start: {failures:#?}", program.executable);
    }

    /// Where it listens, on the loopback interface.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed since its last start.
    pub fn output(&self) -> Vec<String> {
        self.output.lines()
    }

    /// Sends SIGKILL, and waits until it has ended.
    ///
    /// # Panics
    /// If it can't be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to end, and waits until it has ended.
    ///
    /// # Panics
    /// If it can't be asked.
    pub async fn stop(&mut self) {
        self.signal(self.program.end);
        self.child.wait().await.expect("it ends");
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop), at the same address and with the same data.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_again(&mut self) {
        let started = run(self.program, &self.executable, self.folder.path(), self.address).await;
        (self.child, self.output) = started.unwrap_or_else(|output| {
            panic!("{} did not start again: {output:#?}", self.program.executable)
        });
    }

    /// Stops all its threads: it neither answers nor closes connections.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Continues after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
        #[expect(unsafe_code, reason = "the standard library sends no signals")]
        // SAFETY: a plain system call without memory; the process is our own child.
        let sent = unsafe { libc::kill(id, signal) };
        assert_eq!(sent, 0, "the signal is sent");
    }
}

/// One start. The error is the output of a process that has ended before it was ready.
async fn run(
    program: &Program,
    executable: &Path,
    folder: &Path,
    address: SocketAddr,
) -> Result<(Child, Output), Vec<String>> {
    let mut command = Command::new(executable);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    (program.configure)(&mut command, folder, address);
    end_with_parent(&mut command, program.end);
    let mut child = command.spawn().expect("the server can be started");
    let output = Output::of(&mut child);
    let ready = tokio::time::timeout(START_TIMEOUT, output.line(program.ready)).await;
    match ready {
        Ok(true) => Ok((child, output)),
        Ok(false) => Err(output.lines()),
        Err(_) => panic!("{executable:?} is not ready in time: {:#?}", output.lines()),
    }
}

/// Ends the process when the thread that starts it ends, even if that thread can't.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command, signal: libc::c_int) {
    let ask = move || {
        #[expect(unsafe_code, reason = "the standard library can't ask the kernel for it")]
        // SAFETY: one system call without memory, which may be made between fork and exec.
        let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
        if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    #[expect(unsafe_code, reason = "code between fork and exec must be chosen with care")]
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(ask)
    };
}

/// On other systems, only dropping the server ends the process.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command, _: libc::c_int) {}
