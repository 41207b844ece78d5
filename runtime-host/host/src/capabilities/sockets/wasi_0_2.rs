//! `wasi:sockets` 0.2.

use crate::capabilities::State;
use crate::engine::WASI_0_2;
use std::net::IpAddr;
use std::sync::Arc;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host as _, HostResolveAddressStream as _, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::p2::{SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

/// How many lookups of an instance are known by their names.
const LOOKUPS_MAX: usize = 64;

/// The result of a function, or a trap.
pub(super) type Answer<T> = Result<(std::result::Result<T, ErrorCode>,)>;

/// The names of lookups, by their handles. The newest are last.
#[derive(Debug, Default)]
pub(in crate::capabilities) struct Lookups(Vec<(u32, Arc<str>)>);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    instance(linker, "tcp-create-socket")?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
            answer(store.data_mut().create_tcp(family))
        },
    )?;
    instance(linker, "udp-create-socket")?.func_wrap_async(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
            Box::new(async move { answer(store.data_mut().create_udp(family).await) })
        },
    )?;
    connections(&mut instance(linker, "tcp")?)?;
    let mut lookup = instance(linker, "ip-name-lookup")?;
    lookup.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (network, name): (Resource<Network>, String)| {
            answer(store.data_mut().resolve(network, name))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, State>, (stream,): (Resource<ResolveAddressStream>,)| {
            answer(store.data_mut().next_address(stream))
        },
    )
}

/// Sockets of TCP count from the time when they connect. Those of UDP are dropped in `october_udp`.
fn connections(tcp: &mut LinkerInstance<'_, State>) -> Result<()> {
    type Connect = (Resource<TcpSocket>, Resource<Network>, IpSocketAddress);
    tcp.func_wrap(
        "[method]tcp-socket.start-connect",
        |mut store: StoreContextMut<'_, State>, (socket, network, address): Connect| {
            answer(store.data_mut().start_connect(socket, network, address))
        },
    )?;
    tcp.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |mut store, handle| {
        HostTcpSocket::drop(&mut store.data_mut().sockets(), Resource::new_own(handle))?;
        store.data_mut().socket_closed(handle);
        Ok(())
    })
}

pub(super) fn instance<'l>(
    linker: &'l mut Linker<State>,
    interface: &str,
) -> Result<LinkerInstance<'l, State>> {
    linker.instance(&format!("wasi:sockets/{interface}@{WASI_0_2}"))
}

pub(super) fn answer<T>(result: SocketResult<T>) -> Answer<T> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}

impl State {
    fn create_tcp(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        if !self.has_room_for_a_socket() {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        self.sockets().create_tcp_socket(family)
    }

    async fn create_udp(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        if !self.has_room_for_a_socket() {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        let counted = self.count_socket().ok_or(ErrorCode::NewSocketLimit)?;
        let socket = self.sockets().create_udp_socket(family).await?;
        self.socket_opened(socket.rep(), counted);
        Ok(socket)
    }

    fn start_connect(
        &mut self,
        socket: Resource<TcpSocket>,
        network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let handle = socket.rep();
        let counted = self.count_socket().ok_or(ErrorCode::NewSocketLimit)?;
        self.sockets().start_connect(socket, network, address)?;
        self.socket_opened(handle, counted);
        Ok(())
    }

    pub(super) fn resolve(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        if !self.guest.sockets.allow_lookup(&name) {
            return Err(ErrorCode::AccessDenied.into());
        }
        let known: Arc<str> = name.as_str().into();
        let stream = self.sockets().resolve_addresses(network, name)?;
        self.guest.lookups.begin(stream.rep(), known);
        Ok(stream)
    }

    fn next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let name = self.guest.lookups.name(stream.rep());
        let address = self.sockets().resolve_next_address(stream)?;
        if let Some((name, address)) = name.zip(address) {
            self.guest.sockets.remember(&name, of(address));
        }
        Ok(address)
    }
}

impl Lookups {
    fn begin(&mut self, handle: u32, name: Arc<str>) {
        self.0.retain(|(known, _)| *known != handle);
        if self.0.len() == LOOKUPS_MAX {
            self.0.remove(0);
        }
        self.0.push((handle, name));
    }

    fn name(&self, handle: u32) -> Option<Arc<str>> {
        self.0.iter().find(|(known, _)| *known == handle).map(|(_, name)| name.clone())
    }
}

fn of(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_that_is_used_again_has_the_name_of_its_last_lookup() {
        let mut lookups = Lookups::default();
        lookups.begin(1, "a".into());
        lookups.begin(2, "b".into());
        lookups.begin(1, "c".into());
        assert_eq!(lookups.name(1).as_deref(), Some("c"));
        assert_eq!(lookups.name(2).as_deref(), Some("b"));
        assert_eq!(lookups.name(3), None);
    }
}
