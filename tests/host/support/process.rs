//! `tessera` as a process that a test sends signals to before it is ready.

use harness::{send_signal, tessera_binary};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// A running `tessera`. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    seen: Vec<String>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(Path::new("."), arguments)
    }

    /// Start it with this working directory.
    pub(crate) fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(Command::new(tessera_binary()).args(arguments).current_dir(folder))
    }

    /// Start a command that becomes the process.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("tessera starts");
        let lines = BufReader::new(child.stderr.take().expect("its output")).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line of its output that contains this text.
    pub(crate) async fn line(&mut self, text: &str) -> String {
        let search = async {
            while let Some(line) = self.lines.next_line().await.expect("a line") {
                self.seen.push(line.clone());
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        let found = super::soon(search).await;
        found.unwrap_or_else(|| panic!("{text:?} is not in {:#?}", self.seen))
    }

    /// Send a signal to this process, and not to its children.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        send_signal(self.child.id().expect("it runs"), signal);
    }

    /// Wait until it ends. Returns its exit code and its output.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.expect("a line") {
                self.seen.push(line);
            }
            self.child.wait().await.expect("its status").code()
        };
        let code = super::soon(rest).await;
        (code, self.seen.join("\n"))
    }
}
