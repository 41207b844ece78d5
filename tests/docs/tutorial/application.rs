//! The application of a reader: its folder, its host, and its terminal.

use harness::{Host, HostBuilder, build_folder, repository, share_compiled_code, tessera_binary};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// How long one command may take; the first build compiles the dependencies.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1_200);
/// How long to repeat a request until its response is as expected: events take some time.
const REPEAT_TIMEOUT: Duration = Duration::from_secs(120);
/// The pause between two of them.
const REPEAT_PAUSE: Duration = Duration::from_millis(50);

/// The addresses that the page names: of the application, and of the admin listener.
const ADDRESSES: [&str; 2] = ["127.0.0.1:3000", "127.0.0.1:3001"];

pub(super) struct Application {
    /// Where commands run. A command may change it.
    folder: PathBuf,
    /// Contains the folder of the application. It has the same path in each run, so that cargo can
    /// use what it has built before.
    work: PathBuf,
    /// Where cargo builds to.
    target: PathBuf,
    host: Option<Host>,
}

impl Application {
    pub(super) fn new() -> Self {
        let target = build_folder();
        let work = target.with_file_name("tutorial");
        if work.exists() {
            std::fs::remove_dir_all(&work).expect("the folder of an earlier run is removed");
        }
        std::fs::create_dir_all(&work).expect("a folder");
        std::fs::create_dir_all(&target).expect("a folder to build to");
        Self { folder: work.clone(), work, target, host: None }
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is created");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    pub(super) fn append(&self, path: &str, text: &str) {
        self.write(path, &format!("{}\n{text}", self.read(path)));
    }

    pub(super) fn replace(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(old).count(), 1, "{path} has this once:\n{old}\nIt is:\n{text}");
        self.write(path, &text.replace(old, new));
    }

    fn read(&self, path: &str) -> String {
        let path = self.folder.join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Starts the host. One that is running is stopped first, as the page says.
    pub(super) async fn start(&mut self, arguments: &[String]) {
        if let Some(mut host) = self.host.take() {
            host.interrupt();
            let status = host.wait().await;
            assert!(status.success(), "the host stops gracefully: {status}");
        }
        let host = HostBuilder::new(self.folder.join("spin.toml"));
        let host = host.state(&self.folder.join(".tessera"));
        let host = arguments.iter().fold(host, |host, argument| host.argument(argument));
        self.host = Some(host.start().await);
    }

    pub(super) fn host(&self) -> &Host {
        self.host.as_ref().expect("the page starts the host")
    }

    /// Runs commands. Each expected line has to occur in a line of the output, in this order.
    pub(super) async fn run(&mut self, script: &str, expected: &[String]) {
        let started = Instant::now();
        let repeats = script.contains("curl ");
        loop {
            let output = self.output(script).await;
            if expected.is_empty() || contains(&output, expected) {
                return;
            }
            assert!(
                repeats && started.elapsed() < REPEAT_TIMEOUT,
                "{script}\nprints\n\n{output}\nand not\n\n{}",
                expected.join("\n")
            );
            tokio::time::sleep(REPEAT_PAUSE).await;
        }
    }

    /// What commands print, on both streams.
    async fn output(&mut self, script: &str) -> String {
        let folder = self.work.join("current-folder");
        let script =
            format!("exec 2>&1\n{}\npwd > '{}'\n", self.addressed(script), folder.display());
        let command = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(&self.folder)
            .env("PATH", path_with_tessera())
            .env("TESSERA", repository())
            // All dependencies of the application are also dependencies of this repository.
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command).await;
        let output = output.expect("it ends in time").expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\nfails with {}:\n{text}", output.status);
        self.enter(Path::new(std::fs::read_to_string(&folder).expect("a path").trim_end()));
        text
    }

    /// The commands with the addresses of the running host.
    fn addressed(&self, script: &str) -> String {
        let Some(host) = &self.host else { return script.to_owned() };
        let [application, admin] = ADDRESSES;
        // The placeholder keeps the first result from being replaced again.
        script
            .replace(application, "<application>")
            .replace(admin, &host.admin_address().to_string())
            .replace("<application>", &host.address().to_string())
    }

    /// Prepares the folder of the application: cargo builds to where earlier runs did, with the
    /// versions of dependencies that this repository has.
    fn enter(&mut self, folder: &Path) {
        if folder == self.folder {
            return;
        }
        self.folder = folder.to_owned();
        std::os::unix::fs::symlink(&self.target, folder.join("target")).expect("a link");
        std::fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a copy");
        share_compiled_code(&folder.join(".tessera"));
    }
}

/// The search path of commands, beginning with the folder of the host.
fn path_with_tessera() -> OsString {
    let own = tessera_binary().parent().map(Path::to_owned);
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&others))).expect("a path")
}

/// Whether each expected line is part of a line of the output, in this order.
fn contains(output: &str, expected: &[String]) -> bool {
    let mut lines = output.lines();
    expected.iter().all(|wanted| lines.any(|line| line.contains(wanted.trim())))
}
