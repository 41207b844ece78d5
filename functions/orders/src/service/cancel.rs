//! Canceling an order.
//!
//! A cancellation is an event like all others: it is recorded for the order that it was decided on,
//! or not at all. So of a cancellation and a concurrent confirmation, one comes first: either the
//! cancellation undoes the whole order, or the saga finds that it has to undo its steps.

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};

use super::{Orders, WAIT_MS};
use crate::domain::order::Undoing;
use crate::domain::{Event, Order, Status};
use crate::ports::Participants;
use crate::records::Loaded;

/// Why an order was not canceled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelError {
    /// There is no such order.
    NotFound,
    /// The order has this status and can't be canceled.
    TooLate(Status),
    /// The order has this version, which is not one that the caller expects.
    Changed(u64),
    /// The store failed, or too many orders are unfinished. Safe to repeat.
    Store(StoreError),
}

impl From<StoreError> for CancelError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Cancels an order and undoes its steps. Repeating it has no further effect. With `versions`,
    /// the order is canceled only if it has one of them. The steps may not all be undone yet when
    /// this returns; see the status of the order.
    pub async fn cancel(&self, id: &str, versions: Option<&[u64]>) -> Result<Loaded, CancelError> {
        let until_ms = self.clock.now_ms() + WAIT_MS;
        let found = match versions {
            Some(_) => self.records.load(id).await?,
            None => self.touch(id).await?,
        };
        let mut loaded = found.ok_or(CancelError::NotFound)?;
        let cancel = |loaded: &mut Loaded| {
            let version = loaded.order.version;
            if is_canceled(&loaded.order) {
                return Ok(());
            }
            if versions.is_some_and(|versions| !versions.contains(&version)) {
                return Err(CancelError::Changed(version));
            }
            if !loaded.order.can_be_cancelled() {
                return Err(CancelError::TooLate(loaded.order.status));
            }
            Ok(loaded.push(Event::CancelRequested, self.clock.now_ms())?)
        };
        self.records.decide(&mut loaded, cancel).await?;
        if loaded.order.status != Status::Cancelled {
            self.advance_patiently(&mut loaded, until_ms).await?;
        }
        match loaded.order.status {
            _ if is_canceled(&loaded.order) => Ok(loaded),
            // The saga goes forward again: a parcel has left.
            Status::Confirmed => Err(CancelError::TooLate(Status::Shipped)),
            status => Err(CancelError::TooLate(status)),
        }
    }
}

/// Whether an order is canceled, or is being canceled.
fn is_canceled(order: &Order) -> bool {
    order.status == Status::Cancelled || order.saga.undoing == Some(Undoing::Cancellation)
}
