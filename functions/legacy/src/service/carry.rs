//! Publishing: what has changed, and what was there before.

use chassis::store::Store;
use serde::{Deserialize, Serialize};

use super::orders::{ORDERS, order_key};
use super::{Legacy, NUMBER_BEFORE_FIRST, Refusal};
use crate::domain::Row;
use crate::ports::Ports;
use crate::service::messages::message_key;

/// The maximum number of orders, and of messages, that one call of [`Legacy::publish_past`] looks
/// at.
pub const PAGE_ROWS_MAX: u32 = 50;
/// The maximum number of outboxes that one sweep empties.
const SWEEP_KEYS_MAX: usize = 100;
/// The key that says whether changes are published.
const PUBLISHING: &str = "publishing";

/// How far the past is published: counts of orders and messages in the order of their creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Progress {
    /// Orders up to this one are published.
    pub orders: u64,
    /// Messages up to this one are published.
    pub messages: u64,
}

/// What a call of [`Legacy::publish_past`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Past {
    /// Events of this call.
    pub events: usize,
    /// Where to go on; none at the end.
    pub next: Option<Progress>,
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Messages that were sent.
    pub sent: usize,
    /// Events that were published.
    pub published: usize,
}

impl<P: Ports> Legacy<P> {
    /// From now on, changes are published. Publishes what was there before, and what has changed
    /// without an event: at most [`PAGE_ROWS_MAX`] orders and as many messages after `from`. What
    /// was published before is passed over, so it can be repeated.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn publish_past(&self, from: Progress) -> Result<Past, Refusal> {
        if !self.is_publishing().await? {
            self.store().write(PUBLISHING, &true).await?;
        }
        let mut events = 0;
        let last = self.store().increment(ORDERS, 0).await?.unsigned_abs();
        let orders = last.min(from.orders.saturating_add(u64::from(PAGE_ROWS_MAX)));
        for count in from.orders.saturating_add(1)..=orders {
            let number = (count + NUMBER_BEFORE_FIRST).to_string();
            events += self.publish_row(&order_key(&number)).await?;
        }
        let same = |_: u64, request: String| async move { Ok::<_, Refusal>(Some(request)) };
        let page = self.register("messages").stretch(from.messages, PAGE_ROWS_MAX, same).await?;
        for request in &page.entries {
            events += self.publish_row(&message_key(request)).await?;
        }
        let all_messages = self.register("messages").last().await?;
        let messages = page.next.unwrap_or(all_messages);
        let is_over = orders == last && page.next.is_none();
        Ok(Past { events, next: (!is_over).then_some(Progress { orders, messages }) })
    }

    /// Publishes a row that was written by a request that has seen that nothing is published, if that
    /// has changed since: [`Legacy::publish_past`] may have looked for the row before it was there.
    pub(super) async fn publish_if_begun(&self, key: &str) -> Result<(), Refusal> {
        if self.is_publishing().await? {
            self.publish_row(key).await?;
        }
        Ok(())
    }

    async fn publish_row(&self, key: &str) -> Result<usize, Refusal> {
        if self.row(key).await?.is_none() {
            return Ok(0);
        }
        let now_ms = self.now_ms();
        let publish = |row: Option<Row>| {
            let mut row = row.ok_or(Refusal::NotFound("row"))?;
            let is_new = row.publish(now_ms, true)?;
            Ok::<_, Refusal>((row, usize::from(is_new)))
        };
        self.relay().change(key, publish).await
    }

    /// Whether changes are published.
    pub(super) async fn is_publishing(&self) -> Result<bool, Refusal> {
        Ok(self.store().read(PUBLISHING).await?.unwrap_or(false))
    }

    /// Repeats what a crash or an outage has left: messages, and the events of outboxes; and removes
    /// sessions that have expired, where the platform does not.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn sweep(&self) -> Result<SweepReport, Refusal> {
        let now_ms = self.now_ms();
        let is_over = |value: &[u8]| {
            let session: Option<crate::domain::Session> = serde_json::from_slice(value).ok();
            session.is_none_or(|session| session.until_ms <= now_ms)
        };
        chassis::expiry::sweep(self.store(), now_ms, is_over).await?;
        let published = self.relay().sweep::<Row>(now_ms, SWEEP_KEYS_MAX).await?.published;
        Ok(SweepReport { sent: self.send_waiting().await?, published })
    }
}
