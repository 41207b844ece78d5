//! Connections below the level of a client.

use bytes::Bytes;
use harness::Stranger;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1 as h1, http2 as h2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The sender of a request body.
pub(crate) type Chunks = mpsc::Sender<Bytes>;

/// A body that the test sends in chunks. It ends when the sender is dropped.
pub(crate) fn body_channel() -> (Chunks, Body) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures::stream::unfold(receiver, |mut receiver| async {
        let chunk = receiver.recv().await?;
        Some((Ok(Frame::data(chunk)), receiver))
    });
    (sender, StreamBody::new(frames).boxed_unsync())
}

/// One connection of HTTP/1.1.
pub(crate) async fn http1(address: SocketAddr) -> h1::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (sender, connection) = h1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// One connection of HTTP/2 without TLS and without an upgrade.
pub(crate) async fn http2(address: SocketAddr) -> h2::SendRequest<Body> {
    http2_over(TcpStream::connect(address).await.expect("a connection")).await
}

/// The same from another address of this machine, which the host counts separately.
pub(crate) async fn http2_from(from: Ipv4Addr, address: SocketAddr) -> h2::SendRequest<Body> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("the address");
    http2_over(socket.connect(address).await.expect("a connection")).await
}

async fn http2_over(stream: TcpStream) -> h2::SendRequest<Body> {
    let handshake = h2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// A request without a body.
pub(crate) fn get(uri: &str) -> Request<Body> {
    let body = http_body_util::Empty::new().boxed_unsync();
    Request::builder().uri(uri).header("host", "test.example").body(body).expect("a request")
}

/// The next chunk of a response; none at its end.
pub(crate) async fn next_chunk(response: &mut Response<Incoming>) -> Option<Bytes> {
    let frame = super::soon(response.body_mut().frame()).await?;
    Some(frame.expect("a frame").into_data().expect("data"))
}

/// Send raw bytes and read the response until the other side closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    Stranger::new(address).exchange(bytes).await.expect("a connection")
}

/// The same from another address of this machine, which the host counts separately.
pub(crate) async fn exchange_from(from: &str, address: SocketAddr, bytes: &[u8]) -> String {
    let stranger = Stranger::at(address, from.parse().expect("an address"));
    stranger.exchange(bytes).await.expect("a connection")
}

/// All data until it ends with this text.
pub(crate) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    harness::read_until(stream, end).await.expect("it comes")
}
