//! The servers: how each of them is started, and how it says that it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Where Debian keeps executables that are not in the `PATH` of every user.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Debian keeps the executables of PostgreSQL in `<version>/bin` here.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// A server that tests can start.
#[derive(Debug)]
pub struct Program {
    /// The name of its executable.
    pub executable: &'static str,
    /// The Debian package that it is in.
    pub package: &'static str,
    /// Prepares a new folder of data. The first argument is the executable.
    pub prepare: fn(&Path, &Path),
    /// Adds the arguments for this folder of data and this address. The process starts in the folder.
    pub configure: fn(&mut Command, &Path, SocketAddr),
    /// What it prints when it is ready.
    pub ready: &'static str,
    /// The signal that ends it at once and in an orderly way.
    pub end: libc::c_int,
}

/// Redis. `tls` files are up to the test.
pub static REDIS: Program = Program {
    executable: "redis-server",
    package: "redis-server",
    prepare: |_, _| {},
    configure: |command, _, address| {
        let port = address.port().to_string();
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"]);
    },
    ready: "Ready to accept connections",
    end: libc::SIGTERM,
};

/// The path of the executable. `None` if it is not installed, which is reported as the reason why the
/// test is skipped.
pub(crate) fn installed(program: &Program) -> Option<PathBuf> {
    let executable = find(program.executable);
    if executable.is_none() {
        skipped::because(&format!(
            "{} is not installed (Debian package {})",
            program.executable, program.package
        ));
    }
    executable
}

pub(crate) fn find(executable: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(FOLDERS.map(PathBuf::from))
        .chain(versions.map(|version| version.path().join("bin")))
        .map(|folder| folder.join(executable))
        .find(|path| path.is_file())
}
