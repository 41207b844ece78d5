//! Datagrams, as sockets of October 2023 sent and received them.

use super::bindings::wasi::io::poll::poll_one;
use super::bindings::wasi::sockets::instance_network::instance_network;
use super::bindings::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use super::bindings::wasi::sockets::udp::{Datagram, UdpSocket};
use super::bindings::wasi::sockets::udp_create_socket::create_udp_socket;
use std::net::SocketAddrV4;

/// The answers to two datagrams, one after the other: by a socket that connects (`/connected?<to>`),
/// or by one that is bound (`/bound?<to>`). `None` for other paths.
pub(crate) fn exchange(path: &str) -> Option<Result<String, ErrorCode>> {
    let (how, to) = path.split_once('?')?;
    let to = address(to.parse().ok()?);
    match how {
        "/connected" => Some(connected(to).and_then(|socket| both(&socket, to))),
        "/bound" => Some(bound().and_then(|socket| both(&socket, to))),
        _ => None,
    }
}

/// A socket that connects after it has been used without a connection.
fn connected(to: IpSocketAddress) -> Result<UdpSocket, ErrorCode> {
    let network = instance_network();
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    assert_eq!(socket.finish_connect(), Err(ErrorCode::NotInProgress));
    assert!(matches!(socket.receive(1), Err(ErrorCode::InvalidState)), "it is not bound");
    for _ in 0..2 {
        socket.start_connect(&network, to)?;
        socket.finish_connect()?;
    }
    assert!(matches!(socket.receive(1), Err(ErrorCode::WouldBlock)), "nothing was sent");
    Ok(socket)
}

fn bound() -> Result<UdpSocket, ErrorCode> {
    let any = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (0, 0, 0, 0) });
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), any)?;
    socket.finish_bind()?;
    Ok(socket)
}

fn both(socket: &UdpSocket, to: IpSocketAddress) -> Result<String, ErrorCode> {
    Ok(format!("{} {}", one(socket, to, "one")?, one(socket, to, "two")?))
}

fn one(socket: &UdpSocket, to: IpSocketAddress, text: &str) -> Result<String, ErrorCode> {
    let datagram = Datagram { data: text.into(), remote_address: to };
    assert_eq!(socket.send(&[datagram])?, 1);
    let received = loop {
        match socket.receive(4) {
            Err(ErrorCode::WouldBlock) => poll_one(&socket.subscribe()),
            received => break received?,
        }
    };
    Ok(received.iter().map(|one| String::from_utf8_lossy(&one.data)).collect())
}

fn address(to: SocketAddrV4) -> IpSocketAddress {
    let [a, b, c, d] = to.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: to.port(), address: (a, b, c, d) })
}
