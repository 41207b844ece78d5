//! What guests may import: one file or folder for each interface or group of interfaces.
//!
//! Each of them has a [`Capability`] and implements the interface's traits for [`State`]. A new one
//! is added here: its module, its line in [`ALL`], and in [`guest`] what it keeps for a component
//! or an instance. The interfaces of [`platform`] are defined only for components whose
//! dependencies name them.
//!
//! A capability never decides by itself what a guest may reach. It asks the component's
//! [`Grants`], which were made from the manifest, and refuses everything else.

mod bindings;
#[cfg(test)]
mod compatibility;
mod config;
mod connection_limits;
mod cron;
pub(crate) mod endpoint;
mod events;
mod flags;
mod guest;
mod handles;
pub(crate) mod key_value;
mod limits;
pub(crate) mod llm;
mod mqtt;
mod mysql;
mod not_offered;
mod otel;
pub(crate) mod outbound_http;
pub(crate) mod platform;
mod postgres;
pub(crate) mod redis;
mod remote;
mod sockets;
mod spin_v1;
mod sql;
pub(crate) mod sqlite;
pub(crate) mod variables;
mod wasi;

pub(crate) use connection_limits::ConnectionLimits;
pub(crate) use guest::{DatabaseServers, Grants, Guest, State};

use wasmtime::component::Linker;

/// What the host offers to every component.
const ALL: [Capability; 16] = [
    wasi::CAPABILITY,
    // After WASI: it replaces functions of it.
    sockets::CAPABILITY,
    outbound_http::CAPABILITY,
    key_value::CAPABILITY,
    variables::CAPABILITY,
    config::CAPABILITY,
    spin_v1::CAPABILITY,
    sqlite::CAPABILITY,
    redis::CAPABILITY,
    mqtt::CAPABILITY,
    llm::CAPABILITY,
    cron::CAPABILITY,
    postgres::CAPABILITY,
    mysql::CAPABILITY,
    otel::CAPABILITY,
    not_offered::CAPABILITY,
];

/// An interface, or interfaces that belong together.
struct Capability {
    /// Interfaces, or packages of them, that the host implements.
    offered: &'static [&'static str],
    /// Interfaces, or packages of them, and the key of the manifest that governs each.
    governed: &'static [(&'static str, &'static str)],
    /// Defines its imports.
    add_to_linker: fn(&mut Linker<State>) -> wasmtime::Result<()>,
}

/// Defines everything that the host offers to every component.
///
/// Both generations of WASI are defined: their interfaces differ in version, so a component takes
/// the ones that it was built for.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> anyhow::Result<()> {
    ALL.iter().try_for_each(|one| (one.add_to_linker)(linker)).map_err(anyhow::Error::from)
}

/// Whether the host implements an interface.
pub(crate) fn offers(import: &str) -> bool {
    let (interface, package) = split(import);
    let mut offered = ALL.iter().flat_map(|one| one.offered);
    offered.any(|name| [import, interface, package].contains(name))
}

/// The key of the manifest that governs an interface; `None` for harmless ones, such as clocks.
pub(crate) fn permission(import: &str) -> Option<&'static str> {
    let (interface, package) = split(import);
    let key_of = |name: &str| {
        let mut governed = ALL.iter().flat_map(|one| one.governed);
        governed.find(|(governed, _)| *governed == name).map(|(_, key)| *key)
    };
    key_of(interface).or_else(|| key_of(package))
}

/// `wasi:http/types` and `wasi:http`, of an interface with its version.
fn split(import: &str) -> (&str, &str) {
    let interface = import.split('@').next().unwrap_or(import);
    (interface, interface.split('/').next().unwrap_or(interface))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_of_spin_1_are_offered_with_those_of_types() {
        for name in ["config", "http", "http-types", "key-value", "llm", "mysql", "postgres"] {
            assert!(offers(&format!("fermyon:spin/{name}")), "{name}");
        }
        for name in ["rdbms-types", "redis", "redis-types", "sqlite"] {
            assert!(offers(&format!("fermyon:spin/{name}")), "{name}");
        }
        assert!(!offers("fermyon:spin/teleport"));
    }

    #[test]
    fn capabilities_are_governed_by_keys_of_the_manifest() {
        assert_eq!(permission("wasi:clocks/monotonic-clock@0.3.0"), None);
        assert_eq!(permission("wasi:http/types@0.3.0"), None);
        assert_eq!(permission("shop:inventory/stock@1.0.0"), None);
        assert_eq!(permission("wasi:http/client@0.3.0"), Some("allowed_outbound_hosts"));
        assert_eq!(permission("wasi:sockets/types@0.3.0"), Some("allowed_outbound_hosts"));
        assert_eq!(permission("fermyon:spin/mysql@2.0.0"), Some("allowed_outbound_hosts"));
        assert_eq!(permission("fermyon:spin/key-value@2.0.0"), Some("key_value_stores"));
        assert_eq!(permission("wasi:config/store@0.2.0-draft-2024-09-27"), Some("variables"));
    }
}
