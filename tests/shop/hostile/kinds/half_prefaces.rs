//! Connections that never complete the preface of HTTP/2.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use harness::hostile::prefaces;
use harness::{read_to_end, status_of};
use tokio::net::TcpStream;

const COUNT: usize = 32;

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let begun = prefaces::begin(&visitor.stranger, COUNT).await.unwrap_or_default();
    let ends = begun
        .into_iter()
        .map(async |mut stream: TcpStream| status_of(&read_to_end(&mut stream).await));
    join_all(ends).await.into_iter().collect()
}
