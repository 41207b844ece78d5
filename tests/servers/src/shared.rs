//! Servers that start slowly: all tests of a process share one.

use crate::{Program, Server, programs};
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};

/// What the names of the folders of servers begin with. The number of the process follows.
const PREFIX: &str = "tessera-test-server-";

/// A server that ends with the process.
#[derive(Debug)]
pub struct Shared {
    /// Where it listens, on the loopback interface.
    pub address: SocketAddr,
    /// The folder of its data.
    pub folder: PathBuf,
}

impl Shared {
    /// The server of this process, which the first test that needs it starts. `None` if the program is
    /// not installed, which is reported as the reason why the test is skipped.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(
        shared: &'static OnceLock<Self>,
        program: &'static Program,
    ) -> Option<&'static Self> {
        programs::installed(program)?;
        Some(shared.get_or_init(|| start(program)))
    }
}

fn start(program: &'static Program) -> Shared {
    remove_leftovers();
    let (sender, started) = mpsc::channel();
    let serve = async move {
        let server = Server::start(program).await.expect("it is installed");
        let shared = Shared { address: server.address(), folder: server.folder().to_owned() };
        let _ = sender.send(shared);
        pending::<()>().await;
    };
    // The server ends with the thread that starts it. That of a test ends too early.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(serve);
    });
    started.recv().expect("the server starts")
}

pub(crate) fn prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Removes the folders of processes that have ended: those of shared servers are never dropped.
fn remove_leftovers() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
