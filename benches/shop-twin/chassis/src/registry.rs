//! Where the processes of the twin are: each writes its address into a file of its name, in a
//! folder that all of them know.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{LazyLock, PoisonError, RwLock};

/// The folder that the processes share: `TWIN_STATE` in the environment.
pub fn folder() -> PathBuf {
    std::env::var_os("TWIN_STATE").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Tells the others where this process listens.
///
/// # Errors
/// When the file can't be written.
pub fn announce(name: &str, address: SocketAddr) -> io::Result<()> {
    let path = folder().join(format!("{name}.address"));
    // Readers see the whole address or none.
    let draft = path.with_extension("draft");
    std::fs::write(&draft, address.to_string())?;
    std::fs::rename(draft, path)
}

static KNOWN: LazyLock<RwLock<HashMap<String, SocketAddr>>> = LazyLock::new(RwLock::default);

/// Where the process of this name listens.
pub(crate) fn address(name: &str) -> Option<SocketAddr> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
    if known.is_some() {
        return known;
    }
    let text = std::fs::read_to_string(folder().join(format!("{name}.address"))).ok()?;
    let address = text.parse().ok()?;
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), address);
    Some(address)
}
