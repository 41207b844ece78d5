//! Other versions of interfaces than those that the host implements: snapshots of WASI that were
//! published before its releases, and other releases of WASI and Spin.
//!
//! The host implements one version of each interface. What a component imports from a compatible
//! one is renamed to it: so functions that only a later release has can be defined beside the
//! host's. Most interfaces have not changed since their snapshots. Where a function has, its old
//! form gets a separate name, which the host defines beside the current one (see
//! `capabilities::wasi`), and the component is [wrapped](wrap).
//!
//! A component can import several versions of one interface: SDKs were made for a snapshot, while
//! the C library or the adapter of preview 1 uses a release. A name can't be there twice, so each
//! version after the first gets a version that no one has. The linker gives it the host's, because
//! that is compatible.

use super::names::{self, Functions, Names};
use super::wrap::wrap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The version of WASI 0.2 that the host implements.
pub(crate) const WASI_0_2: &str = "0.2.12";
/// The version of WASI 0.3 that the host implements.
const WASI_0_3: &str = "0.3.0";

/// The snapshots of WASI 0.2.
const OCTOBER_2023: &str = "0.2.0-rc-2023-10-18";
const NOVEMBER_2023: &str = "0.2.0-rc-2023-11-10";
/// The release candidate of WASI 0.3 that stock Spin offers. It differs from the release in names
/// only.
const MARCH_2026: &str = "0.3.0-rc-2026-03-15";

/// The interfaces of Spin that the host implements, and drafts of WASI.
const WORLD: &str = include_str!("../../../wit/world.wit");

/// Packages of WASI. Others in its namespace are drafts, whose versions mean something else.
const PACKAGES: [&str; 7] = ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];

/// Functions that have changed since October 2023, and the names that their old forms get.
const SINCE_OCTOBER_2023: [(&str, &str); 16] = [
    ("[method]output-stream.splice", "[method]output-stream.splice-october"),
    ("[method]output-stream.blocking-splice", "[method]output-stream.blocking-splice-october"),
    ("[method]descriptor.open-at", "[method]descriptor.open-at-october"),
    ("resolve-addresses", "resolve-addresses-october"),
    ("[method]udp-socket.subscribe", "[method]udp-socket.subscribe-october"),
    ("[constructor]fields", "[static]fields.new-october"),
    ("[method]fields.set", "[method]fields.set-october"),
    ("[method]fields.delete", "[method]fields.delete-october"),
    ("[method]fields.append", "[method]fields.append-october"),
    ("[constructor]outgoing-request", "[static]outgoing-request.new-october"),
    ("[static]response-outparam.set", "[static]response-outparam.set-october"),
    ("[method]future-trailers.get", "[method]future-trailers.get-october"),
    ("[constructor]outgoing-response", "[static]outgoing-response.new-october"),
    ("[static]outgoing-body.finish", "[static]outgoing-body.finish-october"),
    ("[method]future-incoming-response.get", "[method]future-incoming-response.get-october"),
    ("handle", "handle-october"),
];

/// Functions that have changed since November 2023.
const SINCE_NOVEMBER_2023: [(&str, &str); 1] =
    [("[method]future-trailers.get", "[method]future-trailers.get-november")];

/// An interface without its version, and the version of the host, if that is another one.
fn current(name: &str) -> Option<(&str, &'static str)> {
    let (interface, version) = name.split_once('@')?;
    let current = match interface.strip_prefix("wasi:") {
        Some(rest) if PACKAGES.contains(&rest.split('/').next()?) => release_of_wasi(version)?,
        _ => compatible_import(interface, version)?,
    };
    (current != version).then_some((interface, current))
}

fn release_of_wasi(version: &str) -> Option<&'static str> {
    match version {
        OCTOBER_2023 | NOVEMBER_2023 => Some(WASI_0_2),
        MARCH_2026 => Some(WASI_0_3),
        version if version.contains('-') => None,
        version if version.starts_with("0.2.") => Some(WASI_0_2),
        version if version.starts_with("0.3.") => Some(WASI_0_3),
        _ => None,
    }
}

/// The version in which [`WORLD`] has an interface, if it is compatible with this one.
fn compatible_import(interface: &str, version: &str) -> Option<&'static str> {
    let imports = WORLD.lines().filter_map(|line| line.trim().strip_prefix("import "));
    let mut versions = imports
        .filter_map(|import| import.strip_prefix(interface)?.strip_prefix('@')?.strip_suffix(';'));
    versions.find(|of_host| major(of_host).is_some() && major(of_host) == major(version))
}

/// The part of a version that compatible ones have in common. Drafts are compatible with none.
fn major(version: &str) -> Option<&str> {
    let (major, _) = version.split_once('.')?;
    (major != "0" && !version.contains('-')).then_some(major)
}

/// Whether this is an interface in another version than the host's, which is compatible.
pub(super) fn is_other_version(name: &str) -> bool {
    current(name).is_some()
}

/// A component's bytes with the names that the host knows.
///
/// # Errors
/// Why the bytes are no component, or none that can be made current.
pub(crate) fn modernize(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let old = names::External::read(&bytes).map_err(|error| error.to_string())?;
    let renaming = Renaming { imports: new_names(&old.imports), exports: new_names(&old.exports) };
    if old.imports.iter().any(|name| !renaming.functions(name).is_empty()) {
        wrap(&bytes, &renaming)
    } else if !renaming.imports.is_empty() || !renaming.exports.is_empty() {
        names::rename(&bytes, &renaming)
    } else {
        Ok(bytes)
    }
}

/// The new names of imports and of exports.
struct Renaming {
    imports: BTreeMap<String, String>,
    exports: BTreeMap<String, String>,
}

fn new_names(names: &[String]) -> BTreeMap<String, String> {
    let mut old: Vec<_> = names.iter().filter(|name| is_other_version(name)).collect();
    // Releases first: only under the host's version, functions that it lacks are defined. A later
    // release can have them.
    old.sort_by_key(|name| name.contains("-rc-"));
    let mut taken: BTreeSet<_> = names.iter().cloned().collect();
    let mut renamed = BTreeMap::new();
    for name in old {
        if let Some(new) = free_name(name, &taken) {
            taken.insert(new.clone());
            renamed.insert(name.clone(), new);
        }
    }
    renamed
}

/// A name that the host's version of an interface is found by, and that is not taken.
fn free_name(name: &str, taken: &BTreeSet<String>) -> Option<String> {
    let (interface, version) = current(name)?;
    let (minor, patch) = version.rsplit_once('.')?;
    let patch: u32 = patch.parse().ok()?;
    let mut names = (patch..).map(|patch| format!("{interface}@{minor}.{patch}"));
    names.find(|name| !taken.contains(name))
}

impl Names for Renaming {
    fn import<'a>(&self, name: &'a str) -> Cow<'a, str> {
        self.imports.get(name).map_or(Cow::Borrowed(name), |new| Cow::Owned(new.clone()))
    }

    fn export<'a>(&self, name: &'a str) -> Cow<'a, str> {
        self.exports.get(name).map_or(Cow::Borrowed(name), |new| Cow::Owned(new.clone()))
    }

    fn functions(&self, import: &str) -> Functions {
        match import.split_once('@') {
            Some((_, OCTOBER_2023)) if is_other_version(import) => &SINCE_OCTOBER_2023,
            Some((_, NOVEMBER_2023)) if is_other_version(import) => &SINCE_NOVEMBER_2023,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests;
