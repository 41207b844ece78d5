//! The use cases of shipping: create, look, call off, report, sweep.
//!
//! A creation writes to several places, each write being safe to lose: the mark of the outbox,
//! a place in the register, claims in vans, the parcels' ids, *then* the consignment, which
//! alone decides; after it the vans are set right and the event is published. What a crash
//! leaves undone is done by a repetition of the call, or by the sweep.

mod erasure;

use std::collections::BTreeSet;

use chassis::events::Producer;
use chassis::outbox::{Relay, Swept};
use chassis::parts::Parts;
use chassis::register::{Register, Stretch};
use chassis::store::{Store, StoreError};

use crate::dispatch::{Dispatch, Loads};
use crate::domain::{
    self, Address, Consignment, Fault, Line, Parcel, Simulation, Status, VanId, pack,
};

/// Orders that one sweep lets time pass for.
const LOOKS_MAX: usize = 200;
/// Orders that a sweep fails with before it leaves the others to the next.
const FAILURES_MAX: usize = 50;
/// Outboxes that one sweep publishes from.
const OUTBOXES_MAX: usize = 200;

/// Why shipping did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A parcel has left and can't be called back.
    TooLate,
    /// The order's shipping was called off before.
    Cancelled,
    /// The request makes no sense; what is wrong with it.
    Invalid(String),
    /// There is no such parcel.
    NotFound,
    /// The parcel can't go from this status to that.
    WrongStatus(Status, Status),
    /// The store did not answer, or every van is more than full. Safe to repeat.
    Unavailable(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLate => Self::TooLate,
            Fault::NoSuchParcel => Self::NotFound,
            Fault::WrongStatus(from, to) => Self::WrongStatus(from, to),
            Fault::Unheard => Self::Unavailable("events can't be published".to_owned()),
        }
    }
}

/// What a sweep did.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// Orders for which time was let pass.
    pub looked_at: usize,
    /// Orders that it did not work for; the next sweep tries again.
    pub failed: usize,
    /// What became of the outboxes.
    pub outboxes: Swept,
    /// Old addresses that were erased.
    pub erased: usize,
}

/// Shipping, over its store. One value per order holds all of its parcels.
#[derive(Clone)]
pub struct Shipping<S, P> {
    store: S,
    relay: Relay<S, P>,
    dispatch: Dispatch<S>,
    simulation: Simulation,
    now_ms: fn() -> u64,
}

impl<S: Store, P: Producer> Shipping<S, P> {
    /// `now_ms` tells the time in milliseconds since the epoch.
    pub fn new(store: S, producer: P, simulation: Simulation, now_ms: fn() -> u64) -> Self {
        let relay = Relay::new(store.clone(), producer);
        let dispatch = Dispatch::new(store.clone());
        Self { store, relay, dispatch, simulation, now_ms }
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
        if let Some(known) = self.read(order_id).await? {
            self.load(&known, BTreeSet::new()).await?;
            return shipped(known);
        }
        let now_ms = (self.now_ms)();
        let parcels = self.parcels(order_id, lines, &to, now_ms).await?;
        let claimed = parcels.iter().filter_map(|parcel| parcel.van.clone()).collect();
        let fresh = Consignment::ship(order_id, user_id, to, parcels, now_ms)?;
        let known = self
            .change(order_id, |known| {
                // Somebody else may have been faster, or have called it off.
                if known.parcels.is_empty() && !known.barred {
                    *known = Consignment { place: known.place, ..fresh.clone() };
                }
                Ok(())
            })
            .await?;
        self.load(&known, claimed).await?;
        shipped(known)
    }

    /// The parcels of an order, each with a courier who has room for it.
    async fn parcels(
        &self,
        order_id: &str,
        lines: &[Line],
        to: &Address,
        now_ms: u64,
    ) -> Result<Vec<Parcel>, Refusal> {
        let (mut parcels, mut seen) = (Vec::new(), Loads::new());
        for pack in pack(lines, to.place()) {
            let place = to.place();
            let assigned =
                self.dispatch.assign(order_id, place, self.simulation, now_ms, &mut seen);
            let (courier, van) = assigned
                .await?
                .ok_or_else(|| Refusal::Unavailable("every van is full".to_owned()))?;
            let parcel = Parcel::new(chassis::id::new("shp"), courier, van, pack, now_ms);
            // Written first: a parcel that can't be found by its id must not exist.
            self.store.create(&parcel_key(&parcel.id), &order_id).await?;
            parcels.push(parcel);
        }
        Ok(parcels)
    }

