//! The use cases of orders: place, read, list, cancel, update parcels, resume, erase customers,
//! sweep.
//!
//! Every request for an order with an unfinished saga continues it: a customer who reads it, the
//! stream that shows it, the sweep. So no order depends on the request that placed it.

mod advance;
mod audit;
mod cancel;
mod erasure;
mod parcels;
mod place;
mod resume;
mod sweep;

pub use audit::AuditedOrder;
pub use cancel::CancelError;
pub use erasure::ERASE_MS;
pub use parcels::{EventOutcome, SHIPMENT_CHANGED};
pub use place::{NewOrder, PlaceError};
pub use resume::ResumeError;
pub use sweep::{SWEEP_MS, SweepReport};

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};

use crate::domain::Order;
use crate::ports::{Participants, Shipment, Unavailable};
use crate::records::{Loaded, Position, Records};
use advance::{LEASE_MS, Progress};

/// How long a request that changes an order waits for the end of its saga, in milliseconds.
pub const WAIT_MS: u64 = 8_000;
/// How long a request that reads an unfinished order continues it, in milliseconds.
const TOUCH_MS: u64 = 250;
/// How long a listing continues unfinished orders, in milliseconds.
const LIST_MS: u64 = 1_000;
/// The pause before an order that another request is working on is read again, in milliseconds.
const BUSY_MS: u64 = 100;

/// The use cases, over their ports.
#[derive(Clone)]
pub struct Orders<S, P, T> {
    records: Records<S>,
    participants: P,
    clock: T,
    /// The unique name of this request, for its leases.
    owner: String,
    lease_ms: u64,
    incarnation: Option<u64>,
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// `owner` is the name of this request, for its leases and marks; it must be unique.
    pub fn new(store: S, participants: P, clock: T, owner: String) -> Self {
        let records = Records::new(store, owner.clone());
        Self { records, participants, clock, owner, lease_ms: LEASE_MS, incarnation: None }
    }

    /// Makes leases valid for this number of milliseconds instead of the default.
    #[must_use]
    pub fn with_lease_ms(self, lease_ms: u64) -> Self {
        Self { lease_ms, ..self }
    }

    /// Makes leases end with the run of the host in which they were taken.
    #[must_use]
    pub fn with_incarnation(self, incarnation: Option<u64>) -> Self {
        Self { incarnation, ..self }
    }

    /// The clock of this service.
    pub fn clock(&self) -> &T {
        &self.clock
    }

    /// Continues an order until its result is known or `until_ms` has passed, also while other
    /// requests are working on it.
    async fn advance_patiently(
        &self,
        loaded: &mut Loaded,
        until_ms: u64,
    ) -> Result<(), StoreError> {
        loop {
            let progress = self.advance(loaded, until_ms).await?;
            if progress != Progress::Busy || self.clock.now_ms() + BUSY_MS >= until_ms {
                return self.unmark(loaded, progress).await;
            }
            self.clock.sleep(BUSY_MS).await;
            self.records.reload(loaded).await?;
        }
    }

    /// Continues an order for this number of milliseconds.
    async fn advance_and_unmark(&self, loaded: &mut Loaded, ms: u64) -> Result<(), StoreError> {
        let progress = self.advance(loaded, self.clock.now_ms() + ms).await?;
        self.unmark(loaded, progress).await
    }

    /// Removes the mark of this request if the order is settled.
    async fn unmark(&self, loaded: &Loaded, progress: Progress) -> Result<(), StoreError> {
        match progress {
            Progress::Settled => self.records.unmark(&loaded.order.placed.id).await,
            _ => Ok(()),
        }
    }

    /// The current state of an order, after continuing it and, if necessary, querying shipping.
    /// `None` if there is no such order.
    pub async fn touch(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(mut loaded) = self.records.load(id).await? else { return Ok(None) };
        self.refresh(&mut loaded).await?;
        self.query_parcels(&mut loaded).await?;
        Ok(Some(loaded))
    }

    /// Continues an order that was just read. This request has not marked it, so no mark is
    /// removed.
    async fn refresh(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        if !loaded.is_settled(now_ms) {
            self.advance(loaded, now_ms + TOUCH_MS).await?;
        }
        Ok(())
    }

    /// The order as it is recorded, without continuing it.
    pub async fn recorded(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        self.records.load(id).await
    }

    /// A page of a user's orders, newest first.
    pub async fn of_user(
        &self,
        user_id: &str,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Order>, Option<Position>), StoreError> {
        let until_ms = self.clock.now_ms() + LIST_MS;
        let (found, rest) = self.records.of_user(user_id, from, limit).await?;
        let mut orders = Vec::with_capacity(found.len());
        for mut loaded in found {
            if self.clock.now_ms() < until_ms {
                self.refresh(&mut loaded).await?;
            }
            orders.push(loaded.order);
        }
        Ok((orders, rest))
    }

    /// The shipments of an order.
    pub async fn shipments(&self, order: &Order) -> Result<Vec<Shipment>, Unavailable> {
        self.participants.shipments(&order.placed.id).await
    }
}
