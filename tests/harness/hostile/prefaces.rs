//! Connections that send the first bytes of an HTTP/2 preface and nothing else: the host does not
//! know yet which protocol they use.

use crate::Stranger;
use std::io;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Open this many connections.
pub async fn begin(stranger: &Stranger, count: usize) -> io::Result<Vec<TcpStream>> {
    let mut begun = Vec::new();
    for _ in 0..count {
        let mut stream = stranger.connect().await?;
        // Above its limit, the host has already closed the connection.
        let _ = stream.write_all(b"PRI").await;
        begun.push(stream);
    }
    Ok(begun)
}
