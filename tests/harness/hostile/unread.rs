//! Clients that send requests and never read the answers.

use crate::frames::{Frames, PING, fields};
use crate::{Stranger, soon};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Between two requests or pings.
const PAUSE: Duration = Duration::from_millis(5);
/// The test fails if the host accepts this many.
const REQUESTS_MAX: usize = 10_000;

/// Request a path by HTTP/1.1 repeatedly until the host closes the connection.
///
/// # Panics
/// If the host does not close it.
pub async fn by_http1(stranger: &Stranger, path: &str) -> io::Result<()> {
    let mut stream = stranger.connect_with_small_buffer().await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: test.example\r\n\r\n");
    for _ in 0..REQUESTS_MAX {
        // Once the host waits for us to read, it reads nothing itself, and this blocks.
        if soon(stream.write_all(request.as_bytes())).await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the host takes {REQUESTS_MAX} requests from a client that reads nothing");
}

/// Request a path on an HTTP/2 stream without a window, on a connection that still answers pings.
/// Returns how many pings the host answered before it cut the connection.
pub async fn by_http2(stranger: &Stranger, path: &str) -> io::Result<u32> {
    let mut frames = Frames::open(stranger, 0).await?;
    frames.request(1, &fields("GET", path)).await;
    frames.send(PING, 0, 0, &[0; 8]).await;
    let mut pings = 0;
    while let Some(frame) = frames.next().await {
        if frame.kind == PING {
            pings += 1;
            tokio::time::sleep(PAUSE).await;
            frames.send(PING, 0, 0, &[0; 8]).await;
        }
    }
    Ok(pings)
}
