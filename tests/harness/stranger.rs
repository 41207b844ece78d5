//! A client with its own address that may send any bytes.

use crate::{Client, soon};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A client at one address of the loopback network. Limits per address apply to each of them
/// separately.
#[derive(Debug, Clone, Copy)]
pub struct Stranger {
    host: SocketAddr,
    address: Ipv4Addr,
}

impl Stranger {
    /// At 127.0.0.1, like other clients.
    pub fn new(host: SocketAddr) -> Self {
        Self::at(host, Ipv4Addr::LOCALHOST)
    }

    /// At another address of the loopback network.
    pub fn at(host: SocketAddr, address: Ipv4Addr) -> Self {
        Self { host, address }
    }

    /// A well-behaved client at the same address.
    pub fn client(&self) -> Client {
        Client::at(&format!("http://{}", self.host), self.address)
    }

    /// A connection.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        self.socket()?.connect(self.host).await
    }

    /// A connection with a small receive buffer.
    pub async fn connect_with_small_buffer(&self) -> io::Result<TcpStream> {
        const BUFFER_BYTES: u32 = 4 * 1024;
        let socket = self.socket()?;
        socket.set_recv_buffer_size(BUFFER_BYTES)?;
        socket.connect(self.host).await
    }

    fn socket(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.address, 0).into())?;
        Ok(socket)
    }

    /// Send raw bytes and read the response until the host closes.
    pub async fn exchange(&self, bytes: &[u8]) -> io::Result<String> {
        let mut stream = self.connect().await?;
        // The host may close before it has read everything; then its response counts.
        let _ = soon(stream.write_all(bytes)).await;
        Ok(read_to_end(&mut stream).await)
    }
}

/// All data until the other side closes, with or without an error.
pub async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    let _ = soon(stream.read_to_end(&mut read)).await;
    String::from_utf8_lossy(&read).into_owned()
}

/// All data until it ends with this text. An error contains the data so far.
pub async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> io::Result<String> {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        match soon(stream.read_u8()).await {
            Ok(byte) => read.push(byte),
            Err(error) => {
                let before = String::from_utf8_lossy(&read);
                return Err(io::Error::new(error.kind(), format!("{error} after {before:?}")));
            }
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

/// The status of a raw HTTP/1.1 answer, in upper or lower case; none if there is no status line.
pub fn status_of(answer: &str) -> Option<u16> {
    const VERSION: &str = "HTTP/1.1 ";
    let (version, rest) = answer.split_at_checked(VERSION.len())?;
    let status = rest.get(..3).filter(|_| version.eq_ignore_ascii_case(VERSION));
    status?.parse().ok()
}
