//! The use cases of shipping: create, look, call off, report.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use crate::domain::{self, Address, Consignment, Fault, Line, Parcel, Simulation, Status};
use crate::fleet;

const DAY_MS: u64 = 86_400_000;

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
    /// The store did not answer. Safe to repeat.
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
        }
    }
}

/// Shipping, over its store. One value per order holds all of its parcels.
#[derive(Clone)]
pub struct Shipping<S> {
    store: S,
    simulation: Simulation,
    now_ms: fn() -> u64,
}

impl<S: Store> Shipping<S> {
    /// `now_ms` tells the time in milliseconds since the epoch.
    pub fn new(store: S, simulation: Simulation, now_ms: fn() -> u64) -> Self {
        Self { store, simulation, now_ms }
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
        let now_ms = (self.now_ms)();
        if let Some(known) = self.read(order_id).await? {
            return shipped(known);
        }
        let loads_key = format!("loads:{}", now_ms / DAY_MS);
        let loads: BTreeMap<String, u32> = self.store.read(&loads_key).await?.unwrap_or_default();
        let courier = fleet::choose(&to.country, &to.postal_code, &loads);
        let parcels: Vec<Parcel> = domain::pack(lines)
            .into_iter()
            .map(|lines| domain::parcel(chassis::id::new("shp"), courier, lines, now_ms))
            .collect();
        // Written first: a parcel that can't be found by its id must not exist.
        for parcel in &parcels {
            self.store.create(&parcel_key(&parcel.id), &order_id).await?;
        }
        let count = u32::try_from(parcels.len()).unwrap_or(u32::MAX);
        let fresh = Consignment {
            order_id: order_id.to_owned(),
            user_id: user_id.to_owned(),
            to: Some(to),
            parcels,
            barred: false,
        };
        let known = self
            .store
            .update(&order_key(order_id), |known: Option<Consignment>| {
                let consignment = known.unwrap_or_else(|| fresh.clone());
                Ok::<_, StoreError>((consignment.clone(), consignment))
            })
            .await?;
        if known == fresh {
            self.add_load(&loads_key, courier.code, count).await;
        }
        shipped(known)
    }

    /// Load is a preference, not a promise: a count that is lost costs nothing.
    async fn add_load(&self, key: &str, code: &str, parcels: u32) {
        let counted = self.store.update(key, |loads: Option<BTreeMap<String, u32>>| {
            let mut loads = loads.unwrap_or_default();
            let load = loads.entry(code.to_owned()).or_default();
            *load = load.saturating_add(parcels);
            Ok::<_, StoreError>((loads, ()))
        });
        if let Err(error) = counted.await {
            eprintln!("shipping: the load of {code} was not counted: {error}");
        }
    }

    /// The parcels of an order, as they are now; none if there are none.
    pub async fn of_order(&self, order_id: &str) -> Result<Vec<Parcel>, Refusal> {
        let Some(known) = self.read(order_id).await? else { return Ok(Vec::new()) };
        let mut advanced = known.clone();
        advanced.advance((self.now_ms)(), self.simulation);
        if advanced != known {
            advanced = self.change(order_id, |_| Ok(())).await?;
        }
        Ok(advanced.parcels)
    }

    /// Calls an order's shipping off, and bars a late creation.
    pub async fn cancel(&self, order_id: &str) -> Result<(), Refusal> {
        check_order_id(order_id)?;
        let now_ms = (self.now_ms)();
        self.change(order_id, |consignment| consignment.cancel(now_ms)).await?;
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
    pub async fn report(&self, parcel_id: &str, status: Status) -> Result<Parcel, Refusal> {
        let (order_id, _) = self.find(parcel_id).await?;
        let now_ms = (self.now_ms)();
        let consignment = self.change(&order_id, |it| it.report(parcel_id, status, now_ms)).await?;
        let parcel = consignment.parcels.into_iter().find(|parcel| parcel.id == parcel_id);
        parcel.ok_or(Refusal::NotFound)
    }

    async fn read(&self, order_id: &str) -> Result<Option<Consignment>, StoreError> {
        self.store.read(&order_key(order_id)).await
    }

    /// Changes a consignment as it is now; what the sandbox couriers have done meanwhile
    /// is kept with it.
    async fn change(
        &self,
        order_id: &str,
        change: impl Fn(&mut Consignment) -> Result<(), Fault> + Send + Sync,
    ) -> Result<Consignment, Refusal> {
        let (now_ms, simulation) = ((self.now_ms)(), self.simulation);
        self.store
            .update(&order_key(order_id), |known: Option<Consignment>| {
                let mut consignment = known.unwrap_or_else(|| Consignment {
                    order_id: order_id.to_owned(),
                    ..Consignment::default()
                });
                consignment.advance(now_ms, simulation);
                change(&mut consignment)?;
                Ok::<_, Refusal>((consignment.clone(), consignment))
            })
            .await
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
