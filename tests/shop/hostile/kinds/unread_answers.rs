//! Clients that request a long answer and never read it.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use harness::hostile::unread;

/// For each version of HTTP.
const COUNT: usize = 4;
/// The longest answer that needs no sign-in.
const PATH: &str = "/api/v1/openapi.json";

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let by_http1 = (0..COUNT).map(|_| unread::by_http1(&visitor.stranger, PATH));
    let by_http2 = (0..COUNT).map(|_| unread::by_http2(&visitor.stranger, PATH));
    let (by_http1, by_http2) = tokio::join!(join_all(by_http1), join_all(by_http2));
    // The connection was closed or reset; both are fine.
    (0..by_http1.len() + by_http2.len()).map(|_| None::<u16>).collect()
}
