//! The live status of an order as server-sent events.
//!
//! Each change of status is one event `status` whose id is its place in the order's
//! history, so a client that was cut off goes on where it was (`Last-Event-ID`). A stream
//! ends with the order, or after a while: it occupies an instance, and browsers come back
//! by themselves.

pub(super) mod permits;

use std::convert::Infallible;
use std::fmt::Write;

use axum::body::Body;
use bytes::Bytes;
use chassis::clock::rfc3339;
use chassis::store::{Store, StoreError};
use futures::stream;
use serde_json::json;

use crate::domain::{Event, Recorded, Status};
use crate::ports::{Clock, Participants};
use crate::records::Loaded;
use crate::service::Orders;
use permits::Permit;

/// How long one stream lives, in milliseconds.
const LIFETIME_MS: u64 = 120_000;
/// The wait between two looks at the order, in milliseconds.
const LOOK_MS: u64 = 500;
/// After so much silence a comment is sent, in milliseconds, so that nothing on the way
/// takes the connection for dead.
const KEEP_ALIVE_MS: u64 = 15_000;
/// How long a client waits before it comes back, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// The changes of status after the event with this sequence number: number, time in
/// milliseconds since the epoch, status.
pub(crate) fn statuses(loaded: &Loaded, after: u64) -> Result<Vec<(u64, u64, Status)>, StoreError> {
    let history = loaded.history()?;
    let later = history.iter().filter(|recorded| recorded.sequence > after);
    let change = |it: &Recorded| Some((it.sequence, it.at_ms, status_of(&it.event)?));
    Ok(later.filter_map(change).collect())
}

fn status_of(event: &Event) -> Option<Status> {
    match event {
        Event::Placed(_) => Some(Status::Pending),
        Event::Confirmed => Some(Status::Confirmed),
        Event::Shipped => Some(Status::Shipped),
        Event::Delivered => Some(Status::Delivered),
        Event::Returned => Some(Status::Returned),
        Event::Cancelled => Some(Status::Cancelled),
        Event::Rejected { .. } => Some(Status::Rejected),
        _ => None,
    }
}

struct Watch<S, P, C> {
    orders: Orders<S, P, C>,
    permit: Permit<S>,
    id: String,
    /// The last event that the client has.
    seen: u64,
    begun_ms: u64,
    spoken_ms: u64,
    greeted: bool,
    ended: bool,
}

/// The stream's body: all changes after `seen`, then each new one as it comes.
pub(crate) fn body<S: Store, P: Participants, C: Clock>(
    orders: Orders<S, P, C>,
    permit: Permit<S>,
    id: String,
    seen: u64,
) -> Body {
    let now_ms = orders.clock().now_ms();
    let watch = Watch {
        orders,
        permit,
        id,
        seen,
        begun_ms: now_ms,
        spoken_ms: now_ms,
        greeted: false,
        ended: false,
    };
    Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let Some(text) = watch.next().await else {
            watch.permit.give_back().await;
            return None;
        };
        watch.spoken_ms = watch.orders.clock().now_ms();
        Some((Ok::<_, Infallible>(Bytes::from(text)), watch))
    }))
}

impl<S: Store, P: Participants, C: Clock> Watch<S, P, C> {
    /// The next thing to say; none at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: {RETRY_MS}\n\n"));
        }
        while !self.ended {
            // A store that fails ends the stream: the client comes back.
            let loaded = self.orders.touch(&self.id).await.ok()??;
            self.ended = loaded.order.status.is_final();
            let changes = self.tell(&loaded).ok()?;
            let now_ms = self.orders.clock().now_ms();
            self.permit.renew(now_ms).await.ok()?;
            if !changes.is_empty() {
                return Some(changes);
            }
            if now_ms >= self.begun_ms + LIFETIME_MS {
                return None;
            }
            if now_ms >= self.spoken_ms + KEEP_ALIVE_MS {
                return Some(": still here\n\n".to_owned());
            }
            self.orders.clock().sleep(LOOK_MS).await;
        }
        None
    }

    fn tell(&mut self, loaded: &Loaded) -> Result<String, StoreError> {
        let mut text = String::new();
        for (sequence, at_ms, status) in statuses(loaded, self.seen)? {
            let data = json!({
                "order_id": self.id,
                "status": status.as_str(),
                "at": rfc3339(at_ms),
            });
            // Writing to a string can't fail.
            let _ = write!(text, "id: {sequence}\nevent: status\ndata: {data}\n\n");
            self.seen = sequence;
        }
        Ok(text)
    }
}
