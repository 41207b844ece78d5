//! Sockets of WASI 0.2, as the standard library uses them, and of WASI 0.3.

use super::{Done, debug};
use spin_sdk::wasip3::sockets::ip_name_lookup;
use spin_sdk::wasip3::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};
use spin_sdk::wasip3::wit_stream;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream, ToSocketAddrs};

/// What a server answers to one message, before it closes the connection.
pub(crate) fn tcp(to: &str, message: &str) -> Done {
    let mut stream = TcpStream::connect(to).map_err(debug)?;
    stream.write_all(message.as_bytes()).map_err(debug)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(debug)?;
    Ok(answer)
}

/// What a server answers to one datagram.
pub(crate) fn udp(to: &str, message: &str) -> Done {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").map_err(debug)?;
    socket.send_to(message.as_bytes(), to).map_err(debug)?;
    let mut answer = [0; 1500];
    let (length, _) = socket.recv_from(&mut answer).map_err(debug)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

pub(crate) fn lookup(name: &str) -> Done {
    let found = (name, 0).to_socket_addrs().map_err(debug)?;
    Ok(found.map(|address| address.ip().to_string()).collect::<Vec<_>>().join(" "))
}

pub(crate) fn listen(on: &str) -> Done {
    TcpListener::bind(on).map(|_| String::new()).map_err(debug)
}

/// How many connections could be opened at once, and the error of the next one.
pub(crate) fn hold(to: &str, count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        match TcpStream::connect(to) {
            Ok(stream) => open.push(stream),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

/// The same with sockets of UDP.
pub(crate) fn hold_udp(count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        match std::net::UdpSocket::bind("0.0.0.0:0") {
            Ok(socket) => open.push(socket),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

pub(crate) async fn tcp_0_3(to: &str, message: &str) -> Done {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(debug)?;
    socket.connect(address(to)).await.map_err(debug)?;
    let (mut writer, outgoing) = wit_stream::new();
    let sent = socket.send(outgoing);
    let (incoming, received) = socket.receive();
    writer.write_all(message.as_bytes().to_vec()).await;
    drop(writer);
    let answer = incoming.collect().await;
    sent.await.map_err(debug)?;
    received.await.map_err(debug)?;
    String::from_utf8(answer).map_err(debug)
}

pub(crate) async fn udp_0_3(to: &str, message: &str) -> Done {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).map_err(debug)?;
    socket.send(message.as_bytes().to_vec(), Some(address(to))).await.map_err(debug)?;
    let (answer, _) = socket.receive().await.map_err(debug)?;
    String::from_utf8(answer).map_err(debug)
}

pub(crate) async fn lookup_0_3(name: String) -> Done {
    let found = ip_name_lookup::resolve_addresses(name).await.map_err(debug)?;
    Ok(found.len().to_string())
}

/// How many sockets could be created, and the error of the next one.
pub(crate) fn hold_0_3(count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        match TcpSocket::create(IpAddressFamily::Ipv4) {
            Ok(socket) => open.push(socket),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

/// How many connections could be opened at once, and the error of the next one.
pub(crate) async fn hold_tcp_0_3(to: &str, count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(debug)?;
        match socket.connect(address(to)).await {
            Ok(()) => open.push(socket),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

/// The same with sockets of UDP.
pub(crate) fn hold_udp_0_3(count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        match UdpSocket::create(IpAddressFamily::Ipv4) {
            Ok(socket) => open.push(socket),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

fn address(text: &str) -> IpSocketAddress {
    let address: SocketAddrV4 = text.parse().unwrap();
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) })
}
