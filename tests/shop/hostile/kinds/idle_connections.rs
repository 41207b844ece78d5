//! Idle HTTP/2 connections, half of them after one request.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use harness::hostile::idle;

const COUNT: usize = 16;

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let stays = (0..COUNT).map(async |number: usize| {
        let path = number.is_multiple_of(2).then_some("/livez");
        // The connection was closed or reset; both are fine.
        let _ = idle::stay(&visitor.stranger, path).await;
        None::<u16>
    });
    join_all(stays).await.into_iter().collect()
}
