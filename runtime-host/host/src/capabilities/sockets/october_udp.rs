//! Sockets of UDP as the snapshot of October 2023 had them: they connect in two steps, and send and
//! receive by themselves, where the release has streams.
//!
//! The streams are made here and kept beside the socket, which is one of the release.

use super::wasi_0_2::answer;
use crate::capabilities::State;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::bindings::sockets::instance_network::Host as _;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, HostNetwork, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
    Network,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, OutgoingDatagram,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

/// A message, and the address that it comes from or goes to.
#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(record)]
struct Datagram {
    data: Vec<u8>,
    #[component(name = "remote-address")]
    remote_address: IpSocketAddress,
}

/// How far a socket is. One that is not mentioned has neither connected nor sent.
pub(super) enum Datagrams {
    Connecting(IpSocketAddress),
    Flowing(Streams),
}

/// The handles of its streams. No guest has them.
#[derive(Clone, Copy)]
pub(super) struct Streams {
    incoming: u32,
    outgoing: u32,
    /// The last thing that it tried was to send, and there was no room.
    waits_to_send: bool,
}

type Socket = Resource<UdpSocket>;
type Store<'a> = StoreContextMut<'a, State>;
type Connect = (Socket, Resource<Network>, IpSocketAddress);

/// Defines the functions in the instance of `wasi:sockets/udp`, and what drops a socket: also one of
/// the release, which counts, too.
pub(super) fn add_to_linker(udp: &mut LinkerInstance<'_, State>) -> Result<()> {
    udp.func_wrap_async(
        "[method]udp-socket.start-connect",
        |mut store: Store<'_>, (socket, _, address): Connect| {
            Box::new(
                async move { answer(store.data_mut().start_connect_udp(&socket, address).await) },
            )
        },
    )?;
    udp.func_wrap_async(
        "[method]udp-socket.finish-connect",
        |mut store: Store<'_>, (socket,): (Socket,)| {
            Box::new(async move { answer(store.data_mut().finish_connect_udp(&socket).await) })
        },
    )?;
    udp.func_wrap_async(
        "[method]udp-socket.receive",
        |mut store: Store<'_>, (socket, count_max): (Socket, u64)| {
            Box::new(async move { answer(store.data_mut().receive_udp(&socket, count_max).await) })
        },
    )?;
    udp.func_wrap_async(
        "[method]udp-socket.send",
        |mut store: Store<'_>, (socket, datagrams): (Socket, Vec<Datagram>)| {
            Box::new(async move { answer(store.data_mut().send_udp(&socket, datagrams).await) })
        },
    )?;
    udp.func_wrap(
        "[method]udp-socket.subscribe-october",
        |mut store: Store<'_>, (socket,): (Socket,)| {
            Ok((store.data_mut().subscribe_udp(socket)?,))
        },
    )?;
    udp.resource_async("udp-socket", ResourceType::host::<UdpSocket>(), |mut store, handle| {
        Box::new(async move { store.data_mut().drop_udp(handle).await })
    })
}

impl State {
    async fn start_connect_udp(
        &mut self,
        socket: &Socket,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let datagrams = &mut self.guest.open_sockets.datagrams;
        match datagrams.insert(socket.rep(), Datagrams::Connecting(address)) {
            // The address of the last call counts: none was used yet.
            Some(Datagrams::Connecting(_)) | None => Ok(()),
            Some(Datagrams::Flowing(streams)) => {
                self.drop_streams(streams).await.map_err(SocketError::trap)
            }
        }
    }

    async fn finish_connect_udp(&mut self, socket: &Socket) -> SocketResult<()> {
        let handle = socket.rep();
        let datagrams = &mut self.guest.open_sockets.datagrams;
        let Some(Datagrams::Connecting(address)) = datagrams.get(&handle) else {
            return Err(ErrorCode::NotInProgress.into());
        };
        let address = *address;
        datagrams.remove(&handle);
        if self.sockets().local_address(borrow(handle)).is_err() {
            self.bind_udp(handle).await?;
        }
        self.open_streams(handle, Some(address)).await?;
        Ok(())
    }

    /// Binds a socket to a port that the system chooses.
    async fn bind_udp(&mut self, handle: u32) -> SocketResult<()> {
        let mut sockets = self.sockets();
        let family = HostUdpSocket::address_family(&mut sockets, borrow(handle));
        let any = unspecified(family.map_err(SocketError::trap)?);
        let network = sockets.instance_network().map_err(SocketError::trap)?;
        let borrowed = Resource::new_borrow(network.rep());
        let bound = HostUdpSocket::start_bind(&mut sockets, borrow(handle), borrowed, any).await;
        HostNetwork::drop(&mut sockets, network).map_err(SocketError::trap)?;
        bound?;
        HostUdpSocket::finish_bind(&mut sockets, borrow(handle))
    }

