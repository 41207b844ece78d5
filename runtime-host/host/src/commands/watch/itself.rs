//! This program, started by itself.

use anyhow::Context as _;
use rustix::fs::Mode;
use rustix::process::umask;
use std::path::PathBuf;
use std::process::Command;

/// All permissions of other users.
const OF_OTHERS: u32 = 0o077;

/// This program, with the permissions of new files that the process began with. A host that serves
/// gives other users none, which is not meant for what is built.
#[derive(Debug, Clone)]
pub(super) struct Itself {
    path: PathBuf,
    mask: Mode,
}

impl Itself {
    /// That of this process, which has no other threads yet.
    pub(super) fn of_process() -> anyhow::Result<Self> {
        let path = std::env::current_exe().context("the path of this program is unknown")?;
        // It can only be read by setting it.
        let mask = umask(Mode::from_raw_mode(OF_OTHERS));
        umask(mask);
        Ok(Self { path, mask })
    }

    /// The command that starts it. The shell, which sets the permissions, is replaced by it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("umask {:04o}; exec \"$@\"", self.mask.as_raw_mode()));
        command.arg("sh").arg(&self.path);
        command
    }
}
