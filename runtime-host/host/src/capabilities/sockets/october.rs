//! `wasi:sockets` as the snapshot of October 2023 had it: functions that have another name or other
//! arguments since.

use super::october_udp;
use super::wasi_0_2::{answer, instance};
use crate::capabilities::State;
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::TcpSocket;
use wasmtime_wasi::p2::bindings::sockets::network::{IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket as _;
use wasmtime_wasi::sockets::WasiSocketsView as _;

type Store<'a> = StoreContextMut<'a, State>;
type Socket = Resource<TcpSocket>;
/// A network and a name. Whether other families and unavailable addresses are wanted has no effect.
type Lookup = (Resource<Network>, String, Option<IpAddressFamily>, bool);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    instance(linker, "ip-name-lookup")?.func_wrap(
        "resolve-addresses-october",
        |mut store: Store<'_>, (network, name, _, _): Lookup| {
            answer(store.data_mut().resolve(network, name))
        },
    )?;
    let mut tcp = instance(linker, "tcp")?;
    tcp.func_wrap(
        "[method]tcp-socket.keep-alive",
        |mut store: Store<'_>, (socket,): (Socket,)| {
            answer(store.data_mut().sockets().keep_alive_enabled(socket))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.set-keep-alive",
        |mut store: Store<'_>, (socket, value): (Socket, bool)| {
            answer(store.data_mut().sockets().set_keep_alive_enabled(socket, value))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.unicast-hop-limit",
        |mut store: Store<'_>, (socket,): (Socket,)| {
            answer(store.data_mut().sockets().hop_limit(socket))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.set-unicast-hop-limit",
        |mut store: Store<'_>, (socket, value): (Socket, u8)| {
            answer(store.data_mut().sockets().set_hop_limit(socket, value))
        },
    )?;
    october_udp::add_to_linker(&mut instance(linker, "udp")?)
}