    /// The streams of a socket, which has to be bound.
    async fn streams(&mut self, handle: u32) -> SocketResult<Streams> {
        match self.guest.open_sockets.datagrams.get(&handle) {
            Some(Datagrams::Flowing(streams)) => Ok(*streams),
            Some(Datagrams::Connecting(_)) => Err(ErrorCode::ConcurrencyConflict.into()),
            None => self.open_streams(handle, None).await,
        }
    }

    async fn open_streams(
        &mut self,
        handle: u32,
        connected: Option<IpSocketAddress>,
    ) -> SocketResult<Streams> {
        let (incoming, outgoing) = self.sockets().stream(borrow(handle), connected).await?;
        let (incoming, outgoing) = (incoming.rep(), outgoing.rep());
        let streams = Streams { incoming, outgoing, waits_to_send: false };
        self.guest.open_sockets.datagrams.insert(handle, Datagrams::Flowing(streams));
        Ok(streams)
    }

    async fn receive_udp(
        &mut self,
        socket: &Socket,
        count_max: u64,
    ) -> SocketResult<Vec<Datagram>> {
        let streams = self.streams(socket.rep()).await?;
        self.set_waits_to_send(socket.rep(), false);
        let incoming = Resource::new_borrow(streams.incoming);
        let received =
            HostIncomingDatagramStream::receive(&mut self.sockets(), incoming, count_max)?;
        if received.is_empty() && count_max > 0 {
            return Err(ErrorCode::WouldBlock.into());
        }
        let datagrams = received
            .into_iter()
            .map(|one| Datagram { data: one.data, remote_address: one.remote_address });
        Ok(datagrams.collect())
    }

    /// Sends as many of them as there is room for.
    async fn send_udp(
        &mut self,
        socket: &Socket,
        mut datagrams: Vec<Datagram>,
    ) -> SocketResult<u64> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let streams = self.streams(socket.rep()).await?;
        let outgoing = || Resource::new_borrow(streams.outgoing);
        let mut sockets = self.sockets();
        let room = HostOutgoingDatagramStream::check_send(&mut sockets, outgoing())?;
        datagrams.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        let datagrams = datagrams.into_iter().map(|one| OutgoingDatagram {
            data: one.data,
            remote_address: Some(one.remote_address),
        });
        let sent = HostOutgoingDatagramStream::send(&mut sockets, outgoing(), datagrams.collect())?;
        self.set_waits_to_send(socket.rep(), sent == 0);
        if sent == 0 { Err(ErrorCode::WouldBlock.into()) } else { Ok(sent) }
    }

    fn set_waits_to_send(&mut self, handle: u32, waits: bool) {
        let datagrams = &mut self.guest.open_sockets.datagrams;
        if let Some(Datagrams::Flowing(streams)) = datagrams.get_mut(&handle) {
            streams.waits_to_send = waits;
        }
    }

    /// A socket of the release is always ready, because its streams are what is waited for.
    fn subscribe_udp(&mut self, socket: Socket) -> Result<Resource<DynPollable>> {
        let streams = match self.guest.open_sockets.datagrams.get(&socket.rep()) {
            Some(Datagrams::Flowing(streams)) => *streams,
            _ => return HostUdpSocket::subscribe(&mut self.sockets(), socket),
        };
        let mut sockets = self.sockets();
        if streams.waits_to_send {
            let outgoing = Resource::new_borrow(streams.outgoing);
            HostOutgoingDatagramStream::subscribe(&mut sockets, outgoing)
        } else {
            let incoming = Resource::new_borrow(streams.incoming);
            HostIncomingDatagramStream::subscribe(&mut sockets, incoming)
        }
    }

    async fn drop_udp(&mut self, handle: u32) -> Result<()> {
        let datagrams = self.guest.open_sockets.datagrams.remove(&handle);
        if let Some(Datagrams::Flowing(streams)) = datagrams {
            self.drop_streams(streams).await?;
        }
        HostUdpSocket::drop(&mut self.sockets(), Resource::new_own(handle))?;
        self.socket_closed(handle);
        Ok(())
    }

    async fn drop_streams(&mut self, streams: Streams) -> Result<()> {
        let mut sockets = self.sockets();
        HostIncomingDatagramStream::drop(&mut sockets, Resource::new_own(streams.incoming))?;
        HostOutgoingDatagramStream::drop(&mut sockets, Resource::new_own(streams.outgoing)).await
    }
}

fn borrow(handle: u32) -> Socket {
    Resource::new_borrow(handle)
}

/// Any address, and a port that the system chooses.
fn unspecified(family: IpAddressFamily) -> IpSocketAddress {
    match family {
        IpAddressFamily::Ipv4 => {
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (0, 0, 0, 0) })
        }
        IpAddressFamily::Ipv6 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: 0,
            flow_info: 0,
            address: (0, 0, 0, 0, 0, 0, 0, 0),
            scope_id: 0,
        }),
    }
}
