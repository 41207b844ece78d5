//! Files of the user, which other programs write.

use anyhow::{Context as _, ensure};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Maximum size of a file.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// The folder of settings: `XDG_CONFIG_HOME`, or in the home directory.
#[expect(clippy::disallowed_methods, reason = "all programs find the folder with this variable")]
pub(crate) fn config_folder() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let named = named.filter(|folder| folder.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".config")))
}

/// The folder of Docker: `DOCKER_CONFIG`, or in the home directory.
#[expect(clippy::disallowed_methods, reason = "Docker finds its folder with this variable")]
pub(super) fn docker_folder() -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_CONFIG").filter(|path: &OsString| !path.is_empty());
    named.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".docker")))
}

/// The text of a file; none if there is no such file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("{shown} can't be read"))?,
    };
    let mut text = String::new();
    let read = file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text);
    read.with_context(|| format!("{shown} can't be read"))?;
    ensure!(text.len() as u64 <= FILE_MAX_BYTES, "{shown} is longer than {FILE_MAX_BYTES} bytes");
    Ok(Some(text))
}
