//! Calling an order off.
//!
//! A cancellation is an event like all others: it counts for the order that it was decided
//! on, or not at all. So whoever wants to approve the order at the same moment either comes
//! first, and the cancellation takes everything back, or finds the saga turned round.

use chassis::store::{Store, StoreError};

use super::{Orders, PATIENCE_MS};
use crate::domain::order::Undoing;
use crate::domain::{Event, Recorded, Status};
use crate::ports::{Clock, Participants};
use crate::records::Loaded;

/// How often a write is repeated when somebody else wrote the order meanwhile.
const CONFLICTS_MAX: u32 = 16;

/// Why an order was not called off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncancelled {
    /// There is no such order for this caller.
    NotFound,
    /// The order has come too far, to this status.
    TooLate(Status),
    /// The order has this version, not one of those that the caller would call off.
    Changed(u64),
    /// Too many orders are unfinished. Safe to repeat.
    Backlog(StoreError),
    /// Safe to repeat.
    Unavailable(String),
}

impl From<StoreError> for Uncancelled {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backlog { .. } => Self::Backlog(error),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Calls an order off and gives back what it took. Calling off twice is once. With
    /// `versions`, the order is called off only if it has one of them. The order may still be
    /// on its way back when this returns; its status tells.
    pub async fn cancel(&self, id: &str, versions: Option<&[u64]>) -> Result<Loaded, Uncancelled> {
        let until_ms = self.clock.now_ms() + PATIENCE_MS;
        for _ in 0..CONFLICTS_MAX {
            let loaded = match versions {
                Some(_) => self.records.load(id).await?,
                None => self.touch(id).await?,
            };
            let loaded = loaded.ok_or(Uncancelled::NotFound)?;
            if loaded.order.status == Status::Cancelled {
                return Ok(loaded);
            }
            let version = loaded.order.version;
            let requested = loaded.order.saga.undoing == Some(Undoing::Cancellation);
            if !requested && versions.is_some_and(|versions| !versions.contains(&version)) {
                return Err(Uncancelled::Changed(version));
            }
            if requested || self.request_cancellation(loaded).await? {
                return self.take_back(id, until_ms).await;
            }
        }
        Err(Uncancelled::Unavailable("the order changes too fast".to_owned()))
    }

    async fn take_back(&self, id: &str, until_ms: u64) -> Result<Loaded, Uncancelled> {
        let driven = self.resume_patiently(id, until_ms).await?;
        let loaded = driven.ok_or(Uncancelled::NotFound)?;
        let going = loaded.order.saga.undoing == Some(Undoing::Cancellation);
        match loaded.order.status {
            Status::Cancelled => Ok(loaded),
            _ if going => Ok(loaded),
            // The saga has gone forward again: the parcel has left.
            Status::Confirmed => Err(Uncancelled::TooLate(Status::Shipped)),
            status => Err(Uncancelled::TooLate(status)),
        }
    }

    /// False if the order has changed meanwhile.
    async fn request_cancellation(&self, mut loaded: Loaded) -> Result<bool, Uncancelled> {
        if !loaded.order.can_be_cancelled() {
            return Err(Uncancelled::TooLate(loaded.order.status));
        }
        let now_ms = self.clock.now_ms();
        self.records.mark(&loaded.order.placed.id, &self.owner, now_ms).await?;
        let sequence = loaded.order.version + 1;
        let event = Recorded { sequence, at_ms: now_ms, event: Event::CancelRequested };
        let lease = loaded.record.lease.clone();
        Ok(self.records.append(&mut loaded, &[event], lease).await?)
    }
}