    /// Makes the vans of a consignment, and those that were claimed for it, carry what it says.
    async fn load(
        &self,
        consignment: &Consignment,
        claimed: BTreeSet<VanId>,
    ) -> Result<(), StoreError> {
        let own = consignment.parcels.iter().filter_map(|parcel| parcel.van.clone());
        let vans = own.chain(claimed).collect();
        self.dispatch.settle(&vans, consignment, self.simulation, (self.now_ms)()).await
    }

    /// The parcels of an order, as they are now; none if there are none.
    pub async fn of_order(&self, order_id: &str) -> Result<Vec<Parcel>, Refusal> {
        Ok(self.look(order_id).await?.map(|known| known.parcels).unwrap_or_default())
    }

    /// A consignment after the sandbox couriers have caught up with the clock.
    async fn look(&self, order_id: &str) -> Result<Option<Consignment>, Refusal> {
        let Some(known) = self.read(order_id).await? else { return Ok(None) };
        let next_ms = known.next_step_ms(self.simulation);
        if next_ms.is_none_or(|next_ms| next_ms > (self.now_ms)()) {
            return Ok(Some(known));
        }
        self.change(order_id, |_| Ok(())).await.map(Some)
    }

    /// Calls an order's shipping off, and bars a late creation.
    pub async fn cancel(&self, order_id: &str) -> Result<(), Refusal> {
        check_order_id(order_id)?;
        let now_ms = (self.now_ms)();
        let known = self.change(order_id, |consignment| consignment.cancel(now_ms)).await?;
        self.unload(&known).await;
        Ok(())
    }

    /// The parcel with this id, with the order that it belongs to.
    pub async fn find(&self, parcel_id: &str) -> Result<(String, Parcel), Refusal> {
        let order_id: Option<String> = self.store.read(&parcel_key(parcel_id)).await?;
        let order_id = order_id.ok_or(Refusal::NotFound)?;
        let parcels = self.of_order(&order_id).await?;
        let parcel = parcels.into_iter().find(|parcel| parcel.id == parcel_id);
        Ok((order_id, parcel.ok_or(Refusal::NotFound)?))
    }

    /// Takes in what a courier reports about a parcel.
    pub async fn report(
        &self,
        parcel_id: &str,
        status: Status,
    ) -> Result<(String, Parcel), Refusal> {
        let (order_id, _) = self.find(parcel_id).await?;
        let now_ms = (self.now_ms)();
        let known = self.change(&order_id, |it| it.report(parcel_id, status, now_ms)).await?;
        self.unload(&known).await;
        let parcel = known.parcels.into_iter().find(|parcel| parcel.id == parcel_id);
        Ok((order_id, parcel.ok_or(Refusal::NotFound)?))
    }

    /// Takes what has ended out of the vans. The change is made already, so a failure is
    /// nobody's concern but the sweep's.
    async fn unload(&self, consignment: &Consignment) {
        if let Err(error) = self.load(consignment, BTreeSet::new()).await {
            eprintln!("shipping: the vans of {} are behind: {error}", consignment.order_id);
        }
    }

    /// Advances all orders in transit, repairs vans, publishes events that requests left
    /// unpublished, and erases old addresses. A failing part does not stop the others.
    pub async fn sweep(&self) -> Result<Moved, Refusal> {
        let (mut moved, mut parts) = (Moved::default(), Parts::new());
        let due = self.dispatch.due((self.now_ms)(), LOOKS_MAX, &mut parts).await;
        for (order_id, vans) in due.orders {
            moved.looked_at += 1;
            // One order that can't be read does not hold up the others.
            if let Err(refusal) = self.let_time_pass(&order_id, vans).await {
                eprintln!("shipping: {order_id} does not move: {refusal:?}");
                moved.failed += 1;
                if moved.failed >= FAILURES_MAX {
                    break;
                }
            }
        }
        let published = self.relay.sweep::<Consignment>((self.now_ms)(), OUTBOXES_MAX).await;
        moved.outboxes = parts.done("outboxes", published.map_err(Refusal::from));
        let erased = self.erase_old_addresses().await;
        moved.erased = parts.done("addresses", erased);
        parts.end(moved)
    }

