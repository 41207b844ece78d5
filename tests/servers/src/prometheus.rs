//! Prometheus, and its tool that checks configurations and alerts.

use crate::programs::{Program, find, installed};
use std::path::Path;
use std::process::{Command, Output};

/// It has no targets until a test writes [`CONFIGURATION`] into its folder and sends `POST
/// /-/reload`.
pub static PROMETHEUS: Program = Program {
    executable: "prometheus",
    package: "prometheus",
    prepare: |_, folder| {
        std::fs::write(folder.join(CONFIGURATION), "global: {}\n").expect("a configuration");
    },
    configure: |command, _, address| {
        command
            .arg(format!("--config.file={CONFIGURATION}"))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.enable-lifecycle", "--storage.tsdb.path=data"]);
    },
    ready: "Server is ready to receive web requests",
    end: libc::SIGTERM,
};

/// The file of its configuration.
pub const CONFIGURATION: &str = "prometheus.yaml";

/// Runs `promtool` in a folder. `None` if it is not installed, which is reported as the reason why
/// the test is skipped.
///
/// # Panics
/// If it can't be started.
pub fn promtool(folder: &Path, arguments: &[&str]) -> Option<Output> {
    installed(&PROMETHEUS)?;
    let program = find("promtool").expect("it comes with prometheus");
    let output = Command::new(program).current_dir(folder).args(arguments).output();
    Some(output.expect("it can be started"))
}
