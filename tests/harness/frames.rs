//! HTTP/2 frame by frame (RFC 9113), for what client libraries hide or never send.

use crate::{Stranger, soon};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_MAX_BYTES: usize = 16 * 1024;

/// The kinds of frames.
pub const DATA: u8 = 0;
/// See [`DATA`].
pub const HEADERS: u8 = 1;
/// See [`DATA`].
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
/// See [`DATA`].
pub const PING: u8 = 6;
/// See [`DATA`].
pub const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// The flag of a `SETTINGS` or a `PING` that answers another one.
pub const ACK: u8 = 1;
/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The default window of a stream.
pub const WINDOW_BYTES: u32 = 65_535;

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Frames {
    stream: TcpStream,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// As [`DATA`].
    pub kind: u8,
    /// As [`END_STREAM`].
    pub flags: u8,
    /// The stream that it belongs to; 0 for the connection.
    pub stream: u32,
    /// The payload after the frame header.
    pub payload: Vec<u8>,
}

impl Frames {
    /// Connect, with this initial window of streams.
    ///
    /// # Panics
    /// When there is no connection.
    pub async fn connect(address: SocketAddr, window_bytes: u32) -> Self {
        Self::open(&Stranger::new(address), window_bytes).await.expect("a connection")
    }

    /// The same from the address of a client.
    pub async fn open(stranger: &Stranger, window_bytes: u32) -> io::Result<Self> {
        let mut frames = Self { stream: stranger.connect().await? };
        frames.stream.write_all(PREFACE).await?;
        let mut settings = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        settings.extend(window_bytes.to_be_bytes());
        frames.send(SETTINGS, 0, 0, &settings).await;
        Ok(frames)
    }

    /// Send a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // The other side may have closed; then the frames that it has sent count.
        let _ = self.stream.write_all(&frame).await;
    }

    /// A whole request without a body.
    pub async fn request(&mut self, stream: u32, fields: &[(&str, &str)]) {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let mut parts = block.chunks(FRAME_MAX_BYTES).peekable();
        let (mut kind, mut flags) = (HEADERS, END_STREAM);
        while let Some(part) = parts.next() {
            let end = if parts.peek().is_none() { END_HEADERS } else { 0 };
            self.send(kind, flags | end, stream, part).await;
            (kind, flags) = (CONTINUATION, 0);
        }
    }

    /// Close the sending side.
    ///
    /// # Panics
    /// When the connection is broken.
    pub async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("the sending side is closed");
    }

    /// The next frame about a request or about the end of the connection; none when the other side
    /// has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = soon(self.read()).await?;
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                self.send(SETTINGS, ACK, 0, &[]).await;
            }
            if [DATA, HEADERS, RST_STREAM, GOAWAY].contains(&frame.kind) || frame.kind == PING {
                return Some(frame);
            }
        }
    }

    /// The kinds and flags of all frames of a stream, to its end.
    pub async fn stream(&mut self, stream: u32) -> Vec<(u8, u8)> {
        let mut seen = vec![];
        while let Some(frame) = self.next().await {
            if frame.stream != stream {
                continue;
            }
            seen.push((frame.kind, frame.flags));
            if frame.flags & END_STREAM != 0 || frame.kind == RST_STREAM {
                break;
            }
        }
        seen
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }
}

/// A field without compression (RFC 7541, section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        length(text.len(), &mut field);
        field.extend(text.as_bytes());
    }
    field
}

/// A number with a prefix of seven bits (RFC 7541, section 5.1).
fn length(length: usize, field: &mut Vec<u8>) {
    const PREFIX_MAX: usize = 127;
    if length < PREFIX_MAX {
        return field.push(length as u8);
    }
    field.push(PREFIX_MAX as u8);
    let mut rest = length - PREFIX_MAX;
    while rest >= 128 {
        field.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    field.push(rest as u8);
}

/// The fields of a request.
pub fn fields<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":authority", "test.example"), (":path", path)]
}