    async fn let_time_pass(&self, order_id: &str, vans: BTreeSet<VanId>) -> Result<(), Refusal> {
        match self.look(order_id).await? {
            Some(known) => self.load(&known, vans).await?,
            None => self.dispatch.drop_stale(&vans, order_id, (self.now_ms)()).await?,
        }
        Ok(())
    }

    /// Consignments in the order of their coming, as the books have them: time does not pass.
    pub async fn books(&self, after: u64, limit: u32) -> Result<Stretch<Consignment>, StoreError> {
        let read = |place, order_id: String| async move {
            let known = self.read(&order_id).await?;
            Ok(known.filter(|known| known.place == Some(place)))
        };
        self.register().stretch(after, limit, read).await
    }

    fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "consignment")
    }

    async fn read(&self, order_id: &str) -> Result<Option<Consignment>, StoreError> {
        self.store.read(&order_key(order_id)).await
    }

    /// Changes a consignment as it is now, and publishes what there is to tell. What the
    /// sandbox couriers have done meanwhile is kept with it.
    async fn change(
        &self,
        order_id: &str,
        change: impl Fn(&mut Consignment) -> Result<(), Fault> + Send + Sync,
    ) -> Result<Consignment, Refusal> {
        let (now_ms, simulation) = ((self.now_ms)(), self.simulation);
        let key = order_key(order_id);
        let place = self.place(order_id).await?;
        self.relay
            .change(&key, |known: Option<Consignment>| {
                let mut consignment = known.unwrap_or_else(|| Consignment {
                    order_id: order_id.to_owned(),
                    ..Consignment::default()
                });
                consignment.place = consignment.place.or(place);
                consignment.advance(now_ms, simulation);
                change(&mut consignment)?;
                Ok((consignment.clone(), consignment))
            })
            .await
    }

    /// A place in the register for an order that has none yet.
    async fn place(&self, order_id: &str) -> Result<Option<u64>, StoreError> {
        if self.read(order_id).await?.is_some_and(|known| known.place.is_some()) {
            return Ok(None);
        }
        self.register().enter(order_id).await.map(Some)
    }
}

fn shipped(consignment: Consignment) -> Result<Vec<Parcel>, Refusal> {
    if consignment.barred { Err(Refusal::Cancelled) } else { Ok(consignment.parcels) }
}

fn check(order_id: &str, lines: &[Line], to: &Address) -> Result<(), Refusal> {
    check_order_id(order_id)?;
    let sound = |line: &Line| (1..=domain::QUANTITY_MAX).contains(&line.quantity);
    if lines.is_empty() || lines.len() > domain::LINES_MAX || !lines.iter().all(sound) {
        return Err(Refusal::Invalid("an order has 1 to 100 lines of 1 to 1,000".to_owned()));
    }
    let parts = [&to.name, &to.street, &to.city, &to.postal_code];
    let long = parts.iter().any(|part| part.chars().count() > domain::ADDRESS_CHARS_MAX);
    let country = to.country.len() == 2 && to.country.bytes().all(|it| it.is_ascii_uppercase());
    if long || !country {
        return Err(Refusal::Invalid("the address is not one".to_owned()));
    }
    Ok(())
}

fn check_order_id(order_id: &str) -> Result<(), Refusal> {
    let sound =
        (1..=200).contains(&order_id.len()) && order_id.bytes().all(|byte| byte.is_ascii_graphic());
    if sound { Ok(()) } else { Err(Refusal::Invalid("the order id is not one".to_owned())) }
}

fn order_key(order_id: &str) -> String {
    format!("order:{order_id}")
}

fn parcel_key(parcel_id: &str) -> String {
    format!("parcel:{parcel_id}")
}
