//! Continuing an order's saga, one durable step after the other.
//!
//! This code makes no decisions: it asks [`saga::next`], writes, calls a participant, and writes
//! the response. Each response and the decisions that follow from it are one compare-and-swap of the
//! order's value, together with the events to publish. If a process dies between two writes, the
//! next request for the order continues. A lease in the same value prevents two requests from
//! doing the same work at the same time. If it fails to, ids and compare-and-swap keep the result
//! correct: a response only counts for an order that has not changed since the call was decided.

use chassis::clock::Timer;
use chassis::store::{CONFLICTS_MAX, Store, StoreError};

use super::Orders;
use crate::domain::saga::{self, Next};
use crate::domain::{Order, Status};
use crate::ports::Participants;
use crate::records::{Lease, Loaded};

/// How long a lease is valid without renewal, in milliseconds, unless it is configured. Longer than
/// any single call of a participant takes.
pub(super) const LEASE_MS: u64 = 12_000;
/// The maximum number of actions of one run: twice as many as the longest saga without retries has.
const ACTIONS_MAX: u32 = 48;
/// How many events are published at once: few, since each contains a whole order.
const PUBLISHED_MAX: usize = 4;
/// How often a run publishes; what is left after that is left to the next run.
const PUBLISH_ROUNDS_MAX: u32 = 16;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is left to do, and everything is published.
    Settled,
    /// Work is left, but not now: the time is used up, a backoff is running, or events can't be
    /// published.
    Unfinished,
    /// An operator must look at it.
    Parked,
    /// Another request is working on it.
    Busy,
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Continues the saga until it is settled or `until_ms` has passed. An action that is due now
    /// is performed in any case: reading the order may have taken all the time.
    pub(super) async fn advance(
        &self,
        loaded: &mut Loaded,
        until_ms: u64,
    ) -> Result<Progress, StoreError> {
        for _ in 0..CONFLICTS_MAX {
            if loaded.is_leased_to_other(&self.owner, self.incarnation, self.clock.now_ms()) {
                return Ok(Progress::Busy);
            }
            if let Some(progress) = self.run(loaded, until_ms).await? {
                return Ok(progress);
            }
        }
        Ok(Progress::Unfinished)
    }

    /// `None` if another request has changed the order; then `loaded` is the order as it is now.
    async fn run(
        &self,
        loaded: &mut Loaded,
        until_ms: u64,
    ) -> Result<Option<Progress>, StoreError> {
        for actions in 0..ACTIONS_MAX {
            let now_ms = self.clock.now_ms();
            let Some(action) = loaded.decide(now_ms)? else { break };
            let start_ms = loaded.order.saga.not_before_ms.max(now_ms);
            let must_wait = start_ms > now_ms;
            let late = start_ms > until_ms && (actions > 0 || must_wait);
            if late || (must_wait && is_decided(&loaded.order)) {
                break;
            }
            if !self.hold(loaded, now_ms).await? {
                return Ok(None);
            }
            if must_wait {
                self.clock.sleep(start_ms - now_ms).await;
            }
            let result = self.participants.perform(action, &loaded.order).await;
            let event = saga::conclude(&loaded.order, action, result);
            loaded.push(event, self.clock.now_ms())?;
        }
        self.finish(loaded).await
    }

    /// The lease of this request, starting now.
    pub(super) fn lease(&self, now_ms: u64) -> Lease {
        let (owner, until_ms) = (self.owner.clone(), now_ms + self.lease_ms);
        Lease { owner, until_ms, incarnation: self.incarnation }
    }

    /// Writes the decisions and renews the lease, if necessary. False if another request has
    /// changed the order.
    async fn hold(&self, loaded: &mut Loaded, now_ms: u64) -> Result<bool, StoreError> {
        if !loaded.has_unsaved() && loaded.is_leased_to(&self.owner, now_ms + self.lease_ms / 2) {
            return Ok(true);
        }
        self.records.save(loaded, Some(self.lease(now_ms))).await
    }

    /// Writes the decisions, releases the lease, and publishes the events. If the order has ended
    /// and the customer has deleted their account, the customer is erased.
    async fn finish(&self, loaded: &mut Loaded) -> Result<Option<Progress>, StoreError> {
        let changed = loaded.has_unsaved() || loaded.record.lease.is_some();
        if changed && !self.records.save(loaded, None).await? {
            return Ok(None);
        }
        let version = loaded.order.version;
        let published = self.publish(loaded).await?;
        self.records.erase_if_deleted(loaded).await?;
        if loaded.order.version != version {
            return Ok(None);
        }
        Ok(Some(match saga::next(&loaded.order, self.clock.now_ms()) {
            Next::Parked if published => {
                if changed {
                    log_parked(&loaded.order);
                }
                Progress::Parked
            }
            Next::Settled if published => Progress::Settled,
            _ => Progress::Unfinished,
        }))
    }

    /// Publishes the events in the order's outbox, then removes them. If this request dies in
    /// between, the next one publishes them again, with the same ids. False if events are left.
    async fn publish(&self, loaded: &mut Loaded) -> Result<bool, StoreError> {
        for _ in 0..PUBLISH_ROUNDS_MAX {
            let pending = loaded.record.outbox.pending().iter().take(PUBLISHED_MAX);
            let pending: Vec<_> = pending.cloned().collect();
            let Some(last) = pending.last().and_then(|event| event.sequence()) else {
                return Ok(true);
            };
            if let Err(error) = self.participants.publish(&pending).await {
                let id = &loaded.order.placed.id;
                eprintln!("orders: events of {id} were not published: {error}");
                return Ok(false);
            }
            let settle = |loaded: &mut Loaded| {
                loaded.record.outbox.settle(last);
                Ok::<_, StoreError>(())
            };
            self.records.decide(loaded, settle).await?;
        }
        Ok(loaded.record.outbox.is_empty())
    }
}

/// Whether the result is known, so that the request does not wait for the rest.
fn is_decided(order: &Order) -> bool {
    order.status != Status::Pending && order.saga.undoing.is_none()
}

fn log_parked(order: &Order) {
    let reason = order.saga.parked.as_deref().unwrap_or_default();
    eprintln!("orders: {} is parked: {reason}", order.placed.id);
}
