//! `wasi:sockets` 0.3.

use crate::capabilities::State;
use std::sync::Arc;
use wasmtime::component::{Accessor, Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup::{
    ErrorCode as LookupError, HostWithStore,
};
use wasmtime_wasi::p3::bindings::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore as _, HostUdpSocket, IpAddress,
    IpAddressFamily, IpSocketAddress,
};
use wasmtime_wasi::p3::sockets::SocketResult;
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket, WasiSockets, WasiSocketsView as _};

const VERSION: &str = "0.3.0";

type Looked = std::result::Result<Vec<IpAddress>, LookupError>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut types = instance(linker, "types")?;
    types.func_wrap(
        "[static]tcp-socket.create",
        |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
            answer(store.data_mut().create_tcp_0_3(family))
        },
    )?;
    types.func_wrap_async(
        "[static]udp-socket.create",
        |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
            Box::new(async move { answer(store.data_mut().create_udp_0_3(family).await) })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]tcp-socket.connect",
        |accessor: &Accessor<State>, (socket, address): (Resource<TcpSocket>, IpSocketAddress)| {
            Box::pin(async move { answer(connect(accessor, socket, address).await) })
        },
    )?;
    types.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |mut store, handle| {
        HostTcpSocket::drop(&mut store.data_mut().sockets(), Resource::new_own(handle))?;
        store.data_mut().socket_closed(handle);
        Ok(())
    })?;
    types.resource("udp-socket", ResourceType::host::<UdpSocket>(), |mut store, handle| {
        HostUdpSocket::drop(&mut store.data_mut().sockets(), Resource::new_own(handle))?;
        store.data_mut().socket_closed(handle);
        Ok(())
    })?;
    instance(linker, "ip-name-lookup")?.func_wrap_concurrent(
        "resolve-addresses",
        |accessor: &Accessor<State>, (name,): (String,)| {
            Box::pin(async move { Ok((look_up(accessor, name).await?,)) })
        },
    )
}

fn instance<'l>(
    linker: &'l mut Linker<State>,
    interface: &str,
) -> Result<LinkerInstance<'l, State>> {
    linker.instance(&format!("wasi:sockets/{interface}@{VERSION}"))
}

fn answer<T>(result: SocketResult<T>) -> Result<(std::result::Result<T, ErrorCode>,)> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}

fn too_many() -> ErrorCode {
    ErrorCode::Other(Some("the instance has too many open sockets".into()))
}

/// The interface has no code for this, either.
fn too_many_of_all() -> ErrorCode {
    ErrorCode::Other(Some("too many sockets are open".into()))
}

impl State {
    fn create_tcp_0_3(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        if !self.has_room_for_a_socket() {
            return Err(too_many().into());
        }
        HostTcpSocket::create(&mut self.sockets(), family)
    }

    async fn create_udp_0_3(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        if !self.has_room_for_a_socket() {
            return Err(too_many().into());
        }
        let counted = self.count_socket().ok_or_else(too_many_of_all)?;
        let socket = HostUdpSocket::create(&mut self.sockets(), family).await?;
        self.socket_opened(socket.rep(), counted);
        Ok(socket)
    }
}

async fn connect(
    accessor: &Accessor<State>,
    socket: Resource<TcpSocket>,
    address: IpSocketAddress,
) -> SocketResult<()> {
    let handle = socket.rep();
    let counted = accessor.with(|mut access| access.get().count_socket());
    let counted = counted.ok_or_else(too_many_of_all)?;
    let wasi = accessor.with_getter::<WasiSockets>(State::sockets_view);
    WasiSockets::connect(&wasi, socket, address).await?;
    accessor.with(|mut access| access.get().socket_opened(handle, counted));
    Ok(())
}

async fn look_up(accessor: &Accessor<State>, name: String) -> Result<Looked> {
    let permissions = accessor.with(|mut access| access.get().guest.sockets.clone());
    if !permissions.allow_lookup(&name) {
        return Ok(Err(LookupError::AccessDenied));
    }
    let known: Arc<str> = name.as_str().into();
    let wasi = accessor.with_getter::<WasiSockets>(State::sockets_view);
    let found = WasiSockets::resolve_addresses(&wasi, name).await?;
    for address in found.iter().flatten() {
        permissions.remember(&known, (*address).into());
    }
    Ok(found)
}
