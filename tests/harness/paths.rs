//! Where things are in the repository.

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The folder that cargo builds into.
fn target() -> PathBuf {
    // A test runs as <target>/debug/deps/<name>.
    let own = std::env::current_exe().unwrap_or_default();
    own.ancestors().nth(3).map_or_else(|| repository().join("target"), Path::to_owned)
}

/// The `tessera` binary.
///
/// # Panics
/// When it is not built: `cargo verify` builds it first.
pub fn tessera_binary() -> PathBuf {
    existing(target().join("debug/tessera"), "cargo build --package tessera")
}

/// A built component by crate name, as `psp_sandbox`.
///
/// # Panics
/// When it is not built: `cargo verify` builds it first.
pub fn built_component(name: &str) -> PathBuf {
    existing(target().join(format!("wasm32-wasip2/release/{name}.wasm")), "cargo functions")
}

/// Where hosts under test share compiled code.
pub(crate) fn compiled_code() -> PathBuf {
    target().join("tmp/compiled")
}

fn existing(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.is_file(), "{} is missing: run `{command}` or `cargo verify`", path.display());
    path
}
