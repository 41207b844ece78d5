//! A `tessera` process under test.

use crate::paths::compiled_code;
use crate::{Client, tessera_binary};
use serde_json::Value;
use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// The timeout of a start, on a slow machine without compiled code.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// The timeout for log lines and for the end of the process.
const WAIT_TIMEOUT: Duration = Duration::from_secs(90);
/// Ports that no operating system assigns by itself.
const FIXED_PORTS: std::ops::Range<u16> = 20_000..30_000;

/// One line of the host's log.
pub type LogLine = Value;

/// How to start a host.
#[derive(Debug)]
pub struct HostBuilder {
    manifest: PathBuf,
    listen: SocketAddr,
    state: Option<PathBuf>,
    folder: Option<PathBuf>,
    /// The command and its own arguments.
    command: Vec<OsString>,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
}

/// A running host. Dropping it kills the process.
#[derive(Debug)]
pub struct Host {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    scheme: &'static str,
    log: Arc<Mutex<Vec<LogLine>>>,
    changed: watch::Receiver<usize>,
    state: PathBuf,
    _own_state: Option<TempDir>,
}

impl HostBuilder {
    /// The application to run.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: None,
            folder: None,
            command: vec!["up".into()],
            arguments: vec![],
            environment: vec![],
        }
    }

    /// Serve at this address instead of a port that the operating system chooses.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keep the state in this folder, also after the process has ended.
    #[must_use]
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// One more argument of `tessera up`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Start it with `tessera watch` and these arguments.
    #[must_use]
    pub fn watch(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from);
        self.command = std::iter::once("watch".into()).chain(arguments).collect();
        self
    }

    /// Set a variable of the application.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Self {
        self.argument("--variable").argument(format!("{name}={value}"))
    }

    /// Start it in this folder instead of that of the test.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Set an environment variable of the process.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command.
    fn command(&self, state: &Path, log_format: &str) -> Command {
        let mut command = Command::new(tessera_binary());
        command
            .args(&self.command)
            .arg("--from")
            .arg(&self.manifest)
            .args((self.command[0] == "watch").then_some("--"))
            .args(["--listen", &self.listen.to_string(), "--admin-listen", "127.0.0.1:0"])
            .arg("--state-dir")
            .arg(state)
            .args(["--log-format", log_format, "--log", "info"])
            .args(&self.arguments)
            .env_remove("RUST_BACKTRACE")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        end_with_parent(&mut command);
        command
    }

    /// Start it and wait until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> Host {
        let own_state = self.state.is_none().then(|| TempDir::new().expect("a temporary folder"));
        let state = self.state.clone().or_else(|| Some(own_state.as_ref()?.path().join("state")));
        let state = state.expect("a state folder");
        if own_state.is_some() {
            share_compiled_code(&state);
        }
        let mut child = self.command(&state, "json").spawn().expect("tessera starts");
        let stderr = child.stderr.take().expect("its log is piped");
        let log = Arc::<Mutex<Vec<LogLine>>>::default();
        let (sender, mut changed) = watch::channel(0);
        tokio::spawn(read_log(stderr, log.clone(), sender));
        let listening =
            find(&log, &mut changed, START_TIMEOUT, |line| line["message"] == "listening");
        let line = listening.await.unwrap_or_else(|| {
            panic!("tessera did not start: {:#?}", log.lock().expect("the log"))
        });
        let address = |name: &str| line[name].as_str().and_then(|text| text.parse().ok());
        Host {
            child,
            address: address("address").expect("an address"),
            admin: address("admin").expect("an admin address"),
            scheme: if line["tls"] == true { "https" } else { "http" },
            log,
            changed,
            state,
            _own_state: own_state,
        }
    }

    /// Start it and wait until it ends. Returns its exit status and its output.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn fail(self) -> (ExitStatus, String) {
        let own_state = TempDir::new().expect("a temporary folder");
        let state = self.state.clone().unwrap_or_else(|| own_state.path().join("state"));
        let output = self.command(&state, "human").output();
        let output = tokio::time::timeout(START_TIMEOUT, output).await;
        let output = output.expect("it ends by itself").expect("tessera starts");
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Start it and wait until it ends with exit code 1 and has printed all of these texts. Returns
    /// its output without line breaks.
    ///
    /// # Panics
    /// If it does not end like that.
    pub async fn assert_fails(self, texts: &[&str]) -> String {
        let (status, output) = self.fail().await;
        assert_eq!(status.code(), Some(1), "{output}");
        assert!(!output.contains("panicked"), "{output}");
        let output = unwrapped(&output);
        for text in texts {
            assert!(output.contains(text), "{text:?} is not in {output}");
        }
        output
    }
}

