//! Builds components in a child process, `tessera build`, so that a build can be canceled with all that it
//! has started.

use super::itself::Itself;
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tessera_manifest::ComponentId;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// The output of a failed build that is shown. The rest is dropped.
const OUTPUT_MAX_BYTES: u64 = 1 << 20;
/// How long a canceled build may take to end before it is killed. It gives its commands less.
const CANCEL_MAX: Duration = Duration::from_secs(10);

/// A build in progress.
pub(super) struct Building {
    child: Child,
}

impl Building {
    /// Begins to build components.
    pub(super) fn begin(
        itself: &Itself,
        manifest: &Path,
        profile: Option<&str>,
        ids: &BTreeSet<ComponentId>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::from(itself.command());
        command.arg("build").arg("--quiet").arg("--from").arg(manifest);
        command.args(profile.into_iter().flat_map(|profile| ["--profile", profile]));
        command.args(ids.iter().flat_map(|id| ["--component-id", id.as_str()]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn();
        Ok(Self { child: child.context("`tessera build` could not be started")? })
    }

    /// Waits for the end. Can be canceled and called again, except after it has returned.
    ///
    /// # Errors
    /// What a failed build has printed.
    pub(super) async fn end(&mut self, output: &mut Vec<u8>) -> anyhow::Result<()> {
        if let Some(stream) = &mut self.child.stderr {
            read(stream, output).await?;
        }
        let status = self.child.wait().await?;
        let text = String::from_utf8_lossy(output);
        let text = text.trim().trim_start_matches("error: ");
        anyhow::ensure!(status.success(), "{text}");
        Ok(())
    }

    /// Ends it, with its commands.
    pub(super) async fn cancel(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // One that has ended needs no signal.
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(CANCEL_MAX, self.child.wait()).await.is_err() {
            tracing::warn!("the build does not end: it is killed");
            // It is killed when it is dropped.
        }
    }
}

/// Reads a stream to its end, and keeps its beginning.
async fn read(stream: &mut (impl AsyncRead + Unpin), output: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut part = [0; 8 * 1024];
    loop {
        let length = stream.read(&mut part).await?;
        if length == 0 {
            return Ok(());
        }
        if (output.len() as u64) < OUTPUT_MAX_BYTES {
            output.extend_from_slice(&part[..length]);
        }
    }
}
