//! The lease of a subscription: the right to deliver and to record outcomes.

use super::{Broker, DELIVERY_TIMEOUT_MS, LEASE_MS, Stop, progress_key};
use crate::domain::progress::{Lease, Progress};
use crate::ports::Subscriber;
use chassis::clock::Clock;
use chassis::incarnation::is_over;
use chassis::store::{Store, StoreError};
use tessera_events::Subscription;

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    pub(super) async fn acquire(
        &self,
        subscription: &Subscription,
    ) -> Result<Option<String>, StoreError> {
        let now_ms = self.clock.now_ms();
        let holder = format!("{now_ms}-{:016x}", self.random.next());
        let take = |progress: Option<Progress>| {
            let mut progress = progress.unwrap_or_default();
            let free = progress.lease.as_ref().is_none_or(|lease| {
                lease.until_ms <= now_ms || is_over(lease.incarnation, self.incarnation)
            });
            if free {
                progress.lease = Some(self.lease(&holder, now_ms));
            }
            Ok((progress, free))
        };
        let taken = self.store.update(&progress_key(&subscription.name), take).await?;
        Ok(taken.then_some(holder))
    }

    pub(super) async fn release(
        &self,
        subscription: &Subscription,
        holder: &str,
    ) -> Result<(), Stop> {
        self.change(subscription, holder, |progress| progress.lease = None).await
    }

    /// The progress, with a lease that is longer than a delivery.
    pub(super) async fn hold(
        &self,
        subscription: &Subscription,
        holder: &str,
    ) -> Result<Progress, Stop> {
        let progress = self.load(subscription).await?;
        let enough_ms = self.clock.now_ms() + DELIVERY_TIMEOUT_MS + LEASE_MS / 4;
        match &progress.lease {
            Some(lease) if lease.holder == holder && lease.until_ms >= enough_ms => Ok(progress),
            _ => self.change(subscription, holder, |progress| progress.clone()).await,
        }
    }

    /// Changes the progress and extends the lease, if this worker still holds it.
    pub(super) async fn change<R: Send>(
        &self,
        subscription: &Subscription,
        holder: &str,
        change: impl Fn(&mut Progress) -> R + Send + Sync,
    ) -> Result<R, Stop> {
        let now_ms = self.clock.now_ms();
        let change = |progress: &mut Progress| {
            if progress.lease.as_ref().is_none_or(|lease| lease.holder != holder) {
                return Err(Stop::LeaseLost);
            }
            progress.lease = Some(self.lease(holder, now_ms));
            Ok(change(progress))
        };
        self.store.modify(&progress_key(&subscription.name), change).await
    }

    fn lease(&self, holder: &str, now_ms: u64) -> Lease {
        let (holder, until_ms) = (holder.to_owned(), now_ms + LEASE_MS);
        Lease { holder, until_ms, incarnation: self.incarnation }
    }
}
