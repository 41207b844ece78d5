//! The use cases of shipping: create, query, cancel, report, sweep.
//!
//! A creation writes several values: the outbox's entry in the list of unfinished work, a position
//! in the register, claims in vans, the parcels' ids, and then the consignment, which alone
//! decides. A crash before that has no effect. After that, the loads of vans are updated and the
//! event is published; if this is interrupted, a repetition of the call or a sweep completes it.

mod dispatch;
mod erasure;

use std::collections::BTreeSet;

use chassis::Clock;
use chassis::events::Producer;
use chassis::outbox::{Relay, Swept};
use chassis::parts::Parts;
use chassis::register::Stretch;
use chassis::store::{Store, StoreError};
use serde::Serialize;

use crate::domain::{
    self, Address, Consignment, Line, Parcel, Refusal, Simulation, Status, VanId, pack,
};
use crate::records::{Records, order_key};
use dispatch::Loads;

/// The maximum number of orders that one sweep advances.
const ORDERS_MAX: usize = 200;
/// The number of failed orders after which a sweep leaves the others to the next one.
const FAILURES_MAX: usize = 50;
/// The maximum number of outboxes that one sweep publishes.
const OUTBOXES_MAX: usize = 200;

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The result of a sweep.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SweepReport {
    /// Orders that were due.
    pub orders: usize,
    /// Of these, orders that failed; the next sweep tries them again.
    pub failed: usize,
    /// The published outboxes.
    pub outboxes: Swept,
    /// Old addresses that were erased.
    pub erased: usize,
}

/// Shipping, over its ports. One value per order holds all of its parcels.
#[derive(Clone)]
pub struct Shipping<S, P, C> {
    records: Records<S>,
    relay: Relay<S, P>,
    simulation: Simulation,
    clock: C,
}

impl<S: Store, P: Producer, C: Clock> Shipping<S, P, C> {
    /// Shipping in this store.
    pub fn new(store: S, producer: P, simulation: Simulation, clock: C) -> Self {
        let relay = Relay::new(store.clone(), producer);
        Self { records: Records::new(store), relay, simulation, clock }
    }

    /// Ships an order, once.
    pub async fn create(
        &self,
        order_id: &str,
        user_id: &str,
        lines: &[Line],
        to: Address,
    ) -> Result<Vec<Parcel>, Refusal> {
        check(order_id, lines, &to)?;
        if let Some(known) = self.records.consignment(order_id).await? {
            self.settle_vans(&known, BTreeSet::new()).await?;
            return shipped(known);
        }
        let now_ms = self.clock.now_ms();
        let parcels = self.parcels(order_id, lines, &to, now_ms).await?;
        let claimed = parcels.iter().filter_map(|parcel| parcel.van.clone()).collect();
        let created = Consignment::ship(order_id, user_id, to, parcels, now_ms)?;
        let known = self
            .change(order_id, |known| {
                // A concurrent request may have created or canceled it.
                if known.parcels.is_empty() && !known.barred {
                    *known = Consignment { position: known.position, ..created.clone() };
                }
                Ok(())
            })
            .await?;
        self.settle_vans(&known, claimed).await?;
        shipped(known)
    }

    /// The parcels of an order, each assigned to a van.
    async fn parcels(
        &self,
        order_id: &str,
        lines: &[Line],
        to: &Address,
        now_ms: u64,
    ) -> Result<Vec<Parcel>, Refusal> {
        let (mut parcels, mut loads) = (Vec::new(), Loads::new());
        for pack in pack(lines, to.location()) {
            let assigned = self.assign(order_id, to.location(), now_ms, &mut loads).await?;
            let full = || Refusal::Unavailable("every van is full".to_owned());
            let (courier, van) = assigned.ok_or_else(full)?;
            let parcel = Parcel::new(chassis::id::new("shp"), courier, van, pack, now_ms);
            // Written first: a parcel that can't be found by its id must not exist.
            self.records.set_order_of(&parcel.id, order_id).await?;
            parcels.push(parcel);
        }
        Ok(parcels)
    }

    /// The current parcels of an order; none if there are none.
    pub async fn of_order(&self, order_id: &str) -> Result<Vec<Parcel>, Refusal> {
        Ok(self.current(order_id).await?.map(|known| known.parcels).unwrap_or_default())
    }

    /// A consignment after all due steps of the simulated couriers.
    async fn current(&self, order_id: &str) -> Result<Option<Consignment>, Refusal> {
        let Some(known) = self.records.consignment(order_id).await? else { return Ok(None) };
        let next_ms = known.next_step_ms(self.simulation);
        if next_ms.is_none_or(|next_ms| next_ms > self.clock.now_ms()) {
            return Ok(Some(known));
        }
        self.change(order_id, |_| Ok(())).await.map(Some)
    }

    /// Cancels the shipping of an order, and bars a later creation.
    pub async fn cancel(&self, order_id: &str) -> Result<(), Refusal> {
        check_order_id(order_id)?;
        let now_ms = self.clock.now_ms();
        let known = self.change(order_id, |consignment| consignment.cancel(now_ms)).await?;
        self.unload(&known).await;
        Ok(())
    }

    /// The parcel with this id, and its order.
    pub async fn find(&self, parcel_id: &str) -> Result<(String, Parcel), Refusal> {
        let order_id = self.records.order_of(parcel_id).await?.ok_or(Refusal::NotFound)?;
        let parcels = self.of_order(&order_id).await?;
        let parcel = parcels.into_iter().find(|parcel| parcel.id == parcel_id);
        Ok((order_id, parcel.ok_or(Refusal::NotFound)?))
    }

