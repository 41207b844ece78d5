//! Header fields over the limit.

use crate::Stranger;
use crate::frames::{Frames, WINDOW_BYTES, fields};
use std::io;

/// The value of each of many fields.
const FIELD_BYTES: usize = 900;

/// One field of this many bytes by HTTP/1.1, in a head that does not end. Returns the answer.
pub async fn one_by_http1(stranger: &Stranger, bytes: usize) -> io::Result<String> {
    let long = "y".repeat(bytes);
    let request = format!("GET / HTTP/1.1\r\nhost: test.example\r\nx-long: {long}");
    stranger.exchange(request.as_bytes()).await
}

/// Fields of this many bytes in total by HTTP/1.1. Returns the answer, which may be lost when the
/// host cuts the connection before it has read everything.
pub async fn many_by_http1(stranger: &Stranger, bytes: usize) -> io::Result<String> {
    let mut request = "GET / HTTP/1.1\r\nhost: test.example\r\n".to_owned();
    let value = "y".repeat(FIELD_BYTES);
    while request.len() < bytes {
        request += &format!("x-{}: {value}\r\n", request.len());
    }
    request += "\r\n";
    stranger.exchange(request.as_bytes()).await
}

/// One field of this many bytes by HTTP/2, then a request without it on the same connection. Returns
/// kind and flags of the frames that answer each.
pub async fn one_by_http2(stranger: &Stranger, bytes: usize) -> io::Result<[Vec<(u8, u8)>; 2]> {
    let long = "y".repeat(bytes);
    let mut frames = Frames::open(stranger, WINDOW_BYTES).await?;
    let short = fields("GET", "/");
    let mut all = short.clone();
    all.push(("x-long", &long));
    frames.request(1, &all).await;
    let refused = frames.stream(1).await;
    frames.request(3, &short).await;
    Ok([refused, frames.stream(3).await])
}