/// A text without the line breaks and frames of a terminal.
pub fn unwrapped(text: &str) -> String {
    let plain = text.replace(['│', '╰', '─', '▶', '├', '╭'], " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A loopback address for a host that is started there again after a kill. Its port is not one that
/// the operating system may assign to a connection in the meantime.
///
/// # Panics
/// If no port is free.
pub fn fixed_address() -> SocketAddr {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Processes begin at different ports.
    let first = std::process::id() as u16;
    let mut ports = FIXED_PORTS.map(|_| {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        FIXED_PORTS.start + number % FIXED_PORTS.len() as u16
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = ports.find(is_free).expect("a free port");
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Shares compiled code with other hosts of the tests, so that each component is compiled once: the
/// cache of the state folder becomes a link to a common folder. Temporary state folders already do
/// this.
///
/// # Panics
/// If the folder already has a cache.
pub fn share_compiled_code(state: &Path) {
    let shared = compiled_code();
    std::fs::create_dir_all(&shared).expect("a folder for compiled code");
    std::fs::create_dir_all(state).expect("a state folder");
    std::os::unix::fs::symlink(shared, state.join("cache")).expect("a link");
}

/// Kills the process when the thread that starts it ends: a host that all tests of a binary share
/// is never dropped.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    let ask = || {
        #[expect(unsafe_code, reason = "the standard library can't ask the kernel for it")]
        // SAFETY: one system call without memory, which may be made between fork and exec.
        let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    #[expect(unsafe_code, reason = "code between fork and exec must be chosen with care")]
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(ask)
    };
}

/// On other systems, only dropping the host ends the process.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}

async fn read_log(
    stderr: tokio::process::ChildStderr,
    log: Arc<Mutex<Vec<LogLine>>>,
    changed: watch::Sender<usize>,
) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let parsed = serde_json::from_str(&line).unwrap_or(Value::String(line));
        log.lock().expect("the log").push(parsed);
        changed.send_modify(|count| *count += 1);
    }
}

async fn find(
    log: &Mutex<Vec<LogLine>>,
    changed: &mut watch::Receiver<usize>,
    patience: Duration,
    wanted: impl Fn(&LogLine) -> bool,
) -> Option<LogLine> {
    let search = async {
        loop {
            let found = log.lock().expect("the log").iter().find(|line| wanted(line)).cloned();
            if found.is_some() {
                return found;
            }
            // The sender is gone when the process has closed its log.
            changed.changed().await.ok()?;
        }
    };
    tokio::time::timeout(patience, search).await.ok().flatten()
}

impl Host {
    /// A client of the application.
    pub fn client(&self) -> Client {
        Client::new(&format!("{}://{}", self.scheme, self.address))
    }

    /// The address of its admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// A client of its admin listener, with the admin token.
    pub fn admin(&self) -> Client {
        let token = std::fs::read_to_string(self.state.join("admin-token")).expect("a token");
        Client::new(&format!("http://{}", self.admin)).bearer(token.trim())
    }

    /// The value of one of its metrics, by name and labels; none if there is no such series yet.
    ///
    /// # Panics
    /// If the value is not an integer.
    pub async fn metric(&self, series: &str) -> Option<u64> {
        let metrics = self.admin().get("/metrics").await.expect(200).text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().expect("a whole number"))
    }

    /// How often a limit of its HTTP listener was reached, by the name of its flag.
    pub async fn limit_reached(&self, limit: &str) -> u64 {
        let series = format!("tessera_http_limits_reached_total{{limit=\"{limit}\"}}");
        self.metric(&series).await.unwrap_or(0)
    }

    /// The address of the application.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Waits for a log line. Earlier lines count, too.
    ///
    /// # Panics
    /// If there is none before the timeout.
    pub async fn log_line(&self, wanted: impl Fn(&LogLine) -> bool) -> LogLine {
        let mut changed = self.changed.clone();
        let found = find(&self.log, &mut changed, WAIT_TIMEOUT, wanted).await;
        found.unwrap_or_else(|| panic!("no such log line in {:#?}", self.log()))
    }

    /// The log so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.log.lock().expect("the log").clone()
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Send SIGTERM, as a supervisor does.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Send SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(libc::SIGINT);
    }

    /// Pause all its threads.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Resume all its threads.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        send_signal(self.process_id(), signal);
    }

    /// Send SIGKILL, and wait until it has ended.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Wait until it has ended.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn wait(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(WAIT_TIMEOUT, self.child.wait()).await;
        ended.expect("it ends").expect("its status")
    }
}

/// Sends a signal to a child process, as `kill` does.
///
/// # Panics
/// If it is not sent.
pub fn send_signal(process_id: u32, signal: libc::c_int) {
    let pid = i32::try_from(process_id).expect("a process id");
    #[expect(unsafe_code, reason = "the standard library sends no signals")]
    // SAFETY: a plain system call without memory; the process is our own child.
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(sent, 0, "the signal is sent");
}
