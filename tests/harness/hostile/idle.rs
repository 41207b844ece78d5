//! HTTP/2 connections that stay open without requests.

use crate::Stranger;
use crate::frames::{ACK, Frames, PING, WINDOW_BYTES, fields};
use std::io;

/// Connect, request this path if there is one, and stay. Returns the kind of the last frame that the
/// host sends before it closes the connection.
pub async fn stay(stranger: &Stranger, path: Option<&str>) -> io::Result<Option<u8>> {
    let mut frames = Frames::open(stranger, WINDOW_BYTES).await?;
    if let Some(path) = path {
        frames.request(1, &fields("GET", path)).await;
    }
    let mut last = None;
    while let Some(frame) = frames.next().await {
        // Answering pings must not keep the connection open.
        if frame.kind == PING && frame.flags == 0 {
            frames.send(PING, ACK, 0, &frame.payload).await;
        }
        last = Some(frame.kind);
    }
    Ok(last)
}
