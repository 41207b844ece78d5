//! Calling an order off.

use chassis::store::{Store, StoreError};

use super::{Orders, PATIENCE_MS};
use crate::domain::order::Undoing;
use crate::domain::{Event, Order, Recorded, Status};
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
    /// Safe to repeat.
    Unavailable(String),
}

impl From<StoreError> for Uncancelled {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Calls an order off and gives back what it took. Calling off twice is once. The
    /// order may still be on its way back when this returns; its status tells.
    pub async fn cancel(&self, id: &str) -> Result<Order, Uncancelled> {
        let until_ms = self.clock.now_ms() + PATIENCE_MS;
        for _ in 0..CONFLICTS_MAX {
            let loaded = self.touch(id).await?.ok_or(Uncancelled::NotFound)?;
            if loaded.order.status == Status::Cancelled {
                return Ok(loaded.order);
            }
            if loaded.order.saga.undoing != Some(Undoing::Cancellation)
                && !self.request_cancellation(loaded).await?
            {
                continue;
            }
            let outcome = self.resume_patiently(id, until_ms).await?;
            let order = outcome.ok_or(Uncancelled::NotFound)?.into_order();
            let going = order.saga.undoing == Some(Undoing::Cancellation);
            return match order.status {
                Status::Cancelled => Ok(order),
                _ if going => Ok(order),
                // The saga has gone forward again: the parcel has left.
                Status::Confirmed => Err(Uncancelled::TooLate(Status::Shipped)),
                status => Err(Uncancelled::TooLate(status)),
            };
        }
        Err(Uncancelled::Unavailable("the order changes too fast".to_owned()))
    }

    /// False if the order has changed meanwhile.
    async fn request_cancellation(&self, mut loaded: Loaded) -> Result<bool, Uncancelled> {
        if !loaded.order.can_be_cancelled() {
            return Err(Uncancelled::TooLate(loaded.order.status));
        }
        let now_ms = self.clock.now_ms();
        self.records.open(&loaded.order.placed.id, now_ms).await?;
        let sequence = loaded.order.version + 1;
        let event = Recorded { sequence, at_ms: now_ms, event: Event::CancelRequested };
        let lease = loaded.record.lease.clone();
        Ok(self.records.append(&mut loaded, vec![event], lease).await?)
    }
}
