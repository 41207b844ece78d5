//! Requests whose answers have no body: `HEAD`, and conditional requests. If a host or a guest sends
//! a body anyway, the client reads it as the beginning of the next answer.

use crate::Stranger;
use crate::frames::{Frames, WINDOW_BYTES};
use std::io;

/// Send a request by HTTP/1.1, with more fields of the form `name: value\r\n`. Returns the head of
/// the answer in lower case and all bytes after it; none if the connection fails before that.
pub async fn by_http1(
    stranger: &Stranger,
    method: &str,
    path: &str,
    fields: &str,
) -> io::Result<Option<(String, String)>> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test.example\r\nconnection: close\r\n{fields}\r\n"
    );
    let answer = stranger.exchange(request.as_bytes()).await?;
    let parts = answer.split_once("\r\n\r\n");
    Ok(parts.map(|(head, rest)| (format!("{head}\r\n").to_lowercase(), rest.to_owned())))
}

/// Send a request by HTTP/2. Returns kind and flags of the frames that answer it.
pub async fn by_http2(
    stranger: &Stranger,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> io::Result<Vec<(u8, u8)>> {
    let mut frames = Frames::open(stranger, WINDOW_BYTES).await?;
    let mut all = crate::frames::fields(method, path);
    all.extend(fields);
    frames.request(1, &all).await;
    Ok(frames.stream(1).await)
}