    /// Records the status of a parcel that a courier reports.
    pub async fn report(
        &self,
        parcel_id: &str,
        status: Status,
    ) -> Result<(String, Parcel), Refusal> {
        let (order_id, _) = self.find(parcel_id).await?;
        let now_ms = self.clock.now_ms();
        let known = self.change(&order_id, |it| it.report(parcel_id, status, now_ms)).await?;
        self.unload(&known).await;
        let parcel = known.parcels.into_iter().find(|parcel| parcel.id == parcel_id);
        Ok((order_id, parcel.ok_or(Refusal::NotFound)?))
    }

    /// Removes ended parcels from the vans. The change itself is stored, so a failure is only
    /// logged; a sweep repairs it.
    async fn unload(&self, consignment: &Consignment) {
        if let Err(error) = self.settle_vans(consignment, BTreeSet::new()).await {
            eprintln!("shipping: the vans of {} are outdated: {error}", consignment.order_id);
        }
    }

    /// Advances all orders in transit, repairs vans, publishes events that requests left
    /// unpublished, and erases old addresses. A failing part does not stop the others.
    pub async fn sweep(&self) -> Result<SweepReport, Refusal> {
        let (mut report, mut parts) = (SweepReport::default(), Parts::new());
        for (order_id, vans) in self.due(ORDERS_MAX, &mut parts).await {
            report.orders += 1;
            // An unreadable order does not stop the others.
            if let Err(refusal) = self.advance(&order_id, vans).await {
                eprintln!("shipping: {order_id} is not advanced: {refusal:?}");
                report.failed += 1;
                if report.failed >= FAILURES_MAX {
                    break;
                }
            }
        }
        let published = self.relay.sweep::<Consignment>(self.clock.now_ms(), OUTBOXES_MAX).await;
        report.outboxes = parts.done("outboxes", published.map_err(Refusal::from));
        let erased = self.erase_old_addresses().await;
        report.erased = parts.done("addresses", erased);
        parts.end(report)
    }

    async fn advance(&self, order_id: &str, vans: BTreeSet<VanId>) -> Result<(), Refusal> {
        match self.current(order_id).await? {
            Some(known) => self.settle_vans(&known, vans).await?,
            None => self.drop_expired_claims(order_id, &vans).await?,
        }
        Ok(())
    }

    /// Consignments in the order of their creation, as they are stored: no steps are made.
    pub async fn books(&self, after: u64, limit: u32) -> Result<Stretch<Consignment>, StoreError> {
        let read = |position, order_id: String| async move {
            let known = self.records.consignment(&order_id).await?;
            Ok(known.filter(|known| known.position == Some(position)))
        };
        self.records.register().stretch(after, limit, read).await
    }

    /// Changes the current consignment, and publishes the events of the change. Due steps of the
    /// simulated couriers are stored with it.
    async fn change(
        &self,
        order_id: &str,
        change: impl Fn(&mut Consignment) -> Result<(), Refusal> + Send + Sync,
    ) -> Result<Consignment, Refusal> {
        let (now_ms, simulation) = (self.clock.now_ms(), self.simulation);
        let position = self.new_position(order_id).await?;
        self.relay
            .change(&order_key(order_id), |known: Option<Consignment>| {
                let mut consignment = known.unwrap_or_else(|| Consignment {
                    order_id: order_id.to_owned(),
                    ..Consignment::default()
                });
                consignment.position = consignment.position.or(position);
                consignment.advance(now_ms, simulation);
                change(&mut consignment)?;
                Ok((consignment.clone(), consignment))
            })
            .await
    }

    /// A position in the register for an order that has none yet.
    async fn new_position(&self, order_id: &str) -> Result<Option<u64>, StoreError> {
        let known = self.records.consignment(order_id).await?;
        if known.is_some_and(|known| known.position.is_some()) {
            return Ok(None);
        }
        self.records.register().enter(order_id).await.map(Some)
    }
}

fn shipped(consignment: Consignment) -> Result<Vec<Parcel>, Refusal> {
    if consignment.barred { Err(Refusal::Cancelled) } else { Ok(consignment.parcels) }
}

fn check(order_id: &str, lines: &[Line], to: &Address) -> Result<(), Refusal> {
    check_order_id(order_id)?;
    let is_valid = |line: &Line| (1..=domain::QUANTITY_MAX).contains(&line.quantity);
    if lines.is_empty() || lines.len() > domain::LINES_MAX || !lines.iter().all(is_valid) {
        return Err(Refusal::Invalid("an order has 1 to 100 lines of 1 to 1,000".to_owned()));
    }
    let parts = [&to.name, &to.street, &to.city, &to.postal_code];
    let long = parts.iter().any(|part| part.chars().count() > domain::ADDRESS_CHARS_MAX);
    let country = to.country.len() == 2 && to.country.bytes().all(|it| it.is_ascii_uppercase());
    if long || !country {
        return Err(Refusal::Invalid("the address is invalid".to_owned()));
    }
    Ok(())
}

fn check_order_id(order_id: &str) -> Result<(), Refusal> {
    let is_valid =
        (1..=200).contains(&order_id.len()) && order_id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_valid { Ok(()) } else { Err(Refusal::Invalid("the order id is invalid".to_owned())) }
}
