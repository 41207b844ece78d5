//! Many event streams of one account.

use crate::hostile::{Seen, Visitor};
use crate::support::Buyer;
use futures::future::join_all;
use http_body_util::BodyExt;
use std::time::Duration;

/// More than one account may have.
const COUNT: usize = 24;
/// How many orders are followed at most.
const ORDERS_MAX: usize = 5;
/// How long a stream is read. It ends earlier if the order is final.
const FOLLOWED: Duration = Duration::from_secs(5);

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let mut seen = Vec::new();
    // Streams of an order that becomes final early end at once, and then nothing is refused.
    for _ in 0..ORDERS_MAX {
        let Some(order) = visitor.order("tok_approved").await else { break };
        let streams = (0..COUNT).map(|_| follow(&visitor.account, &order));
        seen.extend(join_all(streams).await);
        if seen.contains(&Some(429)) {
            break;
        }
    }
    seen.into_iter().collect()
}

/// Reads a stream. Returns the status of the response.
async fn follow(account: &Buyer, order: &str) -> Option<u16> {
    let answer = account.follow(order).await?;
    let status = answer.status().as_u16();
    // The host may be killed in the meantime.
    let _ = tokio::time::timeout(FOLLOWED, answer.into_body().collect()).await;
    Some(status)
}
