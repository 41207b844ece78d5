//! Applications: the text of a manifest with the guests in it.

use harness::{HostBuilder, built_guest, tessera_binary};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// Names in a manifest and the guests that they stand for.
const GUESTS: [(&str, &str); 7] = [
    ("$p3", "guest_p3"),
    ("$p2", "guest_p2"),
    ("$caller", "guest_caller"),
    ("$callee", "guest_callee"),
    ("$publisher", "guest_publisher"),
    ("$expiry", "guest_expiry"),
    ("$forward", "guest_forward"),
];

/// An application in a folder of its own.
pub(crate) struct Application {
    folder: TempDir,
}

/// An application with this manifest, after the lines that every manifest has.
///
/// `$p3` and the like are the paths of the guests.
pub(crate) fn application(text: &str) -> Application {
    let folder = TempDir::new().expect("a temporary folder");
    let mut manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\nversion = \"1.0.0\"\n{text}"
    );
    for (name, guest) in GUESTS {
        if manifest.contains(name) {
            let path = built_guest(guest);
            manifest = manifest.replace(name, path.to_str().expect("a path in UTF-8"));
        }
    }
    std::fs::write(folder.path().join("spin.toml"), manifest).expect("the manifest is written");
    Application { folder }
}

impl Application {
    /// A host for it.
    pub(crate) fn host(&self) -> HostBuilder {
        HostBuilder::new(self.manifest())
    }

    /// The path of its manifest.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    /// The same application with one more file.
    pub(crate) fn with_file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.folder.path().join(name), bytes).expect("the file is written");
        self
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first line that has this in it, from 1.
    pub(crate) fn line_of(&self, text: &str) -> usize {
        let manifest = std::fs::read_to_string(self.manifest()).expect("the manifest");
        1 + manifest.lines().position(|line| line.contains(text)).expect("the line")
    }
}

/// Run `tessera` with these arguments to its end: exit code and all that it printed.
pub(crate) async fn tessera(arguments: &[&str]) -> (Option<i32>, String) {
    let run = tokio::process::Command::new(tessera_binary())
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = super::soon(run).await.expect("tessera starts");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

/// A text without the line breaks and frames of a terminal.
pub(crate) fn unwrapped(text: &str) -> String {
    let plain = text.replace(['│', '╰', '─', '▶', '├', '╭'], " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
