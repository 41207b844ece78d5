//! A session with a broker, on one connection.

use super::client::ClientOptions;
use super::packet::{self, Connect, Incoming, Quality};
use crate::capabilities::outbound_http::trust;
use bytes::BytesMut;
use futures::FutureExt as _;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a broker may take to accept a session.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open session. After an error, or when a future of it was dropped, it must not be used again.
pub(super) struct Session {
    stream: Box<dyn Stream>,
    read: BytesMut,
    /// After this time without a packet, the broker wants a sign of life.
    keep_alive: Option<Duration>,
    last_sent: Instant,
    last_number: u16,
}

impl Session {
    /// Connects to the broker, which accepts the client.
    pub(super) async fn begin(options: &ClientOptions) -> Result<Self, String> {
        let begun =
            tokio::time::timeout(CONNECT_TIMEOUT, Self::begin_without_timeout(options)).await;
        begun.unwrap_or_else(|_| {
            Err(format!("the broker did not answer within {} s", CONNECT_TIMEOUT.as_secs()))
        })
    }

    async fn begin_without_timeout(options: &ClientOptions) -> Result<Self, String> {
        let stream = connect(options).await.map_err(|error| error.to_string())?;
        let keep_alive_secs = options.keep_alive_secs;
        let hello = packet::connect(Connect {
            client_id: &options.address.client_id,
            clean_session: options.address.clean_session,
            username: &options.username,
            password: &options.password,
            keep_alive_secs,
        });
        let hello = hello.ok_or("the client's id, user name or password is too long")?;
        let mut session = Self {
            stream,
            read: BytesMut::new(),
            keep_alive: (keep_alive_secs > 0).then(|| Duration::from_secs(keep_alive_secs.into())),
            last_sent: Instant::now(),
            last_number: 0,
        };
        session.send(&hello).await?;
        match session.receive().await? {
            Incoming::Connected(0) => Ok(session),
            Incoming::Connected(code) => Err(refusal(code)),
            _ => Err("the broker did not accept the session".into()),
        }
    }

    /// Whether the broker still has the session, as far as the client can know.
    pub(super) fn is_open(&mut self) -> bool {
        let expired = self.keep_alive.is_some_and(|limit| self.last_sent.elapsed() >= limit);
        // A broker sends nothing between two messages. If there is anything, it is an end.
        !expired && self.stream.read_u8().now_or_never().is_none()
    }

    /// Publishes a message. Returns when it is acknowledged, as far as its quality requires.
    pub(super) async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        quality: Quality,
    ) -> Result<(), String> {
        // Zero is no number.
        self.last_number = self.last_number.checked_add(1).unwrap_or(1);
        let number = self.last_number;
        let message = packet::publish(topic, payload, quality, number);
        self.send(&message.ok_or("the message is too long")?).await?;
        match quality {
            Quality::AtMost => Ok(()),
            Quality::AtLeast => self.expect(Incoming::Acknowledged(number)).await,
            Quality::Exactly => {
                self.expect(Incoming::Received(number)).await?;
                self.send(&packet::release(number)).await?;
                self.expect(Incoming::Completed(number)).await
            }
        }
    }

    /// Waits for this packet. Meanwhile, the broker gets signs of life.
    async fn expect(&mut self, wanted: Incoming) -> Result<(), String> {
        loop {
            let received = match self.keep_alive {
                None => Some(self.receive().await?),
                Some(limit) => {
                    let wait = limit.saturating_sub(self.last_sent.elapsed());
                    tokio::time::timeout(wait, self.receive()).await.ok().transpose()?
                }
            };
            match received {
                None => self.send(&packet::PING).await?,
                Some(Incoming::Pong) => {}
                Some(packet) if packet == wanted => return Ok(()),
                Some(packet) => {
                    return Err(format!("the broker answered out of order: {packet:?}"));
                }
            }
        }
    }

    async fn send(&mut self, packet: &[u8]) -> Result<(), String> {
        let sent = async {
            self.stream.write_all(packet).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error: io::Error| error.to_string())?;
        self.last_sent = Instant::now();
        Ok(())
    }

    /// The next packet. Nothing is lost if the future is dropped.
    async fn receive(&mut self) -> Result<Incoming, String> {
        loop {
            if let Some(packet) = packet::take(&mut self.read)? {
                return Ok(packet);
            }
            let read = self.stream.read_buf(&mut self.read).await;
            if read.map_err(|error| error.to_string())? == 0 {
                return Err("the broker has closed the connection".into());
            }
        }
    }
}

async fn connect(options: &ClientOptions) -> io::Result<Box<dyn Stream>> {
    let address = &options.address;
    let host = address.bare_host();
    let addresses = options.outbound.resolve(host, address.port).await?;
    let tcp = TcpStream::connect(&*addresses).await?;
    tcp.set_nodelay(true)?;
    if !address.encrypted {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let trusted = trust::public().map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(trusted));
    Ok(Box::new(connector.connect(name, tcp).await?))
}

fn refusal(code: u8) -> String {
    let reason = match code {
        1 => "it does not support MQTT 3.1.1",
        2 => "the client's id is not allowed",
        3 => "it is not available",
        4 => "the user name or the password is wrong",
        5 => "the client is not authorized",
        _ => return format!("the broker refused the session with the code {code}"),
    };
    format!("the broker refused the session: {reason}")
}
