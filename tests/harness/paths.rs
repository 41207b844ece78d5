//! Where things are in the repository.

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The folder that cargo builds into.
fn target() -> PathBuf {
    // A test runs as <target>/debug/deps/<name>, and a program as <target>/debug/<name>.
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().find(|folder| folder.join("debug").is_dir());
    target.map_or_else(|| repository().join("target"), Path::to_owned)
}

/// The `tessera` binary.
///
/// # Panics
/// When it is not built: `cargo verify` builds it first.
pub fn tessera_binary() -> PathBuf {
    existing(target().join("debug/tessera"), "cargo build --package tessera")
}

/// A component by its source in the manifest of the shop, which is a path in `target`.
///
/// # Panics
/// When it is not built: `cargo verify` builds it first.
pub fn built_component(source: &Path) -> PathBuf {
    let built = source.strip_prefix("target").expect("a path in `target`");
    existing(target().join(built), "cargo functions && cargo bridges")
}

/// A component of the package in `tests/guests`, for example `guest_p3`.
///
/// # Panics
/// When it is not built: `cargo verify` builds it first.
pub fn built_guest(name: &str) -> PathBuf {
    let built = target().join("wasm32-wasip2/release/examples").join(name);
    existing(built.with_extension("wasm"), "cargo guests")
}

/// A program in `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Where tests build applications: the same folder for all, so that dependencies are compiled once.
pub fn build_folder() -> PathBuf {
    target().join("tmp/tutorial-target")
}

/// Where hosts under test share compiled code.
pub(crate) fn compiled_code() -> PathBuf {
    target().join("tmp/compiled")
}

fn existing(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.is_file(), "{} is missing: run `{command}` or `cargo verify`", path.display());
    path
}
