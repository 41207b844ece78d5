//! The live status of an order as server-sent events.
//!
//! Each change of the status is an event `status`. Its id is its number in the order's history, so
//! that a client continues where it was disconnected (`Last-Event-ID`). A stream ends with the
//! order, or after a time limit: it occupies an instance, and browsers reconnect automatically.

pub(super) mod permits;

use std::convert::Infallible;
use std::fmt::Write;

use axum::body::Body;
use bytes::Bytes;
use chassis::clock::{Timer, rfc3339};
use chassis::store::{Store, StoreError};
use futures::stream;
use serde_json::json;

use crate::domain::{Event, Recorded, Status};
use crate::ports::Participants;
use crate::records::Loaded;
use crate::service::Orders;
use permits::Permit;

/// The time limit of a stream, in milliseconds.
const LIFETIME_MS: u64 = 120_000;
/// The pause between two reads of the order, in milliseconds.
const POLL_MS: u64 = 500;
/// How long after the last message a comment is sent, in milliseconds, so that proxies do not close
/// the connection.
const KEEP_ALIVE_MS: u64 = 15_000;
/// How long a client waits before it reconnects, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// The changes of the status after the event with this number: number, time in milliseconds since
/// the epoch, status.
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

struct Watch<S, P, T> {
    orders: Orders<S, P, T>,
    permit: Permit<S>,
    id: String,
    /// The number of the last event that the client has received.
    seen: u64,
    started_ms: u64,
    sent_ms: u64,
    has_sent_retry: bool,
    ended: bool,
}

/// The body of the stream: all changes after `seen`, then each new one.
pub(crate) fn body<S: Store, P: Participants, T: Timer>(
    orders: Orders<S, P, T>,
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
        started_ms: now_ms,
        sent_ms: now_ms,
        has_sent_retry: false,
        ended: false,
    };
    Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let Some(text) = watch.next().await else {
            watch.permit.release().await;
            return None;
        };
        watch.sent_ms = watch.orders.clock().now_ms();
        Some((Ok::<_, Infallible>(Bytes::from(text)), watch))
    }))
}

impl<S: Store, P: Participants, T: Timer> Watch<S, P, T> {
    /// The next message; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.has_sent_retry {
            self.has_sent_retry = true;
            return Some(format!("retry: {RETRY_MS}\n\n"));
        }
        while !self.ended {
            // If the store fails, the stream ends, and the client reconnects.
            let loaded = self.orders.touch(&self.id).await.ok()??;
            self.ended = loaded.order.status.is_final();
            let changes = self.messages(&loaded).ok()?;
            let now_ms = self.orders.clock().now_ms();
            self.permit.renew(now_ms).await.ok()?;
            if !changes.is_empty() {
                return Some(changes);
            }
            if now_ms >= self.started_ms + LIFETIME_MS {
                return None;
            }
            if now_ms >= self.sent_ms + KEEP_ALIVE_MS {
                return Some(": keep-alive\n\n".to_owned());
            }
            self.orders.clock().sleep(POLL_MS).await;
        }
        None
    }

    fn messages(&mut self, loaded: &Loaded) -> Result<String, StoreError> {
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
