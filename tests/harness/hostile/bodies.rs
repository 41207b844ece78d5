//! Request bodies that arrive slowly and never end.

use crate::{Stranger, read_to_end, read_until};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Between two pieces of a body.
const PAUSE: Duration = Duration::from_millis(20);
/// The test fails if the host accepts this many.
const PIECES_MAX: usize = 3_000;

/// A request without its body, once the host waits for the body. `length` is the field that
/// announces it.
///
/// Errors: the connection fails, or the host does not wait for the body.
pub async fn begin(stranger: &Stranger, path: &str, length: &str) -> io::Result<TcpStream> {
    let mut stream = stranger.connect().await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test.example\r\n{length}\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let said = read_until(&mut stream, "\r\n\r\n").await?;
    match said.as_str() {
        "HTTP/1.1 100 Continue\r\n\r\n" => Ok(stream),
        _ => Err(io::Error::other(said)),
    }
}

/// Send a piece of the body repeatedly until the host responds or closes. Returns the response.
pub async fn drip(stream: &mut TcpStream, piece: &[u8]) -> String {
    for _ in 0..PIECES_MAX {
        if stream.write_all(piece).await.is_err() {
            break;
        }
        let mut byte = [0];
        tokio::select! {
            _ = stream.peek(&mut byte) => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    read_to_end(stream).await
}
