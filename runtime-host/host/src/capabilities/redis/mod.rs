//! Redis, by the three interfaces that guests use.
//!
//! The interfaces differ, their implementation does not: an address is compared with those that the
//! manifest allows, and each command is one span that lasts no longer than its call.
//!
//! The instances of a component share a connection to each server, because an instance lives for one
//! request. A handle gets a connection of its own as soon as it sends a command that others would
//! notice, for example `SELECT` or `BLPOP`: see [`commands`]. Components share nothing, so that one
//! that breaks its connection harms no other.

mod commands;
mod interface;
mod reply;
mod servers;
mod v2;
mod v3;

pub(super) use commands::Command;
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use interface::RedisConnection;
pub(super) use interface::{Fault, convert};
pub(super) use reply::{Elements, Parameter, Reply};
pub(crate) use servers::Servers;

use super::{Capability, State, bindings};
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/redis", "spin:redis"],
    governed: &[
        ("fermyon:spin/redis", "allowed_outbound_hosts"),
        ("spin:redis", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::redis::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    bindings::spin::redis::redis::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
