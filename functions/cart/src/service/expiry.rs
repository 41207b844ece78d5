//! Deleting guest carts that have expired, and limiting their number.
//!
//! Before a guest cart is created, its id is noted in a [`Calendar`] for the day on which it will
//! expire. When that day is over, a sweep deletes the cart, or notes it again if it was changed in
//! the meantime. So a note is processed about once in the lifetime of a cart, and each cart has one:
//! a crash can leave a note without a cart, or two of the same cart.
//!
//! Any client can create guest carts, so there are at most [`GUEST_CARTS_MAX`] of them. They are
//! counted by their notes: a *census* has the number of notes for each day. A cart that was ordered
//! or deleted still counts until the sweep has passed its note. A crash can count a note that was
//! never written; this error disappears when its day is removed from the census.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use chassis::Clock;
use chassis::expiry::{Calendar, Options, Position};
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::guests::guest_key;
use super::{Carts, Error};
use crate::domain::{GuestCart, Refused};
use crate::ports::Products;

/// The maximum number of guest carts. If all of them are full, they take 2.5 GiB of the 16 GiB of a
/// store.
pub const GUEST_CARTS_MAX: u64 = 250_000;
/// The maximum number of notes that one sweep processes.
pub const SWEEP_NOTES_MAX: usize = chassis::expiry::SWEEP_NOTES_MAX;

const DAYS: Options = Options {
    prefix: "guest_day",
    progress_key: "guest_sweep",
    unit: "day",
    period_ms: 86_400_000,
    // January 1, 2026.
    first_period: 20_454,
    settled_ms: 3_600_000,
};
/// The key of the census.
const CENSUS: &str = "guest_census";

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Processed notes. If there are [`SWEEP_NOTES_MAX`], more may be left.
    pub looked_at: usize,
    /// Deleted carts.
    pub deleted: usize,
    /// Carts that have not expired yet.
    pub kept: usize,
}

/// The number of notes for each day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Census {
    days: BTreeMap<u64, u64>,
}

impl Census {
    /// The number of notes that the sweep has not processed yet.
    fn ahead_of(&self, at: Position) -> u64 {
        let processed = |day: u64| if day == at.period { at.number } else { 0 };
        let left = |(day, notes): (&u64, &u64)| notes.saturating_sub(processed(*day));
        self.days.range(at.period..).map(left).sum()
    }

    /// Whether it still counts days that the sweep has finished.
    fn is_outdated(&self, at: Position) -> bool {
        self.days.range(..at.period).next().is_some()
    }
}

impl<S: Store, P: Products, C: Clock> Carts<S, P, C> {
    /// Notes that a guest cart expires at this time, if there are fewer than `notes_max` notes.
    pub(super) async fn note(
        &self,
        id: &str,
        expires_at_ms: u64,
        notes_max: u64,
    ) -> Result<(), Error> {
        self.count(self.calendar().period(expires_at_ms), notes_max).await?;
        Ok(self.calendar().note(id, expires_at_ms).await?)
    }

    /// Deletes a bounded number of expired guest carts. Safe to repeat and to run concurrently.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let now_ms = self.clock.now_ms();
        let (deleted, kept) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let look = |id: String| async move {
            match self.delete_if_expired(&id, now_ms).await {
                Ok(None) => deleted.fetch_add(1, Relaxed),
                Ok(Some(expires_at_ms)) => {
                    self.note(&id, expires_at_ms, u64::MAX).await?;
                    kept.fetch_add(1, Relaxed)
                }
                Err(Error::Refused(Refused::Gone)) => 0,
                // An unreadable value must not stop the sweep.
                Err(Error::Store(error @ StoreError::Corrupt { .. })) => {
                    eprintln!("a guest cart is not deleted: {error}");
                    0
                }
                Err(error) => return Err(error),
            };
            Ok(())
        };
        let looked_at = self.calendar().sweep(now_ms, SWEEP_NOTES_MAX, look).await?;
        self.forget_finished_days().await?;
        Ok(Swept { looked_at, deleted: deleted.load(Relaxed), kept: kept.load(Relaxed) })
    }

    /// Deletes the cart, or returns its expiry time if it has not expired yet. The cart is closed
    /// first, so that a concurrent change fails instead of being lost.
    async fn delete_if_expired(&self, id: &str, now_ms: u64) -> Result<Option<u64>, Error> {
        let retire = |guest: &mut GuestCart| Ok((guest.retire(now_ms), guest.expires_at_ms()));
        match self.update_guest(id, retire).await? {
            (false, expires_at_ms) => Ok(Some(expires_at_ms)),
            (true, _) => Ok(self.store.delete(&guest_key(id)).await.map(|()| None)?),
        }
    }

    /// Counts a note that is about to be written for this day.
    async fn count(&self, day: u64, notes_max: u64) -> Result<(), Error> {
        let at = self.calendar().progress().await?;
        let count = |census: &mut Census| {
            if census.ahead_of(at) >= notes_max {
                return Err(Error::GuestCartsFull { max: notes_max });
            }
            *census.days.entry(day).or_default() += 1;
            Ok(())
        };
        self.store.modify(CENSUS, count).await
    }

    /// Removes days that the sweep has finished from the census.
    async fn forget_finished_days(&self) -> Result<(), Error> {
        let at = self.calendar().progress().await?;
        let known: Option<Census> = self.store.read(CENSUS).await?;
        if !known.is_some_and(|census| census.is_outdated(at)) {
            return Ok(());
        }
        let forget = |census: &mut Census| {
            census.days = census.days.split_off(&at.period);
            Ok(())
        };
        self.store.modify(CENSUS, forget).await
    }

    fn calendar(&self) -> Calendar<S> {
        Calendar::new(self.store.clone(), DAYS)
    }
}
