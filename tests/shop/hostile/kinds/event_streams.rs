//! Many event streams of one account.

use crate::hostile::{Seen, Visitor};
use crate::support::Buyer;
use futures::future::join_all;
use http_body_util::BodyExt;
use std::time::Duration;

/// More than one account may have.
const COUNT: usize = 24;
/// How long a stream is read. It ends earlier if the order is final.
const FOLLOWED: Duration = Duration::from_secs(5);

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let Some(order) = visitor.order("tok_approved").await else { return Seen::default() };
    let streams = (0..COUNT).map(|_| follow(&visitor.account, &order));
    join_all(streams).await.into_iter().collect()
}

/// Reads a stream. Returns the status of the response.
async fn follow(account: &Buyer, order: &str) -> Option<u16> {
    let answer = account.follow(order).await?;
    let status = answer.status().as_u16();
    // The host may be killed in the meantime.
    let _ = tokio::time::timeout(FOLLOWED, answer.into_body().collect()).await;
    Some(status)
}
