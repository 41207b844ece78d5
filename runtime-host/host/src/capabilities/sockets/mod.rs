//! TCP and UDP sockets, and the lookup of names, by `wasi:sockets` 0.2 and 0.3.
//!
//! The interfaces are those of `wasmtime-wasi`. Here is what it asks the host about: which addresses
//! and names a component may use, and how many sockets it may hold open.

mod counted;
mod october;
mod october_udp;
mod permissions;
mod wasi_0_2;
mod wasi_0_3;

pub(super) use counted::OpenSockets;
pub(super) use permissions::Permissions;
pub(super) use wasi_0_2::Lookups;

use super::{Capability, State};
use wasmtime::component::Linker;
use wasmtime_wasi::ResourceTable;

/// Sockets that one instance may have open. In WASI 0.2, each of them may need six handles of the host.
const SOCKETS_MAX: usize = 128;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["wasi:sockets"],
    governed: &[
        // In WASI 0.2, a socket begins with one of these; the others only have its types.
        ("wasi:sockets/tcp-create-socket", "allowed_outbound_hosts"),
        ("wasi:sockets/udp-create-socket", "allowed_outbound_hosts"),
        ("wasi:sockets/ip-name-lookup", "allowed_outbound_hosts"),
        ("wasi:sockets/types", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

/// Replaces the functions that create, connect and close sockets, and look up names. The others are
/// defined with the rest of WASI.
fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    wasi_0_2::add_to_linker(linker)?;
    wasi_0_3::add_to_linker(linker)?;
    october::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl State {
    /// Whether the instance may open another socket.
    fn has_room_for_a_socket(&mut self) -> bool {
        let has_room = open_sockets(&mut self.table) < SOCKETS_MAX;
        if !has_room && self.warns_of_sockets() {
            tracing::warn!(
                component = %self.component.id,
                "it has {SOCKETS_MAX} open sockets, and may not open another one"
            );
        }
        has_room
    }
}

fn open_sockets(table: &mut ResourceTable) -> usize {
    let sockets = table.iter_mut().filter(|entry| {
        entry.is::<wasmtime_wasi::p2::TcpSocket>()
            || entry.is::<wasmtime_wasi::p2::UdpSocket>()
            || entry.is::<wasmtime_wasi::sockets::TcpSocket>()
            || entry.is::<wasmtime_wasi::sockets::UdpSocket>()
    });
    sockets.count()
}
